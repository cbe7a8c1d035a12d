"""A consent that is given or withdrawn by other means than a source's report, as an event."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from engine.core.decision import EntryVerdict
from engine.core.journey import on_event
from engine.core.message import Channel, Message
from engine.core.projection import project
from engine.core.world import World
from engine.ports.stored import Incoming, Processed
from engine.services.batch import OWN_SOURCE, Batch
from triggers.event import ConsentFact, ConsentStatus, CustomerFacts, Event
from triggers.sources.native import serialize


def tell_consent(
    batch: Batch,
    world: World,
    status: ConsentStatus,
    *,
    channel: Channel,
    address: str,
    key: str,
    proof: str,
    at: datetime,
    now: datetime,
    message: Message | None = None,
) -> None:
    """Record a consent of an address in this transaction, and let campaigns see it.

    ``key`` is the id of the event of our own that tells it. The address stands in its ``data``: as
    a customer's fact it would bring a former one back. A world without customer takes the consent
    only, since nobody's campaigns can see it.
    """
    data: dict[str, Any] = {"channel": channel, "address": address}
    if message is not None:
        data |= {"message_id": message.id, "campaign": message.campaign}
    customer_id = world.customer.id
    event = Event(
        id=key[:255],
        source=OWN_SOURCE,
        type=f"customer.{status}",
        time=at,
        customer=CustomerFacts(
            id=customer_id or None,
            consent={channel: ConsentFact(status=status, at=at, proof=proof)},
        ),
        data=data,
    )
    transitions = project(world, event)
    if not customer_id:
        return
    verdicts: list[EntryVerdict] = []
    context, plans = batch.context(now), batch.configuration.plans
    for transition in transitions:
        verdicts += on_event(world, transition, plans, context)
    incoming = Incoming(event=event, body=serialize(event), received_at=now)
    done = Processed(seq=None, incoming=incoming, customer_id=customer_id, verdicts=verdicts)
    batch.unit.processed([done])


def later_than_held(world: World, channel: Channel, address: str, now: datetime) -> datetime:
    """When something said now about an address counts: after what is held, whoever's clock."""
    held = world.consents.get((channel, address))
    if held is not None and held.at >= now:
        return held.at + timedelta(microseconds=1)
    return now
