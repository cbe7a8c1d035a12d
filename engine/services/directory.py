"""Whose event is it? Attributes a batch of events to customers and gathers their worlds.

Everything is looked up a set at a time before the first event is decided; customers that the batch
itself brings into being, joins or names are kept here and written with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core.beside import Beside, beside
from engine.core.context import Context
from engine.core.customer import Customer, Order, Ticket
from engine.core.identity import (
    OWN_SOURCE,
    Clash,
    IdentityKey,
    Keys,
    Nobody,
    One,
    Two,
    keys_of,
    match,
    new_customer_id,
    survivor,
    unclaimed,
)
from engine.core.merging import merge_worlds
from engine.core.profile import told_addresses
from engine.core.projection import (
    needs_complete,
    order_key,
    project_orphan,
    project_orphan_ticket,
    ticket_key,
    ticket_order_key,
)
from engine.core.statements import address_told, take_statement
from engine.core.value import value_class
from engine.core.world import World
from engine.ports.storage import UnitOfWork
from engine.ports.stored import Conflict, Merge
from engine.services.fingerprints import Fingerprints, is_erased
from engine.services.told_addresses import ToldAddresses
from triggers.event import Event


@value_class(kw_only=False)
class Placed:
    """Where an event belongs; ``merges`` are pairs of customers it showed to be one.

    ``foreign``: the person that it tells of is somebody else than the owner of its order.
    ``erased``: it tells of an order or ticket whose owner was erased.
    """

    customer_id: str | None
    merges: tuple[tuple[str, str], ...] = ()
    foreign: bool = False
    erased: bool = False


@dataclass(slots=True)
class _Names:
    """What one event names: the keys of its customer, its order and ticket, and addresses."""

    keys: Keys
    order: str | None = None
    ticket: str | None = None
    told: Sequence[str] = ()
    other: Beside | None = None


class Directory:
    """The identities and worlds of one batch. ``place`` every event, ``load``, then decide."""

    def __init__(
        self,
        unit: UnitOfWork,
        events: Sequence[Event],
        fingerprints: Fingerprints | None = None,
    ) -> None:
        self._unit = unit
        self._names: dict[int, _Names] = {}  # by the event's identity
        self._orders: set[str] = set()
        self._tickets: set[str] = set()
        self._named: set[str] = set()  # orders that are looked at besides
        self._told = ToldAddresses(unit, fingerprints)
        self._internal: dict[str, _Names] = {}  # of events that name our own customer, and no more
        keys: set[IdentityKey] = set()
        internal: set[str] = set()
        for event in events:
            names = self._names[id(event)] = self._file(event)
            if names.keys.customer_id is not None:
                internal.add(names.keys.customer_id)
            else:
                keys.update(names.keys.register)  # which holds those that are looked up
            if names.other is not None:
                internal.add(names.other.customer_id)
        self._known = unit.resolve(keys) if keys else {}
        is_owned = self._orders or self._tickets
        self._owners = unit.owners(self._orders, self._tickets) if is_owned else {}
        self._moved = unit.aliases(internal) if internal else {}
        self._ownerless: set[str] = set()
        if None in self._owners.values():
            self._ownerless = {key for key, owner in self._owners.items() if owner is None}
        self._identities: dict[str, set[IdentityKey]] | None = None
        self._claimed: dict[IdentityKey, str] = {}
        self._wanted: set[str] = set()
        self._complete: set[str] = set()
        self._new: set[str] = set()
        self.worlds: dict[str, World] = {}
        self._orphan_orders: dict[str, Order] = {}
        self._orphan_tickets: dict[str, Ticket] = {}
        self._statements: list[World] = []  # of addresses alone, as nobody's worlds
        self._touched: set[str] = set()
        self._merged = False

    def _file(self, event: Event) -> _Names:
        """Note what an event names."""
        facts, source, told = event.customer, event.source, told_addresses(event)
        if (
            source == OWN_SOURCE
            and facts is not None
            and facts.id is not None
            and event.order is None
            and event.ticket is None
            and not told
        ):
            other = beside(event)
            if other is None:
                known = self._internal.get(facts.id)
                if known is None:
                    known = self._internal[facts.id] = _Names(keys_of(facts, source))
                return known
            if other.order_id:
                self._named.add(other.order_id)
            return _Names(keys_of(facts, source), other=other)
        names = _Names(keys_of(facts, source), told=told)
        if event.order is not None and (order := order_key(event)) is not None:
            names.order = order
            self._orders.add(order)
        if event.ticket is not None and (ticket := ticket_key(event)) is not None:
            names.ticket = ticket
            self._tickets.add(ticket)
            if (about := ticket_order_key(event)) is not None:
                self._named.add(about)
        self._told.add(told)
        if source == OWN_SOURCE and (other := beside(event)) is not None:
            names.other = other
            if other.order_id:
                self._named.add(other.order_id)
        return names

    def place(self, event: Event, at: datetime) -> Placed:
        """Attribute the next event, in order.

        An order or ticket never changes hands: whoever has it keeps it, whatever a later report
        says of its customer; else the customer's own keys decide. What such a report tells of
        another person makes the two no one customer, and is not for the owner's record.
        """
        names = self._names[id(event)]
        keys, owner = names.keys, self._owner(names)
        if owner is not None and is_erased(owner):
            return Placed(owner, erased=True)
        if owner is not None:
            placed = Placed(owner, foreign=self._is_foreign(keys, owner))
            if not placed.foreign:
                self._claim(keys, owner)
        else:
            placed = self._by_keys(event, keys, at)
        if placed.customer_id is None:
            return placed
        self._wanted.add(placed.customer_id)
        if names.other is not None:
            self._wanted.add(self._now_called(names.other.customer_id))
        for key in (names.order, names.ticket):
            if key is not None and self._owners.get(key) is None:
                self._owners[key] = placed.customer_id
        if needs_complete(event):
            self._complete.add(placed.customer_id)
        for pair in placed.merges:
            self._wanted.update(pair)
            self._complete.update(pair)
        return placed

    def _owner(self, names: _Names) -> str | None:
        for key in (names.order, names.ticket):
            if key is not None and (owner := self._owners.get(key)) is not None:
                return self._now_called(owner)
        return None

    def _is_foreign(self, keys: Keys, owner: str) -> bool:
        if not keys.lookup:
            return False
        known = self._known_by(keys.lookup)
        if known:
            return owner not in known.values()
        kind = keys.lookup[0].kind
        return kind.startswith("id:") and any(
            key.kind == kind for key in self._identities_of(owner)
        )

    def _by_keys(self, event: Event, keys: Keys, at: datetime) -> Placed:
        if keys.customer_id is not None:
            return Placed(self._now_called(keys.customer_id))
        merges: list[tuple[str, str]] = []
        while True:
            known = self._known_by(keys.register)
            found = match(keys, known, self._identities_of)
            if not isinstance(found, Two):
                break
            merges.append((found.first, found.second))
            self._moved[found.second] = found.first
        match found:
            case Nobody():
                customer_id = new_customer_id(keys)
                if customer_id is None:
                    return Placed(None)
                self._new.add(customer_id)
            case One(customer_id=customer_id):
                if len(known) == len(keys.register):  # nothing of what is told is new
                    return Placed(customer_id, tuple(merges))
            case Clash(customer_id=customer_id):
                if customer_id not in known.values():
                    self._new.add(customer_id)
                self._unit.conflict(
                    Conflict(
                        at=at,
                        customer_id=customer_id,
                        other_id=self._now_called(found.other_id),
                        reason=found.reason,
                        event_source=event.source,
                        event_id=event.id,
                    )
                )
        self._claim(keys, customer_id)
        return Placed(customer_id, tuple(merges))

    def _known_by(self, keys: Iterable[IdentityKey]) -> dict[IdentityKey, str]:
        """The customers whom these keys are known to be of, as they are called now."""
        known = self._known
        found = {key: known[key] for key in keys if key in known}
        if self._moved:
            for key, owner in found.items():
                found[key] = self._now_called(owner)
        return found

    def _now_called(self, customer_id: str) -> str:
        while customer_id in self._moved:
            customer_id = self._moved[customer_id]
        return customer_id

    def _claim(self, keys: Keys, customer_id: str) -> None:
        for key in unclaimed(keys, self._known):
            self._known[key] = self._claimed[key] = customer_id
            if self._identities is not None:
                self._identities.setdefault(customer_id, set()).add(key)

    def _identities_of(self, customer_id: str) -> Collection[IdentityKey]:
        if self._identities is None:
            owners = {owner for owner in self._owners.values() if owner is not None}
            self._identities = self._unit.identities_of(owners | set(self._known.values()))
            for key, owner in self._claimed.items():
                self._identities.setdefault(owner, set()).add(key)
        return {
            key
            for owner, keys in self._identities.items()
            if self._now_called(owner) == customer_id
            for key in keys
        }

    def load(self, now: datetime) -> None:
        """Load the worlds of every customer placed so far, locked until the unit ends."""
        known = self._wanted - self._new
        self._unit.lock(known)
        self.worlds = self._unit.load(
            known,
            now=now,
            order_ids=self._orders | self._named,
            ticket_ids=self._tickets,
            complete=self._complete & known,
            past=True,
            sends=True,
        )
        self._told.load(self.worlds.values(), is_one=len(self._names) == 1)
        if self._ownerless:
            self._orphan_orders, self._orphan_tickets = self._unit.load_orphans(
                self._orders & self._ownerless, self._tickets & self._ownerless
            )

    def has_vanished(self, customer_id: str) -> bool:
        """Whether a customer whose lock was waited for is nobody's name any more."""
        return not self._unit.identities_of([customer_id])

    def beside(self, event: Event) -> World | None:
        """The world of the other customer whom an event of our own names; None when erased."""
        other = self._names[id(event)].other
        return None if other is None else self.worlds.get(self._survivor_of(other.customer_id))

    def world(self, placed: Placed, event: Event, context: Context) -> World | None:
        """The world that the event belongs to, merged where it must be; None for nobody's."""
        for first, second in placed.merges:
            self._merge(first, second, context)
        if placed.customer_id is None:
            return None
        customer_id = self._survivor_of(placed.customer_id)
        world = self.worlds.get(customer_id)
        if world is None:
            if customer_id not in self._new:
                return None  # erased
            customer = Customer(id=customer_id, created_at=event.time)
            world = World(customer=customer, is_new=True, complete=True)
            self.worlds[customer_id] = world
        names = self._names[id(event)]
        if self._orphan_orders or self._orphan_tickets:
            self._adopt(world, names)
        if self._told.concerns(names.told):
            self._told.permit(world, *names.told)
        return world

    def note_consents(self, world: World) -> None:
        """Let later events of the batch know what this world's event has changed."""
        self._told.note(world)

    def take_statement(self, event: Event) -> None:
        """Take in what the event tells of an address alone, if it does; it is no customer's."""
        about = address_told(event)
        if about is not None:
            world = World(customer=Customer(id="", created_at=event.time))
            self._told.permit(world, about[1])
            take_statement(world, event)
            self._told.note(world)
            self._statements.append(world)

    def _survivor_of(self, customer_id: str) -> str:
        if customer_id in self.worlds:
            return customer_id
        return self._now_called(customer_id)

    def _merge(self, first: str, second: str, context: Context) -> None:
        one, other = (self.worlds.get(self._survivor_of(each)) for each in (first, second))
        if one is None or other is None or one is other:
            return
        older = one if survivor(one.customer, other.customer) is one.customer else other
        younger = other if older is one else one
        self._merged = True
        merge_worlds(older, younger, context)
        gone, stays = younger.customer.id, older.customer.id
        del self.worlds[gone]
        self._moved.pop(stays, None)
        self._moved[gone] = stays
        self._unit.merge(Merge(survivor=stays, merged=gone, at=context.now))

    def _adopt(self, world: World, names: _Names) -> None:
        """Give the customer what reports told of their order before anyone knew whose it was.

        Without its owner's name still: by that projecting tells that it is only now counted.
        """
        key = names.order
        if key is not None and (order := self._orphan_orders.pop(key, None)) is not None:
            world.orders[key] = order
        key = names.ticket
        if key is not None and (ticket := self._orphan_tickets.pop(key, None)) is not None:
            world.tickets[key] = ticket

    def keep_orphan(self, event: Event) -> None:
        """Gather a report of an order or ticket that nobody owns yet."""
        key = order_key(event)
        if key is not None:
            self._orphan_orders[key] = project_orphan(self._orphan_orders.get(key), event)
            self._touched.add(key)
        key = ticket_key(event)
        if key is not None:
            self._orphan_tickets[key] = project_orphan_ticket(self._orphan_tickets.get(key), event)
            self._touched.add(key)

    def finish(self) -> None:
        """Note identities and orphans for the commit; what is due next sees every consent."""
        if self._told.is_news and (len(self.worlds) > 1 or self._statements or self._merged):
            for world in self.worlds.values():
                self._told.permit(world)
        for world in self._statements:
            if world.changes.any:
                self._unit.save(world)
        for key, customer_id in self._claimed.items():
            self._unit.identify(key, self._survivor_of(customer_id))
        if self._touched:
            self._unit.save_orphans(
                [order for key, order in self._orphan_orders.items() if key in self._touched],
                [ticket for key, ticket in self._orphan_tickets.items() if key in self._touched],
            )
