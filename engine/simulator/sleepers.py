"""Whom a schedule need look at: all but those who are asleep until a moment or until they change.

A daily schedule looks at every customer every day, and most are not in its segment for months on
end. A simulation of years need not ask again what cannot have changed (``engine.simulator.unmet``),
so those who may enter wait in a line, and nobody else costs anything. For a date the customers are
looked up by its day of the year.
"""

from __future__ import annotations

import heapq
import sys
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Final

from engine.core.campaign import DateTrigger
from engine.core.customer import Customer
from engine.core.guards import GuardRules, zone_of
from engine.ports.storage import UnitOfWork
from engine.ports.stored import ALL_ZONES, Occurrence
from engine.services.fired import Fired, days_of_year, value_of_date
from engine.services.sweep import PAGE
from engine.simulator.memory import Memory
from engine.simulator.unmet import AGAIN, FOR_EVER, Outlook, Sleep

_EVERYBODY: Final = sys.maxsize


class Sleepers:
    """``engine.services.sweep.Likely`` over a memory."""

    def __init__(self, memory: Memory, rules: GuardRules) -> None:
        self._memory = memory
        self._rules = rules
        self._outlooks: dict[tuple[str, str], Outlook] = {}
        self._lines: dict[tuple[str, str, str | None], _Line] = {}
        self._in_zone: defaultdict[str | None, list[_Line]] = defaultdict(list)
        self._days: dict[str, _Days] = {}

    def likely(
        self, unit: UnitOfWork, fired: Fired, occurrence: Occurrence, now: datetime
    ) -> Sequence[str]:
        """The next of those whom the fire may enrol."""
        self._wake()
        plan = fired.plan
        outlook = self._outlooks.get((plan.id, plan.revision))
        if outlook is None:
            outlook = self._outlooks[plan.id, plan.revision] = Outlook(plan)
        if fired.day is not None:
            return self._celebrating(unit, fired, outlook, occurrence, now)
        key = plan.id, plan.revision, occurrence.zone
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(outlook)
            line.woken.update(unit.page_customers(occurrence.zone, "", _EVERYBODY))
            self._in_zone[occurrence.zone].append(line)
        return self._next(line, occurrence, now)

    def _next(self, line: _Line, occurrence: Occurrence, now: datetime) -> list[str]:
        """Walk along a line, put to sleep whoever may, until a page is found."""
        memory, rules, outlook = self._memory, self._rules, line.outlook
        line.call(now)
        waiting, zone = line.awake, occurrence.zone
        at = start = bisect_right(waiting, occurrence.cursor)
        found: list[str] = []
        stay: list[str] = []
        while at < len(waiting) and len(found) < PAGE:
            customer_id = waiting[at]
            at += 1
            person = memory.people.get(customer_id)
            if person is None or zone not in (ALL_ZONES, person.customer.zone):
                continue  # merged, or moved to where another line has them
            sleep = outlook.sleep(person, memory, now, rules)
            if sleep is None:
                found.append(customer_id)
                stay.append(customer_id)
            elif sleep is AGAIN:
                stay.append(customer_id)
            else:
                line.lay(person.customer, sleep)
        waiting[start:at] = stay
        return found

    def _celebrating(
        self,
        unit: UnitOfWork,
        fired: Fired,
        outlook: Outlook,
        occurrence: Occurrence,
        now: datetime,
    ) -> list[str]:
        people, rules = self._memory.people, self._rules
        born = fired.birthdays
        told = (
            self._on(fired)
            if born is None
            else unit.page_customers(occurrence.zone, occurrence.cursor, _EVERYBODY, born)
        )
        found = sorted(
            each
            for each in told
            if each > occurrence.cursor
            and people[each].customer.zone == occurrence.zone
            and fired.is_for(people[each].customer, rules)
            and outlook.sleep(people[each], self._memory, now, rules) is None
        )
        return found[:PAGE]

    def _on(self, fired: Fired) -> Iterable[str]:
        """Whose date falls on the day of the year that the fire is about."""
        assert isinstance(fired.plan.trigger, DateTrigger)
        assert fired.day is not None
        field = fired.plan.trigger.field
        known = self._days.get(field)
        if known is None:
            known = self._days[field] = _Days(field, self._rules)
            people = self._memory.people.items()
            known.enter((each, person.customer) for each, person in people)
        return known.on(days_of_year(fired.day))

    def _wake(self) -> None:
        """Let everybody look up for whom something has changed."""
        memory = self._memory
        people = memory.people
        if memory.changed:
            present = [(each, people.get(each)) for each in memory.changed]
            for days in self._days.values():
                days.enter((each, one.customer if one else None) for each, one in present)
            for each, person in present:
                if person is not None:
                    for line in self._lines_of(person.customer):
                        line.wake(each)
            memory.changed.clear()
        for each in memory.recorded:
            person = people.get(each)
            if person is not None:
                for line in self._lines_of(person.customer):
                    line.hear(each)
        memory.recorded.clear()
        if memory.permits.changed:
            for line in self._lines.values():
                line.permit(memory.permits.changed)
            memory.permits.changed.clear()

    def _lines_of(self, customer: Customer) -> list[_Line]:
        return self._in_zone[customer.zone] + self._in_zone[ALL_ZONES]


class _Line:
    """A campaign's customers of one zone: those awake, by id, and those asleep."""

    def __init__(self, outlook: Outlook) -> None:
        self.outlook = outlook
        self.awake: list[str] = []
        self.woken: set[str] = set()  # to be put among them
        self._asleep: dict[str, Sleep] = {}
        self._alarms: list[tuple[datetime, str]] = []
        self._listening: defaultdict[str, set[str]] = defaultdict(set)  # by address

    def call(self, now: datetime) -> None:
        """Have those in line whose time has come, and who were woken."""
        alarms = self._alarms
        while alarms and alarms[0][0] <= now:
            at, customer_id = heapq.heappop(alarms)
            sleep = self._asleep.get(customer_id)
            if sleep is not None and sleep.until == at:
                self.wake(customer_id)
        if self.woken:
            self.awake = sorted(self.woken.union(self.awake))
            self.woken.clear()

    def lay(self, customer: Customer, sleep: Sleep) -> None:
        """Let a customer sleep, who then has to be taken out of the line."""
        self._asleep[customer.id] = sleep
        if sleep.until != FOR_EVER:
            heapq.heappush(self._alarms, (sleep.until, customer.id))
        if sleep.permits:
            for address in (customer.email, customer.phone):
                if address is not None:
                    self._listening[address].add(customer.id)

    def wake(self, customer_id: str) -> None:
        """Wake a customer whose row has changed."""
        self._asleep.pop(customer_id, None)
        self.woken.add(customer_id)

    def hear(self, customer_id: str) -> None:
        """Wake a customer if a record wakes them."""
        if self.outlook.reads_records:
            sleep = self._asleep.get(customer_id)
            if sleep is not None and sleep.records:
                self.wake(customer_id)

    def permit(self, addresses: Iterable[str]) -> None:
        """Wake whom a word about an address wakes."""
        if self._listening:
            for address in addresses:
                for customer_id in self._listening.pop(address, ()):
                    sleep = self._asleep.get(customer_id)
                    if sleep is not None and sleep.permits:
                        self.wake(customer_id)


class _Days:
    """Customers by the day of the year of one of their dates."""

    def __init__(self, field: str, rules: GuardRules) -> None:
        self._field = field
        self._rules = rules
        self._told: dict[str, date] = {}
        self._on: defaultdict[str, set[str]] = defaultdict(set)

    def enter(self, customers: Iterable[tuple[str, Customer | None]]) -> None:
        """Take in customers who are new, have changed or, None, are no more."""
        for customer_id, customer in customers:
            told = (
                None
                if customer is None
                else value_of_date(customer, self._field, zone_of(customer, self._rules))
            )
            former = self._told.get(customer_id)
            if told == former:
                continue
            if former is not None:
                self._on[f"{former:%m-%d}"].discard(customer_id)
                del self._told[customer_id]
            if told is not None:
                self._on[f"{told:%m-%d}"].add(customer_id)
                self._told[customer_id] = told

    def on(self, days: Iterable[str]) -> list[str]:
        """Those whose day it is."""
        return [each for day in days for each in self._on.get(day, ())]
