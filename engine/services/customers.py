"""All that is known of one customer, as it stands now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from engine.core.customer import Consent, Customer, Order, Preferences, Suppression, Ticket
from engine.core.guards import GuardRules
from engine.core.identity import IdentityKey
from engine.core.whereabouts import Whereabouts, whereabouts
from engine.core.world import Journey, JourneyStatus
from engine.ports.history import History
from engine.ports.storage import Storage
from engine.ports.stored import Conflict

_PAGE = 500
_MOST = 10_000  # conflicts that are looked through; they are rare, and the newest come first


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One customer. Orders, tickets and conflicts come newest first; ``journeys`` are live."""

    customer: Customer
    where: Whereabouts | None
    identities: tuple[IdentityKey, ...]
    consents: tuple[Consent, ...]
    suppressions: tuple[Suppression, ...]
    preferences: tuple[Preferences, ...]
    orders: tuple[Order, ...]
    tickets: tuple[Ticket, ...]
    journeys: tuple[Journey, ...]
    conflicts: tuple[Conflict, ...]


def card(
    history: History,
    storage: Storage,
    rules: GuardRules | None,
    customer_id: str,
    now: datetime,
) -> Card:
    """The card of a customer; without rules nobody can say on which clock they live.

    Raises ``KeyError`` when there is no such customer.
    """
    with storage.deciding() as unit:
        world = unit.load([customer_id], now=now, complete=[customer_id])[customer_id]
        keys = unit.identities_of([customer_id]).get(customer_id, set())
    journeys = (one for one in world.journeys.values() if one.status is JourneyStatus.LIVE)
    return Card(
        customer=world.customer,
        where=None if rules is None else whereabouts(world.customer, rules),
        identities=tuple(sorted(keys)),
        consents=tuple(world.consents[key] for key in sorted(world.consents)),
        suppressions=tuple(world.suppressions[key] for key in sorted(world.suppressions)),
        preferences=tuple(world.preferences[key] for key in sorted(world.preferences)),
        orders=tuple(sorted(world.orders.values(), key=_order_time, reverse=True)),
        tickets=tuple(sorted(world.tickets.values(), key=_ticket_time, reverse=True)),
        journeys=tuple(sorted(journeys, key=lambda one: (one.campaign, one.entered_at))),
        conflicts=_conflicts(history, customer_id),
    )


def _conflicts(history: History, customer_id: str) -> tuple[Conflict, ...]:
    found: list[Conflict] = []
    after: int | None = None
    for _ in range(_MOST // _PAGE):
        page = history.conflicts(_PAGE, after)
        found += [one for _, one in page if customer_id in (one.customer_id, one.other_id)]
        if len(page) < _PAGE:
            break
        after = page[-1][0]
    return tuple(found)


def _order_time(order: Order) -> tuple[float, str]:
    return (order.placed_at.timestamp() if order.placed_at else 0.0, order.id)


def _ticket_time(ticket: Ticket) -> tuple[float, str]:
    return (ticket.opened_at.timestamp() if ticket.opened_at else 0.0, ticket.id)
