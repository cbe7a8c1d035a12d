"""The starter library on a shop's own terms: one customer, real events, virtual time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from config.policy import Policy, load_policy
from config.yaml_source import load
from engine.authoring.check import Report, check
from engine.authoring.loader import Loader
from engine.core import ids
from engine.core.book import Record
from engine.core.campaign import CampaignStatus, Plan, Plans
from engine.core.customer import Consent
from engine.core.decision import EntryVerdict, VerdictCode
from engine.core.guards import Allow, GuardRules
from engine.core.journey import enrol_by_schedule, on_event
from engine.core.message import Message, MessageStatus
from engine.core.projection import project
from engine.core.transition import Transition
from engine.ports.plans import Compiled
from engine.ports.rendering import Templates
from engine.programs import call_tasks
from engine.programs.call_tasks import CallTask
from engine.programs.program import Programs
from engine.rendering.templates import MessageTemplates
from engine.rendering.values import shop_context
from engine.services.configuration import compile_programs, compile_rules
from tests.core.shop import Shop
from triggers.event import (
    CustomerFacts,
    Event,
    FulfilmentFacts,
    LineFacts,
    OrderFacts,
    RefundFacts,
    TicketFacts,
)

WORKSPACE = Path(__file__).parents[2]
VIENNA = ZoneInfo("Europe/Vienna")
MONDAY = date(2026, 3, 2)


def at(day: int, clock: str = "11:00") -> datetime:
    """This time on Vienna's clock, so many days after the first Monday."""
    local = datetime.combine(MONDAY + timedelta(days=day), time.fromisoformat(clock), VIENNA)
    return local.astimezone(UTC)


@cache
def policy() -> Policy:
    name = "config/store.yaml"
    return load_policy(load((WORKSPACE / name).read_bytes(), name))


def open_templates(workspace: Path, policy: Policy | None) -> Templates:
    assert policy is not None
    return MessageTemplates(workspace / "message_templates", shop=shop_context(policy))


@cache
def report() -> Report:
    """What ``lagniappe check`` says of this repository as a workspace."""
    return check(WORKSPACE, open_templates)


@cache
def campaigns() -> Mapping[str, Compiled]:
    return Loader(WORKSPACE, open_templates(WORKSPACE, policy())).load()


def plan(campaign: str) -> Plan:
    return campaigns()[campaign].plan


def switched_on(campaign: str) -> Plan:
    """The plan of a campaign, as if a draft were live."""
    return replace(plan(campaign), status=CampaignStatus.LIVE)


def live() -> tuple[str, ...]:
    """The campaigns that run unless somebody says otherwise."""
    return tuple(name for name in sorted(campaigns()) if plan(name).status is CampaignStatus.LIVE)


@cache
def rules() -> GuardRules:
    return compile_rules(policy(), {"Europe/Vienna": VIENNA})


ANN = CustomerFacts(id="1", email="ann@example.com")


def _keyed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


@cache
def programs() -> Programs:
    """Every program that the store's policy sets up."""
    return compile_programs(policy(), _keyed, lambda mailbox: [_keyed(mailbox).hex()])


@dataclass
class Walk(Shop):
    """A customer in Vienna, known to one campaign (or several), from event to event.

    The shop's programs keep their books meanwhile, and what they report is heard at once.
    """

    sent: list[tuple[datetime, str, str]] = field(default_factory=list)
    told: int = 0
    heard: set[str] = field(default_factory=set)
    person: CustomerFacts = ANN

    @classmethod
    def through(cls, *names: str, sms: bool = False, email: bool = True) -> "Walk":
        plans = Plans.of(switched_on(name) for name in names)
        walk = cls(plans=plans, now=at(0), rules=rules(), programs=programs())
        customer = walk.world.customer
        customer.timezone = "Europe/Vienna"
        for channel, address, given in (
            ("email", customer.email, email),
            ("sms", customer.phone, sms),
        ):
            if given and address:
                walk.world.consents[channel, address] = Consent(
                    channel=channel, address=address, status="subscribed", at=at(-9), source="test"
                )
        return walk

    def send(self, message: Message | None = None) -> object:
        verdict = super().send(message)
        if isinstance(verdict, Allow):
            assert message is not None
            message.status = MessageStatus.SENT  # the provider has answered
            self.sent.append((self.now, message.channel, message.template))
        return verdict

    def happens(
        self, kind: str, when: datetime, *, source: str = "shop", **facts: Any
    ) -> dict[str, VerdictCode]:
        """Let time pass until ``when``, then tell one event; the verdicts by campaign."""
        self.run_to(when)
        self.told += 1
        given: dict[str, Any] = {"customer": self.person, **facts}
        event = Event(id=str(self.told), source=source, type=kind, time=when, **given)
        verdicts: list[EntryVerdict] = []
        for transition in project(self.world, event):
            verdicts += self.hears(transition)
        verdicts += self._news()
        self.step()
        return {one.campaign: one.code for one in verdicts}

    def hears(self, transition: Transition, *, enrol: bool = True) -> list[EntryVerdict]:
        """Let the programs take something in, and then the campaigns."""
        books = self.all_programs
        books.follow(self.world, transition, self.context, backfill=not enrol)
        verdicts = on_event(self.world, transition, self.plans, self.context, enrol=enrol)
        books.settle(self.world, self.plans, self.context)
        return verdicts

    @property
    def all_programs(self) -> Programs:
        """The programs, as more than what takes steps."""
        assert isinstance(self.programs, Programs)
        return self.programs

    def run_to(self, end: datetime) -> None:
        """Let time pass: journeys and messages, and the records of books that fall due."""
        while (due := self._first_due(end)) is not None:
            moment, record = due
            super().run_to(max(moment, self.now))
            self.all_programs.on_due(self.world, record, self.context)
            self._news()
        super().run_to(end)
        self.all_programs.settle(self.world, self.plans, self.context)
        self._news()

    def _first_due(self, end: datetime) -> tuple[datetime, Record] | None:
        books = self.world.books.values()
        due = [(one.due_at, one) for one in books if one.due_at is not None and one.due_at < end]
        return min(due, key=lambda one: (one[0], one[1].book, one[1].key), default=None)

    def _news(self) -> list[EntryVerdict]:
        """Hear what steps and programs have reported of this customer."""
        verdicts: list[EntryVerdict] = []
        for event in self.world.changes.emitted:  # hearing one may report another
            if event.id not in self.heard and not event.to:
                self.heard.add(event.id)
                verdicts += self.hears(
                    Transition(
                        type=event.type,
                        time=event.time,
                        id=event.id,
                        order_id=event.order_id,
                        ticket_id=event.ticket_id,
                        data=event.data,
                        causes=event.causes,
                    )
                )
        return verdicts

    def answers(self, kind: str, score: int, when: datetime, **data: Any) -> None:
        """The customer answers the survey of this kind that they were asked."""
        self.happens("survey.answered", when, data={"kind": kind, "score": score, **data})

    def tasks(self) -> list[CallTask]:
        """The calls that campaigns have asked for, oldest first."""
        return [call_tasks.read(one) for one in self.world.book(call_tasks.BOOK)]

    def is_called(self, when: datetime, outcome: str | None, note: str | None = None) -> None:
        """Somebody takes the open task and calls; ``outcome`` None: nobody ever answered."""
        self.run_to(when)
        (task,) = (one for one in self.tasks() if one.is_open)
        if outcome is not None:
            closed = call_tasks.complete(task, outcome, note, "ann", when)
        else:
            closed = replace(task, state="no_answer", outcome="no_answer", closed_at=when)
        self.world.write(call_tasks.record_of(closed))
        told = call_tasks.outcome_event(closed)
        assert told is not None
        self.world.report(told)
        self._news()

    def orders(self, when: datetime, number: int = 1, **own: Any) -> dict[str, VerdictCode]:
        """Place an order of two lines, 50 in all."""
        base: dict[str, Any] = {
            "id": str(number),
            "number": f"#{1000 + number}",
            "currency": "USD",
            "total": Decimal(50),
            "lines": (
                LineFacts(id="a", title="Coffee", quantity=2, price=Decimal(15)),
                LineFacts(id="b", title="Pot", quantity=1, price=Decimal(20)),
            ),
        }
        return self.happens("order.placed", when, order=OrderFacts(**(base | own)))

    def parcel(
        self, status: str, when: datetime, number: int = 1, parcel: str = "p1", **more: Any
    ) -> dict[str, VerdictCode]:
        """The carrier reports a parcel; one that names no pieces holds the whole order."""
        facts = FulfilmentFacts(id=parcel, status=status, at=when, **more)  # type: ignore[arg-type]
        order = OrderFacts(id=str(number), partial=True, fulfilments=(facts,))
        return self.happens("order.updated", when, order=order)

    def refunds(self, amount: int, when: datetime, number: int = 1) -> None:
        refund = RefundFacts(id=f"r{amount}", amount=Decimal(amount), at=when)
        order = OrderFacts(id=str(number), partial=True, refunds=(refund,))
        self.happens("order.refunded", when, order=order)

    def cancels(self, when: datetime, number: int = 1) -> None:
        self.world.complete = True  # a cancellation may change which order was the last
        order = OrderFacts(id=str(number), partial=True)
        self.happens("order.cancelled", when, order=order)

    def says(self, when: datetime, **facts: Any) -> None:
        """The customer tells something of themselves."""
        told = CustomerFacts(id="1", email="ann@example.com", **facts)
        self.happens("customer.updated", when, customer=told)

    def ticket_is(self, status: str, when: datetime) -> None:
        ticket = TicketFacts(id="9", status=status)  # type: ignore[arg-type]
        kind = {"open": "ticket.opened", "solved": "ticket.solved"}[status]
        self.happens(kind, when, ticket=ticket)

    def fires(self, campaign: str, when: datetime) -> VerdictCode:
        """Let a schedule's hour come."""
        self.run_to(when)
        local = when.astimezone(VIENNA)
        occurrence = Transition(
            type="schedule.fired", time=when, id=f"schedule:{campaign}:{local:%Y-%m-%dT%H:%M}"
        )
        key = f"{local:%Y-%m-%dT%H:%M}"
        verdict = enrol_by_schedule(
            self.world, plan(campaign), key, occurrence, self.plans, self.context
        )
        return verdict.code

    def spare(self, campaign: str, *, held: bool = False) -> None:
        """Give the customer an id that the holdout spares (or takes)."""
        share = plan(campaign).holdout
        self.world.customer.id = next(
            name
            for name in (f"c-{number}" for number in range(999))
            if (ids.share(campaign, "holdout", name) < share) is held
        )

    def templates(self) -> list[str]:
        return [template for _, _, template in self.sent]
