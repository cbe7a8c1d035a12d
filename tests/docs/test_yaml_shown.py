"""The YAML that pages show is what the program takes.

Templates that it names may be the reader's own. What is marked ``<!-- file: … -->`` is written by
``test_docs`` where it says, mistakes on purpose included.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from config.diagnostics import Diagnostic, Severity
from config.policy import Policy
from engine.cli.checking import report_of
from engine.cli.starter import copy_starter
from engine.rehearsal.run import run_tests
from engine.simulator.behaviour_file import read_behaviour
from tests.docs.pages import DOCS, ROOT, all_pages, marked_blocks

TESTING: Final = DOCS / "how-to" / "test-a-campaign.md"
_YAML = re.compile(r"(?<!-->\n)^```yaml\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_STORE_KEYS = set(Policy.model_fields)
_AROUND: Final[Mapping[str, Any]] = {
    "version": 1,
    "id": "shown",
    "stage": "retention",
    "status": "live",
    "purpose": "marketing",
    "trigger": {"event": "order.delivered"},
    "steps": [{"delay": "1d"}, {"update_customer": {"add_tags": ["seen"]}}],
}


def shown(page: Path) -> Iterator[tuple[str, Any]]:
    """Each block of YAML of a page, as it stands there and as data."""
    for text in _YAML.findall(page.read_text(encoding="utf-8")):
        data = yaml.safe_load(text)
        if data is not None:  # a lone comment
            yield text, data


def pages_with_yaml() -> list[Path]:
    return [page for page in all_pages() if any(shown(page))]


@pytest.mark.parametrize("page", pages_with_yaml(), ids=lambda page: page.name)
def test_the_yaml_of_a_page_is_taken(page: Path, tmp_path: Path) -> None:
    copy_starter(ROOT, tmp_path)
    for name in ("campaigns", "message_templates"):
        shutil.rmtree(tmp_path / name)
        (tmp_path / name).mkdir()
    store = yaml.safe_load((tmp_path / "config/store.yaml").read_text(encoding="utf-8"))
    for number, (text, data) in enumerate(shown(page)):
        match kind_of(data):
            case "store":
                for key, value in data.items():
                    own = store.get(key)
                    store[key] = own | value if isinstance(own, dict) else value
            case "campaign":
                write(tmp_path / f"campaigns/{data['id']}.yaml", text)
            case "part":
                part = {"steps": data} if isinstance(data, list) else data
                whole = {**_AROUND, "id": f"shown-{number}", **part}
                write(tmp_path / f"campaigns/shown-{number}.yaml", yaml.safe_dump(whole))
            case "behaviour":
                write(tmp_path / "behaviour.yaml", text)
                read_behaviour(tmp_path / "behaviour.yaml")
            case "tests":
                assert page == TESTING, "only there they are run"
            case kind:
                assert kind == "workflow", text
    write(tmp_path / "config/store.yaml", yaml.safe_dump(store))
    for block in marked_blocks(page.read_text(encoding="utf-8")):
        if block.file == "config/events.yaml":
            write(tmp_path / block.file, block.text)
    assert not problems(tmp_path)


def test_the_tests_shown_pass_and_fail_as_shown(tmp_path: Path) -> None:
    copy_starter(ROOT, tmp_path)
    ((text, data),) = [one for one in shown(TESTING) if kind_of(one[1]) == "tests"]
    file = tmp_path / f"campaigns/{data['campaign']}.test.yaml"
    write(file, text)
    report = run_tests(tmp_path, campaigns=[data["campaign"]])
    assert report.passed, [one.failures for one in report.results] + [report.diagnostics]
    assert len(report.results) == len(data["tests"])

    (wrong,) = re.findall(r"^ +\d+ \| (.*)$", TESTING.read_text(encoding="utf-8"), re.MULTILINE)
    right = next(line for line in text.splitlines() if line[:40] == wrong[:40])
    write(file, text.replace(right, wrong))
    (failed,) = [
        failure
        for one in run_tests(tmp_path, campaigns=[data["campaign"]]).results
        for failure in one.failures
    ]
    at = failed.at
    said = f"{at.file}:{at.line}:{at.column}: error: {failed.message} [{failed.code}]"
    assert said in TESTING.read_text(encoding="utf-8")
    assert f"  expected: {failed.expected}\n" in TESTING.read_text(encoding="utf-8")


def kind_of(data: Any) -> str:
    """What a block is a piece of."""
    if isinstance(data, list):
        return "part"
    keys = set(data)
    if "jobs" in keys:
        return "workflow"
    if "tests" in keys:
        return "tests"
    if "channels" in keys:
        return "behaviour"
    if {"id", "steps"} <= keys:
        return "campaign"
    return "store" if keys <= _STORE_KEYS - {"version"} else "part"


def problems(workspace: Path) -> list[Diagnostic]:
    """What ``lagniappe check`` finds wrong but templates that are not there."""
    return [
        one
        for one in report_of(workspace).diagnostics
        if one.severity is Severity.ERROR and one.code != "unknown-template"
    ]


def write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")
