"""The shop's nights in a simulation: what ``engine.services.stocktaking`` computes, and no more.

A simulation lives through hundreds of nights and looks at little of what each of them writes. So
only what has changed since the night before is taken in (``engine.simulator.sold``), pages and
products are made when somebody looks at them, and of everybody's dates only those are computed
that fall due before the next night. What is looked at is as of the last night all the same:
nothing of the day comes in before the next one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from config.policy import Policy
from engine.core.book import Record
from engine.core.customer import Customer
from engine.core.instants import instant, microseconds
from engine.core.shopping import BOOK, PAGE, Refill, Unwritten, refills_of
from engine.ports.clock import Clock
from engine.programs.purchases import Product, sale_of
from engine.programs.shelving import Shelving
from engine.programs.shopping_page import Key, Night, newest_products, reminding_of, soonest
from engine.programs.spend_classes import Spender
from engine.programs.suggesting import Shelved
from engine.services.stocktaking import night_after
from engine.simulator.memory import Memory
from engine.simulator.person import Person
from engine.simulator.sold import Bought, Sold, Swap

_MONEY: Final = 10_000  # as the database counts it
_PLACE: Final = (BOOK, PAGE)

_Due = tuple[int, str, int, int]
"""When something is used up, the product's key and its number (``Dated``), and the row of that."""


class MemoryNights:
    """``engine.passage.Nights`` over a memory.

    ``share_by`` is for a simulation in several processes, each with customers of its own. Customers
    of others count for what is computed of all, and have no pages here. Every process must live
    through the same nights.
    """

    def __init__(
        self,
        memory: Memory,
        policy: Policy,
        clock: Clock,
        *,
        wanted: bool,
    ) -> None:
        self._swap: Swap | None = None
        self._memory = memory
        self._policy = policy
        self._clock = clock
        self._wanted = wanted  # campaigns do not change while a simulation runs
        rules = policy.recommendations
        self._look_back = timedelta(seconds=rules.look_back.nominal_seconds)
        self._reminding = reminding_of(policy.recommendations, policy.zone)
        self._sold = Sold()
        self._dates = self._sold.dates
        self._known: dict[str, Product] = {}
        self._due: dict[str, list[_Due]] = {}  # soonest first
        self._due_at: dict[str, datetime] = {}  # when the first of that is to be told
        self._fresh: set[int] = set()  # rows that were told since the last night
        self._night: Night | None = None
        self.number = 0
        if wanted:
            memory.bought = {}
            memory.turn_page = self.turn_page

    def share_by(self, swap: Swap) -> None:
        """Tell others every night, from the first on, what has changed here; ``swap`` is given this
        part's share of a night, and returns those of the others, always in one order."""
        self._swap = swap
        self._sold.tell()

    def next_night(self, after: datetime) -> datetime:
        """The first night after a moment, on the shop's clock."""
        return night_after(after, self._policy.zone)

    def wanted(self) -> bool:
        """Whether any campaign uses what nights compute."""
        return self._wanted

    def run(self) -> None:
        """Take in the day, and find what falls due before the next night."""
        now, sold = self._clock.now(), self._sold
        mine = self._memory.bought or {}
        inherited = self._inherited(mine)
        self._memory.bought = {}
        late = sold.late(microseconds(now - self._look_back))
        for who, orders in mine.items():
            bought = self._bought(who, orders)
            if bought.spender is not None:
                self._serve(who)
            sold.take(bought)
        for who in late:
            sold.expire(who)
        least = self._policy.recommendations.least_orders
        if self._swap is None:
            sold.settle()
        else:
            sold.trade(self._swap)
        self._dates.learn(sold.market, least)
        night = self._night = Night.at(
            now,
            sold.purchases,
            sold.rhythms,
            least=least,
            remind_before=self._reminding.before,
        )
        self.number += 1
        self._fresh.clear()
        self._inherit(inherited)
        former_due, self._due = self._due, self._look(night, now)
        for who in {*former_due, *inherited} - self._due.keys():
            self._memory.pages.put(who, None)
        at = self._reminding.at
        self._due_at = {who: at(instant(due[0][0])) for who, due in self._due.items()}
        for who, due_at in self._due_at.items():
            self._memory.pages.put(who, due_at)
        rules = self._policy.recommendations
        shelf = _Shelf(Shelving(sold.purchases, sold.market, rules, sold.open), sold)
        self._memory.shelf, self._memory.popular = shelf, shelf.popular
        for who in inherited:
            if who in self._memory.people:
                self.turn_page(self._memory.people[who])

    def turn_page(self, person: Person) -> None:
        """Let a customer's page be that of the last night."""
        number, turned = self.number, person.turned
        if turned == number or not number:
            return
        held, who = person.books.get(_PLACE), person.customer.id
        if held is None and turned is None:
            return
        person.turned = number
        if held is not None and isinstance(held.data, Leaf) and held.data.who == who:
            if held.data.number != number:
                held.data.number = number
                due_at = self._due_at.get(who)
                if held.due_at != due_at:
                    person.books.stow(held.looked_at(due_at))
        else:
            assert self._night is not None
            person.books.put(
                Record(
                    book=BOOK,
                    key=PAGE,
                    at=self._clock.now(),
                    data=Leaf(self, who, number),
                    due_at=self._due_at.get(who),
                )
            )

    def page(self, who: str) -> dict[str, Any]:
        """All that a customer's page says."""
        data: dict[str, Any] = {
            "products": self.products(who),
            "refills": [one.data() for one in self.refills(who)],
        }
        if (scores := self.scores(who)) is not None:
            data["rfm"] = scores
        return data

    def products(self, who: str) -> list[str]:
        """A customer's products, the newest first."""
        purchases = self._sold.purchases
        return newest_products(purchases, purchases.customers.get(who, ()))

    def scores(self, who: str) -> list[int] | None:
        """Recency, frequency and value; None without orders that count."""
        spender = self._sold.spenders.get(who)
        return None if spender is None else list(self._sold.standing.scores(spender))

    def refills(self, who: str) -> list[Refill]:
        """What will be used up, soonest first."""
        night, dates = self._night, self._dates
        assert night is not None
        rows = dates.near(who, night.begin, night.end)
        habits = {dates.what[row]: dates.habit(row) for row in rows}
        keys = self._sold.purchases.products
        told, fresh = set[Key](), set[Key]()
        for row in rows:
            if dates.told[row]:
                of = fresh if row in self._fresh else told
                of.add((keys[dates.what[row]].key, dates.order_ids[row]))
        found = night.refills(habits, told)
        if not fresh:
            return found
        return [
            replace(one, told=True) if (one.product_id, one.order_id) in fresh else one
            for one in found
        ]

    def touched(self, who: str) -> Collection[str] | None:
        """A customer's orders that were touched since the last night; None: they are merged."""
        if who not in self._memory.people:
            return None
        return (self._memory.bought or {}).get(who, ())

    def due(self, who: str, until: datetime) -> list[Refill]:
        """What is used up before, and was not told."""
        night, limit = self._night, microseconds(until)
        if night is None:
            return []
        dates = self._dates
        told, order_ids, last_at = dates.told, dates.order_ids, dates.last_at
        return [
            night.refill((at, key, product), order_ids[row], last_at[row], told=False)
            for at, key, product, row in self._due.get(who, ())
            if at < limit and not told[row]
        ]

    def tell(self, who: str, refills: Sequence[Refill]) -> datetime | None:
        """Note what was told of that which is due; when the next is used up."""
        told, fresh = self._dates.told, self._fresh
        now = {one.product_id for one in refills}
        following: int | None = None
        for at, key, _, row in self._due.get(who, ()):
            if key in now:
                told[row] = 1
                fresh.add(row)
            elif following is None and not told[row]:
                following = at
        return None if following is None else instant(following)

    def _serve(self, who: str) -> None:
        """Let a customer have a page from now on."""
        person = self._memory.people[who]
        if person.turned is None:
            person.turned = 0

    def _bought(self, who: str, orders: Collection[str]) -> Bought:
        person = self._memory.people.get(who)
        if person is None:
            return Bought(customer_id=who, spender=None, sales=dict.fromkeys(orders))
        return Bought(
            customer_id=who,
            spender=_spender(person.customer),
            sales={
                each: sale_of(person.orders[each], self._known) if each in person.orders else None
                for each in orders
            },
        )

    def _inherited(self, touched: Collection[str]) -> dict[str, set[Key]]:
        """What was told of pages that are not the night's own: a merged customer's, or one that
        was there before the simulation."""
        found: dict[str, set[Key]] = {}
        for who in touched:
            person = self._memory.people.get(who)
            held = None if person is None else person.books.get(_PLACE)
            if held is None or (isinstance(held.data, Leaf) and held.data.who == who):
                continue
            found[who] = {(one.product_id, one.order_id) for one in refills_of(held) if one.told}
        return found

    def _inherit(self, inherited: Mapping[str, Collection[Key]]) -> None:
        numbers = self._sold.purchases.numbers
        for who, keys in inherited.items():
            if who in self._memory.people:
                self._serve(who)
            known = [(numbers[key], order_id) for key, order_id in keys if key in numbers]
            self._dates.tell(who, known)

    def _look(self, night: Night, now: datetime) -> dict[str, list[_Due]]:
        """What falls due before the next night, by customer."""
        until = microseconds(self._reminding.until(self.next_night(now)))
        near, strays = self._dates.look(night.begin, until, night.end)
        dates, begin = self._dates, night.begin
        for row in strays:
            if not night.dated([(dates.what[row], dates.habit(row))]):
                dates.told[row] = 0
        found: dict[str, list[_Due]] = {}
        keys, whose, what = self._sold.purchases.products, dates.who, dates.what
        for row in near:
            at = dates.used_up(row)
            if begin <= at < until:
                product = what[row]
                found.setdefault(whose[row], []).append((at, keys[product].key, product, row))
        return {who: soonest(those) for who, those in found.items()}


class Leaf(Unwritten):
    """A customer's page as of the last night that it was turned to."""

    __slots__ = ("_nights", "number", "who")

    def __init__(self, nights: MemoryNights, who: str, number: int) -> None:
        self._nights, self.who, self.number = nights, who, number

    def __getitem__(self, key: str) -> Any:
        nights = self._current()
        match key:
            case "products":
                return nights.products(self.who)
            case "refills":
                return [one.data() for one in nights.refills(self.who)]
            case "rfm" if (scores := nights.scores(self.who)) is not None:
                return scores
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._current().page(self.who))

    def __len__(self) -> int:
        return len(self._current().page(self.who))

    def refills(self) -> list[Refill]:
        """What will be used up."""
        return self._current().refills(self.who)

    def touched(self) -> Collection[str] | None:
        """The orders of the day; perhaps any where the page's customer is another one now."""
        return self._current().touched(self.who)

    def due(self, until: datetime) -> list[Refill]:
        """What is used up before."""
        return self._current().due(self.who, until)

    def tell(self, refills: Sequence[Refill]) -> datetime | None:
        """These are told now."""
        return self._current().tell(self.who, refills)

    def _current(self) -> MemoryNights:
        if self.number != self._nights.number:
            raise RuntimeError(f"the page of night {self.number} is read after another night")
        return self._nights


class _Shelf(Mapping[str, Shelved]):
    """``engine.programs.suggesting.Shelf`` of one night, made as far as it is looked at."""

    def __init__(self, shelving: Shelving, sold: Sold) -> None:
        self._shelving = shelving
        self._purchases = sold.purchases
        self._buyers = sold.market.buyers
        self._made: dict[str, Shelved] = {}
        self._popular: list[Shelved] | None = None

    def __getitem__(self, key: str) -> Shelved:
        found = self._made.get(key)
        if found is None:
            number = self._purchases.numbers[key]
            if number >= len(self._buyers) or not self._buyers[number]:
                raise KeyError(key)
            found = self._made[key] = self._shelving.shelved(number)
        return found

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._purchases.numbers if key in self)

    def __len__(self) -> int:
        return len(self._buyers) - self._buyers.count(0)

    def popular(self) -> Sequence[Shelved]:
        """The products with the most buyers."""
        if self._popular is None:
            self._popular = self._shelving.popular()
        return self._popular


def _spender(customer: Customer) -> Spender | None:
    if customer.orders_count == 0 or customer.last_order_at is None:
        return None
    return Spender(
        last_order_at=microseconds(customer.last_order_at),
        orders=customer.orders_count,
        spent=int(customer.total_spent * _MONEY),
    )
