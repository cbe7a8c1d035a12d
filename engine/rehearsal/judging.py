"""What came of a story, held against what its test expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher

from config.diagnostics import Diagnostic
from config.yaml_source import Document, Path, field_path
from engine.authoring.rehearsal_spec import (
    CustomerSpec,
    ExpectSpec,
    JourneySpec,
    SentSpec,
    SkipSpec,
    TaskSpec,
)
from engine.authoring.values import plain_value
from engine.core.decision import DecisionKind, VerdictCode
from engine.core.message import MessageStatus
from engine.core.timing import add
from engine.core.wording import value
from engine.core.world import JourneyStatus
from engine.ports.history import LoggedJourney
from engine.programs.call_tasks import CallTask
from engine.rehearsal.outcome import Outcome, Sent
from engine.rehearsal.people import CUSTOMER
from engine.rehearsal.story import instant

_MINUTE = 60
_Key = tuple[str, str, str]  # of a message: channel, template, recipient


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Finds what is not as expected; ``here`` is the place of ``expect`` in the file."""

    document: Document
    here: Path
    outcome: Outcome

    def judge(self, expect: ExpectSpec) -> list[Diagnostic]:
        """One diagnostic for each expectation that is not met."""
        found: list[Diagnostic] = []
        if expect.messages is not None:
            found += self._messages(expect.messages)
        for number, skip in enumerate(expect.skips):
            found += self._skip(skip, (*self.here, "skips", number))
        if expect.journey is not None:
            found += self._journeys((expect.journey,), (*self.here, "journey"), alone=True)
        if expect.journeys is not None:
            found += self._journeys(expect.journeys, (*self.here, "journeys"), alone=False)
        if expect.goal is not None:
            reached = any(one.goal_at is not None for one in self.outcome.journeys)
            if reached is not expect.goal:
                told = "the goal was reached" if reached else "the goal was not reached"
                found.append(self._problem("goal", ("goal",), told))
        found += self._programs(expect)
        if expect.customer is not None:
            found += self._customer(expect.customer)
        return found

    def _messages(self, wanted: Sequence[SentSpec]) -> Iterator[Diagnostic]:
        sent = self.outcome.sent
        left = [(one.channel, one.template, one.to or CUSTOMER) for one in wanted]
        right = [(one.row.channel, one.row.template, one.name) for one in sent]
        pairs = SequenceMatcher(None, left, right, autojunk=False)
        matched: dict[int, int] = {}
        for block in pairs.get_matching_blocks():
            matched |= {block.a + at: block.b + at for at in range(block.size)}
        for number, spec in enumerate(wanted):
            where = ("messages", number)
            if number not in matched:
                yield self._problem(
                    "not-sent",
                    (*where, spec.channel),
                    f"{_named(spec)} {self._missing(spec, left[number], right, matched)}",
                )
                continue
            at = matched[number]
            before = sent[at - 1].at if at else self.outcome.began
            yield from self._message(spec, sent[at], before, where)
        for at, extra in enumerate(sent):
            if at not in matched.values():
                yield self._problem(
                    "sent-unexpectedly", self._heading(), f"{self._told(extra)} was sent as well"
                )

    def _missing(
        self, spec: SentSpec, key: _Key, right: Sequence[_Key], matched: Mapping[int, int]
    ) -> str:
        """How an expected message is missing."""
        alike = [at for at, other in enumerate(right) if other == key]
        if not alike:
            why = self.outcome.why_not(spec.channel, spec.template, spec.step, spec.to or CUSTOMER)
            return f"was not sent: {why}"
        if set(alike) <= set(matched.values()):
            return "was sent only " + ("once" if len(alike) == 1 else f"{len(alike)} times")
        return "was sent at another place in the order"

    def _heading(self) -> Path:
        """Where the messages are told of: their list, or ``expect: nothing``."""
        return ("messages",) if self.document.has((*self.here, "messages")) else ()

    def _told(self, one: Sent) -> str:
        to = f" to {one.name}" if one.name != CUSTOMER else ""
        return (
            f"{one.row.channel} {one.row.template}{to} (step {one.row.step}, {self._when(one.at)})"
        )

    def _message(
        self, spec: SentSpec, sent: Sent, before: datetime, where: Path
    ) -> Iterator[Diagnostic]:
        zone = self.outcome.zone
        if spec.step is not None and sent.row.step != spec.step:
            told = f"{_named(spec)} was sent by the step {sent.row.step}"
            yield self._problem("wrong-step", (*where, "step"), told)
        due = None
        if spec.at is not None:
            due = instant(spec.at, zone)
        elif spec.after is not None:
            due = add(before, spec.after, zone)
        if due is not None and abs((sent.at - due).total_seconds()) >= _MINUTE:
            word = "at" if spec.at is not None else "after"
            yield self._problem(
                "wrong-time",
                (*where, word),
                f"{_named(spec)} was sent {self._when(sent.at)}",
                expected=self._when(due),
            )
        content = sent.outgoing.content
        if spec.subject is not None and spec.subject != content.subject:
            told = f"{_named(spec)} has the subject {value(content.subject)}"
            yield self._problem("wrong-words", (*where, "subject"), told)
        words = " ".join(sent.words.split())
        for name, is_wanted in (("contains", True), ("lacks", False)):
            for at, text in enumerate(getattr(spec, name)):
                if (" ".join(text.split()) in words) is not is_wanted:
                    told = "does not hold" if is_wanted else "holds"
                    listed = isinstance(self._written((*where, name)), list)
                    place = (*where, name, at) if listed else (*where, name)
                    message = f'{_named(spec)} {told} "{text}": {_short(words)}'
                    yield self._problem("wrong-words", place, message)
        locale = sent.row.locale or ""
        if spec.locale is not None and spec.locale not in (locale, locale.partition("-")[0]):
            told = f"{_named(spec)} was sent in {locale or 'no language'}"
            yield self._problem("wrong-words", (*where, "locale"), told)

    def _written(self, path: Path) -> object:
        data = self.document.data
        for part in (*self.here, *path):
            data = data[part]
        return data

    def _skip(self, skip: SkipSpec, where: Path) -> Iterator[Diagnostic]:
        reasons = [
            row.reason or row.status.value
            for row in self.outcome.rows
            if row.step == skip.step
            and row.status in (MessageStatus.SKIPPED, MessageStatus.CANCELLED)
        ]
        passed = self.outcome.done(DecisionKind.STEP_SKIPPED)
        reasons += [one.code for one in passed if one.step == skip.step]
        if skip.reason in reasons or (skip.reason is None and reasons):
            return
        sent = [one for one in self.outcome.sent if one.row.step == skip.step]
        if reasons:
            told = f"the step {skip.step} was passed over for another reason: {', '.join(reasons)}"
        elif sent:
            told = f"the step {skip.step} was not passed over: {self._told(sent[0])} was sent"
        else:
            told = f"the step {skip.step} was not passed over: {self._state()}"
        path = where[len(self.here) :]
        word = "reason" if reasons else "step"
        yield self._problem("not-skipped", (*path, word), told, expected=skip.reason)

    def _state(self) -> str:
        answer = self.outcome.answer
        return answer.text if answer is not None else "nobody knows this customer"

    def _journeys(
        self, wanted: Sequence[JourneySpec], where: Path, *, alone: bool
    ) -> Iterator[Diagnostic]:
        path = where[len(self.here) :]
        journeys = self.outcome.journeys
        entered = [one for one in wanted if one.refused is None and one.model_fields_set]
        if len(entered) != len(journeys):
            began = "no journey" if not journeys else f"{len(journeys)} journeys"
            if len(journeys) == 1:
                began = "one journey"
            told = "; ".join(_journey(one) for one in journeys) or self._state()
            yield self._problem("wrong-journey", path, f"{began} began: {told}")
            return
        refused = list(self.outcome.refused)
        for number, spec in enumerate(wanted):
            place = path if alone else (*path, number)
            if spec.refused is not None and spec.refused in refused:
                refused.remove(VerdictCode(spec.refused))  # one refusal meets one expectation
            elif spec.refused is not None:
                told = ", ".join(self.outcome.refused) or self._state()
                yield self._problem(
                    "wrong-journey", (*place, "refused"), f"it was not refused for this: {told}",
                    expected=spec.refused,
                )  # fmt: skip
        places = [number for number, one in enumerate(wanted) if one in entered]
        for number, spec, journey in zip(places, entered, journeys, strict=True):
            if not _stands(spec, journey):
                place = path if alone else (*path, number)
                told = f"the journey is {_journey(journey)}; {self._state()}"
                yield self._problem("wrong-journey", place, told, expected=_wanted(spec))

    def _programs(self, expect: ExpectSpec) -> Iterator[Diagnostic]:
        done = self.outcome.done(DecisionKind.DONE)
        if expect.coupons is not None:
            given = [str((one.trace or {}).get("offer")) for one in done
                     if one.code in ("coupon_issued", "coupon_reused")]  # fmt: skip
            yield from self._same("coupons", expect.coupons, given)
        if expect.points is not None:
            points = sum(int((one.trace or {}).get("points", 0)) for one in done
                         if one.code == "points_awarded")  # fmt: skip
            if points != expect.points:
                told = f"{points} points were given"
                yield self._problem("wrong-result", self._place("points"), told)
        if expect.events is not None:
            told_of = [one.code for one in self.outcome.done(DecisionKind.EMITTED)]
            yield from self._same("events", expect.events, told_of)
        if expect.tasks is not None:
            yield from self._tasks(expect.tasks)

    def _same(self, name: str, wanted: Iterable[str], found: Iterable[str]) -> Iterator[Diagnostic]:
        wanted, found = list(wanted), list(found)
        if Counter(wanted) != Counter(found):
            told = ", ".join(found) or "none"
            yield self._problem(
                "wrong-result", self._place(name), f"{name}: {told}; {self._state()}",
                expected=", ".join(wanted) or "none",
            )  # fmt: skip

    def _tasks(self, wanted: Sequence[TaskSpec]) -> Iterator[Diagnostic]:
        tasks = self.outcome.tasks
        paired = _paired(wanted, tasks)
        for number in range(len(wanted)):
            if number not in paired.values():
                told = ", ".join(_task(one) for one in tasks) or self._state()
                yield self._problem(
                    "wrong-result", ("tasks", number), f"no such call task is assigned: {told}"
                )
        if len(tasks) > len(wanted):
            told = ", ".join(_task(one) for at, one in enumerate(tasks) if at not in paired)
            yield self._problem(
                "wrong-result", self._place("tasks"), f"more call tasks are assigned: {told}"
            )

    def _place(self, name: str) -> Path:
        return (name,) if self.document.has((*self.here, name)) else ()

    def _customer(self, wanted: CustomerSpec) -> Iterator[Diagnostic]:
        customer = self.outcome.customer
        tags = () if customer is None else customer.tags
        attributes = {} if customer is None else customer.attributes
        where: Path = ("customer",)
        for tag in wanted.tags:
            if tag not in tags:
                told = f'the customer has no tag "{tag}" (they have {", ".join(tags) or "none"})'
                yield self._problem("wrong-customer", (*where, "tags"), told)
        for tag in wanted.lacks_tags:
            if tag in tags:
                told = f'the customer has the tag "{tag}"'
                yield self._problem("wrong-customer", (*where, "lacks_tags"), told)
        for name, written in wanted.attributes.items():
            place = (*where, "attributes", name)
            meant = plain_value(self.document, (*self.here, *place), written)
            found = attributes.get(name)
            if found != meant or isinstance(found, bool) is not isinstance(meant, bool):
                told = f"the customer's {name} is {value(found)}"
                yield self._problem("wrong-customer", place, told, expected=value(meant))

    def _when(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.outcome.zone):%a %Y-%m-%d %H:%M %Z}"

    def _problem(
        self, code: str, path: Path, message: str, *, expected: str | None = None
    ) -> Diagnostic:
        where = (*self.here, *path)
        return Diagnostic(
            code=code,
            message=message,
            at=self.document.position(where, key=not self.document.has(where)),
            path=field_path(where),
            expected=expected,
        )


def _named(spec: SentSpec) -> str:
    return f"{spec.channel} {spec.template}" + (f" to {spec.to}" if spec.to else "")


def _short(text: str) -> str:
    return text if len(text) <= 160 else f"{text[:160]}…"


def _stands(spec: JourneySpec, journey: LoggedJourney) -> bool:
    if spec.completed:
        return journey.status is JourneyStatus.COMPLETED
    if spec.held_out:
        return journey.status is JourneyStatus.HOLDOUT
    if spec.waiting is not None:
        return journey.status is JourneyStatus.LIVE and journey.step == spec.waiting
    return journey.status is JourneyStatus.EXITED and journey.reason == spec.exited


def _wanted(spec: JourneySpec) -> str:
    if spec.completed or spec.held_out:
        return "completed" if spec.completed else "held_out"
    return f"waiting: {spec.waiting}" if spec.waiting else f"exited: {spec.exited}"


def _journey(journey: LoggedJourney) -> str:
    match journey.status:
        case JourneyStatus.LIVE:
            return f"waiting: {journey.step}"
        case JourneyStatus.EXITED:
            return f"exited: {journey.reason}"
        case JourneyStatus.HOLDOUT:
            return "held_out"
        case _:
            return "completed"


def _paired(wanted: Sequence[TaskSpec], tasks: Sequence[CallTask]) -> dict[int, int]:
    """As many tasks as can be, each with one of the expectations that it meets, by their places;
    one that more than one task would meet makes room (augmenting paths: Kuhn, 1955)."""
    taken: dict[int, int] = {}

    def place(number: int, seen: set[int]) -> bool:
        for at, task in enumerate(tasks):
            if at not in seen and _is_task(wanted[number], task):
                seen.add(at)
                if at not in taken or place(taken[at], seen):
                    taken[at] = number
                    return True
        return False

    for number in range(len(wanted)):
        place(number, set())
    return taken


def _is_task(spec: TaskSpec, task: CallTask) -> bool:
    return (
        spec.queue in (None, task.queue)
        and spec.step in (None, task.step)
        and spec.priority in (None, task.priority)
    )


def _task(task: CallTask) -> str:
    return f"{task.queue} ({task.priority}, step {task.step})"
