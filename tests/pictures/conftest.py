"""What needs a browser is there only where one is: no other test, and no check, wants one."""

from importlib.util import find_spec

from tests.pictures.installed import program

if find_spec("playwright") is None or program() is None:
    collect_ignore = ["test_report_in_browser.py"]
