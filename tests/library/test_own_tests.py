"""The library's campaigns pass the tests that stand beside them, which reach every way through."""

from __future__ import annotations

from functools import cache

import pytest

from config.diagnostic_report import as_text
from engine.rehearsal.run import Report, run_tests
from tests.library.walk import WORKSPACE, campaigns

# In the fortnight before that step the nightly count comes to every customer.
UNREACHED = {"cross-sell": ["the if of step ideas is always met"]}


@cache
def played() -> Report:
    return run_tests(WORKSPACE)


def test_they_pass() -> None:
    report = played()
    assert report.diagnostics == ()
    failures = [one for each in report.results for one in each.failures]
    assert report.passed, as_text(failures, report.sources)


@pytest.mark.parametrize("name", sorted(campaigns()))
def test_every_campaign_is_reached_whole(name: str) -> None:
    (covered,) = [one for one in played().coverage if one.campaign == name]
    assert covered.tests
    assert [one.text for one in covered.never] == UNREACHED.get(name, [])
