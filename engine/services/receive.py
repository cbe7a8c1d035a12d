"""Receipts are taken in: the log, the address, what is scheduled, and an event for campaigns.

All that a page of receipts does is one transaction, so that who posts it hears "taken" only when
the suppression of an address, for instance, holds. Campaigns hear of it there, too; the steps that
fall due by it are the worker's. Where that fails, the events wait to be processed like any others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import structlog

from engine.core.delivery import is_in_doubt
from engine.core.journey import hears, note_news
from engine.core.machines import mark
from engine.core.message import Message, MessageStatus
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.core.receiving import on_receipt, withdraws_consent
from engine.core.world import World
from engine.ports.clock import Clock
from engine.ports.decisions import Decisions
from engine.ports.faults import Fault, passing
from engine.ports.storage import Contended, UnitOfWork
from engine.services.batch import (
    OWN_SOURCE,
    Batch,
    incoming_of,
    order_reference,
    ticket_reference,
)
from engine.services.configuration import Configuration
from engine.services.consenting import tell_consent
from engine.services.handover import HandOver
from engine.services.revisions import Revisions
from engine.services.telling import Undecided, tell
from triggers.event import CustomerFacts, Event

log = structlog.get_logger(__name__)

PAGE: Final = 500
_ATTEMPTS: Final = 20
# What campaigns hear of. Kinds that happen to a message once, whoever tells it, are one event.
_TYPES: Final[Mapping[ReceiptKind, str]] = {
    ReceiptKind.QUEUED: "message.sent",
    ReceiptKind.SENT: "message.sent",
    ReceiptKind.DROPPED: "message.failed",
    ReceiptKind.FAILED: "message.failed",
    ReceiptKind.DELIVERED: "message.delivered",
    ReceiptKind.BOUNCED: "message.bounced",
    ReceiptKind.OPENED: "message.opened",
    ReceiptKind.CLICKED: "message.clicked",
    ReceiptKind.COMPLAINED: "message.complained",
}
WITHDRAWN: Final[Mapping[Verdict, str]] = {
    Verdict.STOPPED: "blocked by the carrier after STOP",
    Verdict.REPORTED: "reported as spam",
    Verdict.UNWANTED: "unsubscribed at the provider",
}
_UNDELIVERED: Final = frozenset({ReceiptKind.DROPPED, ReceiptKind.FAILED, ReceiptKind.BOUNCED})
_LEFT: Final = (MessageStatus.SENT, MessageStatus.DELIVERED)
_REPEATED: Final = frozenset({ReceiptKind.OPENED, ReceiptKind.CLICKED})


class Receive:
    """The use case behind ``/receipts/`` and behind look-ups."""

    def __init__(
        self,
        storage: Decisions,
        revisions: Revisions,
        handover: HandOver,
        clock: Clock,
        on_received: Callable[[], None] | None = None,
    ) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover
        self._clock = clock
        self._on_received = on_received

    def take(self, receipts: Sequence[Receipt]) -> int:
        """Take receipts in, durably; how many were new.

        Those of messages that are not on record are passed over: an account may be shared. Raises
        ``Contended`` when other writers always came first; what was taken until then stays taken.
        """
        new = 0
        for start in range(0, len(receipts), PAGE):
            new += self._persistently(receipts[start : start + PAGE])
        if new and self._on_received is not None:
            self._on_received()
        return new

    def _persistently(self, page: Sequence[Receipt]) -> int:
        later = False
        for left in reversed(range(_ATTEMPTS)):
            try:
                return self._take(page, later=later)
            except Contended:
                if not left:
                    raise
            except Undecided as error:
                # Only the kind of error: its words may quote a customer's.
                log.error("receipts_not_told", error=type(error.__cause__).__name__, next="later")
                later = True
        raise AssertionError("unreachable")

    def _take(self, page: Sequence[Receipt], *, later: bool) -> int:
        """Take a page in. ``later``: campaigns are told when the events are processed."""
        now = self._clock.now()
        with self._storage.deciding(urgent=True) as unit:
            ids = {one.message_id for one in page}
            customers = {each.customer_id for each in unit.messages(ids).values()}
            if not customers:
                return 0
            unit.lock(customers)
            messages = unit.messages(ids, locked=True)
            if not {each.customer_id for each in messages.values()} <= customers:
                raise Contended("a customer was merged meanwhile")
            known = [one for one in page if one.message_id in messages]
            unseen = [
                one if one.at <= now else replace(one, at=now)
                for one in unit.unseen_receipts(known)
            ]
            if not unseen:
                return 0
            clicks = [one for one in unseen if one.kind is ReceiptKind.CLICKED]
            fresh = _in_order(unseen, messages, unit.clicks_near(clicks) if clicks else ())
            batch = Batch(unit, self._revisions.configuration(unit), self._handover)
            worlds = unit.load_moving(customers, now=now)
            # Of somebody erased nothing is kept again.
            fresh = [one for one in fresh if messages[one.message_id].customer_id in worlds]
            heard = _heard(worlds, messages, fresh, batch.configuration)
            if heard:
                worlds |= _worlds(unit, messages, heard, fresh, now)
            for message in messages.values():
                if message.customer_id in worlds:
                    worlds[message.customer_id].messages[message.id] = message
            observed: list[Event] = []
            context, plans = batch.context(now), batch.configuration.plans
            keeps_news = later or unit.keeping.news
            for receipt in fresh:
                message, kind = messages[receipt.message_id], _TYPES.get(receipt.kind)
                world = worlds[message.customer_id]
                on_receipt(world, message, receipt, plans, context)
                if withdraws_consent(receipt.verdict):
                    _withdraw(batch, world, message, receipt, now)
                if kind is None:
                    continue
                if keeps_news or receipt.kind not in _REPEATED or message.customer_id in heard:
                    observed.append(_observation(message, receipt, kind))
                elif not receipt.machine:  # told by this receipt alone, and to nobody
                    note_news(world, kind, message.journey_id, message.step, plans)
            if later:
                unit.enqueue([incoming_of(event, now) for event in observed])
            else:
                tell(batch, worlds, observed, now, heard)
            unit.keep_receipts(fresh, now)
            passing(Fault.RECEIPTS_APPLIED)
            batch.keep(worlds.values(), now)
        passing(Fault.RECEIPTS_STORED)
        return len(fresh)


def _in_order(
    receipts: Sequence[Receipt], messages: Mapping[str, Message], clicked: Sequence[Receipt]
) -> list[Receipt]:
    """By time, machines marked; ``clicked`` are clicks that were taken in before."""
    if len(receipts) == 1:
        return _marked(receipts, messages[receipts[0].message_id], clicked)
    by_message: dict[str, list[Receipt]] = {}
    for one in receipts:
        by_message.setdefault(one.message_id, []).append(one)
    known: dict[str, list[Receipt]] = {}
    for one in clicked:
        known.setdefault(one.message_id, []).append(one)
    marked: list[Receipt] = []
    for message_id, group in by_message.items():
        marked += _marked(group, messages[message_id], known.get(message_id, ()))
    return sorted(marked, key=lambda one: (one.at, one.provider, one.id))


def _marked(
    receipts: Sequence[Receipt], message: Message, clicked: Sequence[Receipt]
) -> list[Receipt]:
    # While in doubt, the hand-over's time is that of the doubt, not of the sending.
    is_sure = message.status is not MessageStatus.UNKNOWN
    return mark(receipts, message.sent_at if is_sure else None, clicked)


def _heard(
    worlds: Mapping[str, World],
    messages: Mapping[str, Message],
    receipts: Sequence[Receipt],
    configuration: Configuration,
) -> set[str]:
    """The customers of whom anything but the messages' own rows and journeys may change.

    Most receipts only say how a message fares that has surely left. Nobody needs to know more of
    the customer for that, unless a program follows such news, a campaign starts by it or a journey
    waits for it. (Programs that follow whatever tells of an order learn nothing: it is only named.)
    """
    plans, programs = configuration.plans, configuration.programs
    heard: set[str] = set()
    for one in receipts:
        message, kind = messages[one.message_id], _TYPES.get(one.kind)
        world = worlds[message.customer_id]
        if (
            one.verdict is not Verdict.NOTHING
            or one.kind in _UNDELIVERED
            or message.status not in _LEFT
            or one.at < world.customer.created_at
            or (kind is not None and (programs.names(kind) or hears(world, kind, plans)))
        ):
            heard.add(message.customer_id)
    return heard


def _worlds(
    unit: UnitOfWork,
    by_id: Mapping[str, Message],
    customers: set[str],
    receipts: Sequence[Receipt],
    now: datetime,
) -> dict[str, World]:
    """The customers' worlds, with what is known of recipients of whom a receipt says something.

    What messages carried that did not arrive is looked at, with the journey.
    """
    messages = [each for each in by_id.values() if each.customer_id in customers]
    with_journey = {one.message_id for one in receipts if one.kind in _UNDELIVERED}
    with_journey.update(each.id for each in messages if is_in_doubt(each))
    worlds = unit.load(
        customers,
        now=now,
        order_ids={each.order_id for each in messages if each.order_id is not None},
        ticket_ids={each.ticket_id for each in messages if each.ticket_id is not None},
        past=True,
        message_ids=with_journey,
    )
    judged = {one.message_id for one in receipts if one.verdict is not Verdict.NOTHING}
    if judged:
        _permit(unit, worlds, [by_id[each] for each in judged])
    return worlds


def _permit(unit: UnitOfWork, worlds: Mapping[str, World], messages: Sequence[Message]) -> None:
    """Give the worlds what is known of these recipients."""
    known = unit.permissions({each.recipient for each in messages if each.recipient is not None})
    for message in messages:
        world = worlds.get(message.customer_id)
        if world is None:
            continue
        key = (message.channel, message.recipient or "")
        if key in known.consents:
            world.consents[key] = known.consents[key]
        if key in known.suppressions:
            world.suppressions[key] = known.suppressions[key]
        if key in known.preferences:
            world.preferences[key] = known.preferences[key]


def _withdraw(
    batch: Batch, world: World, message: Message, receipt: Receipt, now: datetime
) -> None:
    """Take back the permission to market to the address, in the words of the receipt."""
    if message.recipient is not None:
        what = WITHDRAWN[receipt.verdict]
        tell_consent(
            batch,
            world,
            "unsubscribed",
            channel=message.channel,
            address=message.recipient,
            key=f"withdrawn:{message.id}:{receipt.provider}:{receipt.id}",
            proof=f"{what}: receipt {receipt.id} of {receipt.provider} for message {message.id}",
            at=receipt.at,
            now=now,
            message=message,
        )


def _observation(message: Message, receipt: Receipt, kind: str) -> Event:
    """What campaigns see of a receipt: an event of this type."""
    key = f"{kind}:{message.id}"
    data: dict[str, Any] = {
        "message_id": message.id,
        "campaign": message.campaign,
        "journey": message.journey_id,
        "step": message.step,
        "channel": message.channel,
    }
    if receipt.kind in _REPEATED:
        key = f"{key}:{receipt.provider}:{receipt.id}"[:255]
        data["machine"] = receipt.machine
    if receipt.url is not None:
        data["url"] = receipt.url
    if kind in ("message.bounced", "message.failed"):
        data |= {"reason": receipt.reason, "error_code": receipt.error_code}
    if kind == "message.bounced":
        data["permanent"] = receipt.verdict is Verdict.DEAD
    return Event(
        id=key,
        source=OWN_SOURCE,
        type=kind,
        time=receipt.at,
        customer=CustomerFacts(id=message.customer_id),
        order=order_reference(message.order_id),
        ticket=ticket_reference(message.ticket_id),
        data=data,
    )
