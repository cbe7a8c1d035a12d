"""Events of our own are decided where they arise, on the worlds at hand, without waiting first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from engine.core.journey import note_receipt
from engine.core.world import World
from engine.ports.storage import Contended, Unavailable
from engine.ports.stored import Incoming, Processed
from engine.services.batch import Batch
from engine.services.deciding import InTurn
from triggers.event import Event


class Undecided(Exception):
    """An event could not be decided; the unit of work must not be committed."""


def tell(
    batch: Batch,
    worlds: Mapping[str, World],
    events: Sequence[Event],
    now: datetime,
    heard: Collection[str] | None = None,
) -> None:
    """Tell programs and campaigns of events that name one of these customers, each event once.

    The customers must be locked, their past loaded, and the orders and tickets that are named.
    Steps that fall due are left to the worker. ``heard``: those to whom the events may matter; of
    the others they are news of messages, which nobody hears, and no more is loaded of them than
    the journeys that move. Raises ``Undecided``.
    """
    if not events:
        return
    unit, context = batch.unit, batch.context(now)
    keys = [(event.source, event.id) for event in events]
    unseen = unit.unseen({*keys}, turn=False)
    in_turn = InTurn(batch.configuration, context)
    done: list[Processed] = []
    for key, event in zip(keys, events, strict=True):
        if key not in unseen or event.customer is None:
            continue
        unseen.discard(key)
        world = worlds[event.customer.id or ""]
        try:
            if heard is None or world.customer.id in heard:
                verdicts = in_turn.decide(world, event)
            else:
                verdicts = []
                note_receipt(world, event.type, event.data, batch.configuration.plans)
        except (Contended, Unavailable):
            raise
        except Exception as error:
            raise Undecided from error
        done.append(
            Processed(
                seq=None,
                incoming=Incoming(event=event, received_at=now),
                customer_id=world.customer.id,
                verdicts=verdicts,
            )
        )
    unit.processed(done)
