"""A sample shop's weeks: every event of a small spice shop, made up but lifelike.

``lagniappe demo`` plays them through the engine. Everything follows from the seed and the start:
each choice is a hash of the seed and of what it is about, so that one choice more or less leaves
all others as they were.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.demo_shop.dice import Dice
from engine.demo_shop.life import SHOP, order_events
from engine.demo_shop.people import FIRST_NAMES, LAST_NAMES, PLACES, Person, Place
from triggers.event import ConsentFact, CustomerFacts, Event

PEOPLE: Final = 120  # in six weeks
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrder:
    """Who orders when."""

    person: Person
    placed_at: datetime


def demo_events(start: datetime, weeks: int = 6, seed: int = 7) -> list[Event]:
    """The events of ``weeks`` weeks from ``start`` on, in order of time, and those before them.

    What lies before ``start`` is the shop's history (up to half a year of it): orders of customers
    who then come for the third time, and of those who have stayed away since. Whoever plays the
    events records these without enrolling anybody.

    :raises ValueError: ``start`` has no time zone, or ``weeks`` is not positive.
    """
    if start.tzinfo is None:
        raise ValueError("start needs a time zone")
    if weeks < 1:
        raise ValueError("weeks must be 1 or more")
    dice = Dice(seed)
    start = start.astimezone(UTC)
    end = start + weeks * 7 * _DAY
    people = [_person(dice, number) for number in range(max(12, PEOPLE * weeks // 6))]
    planned = [order for person in people for order in _orders(dice, person, start, end)]
    planned.sort(key=lambda order: (order.placed_at, order.person.number))
    events: list[Event] = []
    first_orders: dict[int, datetime] = {}
    orders: Counter[int] = Counter()
    for number, order in enumerate(planned, start=1001):
        person = order.person
        is_new = person.number not in first_orders
        asked_at = first_orders.setdefault(person.number, order.placed_at)
        facts = _facts(dice, person, asked_at)
        if is_new and person.id is not None:
            events.append(_first_contact(person, facts, order.placed_at))
        orders[person.number] += 1
        nth = orders[person.number]
        events += order_events(dice, number, person, facts, order.placed_at, nth)
    events += _changes_of_mind(dice, people, first_orders, start, end)
    return sorted(
        (event for event in events if event.time < end),
        key=lambda event: (event.time, event.source, event.id),
    )


def _person(dice: Dice, number: int) -> Person:
    place = _place(dice, number)
    first = dice.pick(FIRST_NAMES[place.names], "first", number)
    last = dice.pick(LAST_NAMES[place.names], "last", number)
    is_guest = _kind(number) == "guest"
    is_free = number < 10**place.digits  # the ranges for fiction are small
    has_phone = place.phone is not None and is_free and dice.happens(0.7, "phone", number)
    asked = dice.share("email consent", number)
    born = date(1955, 1, 1) + timedelta(days=int(dice.between(0, 18_000, "born", number)))
    return Person(
        number=number,
        id=None if is_guest else str(70_001 + number),
        place=place,
        first_name=first,
        last_name=last,
        email=f"{_plain(first)}.{_plain(last)}.{number}@example.com",
        phone=_phone(place, number) if has_phone else None,
        birthday=born if not is_guest and dice.happens(0.4, "birthday", number) else None,
        email_status="subscribed" if asked < 0.68 else "pending" if asked < 0.74 else None,
        sms_status="subscribed"
        if has_phone and dice.happens(0.45, "sms consent", number)
        else None,
    )


def _place(dice: Dice, number: int) -> Place:
    standing = dice.share("place", number) * sum(place.weight for place in PLACES)
    for place in PLACES:
        standing -= place.weight
        if standing < 0:
            return place
    return PLACES[0]


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("éèêäöüç", "eeeaouc"))


def _phone(place: Place, number: int) -> str:
    return f"{place.phone}{number:0{place.digits}d}"


def _kind(number: int) -> str:
    """How somebody shops; of ten, two have stayed away, two are loyal, one is a guest."""
    return {0: "lapsed", 1: "loyal", 2: "guest", 5: "lapsed", 6: "loyal"}.get(number % 10, "new")


def _orders(dice: Dice, person: Person, start: datetime, end: datetime) -> list[PlannedOrder]:
    """When this person orders, in days from the start."""
    number = person.number
    length = (end - start) / _DAY
    days: list[float]
    match _kind(number):
        case "lapsed":
            last = -dice.between(55, 118, "last", number)
            days = [last]
            if dice.happens(0.35, "once before", number):
                days.insert(0, last - dice.between(25, 50, "before", number))
            if dice.happens(0.25, "comes back", number):
                days.append(max(0, last + 90) + dice.between(3, 9, "back", number))
        case "loyal":
            third = dice.between(0.5, length * 0.6, "third", number)
            days = [
                -dice.between(80, 150, "long ago", number),
                -dice.between(15, 70, "lately", number),
                third,
            ]
            if dice.happens(0.4, "fourth", number):
                days.append(third + dice.between(9, 18, "fourth", number))
        case "guest":
            days = [dice.between(0, length * 0.9, "guest", number)]
        case _:
            days = [dice.between(0, length * 0.8, "first", number)]
            if dice.happens(0.55, "second", number):
                days.append(days[0] + dice.between(8, 20, "second", number))
                if dice.happens(0.45, "third", number):
                    days.append(days[1] + dice.between(6, 12, "third", number))
    moments = [_waking(dice, person, start + day * _DAY) for day in days]
    return [PlannedOrder(person=person, placed_at=moment) for moment in moments if moment < end]


def _waking(dice: Dice, person: Person, moment: datetime) -> datetime:
    """That day, or the next, at an hour at which people of that place are up."""
    zone = ZoneInfo(person.place.zone)
    day = moment.astimezone(zone).date() + _DAY
    minute = int(dice.between(7 * 60, 22.5 * 60, "minute", person.number, day))
    local = datetime.combine(day, time(minute // 60, minute % 60), zone)
    return local.astimezone(UTC) + timedelta(seconds=int(dice.between(0, 60, "s", minute, day)))


def _facts(dice: Dice, person: Person, asked_at: datetime) -> CustomerFacts:
    """What an order tells of its customer."""
    consent: dict[Any, ConsentFact] = {}
    for channel, status in (("email", person.email_status), ("sms", person.sms_status)):
        if status is not None:
            consent[channel] = ConsentFact(
                status=status,  # type: ignore[arg-type]
                at=asked_at,
                proof="checkbox at checkout, not ticked beforehand",
            )
    is_known = person.id is not None
    return CustomerFacts(
        id=person.id,
        email=person.email,
        email_verified=is_known,
        phone=person.phone,
        first_name=person.first_name,
        # Some guests leave out all that the form lets them leave out.
        last_name=person.last_name if is_known or dice.happens(0.5, "l", person.number) else None,
        locale=person.place.locale,
        timezone=person.place.zone if is_known else None,
        country=person.place.country,
        birthday=person.birthday,
        consent=consent,
    )


def _first_contact(person: Person, facts: CustomerFacts, placed_at: datetime) -> Event:
    return Event(
        id=f"customer-{person.id}",
        source=SHOP,
        type="customer.created",
        time=placed_at - timedelta(minutes=4),
        customer=facts,
    )


def _changes_of_mind(
    dice: Dice,
    people: Sequence[Person],
    first_orders: Mapping[int, datetime],
    start: datetime,
    end: datetime,
) -> Iterator[Event]:
    """Some sign up later, some sign off."""
    for person in people:
        first = first_orders.get(person.number)
        if person.id is None or first is None:
            continue
        since = max(first, start)
        moment = since + dice.between(0.1, 0.9, "mind", person.number) * (end - since)
        leaves = person.email_status == "subscribed" and dice.happens(0.05, "off", person.number)
        joins = person.email_status is None and dice.happens(0.25, "on", person.number)
        if not leaves and not joins:
            continue
        yield Event(
            id=f"consent-{person.id}",
            source=SHOP,
            type="customer.unsubscribed" if leaves else "customer.subscribed",
            time=moment.replace(microsecond=0),
            customer=CustomerFacts(
                id=person.id,
                email=person.email,
                consent={"email": ConsentFact(status="unsubscribed" if leaves else "subscribed")},
            ),
            data={"channel": "email"},
        )
