"""Events become state: stored once, attributed to a customer, projected, enrolled.

Two doors lead here. ``take`` stores and processes a batch in one transaction (files, opt-outs, the
simulator); ``process_waiting`` processes what the web accepted before. Both decide alike.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from engine.core.decision import EntryVerdict
from engine.core.message import Outgoing
from engine.core.value import value_class
from engine.ports.clock import Clock
from engine.ports.decisions import Decisions
from engine.ports.faults import Fault, passing
from engine.ports.privacy import ERASED_BODY
from engine.ports.storage import Contended, Unavailable, UnitOfWork
from engine.ports.stored import Incoming, Processed
from engine.services.batch import OWN_SOURCE, Batch
from engine.services.coupon_owners import Use, tell_owners, uses
from engine.services.deciding import decide
from engine.services.directory import Directory
from engine.services.fingerprints import Fingerprints
from engine.services.handover import HandOver
from engine.services.revisions import Revisions
from triggers.addresses import normalised
from triggers.event import Event

log = structlog.get_logger(__name__)


@value_class
class _Item:
    """One event of a batch; ``seq`` None when it is not stored yet."""

    seq: int | None
    event: Event
    incoming: Incoming | None
    received_at: datetime
    backfill: bool


class Ingest:
    """The use case behind every event."""

    def __init__(
        self,
        storage: Decisions,
        revisions: Revisions,
        handover: HandOver,
        clock: Clock,
        fingerprints: Fingerprints | None = None,
    ) -> None:
        self._fingerprints = fingerprints
        self._storage = storage
        self._revisions = revisions
        self._handover = handover
        self._clock = clock

    def take(self, incoming: Sequence[Incoming]) -> int:
        """Store and process events at once; those already stored are passed over. How many counted.

        Raises ``Contended`` when another writer came first: nothing was written then.
        """
        now = self._clock.now()
        with self._storage.deciding() as unit:
            unseen = unit.unseen({(each.event.source, each.event.id) for each in incoming})
            items: list[_Item] = []
            for each in incoming:
                key = (each.event.source, each.event.id)
                if key in unseen:
                    unseen.discard(key)
                    items.append(
                        _Item(
                            seq=None,
                            event=each.event,
                            incoming=each,
                            received_at=each.received_at,
                            backfill=each.backfill,
                        )
                    )
            if not items:
                return 0
            outgoings = self._process(unit, items, now)
        self._handover.give(outgoings)
        return len(items)

    def process_waiting(self, limit: int) -> int:
        """Process up to ``limit`` accepted events, oldest first; how many there were.

        An event that cannot be processed is set aside as rejected, so that it holds up no other.
        Raises ``Contended`` when another writer came first: nothing was written then.
        """
        try:
            count, outgoings = self._process_waiting(limit)
        except (Contended, Unavailable):
            raise
        except Exception as error:
            # Only the kind of error: its words may quote a customer's.
            log.error("events_not_processed", error=type(error).__name__, next="one by one")
            return sum(1 for _ in range(limit) if self._process_alone())
        self._handover.give(outgoings)
        return count

    def _process_alone(self) -> int:
        """The oldest waiting event by itself; rejected when that fails for any reason of its own.

        A database in trouble is no reason of its own: that raises, and the event goes on waiting.
        """
        tried: list[int] = []
        try:
            count, outgoings = self._process_waiting(1, tried)
        except (Contended, Unavailable):
            raise
        except Exception as error:
            with self._storage.deciding() as unit:
                stored = [each for each in unit.waiting_events(1) if each.seq in tried]
                reason = f"cannot be processed: {type(error).__name__}"
                log.error("event_rejected", events=[each.seq for each in stored], reason=reason)
                unit.processed(
                    Processed(seq=each.seq, incoming=None, customer_id=None, reason=reason)
                    for each in stored
                )
                unit.commit()
            return len(stored)
        self._handover.give(outgoings)
        return count

    def _process_waiting(
        self, limit: int, tried: list[int] | None = None
    ) -> tuple[int, list[Outgoing]]:
        """How many were processed, and what is to be given away; ``tried`` is told which."""
        now = self._clock.now()
        with self._storage.deciding() as unit:
            stored = unit.waiting_events(limit)
            if tried is not None:
                tried += [each.seq for each in stored]
            if not stored:
                return 0, []
            passing(Fault.EVENTS_CLAIMED)
            items = [
                _Item(
                    seq=each.seq,
                    event=each.event(),
                    incoming=None,
                    received_at=each.received_at,
                    backfill=each.backfill,
                )
                for each in stored
            ]
            outgoings = self._process(unit, items, now)
        return len(items), outgoings

    def _process(self, unit: UnitOfWork, items: list[_Item], now: datetime) -> list[Outgoing]:
        configuration = self._revisions.configuration(unit)
        country = configuration.policy.country
        items = [_normalised(item, country) for item in items]
        directory = Directory(unit, [item.event for item in items], self._fingerprints)
        placed = [directory.place(item.event, item.received_at) for item in items]
        directory.load(now)
        batch = Batch(unit, configuration, self._handover)
        done: list[Processed] = []
        used: list[Use] = []
        has_offers = bool(configuration.policy.offers)
        one_step: Collection[str] = ()
        for item, place in zip(items, placed, strict=True):
            if place.erased:
                done.append(_buried(item, place.customer_id))
                continue
            other = directory.beside(item.event)
            if place.foreign:
                item = replace(item, event=replace(item.event, customer=None))
            context = batch.context(item.received_at)
            world = directory.world(place, item.event, context)
            if world is None and place.customer_id is not None:
                if item.event.source == OWN_SOURCE:
                    done.append(_buried(item, None))
                    continue
                if directory.has_vanished(place.customer_id):
                    raise Contended("a customer was erased or merged meanwhile")
            told_of = item.event.order
            if has_offers and told_of is not None and told_of.discount_codes and not item.backfill:
                owner = world.customer.id if world else None
                used += uses(item.event, owner, item.received_at)
            verdicts: list[EntryVerdict] = []
            if world is None:
                directory.keep_orphan(item.event)
                directory.take_statement(item.event)
            else:
                if other is not None:
                    context = batch.context(item.received_at, other)
                verdicts = decide(configuration, world, item.event, context, backfill=item.backfill)
                # With other events things may happen to the world after the step.
                if (
                    world.journeys
                    and batch.take_due_steps(world, context) == 1
                    and len(items) == 1
                    and len(directory.worlds) == 1
                ):
                    one_step = (world.customer.id,)
                directory.note_consents(world)
            done.append(
                Processed(
                    seq=item.seq,
                    incoming=item.incoming,
                    customer_id=world.customer.id if world else None,
                    verdicts=verdicts,
                )
            )
        if used:
            tell_owners(unit, used, configuration.policy.offers)
        directory.finish()
        unit.processed(done)
        return batch.finish(directory.worlds.values(), now, one_step=one_step)


def _buried(item: _Item, customer_id: str | None) -> Processed:
    """An event about what belonged to somebody erased: it came, and nothing of it is kept."""
    incoming = item.incoming and replace(item.incoming, body=ERASED_BODY)
    return Processed(
        seq=item.seq, incoming=incoming, customer_id=customer_id, body=ERASED_BODY
    )  # fmt: skip


def _normalised(item: _Item, country: str) -> _Item:
    """Its event with addresses in the form in which they are compared and written to."""
    told = item.event.customer
    if told is None or (told.email is None and told.phone is None):
        return item
    facts = normalised(told, country)
    if facts is told:
        return item
    return replace(item, event=replace(item.event, customer=facts))
