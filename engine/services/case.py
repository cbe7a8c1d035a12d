"""All that is on record of one customer, and what an answer about it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import Any

from engine.core.assumed_delivery import DeliveryRules
from engine.core.campaign import Plan, Plans
from engine.core.customer import Customer
from engine.core.decision import Decision, DecisionKind
from engine.core.guards import GuardRules
from engine.core.message import SLOTLESS, Channel, MessageStatus
from engine.core.projection import order_key
from engine.core.trace import decision_text
from engine.core.verbs import Step
from engine.core.wording import wanted_clause
from engine.core.world import Contact, World
from engine.ports.history import LoggedCall, LoggedEvent, LoggedJourney, LoggedMessage, Phase
from engine.programs.program import Programs
from triggers.event import Event
from triggers.sources.native import deserialize

SENT = frozenset({MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.DELIVERED})


class Outcome(StrEnum):
    """What became of a customer in a campaign, in one word."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    IN_DOUBT = "in_doubt"
    WAITING = "waiting"
    HELD_OUT = "held_out"
    EXITED = "exited"
    COMPLETED = "completed"  # it ran to its end without a message
    NOT_ENTERED = "not_entered"  # an event knocked and was refused
    NEVER_TRIGGERED = "never_triggered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """What a message takes of the caps: counted from ``since`` on, when it was made, though it goes
    out only later."""

    contact: Contact
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """All that is on record of one customer, and their present world.

    ``slots`` are what caps have counted, however long ago and by whatever campaign. ``whole`` is
    all of it, where this is only a part: what is to come hangs on everything.
    """

    customer: Customer
    world: World
    journeys: Sequence[LoggedJourney] = ()
    messages: Sequence[LoggedMessage] = ()
    decisions: Sequence[Decision] = ()
    events: Sequence[LoggedEvent] = ()
    calls: Sequence[LoggedCall] = ()
    slots: Sequence[Slot] = ()
    whole: Case | None = None

    def of_order(self, order_id: str) -> Case:
        """Only what belongs to one order: its journeys and events, and what came of them."""
        kept = {one.id for one in self.journeys if one.order_id == order_id}
        return replace(
            self._of_journeys(kept),
            world=replace(
                self.world,
                orders={key: order for key, order in self.world.orders.items() if key == order_id},
            ),
            events=tuple(one for one in self.events if order_of_event(one) == order_id),
        )

    def of_journey(self, journey_id: str) -> Case:
        """Only what belongs to one journey, the event that began it included."""
        return replace(
            self._of_journeys({journey_id}),
            events=tuple(
                one
                for one in self.events
                if any(verdict.journey_id == journey_id for verdict in one.verdicts)
            ),
        )

    def _of_journeys(self, kept: set[str]) -> Case:
        return replace(
            self,
            whole=self.whole or self,
            journeys=tuple(one for one in self.journeys if one.id in kept),
            messages=tuple(one for one in self.messages if one.journey_id in kept),
            decisions=tuple(one for one in self.decisions if one.journey_id in kept),
            calls=tuple(one for one in self.calls if one.journey_id in kept),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What answers follow from besides the case: plans, policy, the instant, the shop's zone.

    ``programs``, ``channels`` (those that the shop has a sender for), ``delivery`` and
    ``free_codes`` (by pool) are needed to look ahead. ``phases`` tell how campaigns have stood so
    far. ``as_known``: the case is cut at ``now``, which lies in the past, so what is only known of
    the present must not be told. ``broken``: what is wrong with the files of campaigns of which
    ``plans`` has the last good version.
    """

    plans: Plans
    rules: GuardRules
    now: datetime
    zone: tzinfo = field(default=UTC)
    programs: Programs = field(default_factory=Programs)
    channels: frozenset[Channel] = frozenset({"email", "sms", "voice"})
    delivery: DeliveryRules = field(default_factory=DeliveryRules)
    free_codes: Mapping[str, int] = field(default_factory=dict)
    phases: Sequence[Phase] = ()
    as_known: bool = False
    broken: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that led to the answer; ``code`` and ``trace`` are what is stored of it.

    ``journey`` is empty for a verdict that let nobody in. ``wanted`` is the part of a condition
    that was not met, as its author wrote it; ``trace`` has the actual values.
    """

    at: datetime
    text: str
    campaign: str = ""
    journey: str = ""
    step: str = ""
    kind: str = ""
    code: str = ""
    message: str = ""
    event: str = ""
    wanted: str = ""
    trace: dict[str, Any] | None = None


def facts_of(decisions: Iterable[Decision], asked: Question) -> tuple[Fact, ...]:
    """Decisions as facts with their sentences, in the order given."""
    return tuple(_fact(one, asked) for one in decisions)


def _fact(decision: Decision, asked: Question) -> Fact:
    plan = plan_of(asked.plans, decision.campaign, decision.revision)
    return Fact(
        at=decision.at,
        text=decision_text(decision, plan, asked.zone),
        campaign=decision.campaign,
        journey=decision.journey_id,
        step=decision.step,
        kind=decision.kind.value,
        code=decision.code,
        message=decision.message_id or "",
        wanted=_wanted(decision, plan),
        trace=decision.trace,
    )


def _wanted(decision: Decision, plan: Plan | None) -> str:
    if plan is None or decision.trace is None:
        return ""
    if decision.code == "profile_filter":
        return wanted_clause(decision.trace, plan.profile_filter)
    index = plan.step_index.get(decision.step)
    if decision.code == "if" and index is not None:
        return wanted_clause(decision.trace, plan.steps[index].condition)
    return ""


def plan_of(plans: Plans, campaign: str, revision: str) -> Plan | None:
    """The revision that something was decided on, where its source is still at hand."""
    found = plans.revisions.get((campaign, revision))
    if found is not None:
        return found
    current = plans.current.get(campaign)
    return current if current is not None and current.revision == revision else None


def step_of(plan: Plan | None, step: str) -> Step | None:
    """A step by its id, where the plan is at hand and has it."""
    index = None if plan is None else plan.step_index.get(step)
    return None if plan is None or index is None else plan.steps[index]


def withheld_by(decisions: Iterable[Decision], message: LoggedMessage) -> Decision | None:
    """The decision that last put the message off or dropped it; ``decisions`` oldest first."""
    kinds = (DecisionKind.DROPPED, DecisionKind.DEFERRED)
    found = [one for one in decisions if one.message_id == message.id and one.kind in kinds]
    return found[-1] if found else None


def slots_of(messages: Iterable[LoggedMessage]) -> list[Slot]:
    """What the caps count: the messages that went out, each at the time at which it did, and those
    that are to, unless what keeps them keeps no slot for them."""
    return [
        Slot(
            contact=Contact(one.id, at, one.channel, one.purpose, one.campaign, one.topic,
                            one.journey_id),
            since=one.created_at,
        )
        for one in messages
        if (at := _goes_out_at(one)) is not None
    ]  # fmt: skip


def _goes_out_at(message: LoggedMessage) -> datetime | None:
    if message.status is MessageStatus.SCHEDULED:
        return None if message.reason in SLOTLESS else message.send_at
    return None if message.status is MessageStatus.FAILED else message.sent_at


def told(logged: LoggedEvent) -> Event | None:
    """An event as it came; None when it is not kept any more."""
    try:
        return deserialize(logged.body)
    except ValueError:
        return None


def order_of_event(logged: LoggedEvent) -> str | None:
    """Our id of the order that an event names."""
    event = told(logged)
    return None if event is None else order_key(event)
