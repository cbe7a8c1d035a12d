"""Until when a schedule surely does not enrol a customer.

All that ``&&`` joins in a campaign's conditions of entry must be met, so one part that is not is
enough. What a part reads tells when it may be met: what stands in the customer's own row, in their
records, or is permitted to an address changes only with these; days since a moment are counted
ahead. A part that reads anything else is asked anew at each fire, or not judged at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from config.durations import Duration
from engine.core.answers import last_answer_at
from engine.core.campaign import Plan, ScheduleTrigger
from engine.core.customer import Customer
from engine.core.evaluate import is_part_met
from engine.core.expression import Condition
from engine.core.facts import Facts
from engine.core.guards import GuardRules, zone_of
from engine.core.timing import add
from engine.core.world import World
from engine.simulator.memory import Memory
from engine.simulator.person import Person

FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)
_DAY: Final = timedelta(days=1)

ROW: Final = frozenset(
    f"customer.{name}"
    for name in (
        "id", "email", "phone", "first_name", "last_name", "name", "locale", "timezone", "country",
        "region", "postal_code", "tags", "orders_count", "total_spent", "average_order",
        "first_order_at", "last_order_at", "created_at", "open_tickets",
    )
)  # fmt: skip
RECORDS: Final = frozenset(
    f"customer.{name}"
    for name in ("nps", "csat", "ces", "points", "points_pending", "points_expiring_at", "tier")
)
PERMITS: Final = frozenset({"customer.email_consent", "customer.sms_consent"})
# These change by themselves: with the time, or at night.
PAGE: Final = frozenset(
    f"customer.{name}" for name in ("rfm", "recency_score", "frequency_score", "value_score")
)
PASSING: Final = PAGE | {
    f"customer.{name}"
    for name in ("days_since_order", "days_since_first_order", "days_since_survey", "open_coupons")
}
_ATTRIBUTES: Final = "customer.attributes."
_KNOWN: Final = ROW | RECORDS | PERMITS | PASSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Sleep:
    """Until when nobody need ask, unless the customer's row changes; and what else wakes them."""

    until: datetime
    records: bool = False
    permits: bool = False


AGAIN: Final = Sleep(until=datetime.min.replace(tzinfo=UTC))
"""Not now; at the next fire who knows."""
_ROW_ALONE: Final = Sleep(until=FOR_EVER)


def _answered(person: Person) -> datetime | None:
    return last_answer_at(World(customer=person.customer, books=person.books))


# What days are counted from, and whether that is told by records.
_SINCE: Final[Mapping[str, tuple[Callable[[Person], datetime | None], bool]]] = {
    "customer.days_since_order": (lambda person: person.customer.last_order_at, False),
    "customer.days_since_first_order": (lambda person: person.customer.first_order_at, False),
    "customer.days_since_survey": (_answered, True),
}
# Numbers of the row: compared here, they cost a tenth of what CEL takes.
_COUNTS: Final[Mapping[str, Callable[[Customer], float]]] = {
    "customer.orders_count": lambda customer: customer.orders_count,
    "customer.open_tickets": lambda customer: customer.open_tickets,
    "customer.total_spent": lambda customer: float(customer.total_spent),
}
_SIGN: Final = r"\s*(==|!=|>=|>|<=|<)\s*"
_COMPARED: Final = re.compile(rf"\s*([\w.]+){_SIGN}(\d+)\s*", re.ASCII)
_TURNED: Final = re.compile(rf"\s*(\d+){_SIGN}([\w.]+)\s*", re.ASCII)
_MIRROR: Final = {">=": "<=", ">": "<", "<=": ">=", "<": ">"}


@dataclass(frozen=True, slots=True)
class _Days:
    """A part that compares days since a moment with a whole number."""

    since: Callable[[Person], datetime | None]
    sign: str
    number: int
    records: bool

    def sleep(self, person: Person, now: datetime) -> Sleep | None:
        """Until when it is not met; None: it is."""
        moment = self.since(person)
        if moment is None:
            return Sleep(until=FOR_EVER, records=self.records)
        days = max(0, (now - moment) // _DAY)
        first = self._first(days)
        if first == days:
            return None
        until = FOR_EVER
        if first is not None:
            with suppress(OverflowError):
                until = moment + first * _DAY
        return Sleep(until=until, records=self.records)

    def _first(self, days: int) -> int | None:
        """From how many days on it is met, if it is not yet; they only grow."""
        sign, number = self.sign, self.number
        if _holds(days, sign, number):
            return days
        later = number + (sign == ">") if sign in (">=", ">", "==") else days + 1
        return later if later > days and _holds(later, sign, number) else None


def _holds(value: float, sign: str, number: int) -> bool:
    match sign:
        case ">=":
            return value >= number
        case ">":
            return value > number
        case "<=":
            return value <= number
        case "<":
            return value < number
        case "==":
            return value == number
        case _:
            return value != number


@dataclass(frozen=True, slots=True)
class _Count:
    """A part that compares a whole number of the row with another."""

    read: Callable[[Customer], float]
    sign: str
    number: int
    records: bool = False

    def sleep(self, person: Person, now: datetime) -> Sleep | None:
        """For ever, if it is not met."""
        met = _holds(self.read(person.customer), self.sign, self.number)
        return None if met else _ROW_ALONE


@dataclass(frozen=True, slots=True)
class _Part:
    """Any other part that reads only what is known here."""

    condition: Condition
    index: int
    names: tuple[str, ...]
    sleeps: Sleep  # if it is not met

    @property
    def records(self) -> bool:
        """Whether it may change with them, and with nothing else that would be noticed."""
        return self.sleeps.records

    def is_met(self, person: Person, memory: Memory, now: datetime) -> bool:
        """Whether it is."""
        if self.sleeps is AGAIN and not PAGE.isdisjoint(self.names):
            memory.turn_page(person)
        world = World(customer=person.customer, books=person.books)
        if self.sleeps.permits or self.sleeps is AGAIN:
            memory.permits.fill(world)
        return is_part_met(self.condition, self.index, Facts(world, now=now))


class Outlook:
    """What can be told of a campaign that a schedule or a date begins."""

    def __init__(self, plan: Plan) -> None:
        trigger = plan.trigger
        segment = trigger.segment if isinstance(trigger, ScheduleTrigger) else None
        self._campaign = plan.id
        re_entry = plan.entry.re_entry
        self._pause = re_entry if isinstance(re_entry, Duration) else None
        told = [
            part
            for condition in (segment, plan.filter, plan.profile_filter)
            if condition is not None
            for part in _parts(condition)
        ]
        self._numbers = [part for part in told if not isinstance(part, _Part)]
        parts = [part for part in told if isinstance(part, _Part)]
        self._parts = sorted(parts, key=lambda part: part.sleeps is AGAIN)
        self.reads_records = any(part.records for part in told)

    def sleep(
        self, person: Person, memory: Memory, now: datetime, rules: GuardRules
    ) -> Sleep | None:
        """Until when the campaign surely does not take the customer; None: it may do so now."""
        for part in self._numbers:
            found = part.sleep(person, now)
            if found is not None:
                return found
        if self._pause is not None:
            customer = person.customer
            former = person.past.find(self._campaign, customer.id, customer.id)
            if former is not None:
                again = add(former.entered_at, self._pause, zone_of(customer, rules))
                if again > now:
                    return Sleep(until=again)
        for each in self._parts:
            if not each.is_met(person, memory, now):
                return each.sleeps
        return None


def _parts(condition: Condition) -> Iterator[_Days | _Count | _Part]:
    """The parts that can be judged without loading the customer's world."""
    for index, clause in enumerate(condition.clauses):
        compared = _compared(clause.source)
        if compared is not None:
            yield compared
        elif all(name in _KNOWN or name.startswith(_ATTRIBUTES) for name in clause.names):
            yield _Part(condition, index, clause.names, _sleeps(clause.names))


def _compared(source: str) -> _Days | _Count | None:
    if (found := _COMPARED.fullmatch(source)) is not None:
        name, sign, number = found.groups()
    elif (found := _TURNED.fullmatch(source)) is not None:
        number, sign, name = found.groups()
        sign = _MIRROR.get(sign, sign)
    else:
        return None
    if name in _COUNTS:
        return _Count(_COUNTS[name], sign, int(number))
    since = _SINCE.get(name)
    return None if since is None else _Days(since[0], sign, int(number), since[1])


def _sleeps(names: Collection[str]) -> Sleep:
    if PASSING.intersection(names):
        return AGAIN
    return Sleep(
        until=FOR_EVER,
        records=not RECORDS.isdisjoint(names),
        permits=not PERMITS.isdisjoint(names),
    )
