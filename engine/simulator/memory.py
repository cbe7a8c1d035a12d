"""Everything that the database would hold, in memory, and the one place where it is changed.

Objects are kept as the core made them: no rows, no copies. A world that was loaded shares them, so
what a decision changes is changed at once, and ``commit`` brings the indexes up to date and tells
the ledger. There is nobody beside the simulation who could come first, and nothing is rolled back:
a unit of work that fails ends the simulation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from typing import Final

from engine.core.assumed_delivery import undelivered_since
from engine.core.book import Record
from engine.core.coupon import BOOK as COUPONS
from engine.core.customer import Order, Ticket
from engine.core.identity import IdentityKey
from engine.core.message import Channel, Message, MessageStatus, SendResult
from engine.core.receipt import Receipt
from engine.core.shopping import BOOK as SHOPPING
from engine.core.world import Changes, Journey, JourneyStatus, World
from engine.ports.stored import Incoming, Merge, Occurrence, Processed, StoredEvent
from engine.programs.call_tasks import BOOK as CALLS
from engine.programs.suggesting import Shelf, Shelved
from engine.simulator.agenda import Agenda, earliest
from engine.simulator.census import Census
from engine.simulator.identities import Identities
from engine.simulator.keepers import Keepers, Place
from engine.simulator.ledger import Ledger
from engine.simulator.marks import Marks
from engine.simulator.permits import Permits
from engine.simulator.person import Person
from engine.simulator.pools import Pools
from engine.simulator.stowed import Told

CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms", "voice")

_WITHHELD: Final = (MessageStatus.SKIPPED, MessageStatus.CANCELLED)


@dataclass(slots=True)
class Noted:
    """What one unit of work will change: of most little, so what little is, is replaced."""

    worlds: list[World] = field(default_factory=list)
    orders: tuple[Order, ...] = ()  # nobody's
    tickets: tuple[Ticket, ...] = ()
    identities: tuple[tuple[IdentityKey, str], ...] = ()
    merges: tuple[Merge, ...] = ()
    processed: tuple[Processed, ...] = ()
    incoming: tuple[Incoming, ...] = ()
    occurrences: tuple[Occurrence, ...] = ()
    holds: tuple[tuple[str, str, datetime], ...] = ()
    sent: tuple[SendResult, ...] = ()


class Memory:
    """The state of a simulated shop.

    ``bought`` are the customers who changed since the last night, and which of their orders did,
    where anybody wants to know. ``turn_page`` brings a customer's page to the last night's state;
    it is called before somebody looks at it.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.keeping = ledger.keeping
        self.people: dict[str, Person] = {}
        self.owners: dict[str, str | None] = {}  # by order; None: nobody knows whose it is
        self.orphans: dict[str, Order] = {}  # those orders
        self.ordered = 0  # how many orders there have been, and lines in them
        self.tickets: dict[str, Ticket] = {}
        self.live: dict[str, Journey] = {}
        self.entered = 0  # how many journeys there have been
        self.told = Told()
        self.withheld: Callable[[Message], None] | None = None  # of one that will never go out
        self.let_go: Callable[[Journey], None] | None = None  # of one that nobody asks for again
        self.messages: dict[str, Message] = {}
        self.texted: defaultdict[str, set[str]] = defaultdict(set)  # customers, by number
        self.identities = Identities()
        self.aliases: dict[str, str] = {}
        self.permits = Permits()
        self.census = Census()
        self.pools = Pools()
        self.keepers: Keepers[Place] = Keepers()  # of the books that anybody asked for
        self.coupons: Keepers[str] = Keepers()  # of codes
        self.shelf: Shelf = {}
        self.popular: Callable[[], Sequence[Shelved]] = lambda: ()
        self.turn_page: Callable[[Person], None] = lambda person: None
        self.assigned: Callable[[str, Record], None] | None = None  # whose call task, also anew
        self.bought: dict[str, set[str]] | None = None
        self.seen = Marks()  # of (source, id)
        self.waiting: dict[int, StoredEvent] = {}
        self.holds: dict[str, str] = {}
        self.occurrences: defaultdict[str, dict[str | None, Occurrence]] = defaultdict(dict)
        self.volumes: dict[tuple[str, datetime], int] = {}
        self.elsewhere: dict[tuple[str, datetime], int] = {}  # counted by others, where that counts
        self.receipts: defaultdict[str, list[Receipt]] = defaultdict(list)  # by message
        self.undelivered = Agenda()  # orders on their way, by their last news
        self.steps = Agenda()
        self.sends: dict[Channel, Agenda] = {each: Agenda() for each in CHANNELS}
        self.pages = Agenda()  # customers whose shopping page is to be looked at
        self.records = Agenda()  # and those of whom any other record is
        self._books = (self.records, self.pages)
        self._sends = tuple(self.sends.values())
        self._agendas = (self.steps, *self._books, *self._sends)
        self.asked: defaultdict[str, Marks] = defaultdict(Marks)  # keys looked for, by book
        self.asked_codes: set[str] = set()
        self.changed: set[str] = set()  # customers, for who remembers what their rows said
        self.recorded: set[str] = set()  # and their records
        self.touched: set[str] = set()  # customers of whom orders, journeys or messages were kept
        self._indexed: set[str] = set()  # books that ``keepers`` knows
        self._last_seq = 0
        self._names: dict[int, tuple[str, str]] = {}  # of events that wait

    def next_due(self) -> datetime | None:
        """When the next journey, message or record falls due."""
        return earliest(self._agendas)

    def next_send(self) -> datetime | None:
        """When the next message falls due."""
        return earliest(self._sends)

    def next_record(self) -> datetime | None:
        """When the next record falls due."""
        return earliest(self._books)

    def keepers_due(self, now: datetime, limit: int) -> list[str]:
        """Whose records are due, by (time, customer)."""
        due = [agenda for agenda in self._books if (at := agenda.next_at()) and at <= now]
        if len(due) == 1:
            return due[0].due(now, limit)
        first: dict[str, datetime] = {}
        for agenda in due:
            since = agenda.since()
            for each in agenda.due(now, limit):
                first[each] = min(since[each], first.get(each, now))
        return sorted(first, key=lambda each: (first[each], each))[:limit]

    def admit(self, world: World, keys: Iterable[IdentityKey]) -> None:
        """Take in a customer as they are on record; ``world`` has all that is known of them."""
        customer = world.customer
        person = self.people[customer.id] = Person(customer)
        self._note(customer.id, world.orders)
        person.contacts = tuple(
            one for one in world.contacts if one.message_id not in world.messages
        )
        self.census.enter(customer)
        for key in keys:
            self.identities.give(key, customer.id)
        changes = Changes(
            consents=tuple(world.consents.values()),
            suppressions=tuple(world.suppressions.values()),
            preferences=tuple(world.preferences.values()),
        )
        self.permits.take(changes)
        person.orders.update(world.orders)
        person.tickets, person.past = world.tickets, world.past
        for order in world.orders.values():
            self._keep_order(order)
        self.tickets |= world.tickets
        for message in sorted(world.messages.values(), key=lambda one: (one.created_at, one.id)):
            self._keep_message(person, message)
        for journey in world.journeys.values():
            self._keep_journey(person, journey)
        self.keep_records(person, world.books.values())
        self.touched.add(customer.id)

    def commit(self, noted: Noted) -> None:
        """Let it all be so."""
        for world in noted.worlds:
            if world.is_new and world.customer.id not in self.people:
                self.people[world.customer.id] = Person(world.customer)
        for merge in noted.merges:
            self._merge(merge)
        for world in noted.worlds:
            self._keep(world)
        for order in noted.orders:
            self._keep_order(order)
        for ticket in noted.tickets:
            self.tickets[ticket.id] = ticket
        for key, customer in noted.identities:
            self.identities.give(key, customer)
        if noted.incoming:
            self.enqueue(noted.incoming)
        if noted.processed:
            self._finish(noted.processed)
        for campaign, reason, at in noted.holds:
            if campaign not in self.holds:
                self.holds[campaign] = reason
                self._ledger.held(campaign, reason, at)
        for occurrence in noted.occurrences:
            self.occurrences[occurrence.campaign][occurrence.zone] = occurrence
        if noted.sent:
            self._send(noted.sent)

    def enqueue(self, incoming: Iterable[Incoming]) -> None:
        """Store events that wait; those already stored are left as they are."""
        for each in incoming:
            key = (each.event.source, each.event.id)
            if (mark := hash(key)) not in self.seen:
                self.seen.add(mark)
                self._last_seq += 1
                self._names[self._last_seq] = key
                self.waiting[self._last_seq] = StoredEvent(
                    seq=self._last_seq,
                    received_at=each.received_at,
                    backfill=each.backfill,
                    body=each.body or b"",
                    told=each.event if each.body is None else None,
                )

    def _finish(self, processed: Iterable[Processed]) -> None:
        for done in processed:
            if done.seq is not None:
                del self.waiting[done.seq]
                self._ledger.processed(*self._names.pop(done.seq), done)
            elif done.incoming is not None:
                key = (done.incoming.event.source, done.incoming.event.id)
                self.seen.add(hash(key))
                self._ledger.processed(*key, done)

    def _send(self, results: Iterable[SendResult]) -> None:
        for result in results:
            message = self.messages.get(result.message_id)
            if message is None or message.status not in (
                MessageStatus.SENDING,
                MessageStatus.UNKNOWN,
            ):
                continue
            message.status = MessageStatus.SENT
            message.sent_at = result.at
            message.provider_message_id = result.provider_message_id
            message.cost = result.cost
            message.error_code = message.reason = message.owner = None
            person = self.people[message.customer_id]
            person.keep_message(message)
            self._let_go(person, message.journey_id)
            self._ledger.sent(message, result)

    def _keep(self, world: World) -> None:
        changes, customer_id = world.changes, world.customer.id
        if changes.consents or changes.lifted or changes.suppressions or changes.preferences:
            self.permits.take(changes)
        person = self.people.get(customer_id)
        if person is None:  # nobody's world: what was said of an address alone
            return
        if world.is_new or changes.customer:
            person.customer = world.customer
            self.census.enter(world.customer)
            self.changed.add(customer_id)
            self._note(customer_id, ())
        if changes.orders or changes.journeys or changes.messages or changes.records:
            self.touched.add(customer_id)
        if changes.orders:
            self._note(customer_id, changes.orders)
            for key in changes.orders:
                person.orders[key] = world.orders[key]
                self._keep_order(world.orders[key])
        for key in changes.tickets:
            ticket = self.tickets[key] = world.tickets[key]
            person.tickets = {**person.tickets, key: ticket}
        for key in changes.messages:
            self._keep_message(person, world.messages[key])
        for key in changes.journeys:
            self._keep_journey(person, world.journeys[key])
        if changes.records:
            records = changes.records.values()
            if world.books is person.books:  # they stand there since they were written
                self._file_records(person, records)
            else:
                self.keep_records(person, records)
        if changes.decisions:
            self._ledger.decided(world)

    def keep_records(self, person: Person, records: Collection[Record]) -> None:
        """Take in records that are new or have changed."""
        for record in records:
            person.books.put(record)
        self._file_records(person, records)

    def _file_records(self, person: Person, records: Collection[Record]) -> None:
        customer_id = person.customer.id
        others = False
        self.recorded.add(customer_id)
        for record in records:
            name = record.book
            if name in self._indexed:
                self.keepers.add((name, record.key), customer_id)
            if name == COUPONS:
                for code in _codes(record.key):
                    self.coupons.add(code, customer_id)
            if name == SHOPPING:
                self.pages.put(customer_id, record.due_at)
            else:
                others = True
                if name == CALLS and self.assigned is not None:
                    self.assigned(customer_id, record)
        if others:
            self.records.put(customer_id, person.books.next_due(but=SHOPPING))

    def keepers_of(self, place: Place) -> Collection[str]:
        """Who keeps a record in this place; that it was asked for is remembered."""
        mark = hash(place[1])
        if mark not in (asked := self.asked[place[0]]):
            asked.add(mark)
        if place[0] not in self._indexed:
            self._indexed.add(place[0])
            for person in self.people.values():
                for record in person.books.of(place[0]):
                    self.keepers.add((record.book, record.key), person.customer.id)
        return self.keepers.of(place)

    def was_asked_for(self, asked: Mapping[str, Marks]) -> bool:
        """Whether anybody keeps a record by one of these marks, in the books that they are of.

        They may be those of a process that was forked where this one was: hashes are alike there.
        """
        return any(
            hash(record.key) in marks
            for book, marks in asked.items()
            for person in self.people.values()
            for record in person.books.of(book)
        )

    def journeys(self) -> Iterator[Journey]:
        """Everybody's, as far as they are kept."""
        return chain.from_iterable(person.journeys for person in self.people.values())

    def order(self, order_id: str) -> Order | None:
        """An order, whoever's it is."""
        owner = self.owners.get(order_id)
        if owner is None:
            return self.orphans.get(order_id)
        return self.people[owner].orders.get(order_id)

    def _note(self, customer_id: str, orders: Iterable[str]) -> None:
        if self.bought is not None:
            self.bought.setdefault(customer_id, set()).update(orders)

    def _keep_order(self, order: Order) -> None:
        if order.id not in self.owners:
            self.ordered += 1 + len(order.lines)
        self.owners[order.id] = order.customer_id
        if order.customer_id is None:
            self.orphans[order.id] = order
        else:
            self.orphans.pop(order.id, None)
        self.undelivered.put(order.id, undelivered_since(order))

    def _keep_journey(self, person: Person, journey: Journey) -> None:
        key = journey.id
        self.entered += person.keep_journey(journey)
        if key not in person.ended or self.let_go is None:  # else it is about to be let go
            self.told.keep(journey)
        if journey.status is JourneyStatus.LIVE:
            self.live[key] = journey
            self.steps.put(key, None if journey.parked else journey.due_at)
            return
        self.live.pop(key, None)
        self.steps.put(key, None)
        self._let_go(person, key)

    def _let_go(self, person: Person, journey_id: str) -> None:
        if self.let_go is not None and (over := person.let_go(journey_id)) is not None:
            self.let_go(over)

    def _keep_message(self, person: Person, message: Message) -> None:
        self.messages[message.id] = message
        person.keep_message(message)
        if message.channel == "sms" and message.recipient is not None:
            self.texted[message.recipient].add(person.customer.id)
        waits = message.status is MessageStatus.SCHEDULED
        self.sends[message.channel].put(message.id, message.send_at if waits else None)
        if self.withheld is not None and message.status in _WITHHELD:
            self.withheld(message)

    def _merge(self, merge: Merge) -> None:
        gone = self.people.pop(merge.merged, None)
        if gone is None:
            return
        self.turn_page(gone)
        self.turn_page(self.people[merge.survivor])
        self._note(merge.merged, gone.orders)
        self._note(merge.survivor, gone.orders)
        self.census.leave(merge.merged)
        for agenda in self._books:
            agenda.put(merge.merged, None)
        for place in gone.books:
            if place[0] in self._indexed:
                self.keepers.drop(place, merge.merged)
            if place[0] == COUPONS:
                for code in _codes(place[1]):
                    self.coupons.drop(code, merge.merged)
        self.changed |= {merge.merged, merge.survivor}
        self.touched.add(merge.survivor)
        self.owners.update(dict.fromkeys(gone.orders, merge.survivor))
        person = self.people[merge.survivor]
        person.join(gone)
        self.keep_records(person, [*person.books.values()])
        self.identities.join(merge.survivor, merge.merged)
        for former, present in self.aliases.items():
            if present == merge.merged:
                self.aliases[former] = merge.survivor
        self.aliases[merge.merged] = merge.survivor


def _codes(key: str) -> list[str]:
    """What a coupon's key may begin with: its code, in which a colon may stand too."""
    parts = key.split(":")
    return [":".join(parts[:count]) for count in range(1, len(parts))]
