"""What came of a story: read back from the log, as anybody could afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from engine.core.campaign import Plan
from engine.core.customer import Customer
from engine.core.decision import Decision, DecisionKind, VerdictCode
from engine.core.message import Outgoing
from engine.core.trace import decision_text, message_text
from engine.ports.history import LoggedJourney, LoggedMessage
from engine.programs.call_tasks import BOOK as CALLS
from engine.programs.call_tasks import CallTask
from engine.programs.call_tasks import read as read_task
from engine.rehearsal.people import CUSTOMER
from engine.rehearsal.stage import Stage, live_plan
from engine.services.case import Case, Question, withheld_by
from engine.services.history import case_of
from engine.services.why import Answer, answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that was handed over, and its words. ``name`` is its recipient's in the story."""

    row: LoggedMessage
    outgoing: Outgoing
    at: datetime
    name: str

    @property
    def words(self) -> str:
        """Its subject and text."""
        content = self.outgoing.content
        return f"{content.subject or ''}\n{content.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the tested campaign did with everybody in the story; lists are in the order of time."""

    plan: Plan
    zone: ZoneInfo
    began: datetime
    sent: Sequence[Sent]
    rows: Sequence[LoggedMessage]
    journeys: Sequence[LoggedJourney]
    decisions: Sequence[Decision]
    refused: Sequence[VerdictCode]
    tasks: Sequence[CallTask]
    customer: Customer | None  # None: no event has told of them
    answers: Mapping[str, Answer]  # of each by their name, as far as an event has told of them

    @property
    def answer(self) -> Answer | None:
        """What became of the customer."""
        return self.answers.get(CUSTOMER)

    def done(self, *kinds: DecisionKind) -> list[Decision]:
        """The decisions of these kinds."""
        return [one for one in self.decisions if one.kind in kinds]

    def why_not(self, channel: str, template: str, step: str | None, to: str = CUSTOMER) -> str:
        """Why such a message was not sent, as far as anything knows."""
        if to != CUSTOMER:
            return self.answers[to].text if to in self.answers else "nobody knows this customer"
        steps = {
            one.id
            for one in self.plan.steps
            if (getattr(one, "channel", None), getattr(one, "template", None))
            == (channel, template)
            and step in (None, one.id)
        }
        told = [f"step {one}: {text}" for one in sorted(steps) for text in self._fate(one)]
        if told:
            return "; ".join(dict.fromkeys(told))
        return self.answer.text if self.answer is not None else "nobody knows this customer"

    def _fate(self, step: str) -> Iterable[str]:
        """What became of a step that sent nothing."""
        for row in self.rows:
            if row.step == step and row.sent_at is None:
                withheld = withheld_by(self.decisions, row)
                yield message_text(row, withheld, self.plan, self.zone)
        for one in self.done(DecisionKind.STEP_SKIPPED):
            if one.step == step:
                yield decision_text(one, self.plan, self.zone)


def read_outcome(
    stage: Stage,
    campaign: str,
    people: Mapping[str, Mapping[str, Any]],
    zone: ZoneInfo,
    began: datetime,
) -> Outcome:
    """What has come of the story by now."""
    app, plan = stage.app, live_plan(stage, campaign)
    cases = _cases(stage, people)
    words = {one.message_id: one for each in stage.providers.values() for one in each.received}
    sent = [
        Sent(row=row, outgoing=words[row.id], at=row.sent_at, name=name)
        for name, case in cases.items()
        for row in case.messages
        if row.campaign == campaign and row.id in words and row.sent_at is not None
    ]
    place = plan.step_index
    sent.sort(key=lambda one: (one.at, one.row.entry_key, place.get(one.row.step, 0), one.row.id))
    mine = cases.get(CUSTOMER)
    with app.storage.deciding() as unit:
        configuration = app.revisions.configuration(unit)
    asked = Question(
        plans=configuration.plans, rules=configuration.rules, now=stage.clock.now(), zone=zone
    )
    tasks = [read_task(one.record) for one in app.storage.book(CALLS)]
    return Outcome(
        plan=plan,
        zone=zone,
        began=began,
        sent=sent,
        rows=[row for case in cases.values() for row in case.messages if row.campaign == campaign],
        journeys=sorted(
            (one for case in cases.values() for one in case.journeys if one.campaign == campaign),
            key=lambda one: (one.entered_at, one.entry_key, one.entry_no),
        ),
        decisions=[
            one for case in cases.values() for one in case.decisions if one.campaign == campaign
        ],
        refused=[
            verdict.code
            for case in cases.values()
            for event in case.events
            for verdict in event.verdicts
            if verdict.campaign == campaign
            and verdict.code not in (VerdictCode.ENTERED, VerdictCode.HELD_OUT)
        ],
        tasks=[one for one in tasks if one.campaign == campaign],
        customer=None if mine is None else mine.customer,
        answers={name: answer(case, campaign, asked) for name, case in cases.items()},
    )


def _cases(stage: Stage, people: Mapping[str, Mapping[str, Any]]) -> dict[str, Case]:
    """What is on record of each; of two who turned out to be one, only once."""
    app, found, seen = stage.app, {}, set[str]()
    for name, facts in people.items():
        for key in (facts.get("email"), facts.get("phone"), facts.get("id")):
            matches = app.history.find_customers(str(key)) if key else ()
            if matches:
                break
        else:
            continue
        customer = matches[0].id
        if customer not in seen:
            seen.add(customer)
            found[name] = case_of(app.history, app.storage, customer, stage.clock.now())
    return found
