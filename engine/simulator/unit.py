"""The unit of work over a memory: what the services ask of a database, answered by its indexes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from engine.core.context import CodeState
from engine.core.customer import Order, Ticket
from engine.core.identity import IdentityKey
from engine.core.message import Channel, Message, MessageStatus, SendResult
from engine.core.receipt import Receipt, ReceiptKind
from engine.core.shopping import BOOK
from engine.core.world import World
from engine.ports.stored import (
    Archived,
    Conflict,
    Incoming,
    Merge,
    Occurrence,
    Permissions,
    Processed,
    StoredEvent,
)
from engine.programs.suggesting import Shelf, Shelved
from engine.simulator.memory import Memory, Noted

# As ``engine.storage.worlds`` has them: how far back messages are looked for.
_WAITED: Final = timedelta(days=30)
_LEAST: Final = timedelta(days=60)
_BEFORE: Final = datetime.min.replace(tzinfo=UTC)  # no code is taken before a world was loaded
_NONE: Final[frozenset[str]] = frozenset()
_NOBODYS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})
_NOT_GONE_OUT = (MessageStatus.SCHEDULED, MessageStatus.SKIPPED, MessageStatus.CANCELLED)


class MemoryUnit:
    """``engine.ports.storage.UnitOfWork`` over a memory. Nobody else is there, so locks are none.

    Nothing is rolled back: what a decision changes, it changes in the objects themselves.
    """

    __slots__ = (
        "_books",
        "_claimed",
        "_memory",
        "_now",
        "_reach",
        "_settled",
        "_so_far",
        "keeping",
    )

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.keeping = memory.keeping
        self._so_far: Noted | None = None
        self._settled: list[tuple[str, str, str, CodeState]] = []
        self._claimed: Sequence[str] = ()
        self._books: frozenset[str] | None = _NONE
        self._reach = _LEAST
        self._now = _BEFORE

    def __enter__(self) -> MemoryUnit:
        return self

    def __exit__(self, *error: object) -> None:
        """What was not committed is let go of."""

    @property
    def _noted(self) -> Noted:
        noted = self._so_far
        if noted is None:
            noted = self._so_far = Noted()
        return noted

    def waiting_events(self, limit: int) -> Sequence[StoredEvent]:
        """The oldest waiting events."""
        waiting = self._memory.waiting
        return [waiting[seq] for seq, _ in zip(waiting, range(limit), strict=False)]

    def unseen(
        self, keys: Collection[tuple[str, str]], *, turn: bool = True
    ) -> set[tuple[str, str]]:
        """Keys not stored yet."""
        held = self._memory.seen.among([hash(key) for key in keys])
        return {key for key in keys if hash(key) not in held} if held else {*keys}

    def resolve(self, keys: Collection[IdentityKey]) -> dict[IdentityKey, str]:
        """Customers by identity key."""
        return self._memory.identities.resolve(keys)

    def identities_of(self, customer_ids: Collection[str]) -> dict[str, set[IdentityKey]]:
        """Every key of these customers."""
        known = self._memory.identities
        return {each: keys for each in customer_ids if (keys := known.of(each))}

    def aliases(self, customer_ids: Collection[str]) -> dict[str, str]:
        """Where merged customers went."""
        known = self._memory.aliases
        return {each: known[each] for each in customer_ids if each in known}

    def owners(
        self, order_ids: Collection[str], ticket_ids: Collection[str]
    ) -> dict[str, str | None]:
        """Customer by order or ticket id."""
        owners, tickets = self._memory.owners, self._memory.tickets
        found = {each: owners[each] for each in order_ids if each in owners}
        for each in ticket_ids:
            if each in tickets:
                found[each] = tickets[each].customer_id
        return found

    def load(
        self,
        customer_ids: Collection[str],
        *,
        now: datetime,
        order_ids: Collection[str] = (),
        ticket_ids: Collection[str] = (),
        complete: Collection[str] = (),
        past: bool = False,
        message_ids: Collection[str] = (),
        sends: bool = False,
        before_waiting: Callable[[], None] = lambda: None,
    ) -> dict[str, World]:
        """Worlds by customer id; former entries come along in any case."""
        before_waiting()
        memory, self._now = self._memory, now
        since = now - self._reach
        asked = (*self._claimed, *message_ids)
        wanted = self._by_customer(asked) if asked else _NOBODYS
        turns = self._books is None or BOOK in self._books
        worlds: dict[str, World] = {}
        completed = frozenset(complete)
        people, of_customer = memory.people, memory.permits.of_customer
        for customer_id in customer_ids:
            if customer_id not in people or customer_id in worlds:
                continue
            person = people[customer_id]
            if turns:
                memory.turn_page(person)
            worlds[customer_id] = person.world(
                now=now,
                since=since,
                complete=customer_id in completed,
                books=self._books,
                message_ids=wanted.get(customer_id, ()),
                permitted=of_customer(person.customer),
            )
        for order_id in order_ids:
            owner = memory.owners.get(order_id)
            if owner in worlds and (order := people[owner].orders.get(order_id)) is not None:
                worlds[owner].orders[order_id] = order
        for ticket_id in ticket_ids:
            ticket = memory.tickets.get(ticket_id)
            if ticket is not None and ticket.customer_id in worlds:
                worlds[ticket.customer_id].tickets[ticket_id] = ticket
        return worlds

    def load_moving(self, customer_ids: Collection[str], *, now: datetime) -> dict[str, World]:
        """Customers with their journeys."""
        people, since = self._memory.people, now - self._reach
        return {
            each: World(customer=person.customer, journeys=person.in_motion(now, since))
            for each in customer_ids
            if (person := people.get(each)) is not None
        }

    def _by_customer(self, message_ids: Iterable[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {}
        messages = self._memory.messages
        for message_id in message_ids:
            message = messages.get(message_id)
            if message is not None:
                found.setdefault(message.customer_id, []).append(message_id)
        return found

    def look_back(self, span: timedelta) -> None:
        """How far back contacts are to be loaded."""
        self._reach = messages_since(span)

    def permissions(self, addresses: Collection[str], *, sends: bool = False) -> Permissions:
        """What is known of addresses."""
        return self._memory.permits.of(addresses)

    def load_orphans(
        self, order_ids: Collection[str], ticket_ids: Collection[str]
    ) -> tuple[dict[str, Order], dict[str, Ticket]]:
        """Orders and tickets without customer."""
        orders, tickets = self._memory.orphans, self._memory.tickets
        return (
            {i: orders[i] for i in order_ids if i in orders},
            {i: t for i in ticket_ids if (t := tickets.get(i)) and t.customer_id is None},
        )

    def due_customers(self, now: datetime, limit: int, but: Collection[str] = ()) -> Sequence[str]:
        """Customers with a due journey; no commit is ever under way."""
        journeys = self._memory.live
        due = self._memory.steps.due(now, limit)
        return list(dict.fromkeys(journeys[each].customer_id for each in due))

    def open_books(self, names: Collection[str] | None) -> None:
        """Load these books with every world from now on."""
        self._books = None if names is None else frozenset(names)

    def shelf(self, product_ids: Collection[str]) -> Shelf:
        """The whole shelf."""
        return self._memory.shelf

    def popular(self) -> Sequence[Shelved]:
        """The products with the most buyers."""
        return self._memory.popular()

    def keepers(
        self, places: Collection[tuple[str, str]]
    ) -> dict[tuple[str, str], list[tuple[str, datetime]]]:
        """Who keeps a record in these places."""
        memory = self._memory
        return {
            place: [(each, memory.people[each].books[place].at) for each in sorted(found)]
            for place in places
            if (found := memory.keepers_of(place))
        }

    def customers_with_due_records(self, now: datetime, limit: int) -> Sequence[str]:
        """Customers with a record whose time has come."""
        return self._memory.keepers_due(now, limit)

    def customers_to_message(self, now: datetime, channel: Channel, limit: int) -> Sequence[str]:
        """Customers with a due message."""
        due = self._memory.sends[channel].due(now, limit)
        self._claimed = (*self._claimed, *due)
        messages = self._memory.messages
        return list(dict.fromkeys(messages[each].customer_id for each in due))

    def customers_to_migrate(
        self, campaign: str, revision: str, after: str, limit: int
    ) -> Sequence[str]:
        """Customers with a live journey on another revision."""
        return sorted(
            {
                each.customer_id
                for each in self._memory.live.values()
                if each.campaign == campaign
                and each.revision != revision
                and each.customer_id > after
            }
        )[:limit]

    def doubtful(self, alive_since: datetime) -> Sequence[str]:
        """None: no worker of a simulation is ever lost."""
        return ()

    def holds(self) -> dict[str, str]:
        """Held campaigns, with the reason."""
        return self._memory.holds

    def occurrence_state(self, campaign: str) -> dict[str | None, Occurrence]:
        """The latest fire of each zone."""
        return dict(self._memory.occurrences.get(campaign, {}))

    def zones_in_use(self) -> dict[str | None, int]:
        """Customers by time zone."""
        return self._memory.census.zones()

    def page_customers(
        self,
        zone: str | None,
        after: str,
        limit: int,
        birthdays: Collection[str] | None = None,
    ) -> Sequence[str]:
        """A page of customers by id."""
        return self._memory.census.page(zone, after, limit, birthdays)

    def lock(self, customer_ids: Collection[str]) -> None:
        """Nobody else is there."""

    def messages(self, ids: Collection[str], *, locked: bool = False) -> dict[str, Message]:
        """Messages by id."""
        known = self._memory.messages
        return {each: known[each] for each in ids if each in known}

    def texts_to(self, number: str, limit: int) -> Sequence[Message]:
        """The newest SMS messages for a number."""
        memory = self._memory
        texted = {memory.aliases.get(each, each) for each in memory.texted.get(number, ())}
        found = [
            each
            for customer in texted
            for each in memory.people[customer].messages.values()
            if each.channel == "sms"
            and each.recipient == number
            and each.status not in _NOT_GONE_OUT
        ]
        return sorted(found, key=lambda one: (one.created_at, one.id), reverse=True)[:limit]

    def holders(self, address: str) -> dict[IdentityKey, str]:
        """Customers by their keys of this value."""
        return self._memory.identities.holders(address)

    def unseen_receipts(self, receipts: Collection[Receipt]) -> Sequence[Receipt]:
        """Receipts that are not kept yet, each once."""
        known = self._memory.receipts
        seen = {
            (one.message_id, one.provider, one.id)
            for message in {each.message_id for each in receipts} & known.keys()
            for one in known[message]
        }
        fresh: list[Receipt] = []
        for one in receipts:
            key = (one.message_id, one.provider, one.id)
            if key not in seen:
                seen.add(key)
                fresh.append(one)
        return fresh

    def keep_receipts(self, receipts: Iterable[Receipt], received_at: datetime) -> None:
        """Remember receipts."""
        known = self._memory.receipts
        for one in receipts:
            known[one.message_id].append(one)

    def clicks_near(self, clicks: Sequence[Receipt]) -> Sequence[Receipt]:
        """Kept clicks of the same messages; ``mark`` looks at those of about the same time."""
        known = self._memory.receipts
        return [
            one
            for message in {each.message_id for each in clicks} & known.keys()
            for one in known[message]
            if one.kind is ReceiptKind.CLICKED
        ]

    def take_volume(self, campaign: str, window: datetime, limit: int) -> bool:
        """Count one message of a campaign in a window."""
        memory, key = self._memory, (campaign, window)
        taken = memory.volumes.get(key, 0)
        if taken >= limit or taken + memory.elsewhere.get(key, 0) >= limit:
            return False
        memory.volumes[key] = taken + 1
        return True

    def take_code(self, pool: str, claim: str) -> str | None:
        """Claim a code of a pool."""
        return self._memory.pools.take(pool, claim, self._now)

    def coupon_holders(self, codes: Collection[str]) -> dict[str, set[str]]:
        """Customers by the codes that they were given."""
        known = self._memory.coupons
        self._memory.asked_codes.update(codes)
        return {code: set(found) for code in codes if (found := known.of(code))}

    def settle_code(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """Note what became of a code; one given back is free for later units."""
        self._settled.append((pool, code, claim, state))

    def save(self, world: World) -> None:
        """Note a changed world."""
        (self._so_far or self._noted).worlds.append(world)

    def save_orphans(self, orders: Iterable[Order], tickets: Iterable[Ticket]) -> None:
        """Note orders and tickets without customer."""
        self._noted.orders += tuple(orders)
        self._noted.tickets += tuple(tickets)

    def identify(self, key: IdentityKey, customer_id: str) -> None:
        """Note an identity."""
        self._noted.identities += ((key, customer_id),)

    def merge(self, merge: Merge) -> None:
        """Note a merge."""
        self._noted.merges += (merge,)

    def conflict(self, conflict: Conflict) -> None:
        """Conflicts are for people to look at, and a simulation has none."""

    def processed(self, events: Iterable[Processed]) -> None:
        """Note what became of events."""
        self._noted.processed += tuple(events)

    def enqueue(self, incoming: Iterable[Incoming]) -> None:
        """Note events of our own making."""
        self._noted.incoming += tuple(incoming)

    def archive(self, contents: Iterable[Archived]) -> None:
        """Contents are kept by the hands that are given the messages, and only samples."""

    def hold(self, campaign: str, reason: str, at: datetime) -> None:
        """Note a hold."""
        self._noted.holds += ((campaign, reason, at),)

    def record_sent(self, results: Sequence[SendResult]) -> None:
        """Note messages that providers took."""
        self._noted.sent += tuple(results)

    def begin_occurrence(self, occurrence: Occurrence) -> None:
        """Note a fire."""
        self._noted.occurrences += (occurrence,)

    def advance_occurrence(self, occurrence: Occurrence) -> None:
        """Note how far a sweep has come."""
        self._noted.occurrences += (occurrence,)

    def commit(self) -> None:
        """Let everything noted be so."""
        if self._so_far is not None:
            noted, self._so_far = self._so_far, None
            self._memory.commit(noted)
        for settled in self._settled:
            self._memory.pools.settle(*settled)
        self._settled = []

    def begin_commit(self) -> bool:
        """Nothing is waited for here."""
        self.commit()
        return False

    def settle(self) -> None:
        """It is written."""


@lru_cache(maxsize=16)
def messages_since(look_back: timedelta) -> timedelta:
    """How far back messages are loaded where caps and gaps look back so far."""
    return max(_LEAST, look_back + _WAITED)
