"""One customer's events, decisions and messages in one line of time, newest last."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from config.currencies import written
from engine.core.decision import DecisionKind
from engine.core.message import MessageStatus
from engine.ports.history import LoggedEvent, LoggedMessage
from engine.services.case import Case, Fact, Question, facts_of, order_of_event
from engine.services.stops import stop_facts

_STAMPS = (
    ("delivered", "delivered"),
    ("opened", "opened"),
    ("clicked", "a link of it was clicked"),
)


def timeline(
    case: Case,
    asked: Question,
    since: datetime | None = None,
    until: datetime | None = None,
    campaign: str | None = None,
) -> tuple[Fact, ...]:
    """What happened from ``since`` on and before ``until``, in order of time.

    At one instant the event comes before what was decided on it. ``campaign`` leaves out the
    decisions and messages of all others.
    """
    decisions = [one for one in case.decisions if campaign in (None, one.campaign)]
    messages = [one for one in case.messages if campaign in (None, one.campaign)]
    found = [_of_event(case, one) for one in case.events]
    found += stop_facts(case, asked, campaign)
    found += _decided(case, facts_of(decisions, asked))
    for message in messages:
        found += reported(message)
    kept = [
        one
        for one in found
        if (since is None or one.at >= since) and (until is None or one.at < until)
    ]
    return tuple(sorted(kept, key=lambda one: one.at))


def occasions(case: Case) -> dict[str, str]:
    """What tells the journeys of one campaign apart, by journey: the order's number, else its id.

    Only for campaigns that the customer has entered more than once.
    """
    counts = Counter(one.campaign for one in case.journeys)
    names: dict[str, str] = {}
    for journey in case.journeys:
        if counts[journey.campaign] > 1 and journey.order_id is not None:
            order = case.world.orders.get(journey.order_id)
            names[journey.id] = (order.number if order is not None else None) or journey.order_id
    return names


def without_making(facts: tuple[Fact, ...]) -> tuple[Fact, ...]:
    """Without the making of messages that were handed over in the same moment: one line is enough.

    Nor the events of our own that only repeat what the message's line says.
    """
    sent = {(one.message, one.at) for one in facts if one.kind == DecisionKind.SENT.value}
    return tuple(
        one
        for one in facts
        if not (one.kind == DecisionKind.MESSAGE.value and (one.message, one.at) in sent)
        and not (one.kind == "event" and one.code.startswith("message."))
    )


def _decided(case: Case, facts: Iterable[Fact]) -> Iterator[Fact]:
    """Decisions, with the words of what was sent."""
    messages = {one.id: one for one in case.messages}
    for fact in facts:
        message = messages.get(fact.message)
        if fact.kind == DecisionKind.SENT.value and message is not None:
            subject = f": {message.subject}" if message.subject else ""
            text = f'{message.channel} "{message.template}" handed over{subject}'
            yield replace(fact, text=text)
        else:
            yield fact


def _of_event(case: Case, event: LoggedEvent) -> Fact:
    order = case.world.orders.get(order_of_event(event) or "")
    about = "" if order is None else f" {order.number or order.id}"
    if order is not None and order.total is not None and event.type == "order.placed":
        about += f", {written(order.total, order.currency)}"
    late = "" if event.received_at == event.time else _told_later(event)
    history = ", told as history" if event.backfill else ""
    refused = f", rejected: {event.reason}" if event.state == "rejected" else ""
    return Fact(
        at=event.received_at,
        text=f"{event.type}{about}{late}{history}{refused}",
        kind="event",
        code=event.type,
        event=event.id,
    )


def _told_later(event: LoggedEvent) -> str:
    hours = (event.received_at - event.time).total_seconds() / 3600
    if hours < 1:
        return ""
    return f", {hours / 24:.0f} days late" if hours >= 48 else f", {hours:.0f} hours late"


def reported(message: LoggedMessage) -> list[Fact]:
    """What the provider, or the customer, has made of a message since it was sent."""
    found = []
    for name, text in _STAMPS:
        at: datetime | None = getattr(message, f"{name}_at")
        if at is not None:
            found.append(_fact(message, at, name, text))
    if message.status in (MessageStatus.BOUNCED, MessageStatus.FAILED):
        told = (message.reason, message.error_code and f"code {message.error_code}")
        why = ", ".join(one for one in told if one) or "it did not say why"
        at = message.sent_at or message.send_at
        kind = message.status.value
        found.append(_fact(message, at, kind, f"{kind}: {why}"))
    return found


def _fact(message: LoggedMessage, at: datetime, kind: str, text: str) -> Fact:
    return Fact(
        at=at,
        text=f'{message.channel} "{message.template}" {text}',
        campaign=message.campaign,
        journey=message.journey_id,
        step=message.step,
        kind=kind,
        message=message.id,
    )
