"""Events of our own are decided where they arise, on the worlds at hand, without waiting first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.core.world import World
from engine.ports.storage import Contended, Incoming, Processed, Unavailable
from engine.services.batch import Batch
from engine.services.deciding import decide
from triggers.event import Event


class Undecided(Exception):
    """An event could not be decided; the unit of work must not be committed."""


def tell(batch: Batch, worlds: Mapping[str, World], events: Sequence[Event], now: datetime) -> None:
    """Tell programs and campaigns of events that name one of these customers, each event once.

    The customers must be locked, their past loaded, and the orders and tickets that are named.
    Steps that fall due are left to the worker. Raises ``Undecided``.
    """
    if not events:
        return
    unit, context = batch.unit, batch.context(now)
    unseen = unit.unseen({(event.source, event.id) for event in events}, turn=False)
    done: list[Processed] = []
    for event in events:
        if (event.source, event.id) not in unseen or event.customer is None:
            continue
        unseen.discard((event.source, event.id))
        world = worlds[event.customer.id or ""]
        try:
            verdicts = decide(batch.configuration, world, event, context)
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
