"""Work that leaves nothing behind in the process that wants its result."""

import multiprocessing
import os
import sys

import pytest

from engine.apart import apart


def test_it_is_done_elsewhere_and_its_result_comes_back() -> None:
    who, value = apart(lambda: (os.getpid(), {"summer": 7}))
    assert value == {"summer": 7}
    if "fork" in multiprocessing.get_all_start_methods():
        assert who != os.getpid()


def test_what_it_loads_does_not_stay() -> None:
    def work() -> bool:
        import this  # noqa: F401

        return "this" in sys.modules

    assert apart(work)
    assert ("this" in sys.modules) == ("fork" not in multiprocessing.get_all_start_methods())


def test_its_failure_is_met_here(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> None:
        raise ValueError(f"in {os.getpid()}")

    with pytest.raises(ValueError, match=f"in {os.getpid()}"):
        apart(work)
    assert capfd.readouterr().err == ""


def test_where_nothing_can_be_forked_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.apart.get_all_start_methods", lambda: ["spawn"])
    assert apart(os.getpid) == os.getpid()
