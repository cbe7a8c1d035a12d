"""Whose event is it? Attributes a batch of events to customers and gathers their worlds.

Everything is looked up a set at a time before the first event is decided; customers that the batch
itself brings into being, joins or names are kept here and written with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from engine.core.beside import Beside, beside
from engine.core.context import Context
from engine.core.customer import Consent, Customer, Order, Preferences, Suppression, Ticket
from engine.core.identity import (
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
from engine.core.message import Channel
from engine.core.permissions import later_consent, later_preferences
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
from engine.core.world import World
from engine.ports.storage import Conflict, Merge, UnitOfWork
from engine.services.fingerprints import Fingerprints, is_erased
from triggers.event import Event

_CHANNELS: tuple[Channel, ...] = ("email", "sms", "voice")


@dataclass(frozen=True, slots=True)
class Placed:
    """Where an event belongs; ``merges`` are pairs of customers it showed to be one.

    ``foreign``: the person that it tells of is somebody else than the owner of its order.
    ``erased``: it tells of an order or ticket whose owner was erased.
    """

    customer_id: str | None
    merges: tuple[tuple[str, str], ...] = ()
    foreign: bool = False
    erased: bool = False


class Directory:
    """The identities and worlds of one batch. ``place`` every event, ``load``, then decide."""

    def __init__(
        self,
        unit: UnitOfWork,
        events: Sequence[Event],
        fingerprints: Fingerprints | None = None,
    ) -> None:
        self._unit = unit
        self._fingerprints = fingerprints
        self._keys = {id(event): keys_of(event.customer, event.source) for event in events}
        orders = {key for event in events if (key := order_key(event))}
        tickets = {key for event in events if (key := ticket_key(event))}
        keys = self._keys.values()
        self._known = unit.resolve({key for each in keys for key in (*each.lookup, *each.register)})
        self._owners = unit.owners(orders, tickets)
        self._orders, self._tickets = orders, tickets
        self._named = {key for event in events if (key := ticket_order_key(event))}
        self._told = {address for event in events for address in told_addresses(event)}
        self._consents: dict[tuple[str, str], Consent] = {}
        self._suppressions: dict[tuple[str, str], Suppression] = {}
        self._preferences: dict[tuple[str, str], Preferences] = {}
        self._recalled: dict[tuple[str, str], Suppression] = {}  # told anew, after an erasure
        self._ownerless = {key for key, owner in self._owners.items() if owner is None}
        self._beside = {id(event): other for event in events if (other := beside(event))}
        self._named |= {other.order_id for other in self._beside.values() if other.order_id}
        internal = {each.customer_id for each in keys if each.customer_id is not None}
        internal |= {other.customer_id for other in self._beside.values()}
        self._moved = unit.aliases(internal) if internal else {}
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

    def place(self, event: Event, at: datetime) -> Placed:
        """Attribute the next event, in order.

        An order or ticket never changes hands: whoever has it keeps it, whatever a later report
        says of its customer; else the customer's own keys decide. What such a report tells of
        another person makes the two no one customer, and is not for the owner's record.
        """
        keys = self._keys[id(event)]
        owner = self._owner(event)
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
        if (other := self._beside.get(id(event))) is not None:
            self._wanted.add(self._now_called(other.customer_id))
        for key in (order_key(event), ticket_key(event)):
            if key is not None and self._owners.get(key) is None:
                self._owners[key] = placed.customer_id
        if needs_complete(event):
            self._complete.add(placed.customer_id)
        for pair in placed.merges:
            self._wanted.update(pair)
            self._complete.update(pair)
        return placed

    def _owner(self, event: Event) -> str | None:
        for key in (order_key(event), ticket_key(event)):
            if key is not None and (owner := self._owners.get(key)) is not None:
                return self._now_called(owner)
        return None

    def _is_foreign(self, keys: Keys, owner: str) -> bool:
        if not keys.lookup:
            return False
        known = {self._now_called(self._known[key]) for key in keys.lookup if key in self._known}
        if known:
            return owner not in known
        kind = keys.lookup[0].kind
        return kind.startswith("id:") and any(
            key.kind == kind for key in self._identities_of(owner)
        )

    def _by_keys(self, event: Event, keys: Keys, at: datetime) -> Placed:
        merges: list[tuple[str, str]] = []
        while True:
            known = {
                key: self._now_called(self._known[key])
                for key in (*keys.lookup, *keys.register)
                if key in self._known
            }
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
                customer_id = self._now_called(customer_id)
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
        self._consents, self._suppressions = self._permissions()
        if self._ownerless:
            self._orphan_orders, self._orphan_tickets = self._unit.load_orphans(
                self._orders & self._ownerless, self._tickets & self._ownerless
            )

    def has_vanished(self, customer_id: str) -> bool:
        """Whether a customer whose lock was waited for is nobody's name any more."""
        return not self._unit.identities_of([customer_id])

    def _permissions(
        self,
    ) -> tuple[dict[tuple[str, str], Consent], dict[tuple[str, str], Suppression]]:
        """What is known of the told addresses, also of those of which only a hash was kept."""
        marks: dict[str, str] = {}
        if self._fingerprints is not None:
            for address in self._told:
                marks |= dict.fromkeys(self._fingerprints.every(address), address)
        known = self._unit.permissions(self._told | marks.keys(), sends=True)
        found, self._preferences = known.suppressions, known.preferences
        suppressions: dict[tuple[str, str], Suppression] = {}
        for (channel, address), suppression in found.items():
            if address not in marks:
                suppressions.setdefault((channel, address), suppression)
                continue
            key = (channel, marks[address])
            held = found.get(key)
            if held is None or held.scope != "all":
                suppressions[key] = self._recalled[key] = replace(suppression, address=key[1])
        return known.consents, suppressions

    def beside(self, event: Event) -> World | None:
        """The world of the other customer whom an event of our own names; None when erased."""
        other: Beside | None = self._beside.get(id(event))
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
        self._adopt(world, event)
        self._permit(world, *told_addresses(event))
        return world

    def _permit(self, world: World, *told: str) -> None:
        """Give the world what is known of its addresses and of those that its event tells.

        Permissions belong to addresses, and an address may be another customer's as well, who may
        have spoken earlier in this batch.
        """
        customer = world.customer
        for address in (*told, customer.email, customer.phone):
            if address is None:
                continue
            for channel in _CHANNELS:
                key = (channel, address)
                consent, held = self._consents.get(key), world.consents.get(key)
                if consent is not None:
                    world.consents[key] = consent if held is None else later_consent(held, consent)
                blocks, blocked = self._suppressions.get(key), world.suppressions.get(key)
                if blocks is not None and (blocked is None or blocked.scope != "all"):
                    world.suppressions[key] = blocks
                wishes, said = self._preferences.get(key), world.preferences.get(key)
                if wishes is not None:
                    world.preferences[key] = (
                        wishes if said is None else later_preferences(said, wishes)
                    )
                if key in self._recalled:
                    recalled = self._recalled.pop(key)
                    world.suppressions[key] = recalled
                    world.changes.suppressions.append(recalled)

    def note_consents(self, world: World) -> None:
        """Let later events of the batch know what this world's event has changed."""
        for consent in world.changes.consents:
            key = (consent.channel, consent.address)
            held = self._consents.get(key)
            self._consents[key] = consent if held is None else later_consent(held, consent)
        for lifted in world.changes.lifted:
            self._suppressions.pop((lifted.channel, lifted.address), None)
        for suppression in world.changes.suppressions:
            self._suppressions[suppression.channel, suppression.address] = suppression
        for wishes in world.changes.preferences:
            self._preferences[wishes.channel, wishes.address] = wishes

    def take_statement(self, event: Event) -> None:
        """Take in what the event tells of an address alone, if it does; it is no customer's."""
        about = address_told(event)
        if about is not None:
            world = World(customer=Customer(id="", created_at=event.time))
            self._permit(world, about[1])
            take_statement(world, event)
            self.note_consents(world)
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
        merge_worlds(older, younger, context)
        gone, stays = younger.customer.id, older.customer.id
        del self.worlds[gone]
        self._moved.pop(stays, None)
        self._moved[gone] = stays
        self._unit.merge(Merge(survivor=stays, merged=gone, at=context.now))

    def _adopt(self, world: World, event: Event) -> None:
        """Give the customer what reports told of their order before anyone knew whose it was.

        Without its owner's name still: by that projecting tells that it is only now counted.
        """
        key = order_key(event)
        if key is not None and (order := self._orphan_orders.pop(key, None)) is not None:
            world.orders[key] = order
        key = ticket_key(event)
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
        for world in self.worlds.values():
            self._permit(world)
        for world in self._statements:
            if world.changes.any:
                self._unit.save(world)
        for key, customer_id in self._claimed.items():
            self._unit.identify(key, self._survivor_of(customer_id))
        self._unit.save_orphans(
            [order for key, order in self._orphan_orders.items() if key in self._touched],
            [ticket for key, ticket in self._orphan_tickets.items() if key in self._touched],
        )
