"""The made-up shop's life: one heap of what is still to come, and a seeded die.

The same arguments give the same events, byte for byte. What is kept in memory grows with the
customers and with the orders under way, not with the events that were told.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.demo_shop.people import FIRST_NAMES, LAST_NAMES, PLACES, Place
from engine.synthetic.goods import GOODS, USED_UP, Good
from engine.synthetic.parcels import Order, afterwards, instant
from engine.synthetic.seasons import HIGHEST, HOURS, demand

SEGMENTS: Final = {"regular": 30, "occasional": 40, "giver": 10, "once": 20}  # percent
_DAY: Final = 86_400
_EPOCH: Final = date(1970, 1, 1).toordinal()
_ZONES: Final = {place.zone: ZoneInfo(place.zone) for place in PLACES}
_WEIGHTS: Final = [place.weight for place in PLACES]
_ASCII: Final = str.maketrans("éèêäöüçÉ", "eeeaouce")
# Orders a year, were every day a usual one.
_RATE: Final = {"occasional": 3.0, "giver": 1.5}
_JITTER: Final = 0.12  # how much a regular's interval varies (standard deviation)


@dataclass(slots=True)
class Customer:
    """One customer, and what the shop would know of them."""

    number: int
    place: Place
    segment: str
    favourite: Good | None
    orders: int = 0
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How much to make up: ``customers`` who come between two instants."""

    customers: int
    begin: datetime
    until: datetime
    seed: int = 7

    def __post_init__(self) -> None:
        if self.customers < 1:
            raise ValueError("there must be one customer or more")
        if self.begin.tzinfo is None or self.until.tzinfo is None:
            raise ValueError("both ends need a time zone")
        if self.until <= self.begin:
            raise ValueError("until must be later than the beginning")


def events(span: Span) -> Iterator[dict[str, Any]]:
    """The events, sorted by time, as JSONL has them (``lagniappe ingest``)."""
    return _Shop(span).events()


class _Shop:
    def __init__(self, span: Span) -> None:
        self._random = Random(span.seed)
        self._begin, self._until = int(span.begin.timestamp()), int(span.until.timestamp())
        self._to_come: list[tuple[int, int, Customer | dict[str, Any]]] = []
        self._told = self._orders = 0
        self._demand: dict[int, float] = {}
        for number in range(1, span.customers + 1):
            self._welcome(number)

    def events(self) -> Iterator[dict[str, Any]]:
        """Everything, until nothing is to come before the end."""
        while self._to_come:
            at, _, what = heapq.heappop(self._to_come)
            if isinstance(what, Customer):
                yield from self._buys(what, at)
            else:
                yield what

    def _later(self, at: int, what: Customer | dict[str, Any]) -> None:
        if at < self._until:
            self._told += 1
            heapq.heappush(self._to_come, (at, self._told, what))

    def _welcome(self, number: int) -> None:
        """A customer, and when they first come: more of them when more is bought."""
        random = self._random
        place = random.choices(PLACES, _WEIGHTS)[0]
        (segment,) = random.choices(list(SEGMENTS), list(SEGMENTS.values()))
        favourite = random.choice(USED_UP) if segment == "regular" else None
        customer = Customer(number, place, segment, favourite)
        while True:
            at = random.randrange(self._begin, self._until)
            if random.random() * HIGHEST < self._demand_of(at // _DAY):
                break
        self._later(self._at_an_hour(at // _DAY, place), customer)

    def _buys(self, customer: Customer, at: int) -> Iterator[dict[str, Any]]:
        random = self._random
        if not customer.orders:
            customer.facts = self._facts(customer)
            yield {
                "id": f"customer:{customer.number}",
                "source": "shop",
                "type": "customer.created",
                "time": instant(at),
                "customer": customer.facts,
            }
        customer.orders += 1
        self._orders += 1
        order = Order.placed(random, self._orders, customer.facts, self._basket(customer), at)
        yield order.told("placed", at)
        for when, event in afterwards(random, order, customer.place, at):
            self._later(when, event)
        following = self._next(customer, at)
        if following is not None:
            self._later(following, customer)

    def _basket(self, customer: Customer) -> list[tuple[Good, int]]:
        random = self._random
        if customer.favourite is not None:
            basket = [(customer.favourite, 1)]
            if random.random() < 0.3:
                extra = random.choice(GOODS)
                if extra is not customer.favourite:
                    basket.append((extra, 1))
            return basket
        chosen = dict.fromkeys(random.choices(GOODS, k=random.choice((1, 1, 2, 3))))
        return [(good, random.choice((1, 1, 1, 2))) for good in chosen]

    def _next(self, customer: Customer, at: int) -> int | None:
        """When they come again; None: not any more."""
        random, today = self._random, at // _DAY
        match customer.segment:
            case "once":
                return None
            case "regular":
                if random.random() < 0.04:  # found another shop
                    return None
                assert customer.favourite is not None
                lasts = float(customer.favourite.lasts or 0)
                wanted = today + max(2.0, random.gauss(lasts, lasts * _JITTER))
                days = [round(wanted) + shift for shift in (-2, -1, 0, 1, 2)]
                days = [day for day in days if day > today]
                day = random.choices(days, [self._demand_of(each) for each in days])[0]
            case segment:
                day = today
                while True:
                    day += 1 + int(random.expovariate(_RATE[segment] * HIGHEST / 365))
                    if day * _DAY >= self._until:
                        return None
                    chance = self._demand_of(day) / HIGHEST
                    if random.random() < (chance**2 if segment == "giver" else chance):
                        break
        return max(at + 3600, self._at_an_hour(day, customer.place))

    def _at_an_hour(self, day: int, place: Place) -> int:
        """A moment of that day on the clock of that place."""
        random = self._random
        (hour,) = random.choices(range(24), cum_weights=HOURS)
        zone = _ZONES[place.zone]
        local = datetime.fromordinal(day + _EPOCH).replace(hour=hour, tzinfo=zone)
        return int(local.timestamp()) + random.randrange(3600)

    def _demand_of(self, day: int) -> float:
        found = self._demand.get(day)
        if found is None:
            found = self._demand[day] = demand(date.fromordinal(day + _EPOCH))
        return found

    def _facts(self, customer: Customer) -> dict[str, Any]:
        random, place = self._random, customer.place
        first = random.choice(FIRST_NAMES[place.names])
        last = random.choice(LAST_NAMES[place.names])
        plain = f"{first}.{last}".lower().translate(_ASCII)
        facts: dict[str, Any] = {
            "id": f"c{customer.number}",
            "email": f"{plain}.{customer.number}@example.com",
            "email_verified": True,
            "first_name": first,
            "last_name": last,
            "locale": place.locale,
            "timezone": place.zone,
            "country": place.country,
        }
        agreed = random.random()
        if agreed < 0.75:
            status = "subscribed" if agreed < 0.68 else "pending"
            facts["consent"] = {"email": {"status": status}}
        if random.random() < 0.3:
            born = date(1950, 1, 1) + timedelta(days=random.randrange(20_000))
            facts["birthday"] = born.isoformat()
        return facts
