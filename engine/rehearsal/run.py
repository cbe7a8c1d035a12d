"""Plays the tests of a workspace, each on a stage of its own, and says what came of them."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.diagnostics import Diagnostic, Position, Severity
from config.policy import Policy
from config.yaml_source import Path as YamlPath
from config.yaml_source import field_path
from config.zones import time_zone
from engine.authoring.compile import Draft
from engine.authoring.event_types import EVENTS_FILE
from engine.authoring.loader import Loader
from engine.authoring.rehearsal_spec import TestSpec
from engine.authoring.rehearsals import TestFile, read_test_files
from engine.core.verbs import SendMessage
from engine.rehearsal.coverage import Coverage, Touch, cover, touches
from engine.rehearsal.judging import Judge
from engine.rehearsal.outcome import Outcome, read_outcome
from engine.rehearsal.people import CUSTOMER, NoSuchCustomer, Wanted, people_of
from engine.rehearsal.stage import Held, Stages
from engine.rehearsal.story import Story, Stuck, instant

_START: Final = datetime(2026, 3, 2, 10)  # noqa: DTZ001 - a Monday, on whichever customer's clock
_MOST_FACTS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that happened in a story, told when the story did not end as expected."""

    at: datetime  # on the customer's clock
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What came of one test: passed when ``failures`` is empty."""

    campaign: str
    name: str
    at: Position
    failures: tuple[Diagnostic, ...]
    happened: tuple[Fact, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether everything was as expected."""
        return not self.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All tests that were played, and what they reached.

    ``diagnostics``: what kept files of tests, or what they are about, from being read. ``sources``:
    the texts of files by name.
    """

    results: tuple[Result, ...]
    coverage: tuple[Coverage, ...]
    diagnostics: tuple[Diagnostic, ...]
    sources: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether every file could be read and every test passed."""
        errors = (one for one in self.diagnostics if one.severity is Severity.ERROR)
        return not any(errors) and all(one.passed for one in self.results)

    @property
    def percent(self) -> float:
        """Steps and branches of all campaigns together that were reached; 100 of none."""
        whole = sum(one.steps + one.branches for one in self.coverage)
        reached = sum(one.steps_reached + one.branches_reached for one in self.coverage)
        return 100.0 * reached / whole if whole else 100.0


def run_tests(
    workspace: Path,
    *,
    campaigns: Sequence[str] = (),
    name: str | None = None,
    on_result: Callable[[Result], None] = lambda result: None,
) -> Report:
    """Play the tests of these campaigns (none named: of all) whose name has ``name`` in it.

    Raises ``engine.setup.SetupError`` when the shop's policy cannot be used. The workspace is
    only read.
    """
    with tempfile.TemporaryDirectory(prefix="lagniappe-test-") as folder:
        return _Run(workspace, Path(folder)).run(campaigns, name, on_result)


class _Run:
    def __init__(self, workspace: Path, folder: Path) -> None:
        self._stages = Stages(workspace, folder)
        self._policy: Policy = self._stages.policy
        self._loaded = Loader(workspace, self._stages.templates).read()
        self._files = read_test_files(workspace, self._loaded.drafts, self._policy)
        self._drafts = {draft.spec.id: draft for draft in self._loaded.drafts}
        self._reached: dict[str, set[Touch]] = {}
        self._counts: dict[str, int] = {}

    def run(
        self, campaigns: Sequence[str], name: str | None, on_result: Callable[[Result], None]
    ) -> Report:
        wanted = set(campaigns) or set(self._drafts)
        results: list[Result] = []
        problems = [
            one
            for one in self._files.diagnostics
            if not campaigns or self._files.about.get(one.at.file) in (None, *campaigns)
        ]
        problems += self._unread(any(one.code == "unknown-campaign" for one in problems))
        for file in self._files.files:
            if file.spec.campaign not in wanted:
                continue
            faults = list(self._faults(file))
            problems += faults
            if faults:
                continue
            for number, test in enumerate(file.spec.tests):
                if name is not None and name.lower() not in test.name.lower():
                    continue
                result = self._test(file, number, test)
                results.append(result)
                on_result(result)
        if name is not None:  # of campaigns without such a test nothing was asked
            wanted = set(self._counts)
        coverage = [
            cover(draft, self._reached.get(campaign, set()), self._counts.get(campaign, 0))
            for campaign, draft in sorted(self._drafts.items())
            if campaign in wanted and draft.plan is not None
        ]
        return Report(
            results=tuple(results),
            coverage=tuple(coverage),
            diagnostics=tuple(dict.fromkeys(problems)),
            sources={**self._loaded.sources, **self._files.sources},
        )

    def _faults(self, file: TestFile) -> Iterator[Diagnostic]:
        """What keeps campaigns that the file is about from running at all."""
        named = {file.spec.campaign, *file.spec.with_}
        named |= {one for test in file.spec.tests for one in test.with_}
        drafts = [draft for draft in self._loaded.drafts if draft.spec.id in named]
        files = {draft.document.file for draft in drafts}
        found = [one for one in self._loaded.diagnostics if one.at.file in files]
        for template in sorted({name for draft in drafts for name in _templates_of(draft)}):
            info = self._stages.templates.info(template)
            found += info.diagnostics if info is not None else ()
        yield from (one for one in found if one.severity is Severity.ERROR)

    def _unread(self, is_missed: bool) -> Iterator[Diagnostic]:
        """What keeps event types from being known, and campaigns if any is missed."""
        read = {draft.document.file for draft in self._loaded.drafts}
        for one in self._loaded.diagnostics:
            concerns = is_missed or one.at.file == EVENTS_FILE
            if concerns and one.severity is Severity.ERROR and one.at.file not in read:
                yield one

    def _test(self, file: TestFile, number: int, test: TestSpec) -> Result:
        began = time.perf_counter()
        here: YamlPath = ("tests", number)
        campaign = file.spec.campaign
        self._counts[campaign] = self._counts.get(campaign, 0) + 1
        failures: tuple[Diagnostic, ...]
        happened: tuple[Fact, ...] = ()
        try:
            failures, happened = self._play(file, here, test)
        except Stuck as stuck:
            failures = stuck.diagnostics
        except NoSuchCustomer as error:
            failures = (_problem(file, (*here, "name"), "no-such-customer", str(error)),)
        return Result(
            campaign=campaign,
            name=test.name,
            at=file.document.position((*here, "name")),
            failures=failures,
            happened=happened if failures else (),
            seconds=time.perf_counter() - began,
        )

    def _play(
        self, file: TestFile, here: YamlPath, test: TestSpec
    ) -> tuple[tuple[Diagnostic, ...], tuple[Fact, ...]]:
        drafts = self._drafts_of(file, test)
        plans = [plan for draft in drafts if (plan := draft.plan) is not None]
        wanted = Wanted(plans=plans, holdout=test.holdout, variants=test.variants)
        people = people_of(file.document, here, file.spec, test, wanted)
        zone = self._zone(file, here, people[CUSTOMER])
        start = instant(file.spec.start or _START, zone)
        first = test.given[0].at
        if first is not None:
            start = instant(first, zone)
        stage = self._stages.build(drafts, start, test.pools)
        try:
            story = Story(
                stage=stage,
                document=file.document,
                here=here,
                test=test,
                campaign=file.spec.campaign,
                people=people,
                zone=zone,
            )
            failures: tuple[Diagnostic, ...] = ()
            try:
                story.play()
            except Stuck as stuck:
                failures = stuck.diagnostics
            except Held as error:
                failures = (_problem(file, (*here, "name"), "campaign-held", str(error)),)
            finally:
                outcome = read_outcome(stage, file.spec.campaign, people, zone, start)
                self._note(file.spec.campaign, outcome)
            if not failures:
                judge = Judge(document=file.document, here=(*here, "expect"), outcome=outcome)
                failures = tuple(judge.judge(test.expect))
            return failures, _facts(outcome)
        finally:
            self._stages.close(stage)

    def _drafts_of(self, file: TestFile, test: TestSpec) -> list[Draft]:
        named = dict.fromkeys((file.spec.campaign, *file.spec.with_, *test.with_))
        return [self._drafts[campaign] for campaign in named]

    def _zone(self, file: TestFile, here: YamlPath, facts: Mapping[str, Any]) -> ZoneInfo:
        told = facts.get("timezone")
        if told is None:
            return self._policy.zone
        try:
            return ZoneInfo(time_zone(str(told)))
        except ValueError as error:
            place = here if file.document.has((*here, "customer", "timezone")) else ()
            path = (*place, "customer", "timezone")
            raise Stuck(_problem(file, path, "event-refused", str(error))) from None

    def _note(self, campaign: str, outcome: Outcome) -> None:
        found = touches(outcome.plan, outcome.decisions)
        self._reached.setdefault(campaign, set()).update(found)


def _templates_of(draft: Draft) -> set[str]:
    steps = draft.plan.steps if draft.plan is not None else ()
    return {step.template for step in steps if isinstance(step, SendMessage)}


def _facts(outcome: Outcome) -> tuple[Fact, ...]:
    if outcome.answer is None:
        return ()
    told = []
    for one in outcome.answer.facts:
        text = f"{one.step}: {one.text}" if one.step else one.text
        told.append(Fact(at=one.at.astimezone(outcome.zone), text=text))
    return tuple(told[-_MOST_FACTS:])


def _problem(file: TestFile, path: YamlPath, code: str, message: str) -> Diagnostic:
    at = file.document.position(path)
    return Diagnostic(code=code, message=message, at=at, path=field_path(path))
