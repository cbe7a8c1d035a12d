"""A test's story, told line by line to the services that the daemon runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.diagnostics import Diagnostic
from config.durations import Duration
from config.yaml_source import Document, Path, field_path
from engine.authoring.rehearsal_spec import Line, TestSpec
from engine.authoring.values import plain_value
from engine.core.coupon import BOOK as COUPONS
from engine.core.coupon import Coupon
from engine.core.message import Outgoing
from engine.core.preferences import CHANGED
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.core.survey import SurveyKind
from engine.core.texts import InboundText
from engine.core.timing import add
from engine.core.verbs import AskReferral, AskSurvey, PlaceCall
from engine.ports.history import LoggedMessage, MessageFilter
from engine.ports.stored import Incoming
from engine.programs.call_tasks import BOOK as CALLS
from engine.programs.call_tasks import CallTask, Closed
from engine.programs.call_tasks import read as read_task
from engine.programs.referral_records import CODES
from engine.rehearsal.people import CUSTOMER, SOURCE, overlaid, plain_facts
from engine.rehearsal.stage import Stage, live_plan
from engine.services.batch import OWN_SOURCE
from engine.services.call_desk import NoQueue
from engine.services.surveys import OffScale, TooManyAnswers
from triggers.event import CustomerFacts, Event
from triggers.sources.native import Refused, parse_line, serialize
from triggers.sources.problems import Problem
from triggers.wall_clock import resolve_local

AFTERWARDS: Final = Duration(days=90)  # time that passes after the last line, unless said
_PATIENCE: Final = timedelta(days=400)  # for a message that a line is about
_HOUR: Final = timedelta(hours=1)  # from a message to what is done with it
_RECEIPTS: Final[Mapping[str, tuple[ReceiptKind, Verdict]]] = {
    "deliver": (ReceiptKind.DELIVERED, Verdict.NOTHING),
    "open": (ReceiptKind.OPENED, Verdict.NOTHING),
    "click": (ReceiptKind.CLICKED, Verdict.NOTHING),
    "bounce": (ReceiptKind.BOUNCED, Verdict.DEAD),
    "complain": (ReceiptKind.COMPLAINED, Verdict.REPORTED),
}
_LINK: Final = re.compile(r"""https?://[^\s"'<>)]+""")


class Stuck(Exception):
    """The story cannot go on; ``diagnostics`` say why and where."""

    def __init__(self, *diagnostics: Diagnostic) -> None:
        super().__init__(diagnostics[0].message)
        self.diagnostics = diagnostics


@dataclass(kw_only=True)
class Story:
    """One story under way. ``people`` by their name in it."""

    stage: Stage
    document: Document
    here: Path  # of the test in the file
    test: TestSpec
    campaign: str
    people: Mapping[str, dict[str, Any]]
    zone: ZoneInfo
    _told: int = field(default=0, init=False)

    def play(self) -> None:
        """Everything in the story, and the time after it. Raises ``Stuck``."""
        for number, line in enumerate(self.test.given):
            self._told = number
            where = (*self.here, "given", number)
            self._wait(line, where)
            self._act(line, where)
        self.stage.live(add(self._now(), self.test.until or AFTERWARDS, self.zone))

    def _now(self) -> datetime:
        return self.stage.clock.now()

    def _wait(self, line: Line, where: Path) -> None:
        if line.at is not None:
            moment = instant(line.at, self.zone)
            if moment < self._now():
                now = self._now().astimezone(self.zone)
                raise self._stuck(
                    (*where, "at"),
                    "goes-back",
                    f"the story is at {now:%Y-%m-%d %H:%M} already",
                    "lines in the order of time",
                )
            self.stage.live(moment)
        elif line.after is not None:
            self.stage.live(add(self._now(), line.after, self.zone))

    def _act(self, line: Line, where: Path) -> None:
        act = line.act
        if act is None:
            return
        at = (*where, act)
        match act:
            case "event":
                self._event(line, where)
            case "reply":
                self._reply(line, at)
            case "call" | "no_answer":
                self._call(line, act, at)
            case "answer":
                self._answer(line, where)
            case "decline":
                self._decline(line, at)
            case _:
                self._receipt(line, act, where)
        self.stage.app.worker.quiesce()

    def _event(self, line: Line, where: Path) -> None:
        now, app = self._now(), self.stage.app
        told: dict[str, Any] = {
            "id": line.id or f"line-{self._told + 1}",
            "source": line.source or SOURCE,
            "type": line.event,
            "time": now.isoformat(),
            "customer": self.people[line.by or CUSTOMER],
        }
        if line.customer is not None:
            own = plain_facts(self.document, (*where, "customer"), line.customer)
            told["customer"] = overlaid(told["customer"], own)
        for name in ("order", "ticket"):
            facts = getattr(line, name)
            if facts is not None:
                told[name] = self._plain(facts, (*where, name))
        if line.data is not None:
            told["data"] = plain_value(self.document, (*where, "data"), line.data)
        order = told.get("order")
        if order is not None and "total" in order:
            order.setdefault("currency", app.policy.currency)
        if line.using is not None:
            order = told.setdefault("order", {"id": told["id"]})
            code = self._code(line.using, (*where, "using"), by=line.by)
            order["discount_codes"] = [*order.get("discount_codes", ()), code]
        body = json.dumps(told, default=str).encode()
        event = parse_line(body, received_at=now, catalog=app.catalog)
        if isinstance(event, Refused):
            raise Stuck(*self._refused(event.problems, where, line.by))
        incoming = Incoming(
            event=event, body=serialize(event), received_at=now, backfill=line.backfill
        )
        app.storage.accept([incoming])

    def _plain(self, facts: Mapping[str, Any], path: Path) -> dict[str, Any]:
        told = dict(facts)
        if isinstance(told.get("attributes"), dict):
            told["attributes"] = plain_value(
                self.document, (*path, "attributes"), told["attributes"]
            )
        return told

    def _refused(
        self, problems: tuple[Problem, ...], where: Path, by: str | None
    ) -> Iterator[Diagnostic]:
        own = (*self.here, "customer") if by is None else (*self.here, "others", by)
        for one in problems:
            path, parts = where, tuple(_parts(one.path))
            if parts[:1] == ("customer",) and not self.document.has((*where, *parts[:2])):
                for told in (own, ("customer",)):  # by the test, or by the file
                    if self.document.has((*told, *parts[1:2])):
                        path, parts = told, parts[1:]
                        break
            for part in parts:
                if not self.document.has((*path, part)):
                    break
                path = (*path, part)
            if one.path == "type":
                path = (*where, "event")
            message = f"this event would be refused: {one}"
            yield self._diagnostic(path, "event-refused", message)

    def _message(self, step: str, at: Path, *, waits: bool, by: str | None) -> LoggedMessage:
        """The newest message of a step that has gone out; with ``waits``, an hour after it did."""
        campaign, app = self.campaign, self.stage.app
        wanted = MessageFilter(campaign=campaign, limit=500)

        def sent() -> list[LoggedMessage]:
            found = [one for one in app.history.messages(wanted) if one.step == step]
            whose = self._ids(by)
            return [one for one in found if one.sent_at is not None and one.customer_id in whose]

        if waits:
            self.stage.live(self._now() + _PATIENCE, seen=lambda: bool(sent()))
        found = sent()
        if not found:
            raise self._stuck(
                at, "not-sent", f"no message of step {step} has gone out by now",
                "a later line, or none about it",
            )  # fmt: skip
        newest = max(found, key=lambda one: (one.sent_at or one.created_at, one.id))
        if waits and newest.sent_at is not None:
            self.stage.live(max(self._now(), newest.sent_at + _HOUR))
        return newest

    def _ids(self, by: str | None) -> set[str]:
        """The ids by which somebody of the story is known by now; of two who are one, the same."""
        facts = self.people[by or CUSTOMER]
        keys = filter(None, (facts.get("email"), facts.get("phone"), facts.get("id")))
        find = self.stage.app.history.find_customers
        return {match.id for key in keys for match in find(str(key))}

    def _receipt(self, line: Line, act: str, where: Path) -> None:
        at = (*where, act)
        step = str(getattr(line, act))
        message = self._message(step, at, waits=_is_open(line), by=line.by)
        kind, verdict = _RECEIPTS[act]
        url = None
        if act == "click":
            url = self._link(message, line.link, where)
        receipt = Receipt(
            provider="simulated",
            id=f"line-{self._told + 1}",
            kind=kind,
            message_id=message.id,
            at=self._now(),
            url=url,
            verdict=verdict,
        )
        self.stage.app.receive.take([receipt])

    def _link(self, message: LoggedMessage, part: str | None, where: Path) -> str:
        outgoing = next(one for one in self._received() if one.message_id == message.id)
        texts = (outgoing.content.html or "", outgoing.content.text)
        links = list(dict.fromkeys(link for text in texts for link in _LINK.findall(text)))
        if part is None:
            return str(links[0] if links else self.stage.app.policy.brand.url)
        found = [link for link in links if part in link]
        if not found:
            raise self._stuck(
                (*where, "link"), "no-such-link", f'the message has no link with "{part}" in it'
            )
        return str(found[0])

    def _received(self) -> Iterator[Outgoing]:
        return (one for provider in self.stage.providers.values() for one in provider.received)

    def _answer(self, line: Line, where: Path) -> None:
        step, score = line.answer or "", line.score or 0
        at = (*where, "answer")
        plan = live_plan(self.stage, self.campaign)
        asked = plan.steps[plan.step_index[step]]
        kind: SurveyKind | None = None
        if isinstance(asked, AskSurvey):
            kind = asked.kind
        elif isinstance(asked, PlaceCall):
            kind = asked.call.survey
        if kind is None:
            raise self._stuck(at, "no-survey", f"the step {step} asks for no score")
        message = self._message(step, at, waits=_is_open(line), by=line.by)
        try:
            self.stage.app.surveys.answer(
                message.id, kind, score, comment=line.comment, how=_HOW[message.channel]
            )
        except (OffScale, TooManyAnswers) as error:
            raise self._stuck((*where, "score"), "bad-answer", str(error)) from None

    def _reply(self, line: Line, at: Path) -> None:
        phone = self.people[line.by or CUSTOMER].get("phone")
        if phone is None:
            raise self._stuck(at, "no-phone", "who replies has no phone", "phone of the customer")
        sms = self.stage.app.policy.senders.sms
        self.stage.app.replies.take(
            InboundText(
                provider="simulated",
                id=f"line-{self._told + 1}",
                sender=str(phone),
                recipient=str(sms.sender) if sms is not None else "",
                text=line.reply or "",
                at=self._now(),
            )
        )

    def _decline(self, line: Line, at: Path) -> None:
        """What the page of preferences would tell, of every address of theirs."""
        facts, app, now = self.people[line.by or CUSTOMER], self.stage.app, self._now()
        addresses = {"email": facts.get("email"), "sms": facts.get("phone")}
        found = [one for address in addresses.values() if address
                 for one in app.history.find_customers(str(address))]  # fmt: skip
        if not found:
            raise self._stuck(at, "unknown-customer", "no event has told of this customer by now")
        for channel, address in addresses.items():
            if address is not None:
                wish = Event(
                    id=f"line-{self._told + 1}:{channel}",
                    source=OWN_SOURCE,
                    type=CHANGED,
                    time=now,
                    customer=CustomerFacts(id=found[0].id),
                    data={"channel": channel, "address": address,
                          "declined": sorted(line.decline or ())},
                )  # fmt: skip
                app.storage.accept([Incoming(event=wish, body=serialize(wish), received_at=now)])

    def _call(self, line: Line, act: str, at: Path) -> None:
        step = str(getattr(line, act))
        desk = self.stage.app.calls

        def tasks() -> list[CallTask]:
            whose, lines = self._ids(line.by), self.stage.app.storage.book(CALLS)
            found = (read_task(one.record) for one in lines if one.customer_id in whose)
            return [one for one in found if one.step == step and one.campaign == self.campaign]

        waits = _is_open(line) and not tasks()
        if waits and self.stage.live(self._now() + _PATIENCE, seen=lambda: bool(tasks())):
            self.stage.live(self._now() + _HOUR)
        if not tasks():
            raise self._stuck(at, "not-assigned", f"no call of step {step} is assigned by now")
        task = max(tasks(), key=lambda one: (one.at, one.id))
        try:
            if act == "call":
                desk.complete(task.id, line.outcome or "", line.note, "test")
            else:
                desk.no_answer(task.id, line.note, "test")
        except (Closed, NoQueue):
            raise self._stuck(
                at, "call-closed", f"the call of step {step} is {task.state} by now"
            ) from None

    def _code(self, step: str, at: Path, *, by: str | None) -> str:
        """The newest code that a step gave: a coupon's, or that of an invitation.

        Who orders uses their own coupon, and an invitation of the customer whom the test is about;
        when these have none, somebody's.
        """
        plan, storage = live_plan(self.stage, self.campaign), self.stage.app.storage
        asked = plan.steps[plan.step_index[step]]
        given: list[tuple[str, datetime, str]]  # whose, when, which
        whose_first: tuple[str | None, str | None] = (by, None)
        if isinstance(asked, AskReferral):
            codes = ((one.customer_id, one.record) for one in storage.book(CODES))
            given = [(whose, record.at, record.key) for whose, record in codes
                     if record.data["program"] == asked.program]  # fmt: skip
            whose_first = (None, by)
        else:
            coupons = [(one.customer_id, Coupon.of(one.record)) for one in storage.book(COUPONS)]
            given = [(whose, coupon.at, coupon.code) for whose, coupon in coupons
                     if coupon.step == step and coupon.campaign == self.campaign]  # fmt: skip
        if not given:
            raise self._stuck(at, "no-code", f"the step {step} has given no code by now")
        for name in whose_first:
            ids = self._ids(name)
            if theirs := [one for one in given if one[0] in ids]:
                given = theirs
                break
        return max(given, key=lambda one: one[1:])[2]

    def _stuck(self, at: Path, code: str, message: str, expected: str | None = None) -> Stuck:
        return Stuck(self._diagnostic(at, code, message, expected))

    def _diagnostic(
        self, at: Path, code: str, message: str, expected: str | None = None
    ) -> Diagnostic:
        return Diagnostic(
            code=code,
            message=message,
            at=self.document.position(at),
            path=field_path(at),
            expected=expected,
        )


_HOW: Final[Mapping[str, Any]] = {"email": "page", "sms": "sms", "voice": "voice"}


def instant(moment: datetime, zone: ZoneInfo) -> datetime:
    """A moment of the file, which is on the customer's clock unless it has an offset."""
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    return resolve_local(moment.date(), moment.time(), zone)


def _is_open(line: Line) -> bool:
    """Whether the line leaves open when it happens."""
    return line.at is None and line.after is None


def _parts(path: str) -> Iterator[str | int]:
    for part in re.findall(r"[^.\[\]]+", path):
        yield int(part) if part.isdigit() else part
