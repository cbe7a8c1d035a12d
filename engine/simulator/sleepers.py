"""Customers whom a schedule would look at in vain, until a known moment or until they change.

A daily schedule looks at every customer every day, and most are not in its segment for months on
end. A simulation of years need not ask again what cannot have changed: the first part of a segment
that is not met says when it may be.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from config.durations import Duration
from engine.core.campaign import Plan, ScheduleTrigger
from engine.core.evaluate import evaluate
from engine.core.expression import Condition
from engine.core.facts import bind
from engine.core.guards import GuardRules, zone_of
from engine.core.timing import add
from engine.core.world import World
from engine.services.sweep import Fired
from engine.simulator.memory import Memory
from engine.simulator.person import Person

_FOR_EVER: Final = datetime.max.replace(tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)
# What changes with the customer's own row alone; everything else may change by itself.
_OWN: Final = frozenset(
    f"customer.{name}"
    for name in ("orders_count", "total_spent", "average_order", "tags", "country", "region",
                 "locale", "timezone", "open_tickets", "first_order_at", "last_order_at")
)  # fmt: skip
_SINCE_ORDER: Final = re.compile(r"\s*customer\.days_since_order\s*(==|>=|>|<=|<)\s*(\d+)\s*")


class Sleepers:
    """``engine.services.sweep.Likely`` over a memory."""

    def __init__(self, memory: Memory, rules: GuardRules) -> None:
        self._memory = memory
        self._rules = rules
        self._until: dict[str, dict[str, datetime]] = {}  # by campaign and customer

    def likely(self, fired: Fired, customers: Sequence[str], now: datetime) -> Sequence[str]:
        """Those whom the fire may enrol."""
        people, plan = self._memory.people, fired.plan
        if fired.day is not None:
            rules = self._rules
            return [each for each in customers if fired.is_for(people[each].customer, rules)]
        self._wake()
        asleep = self._until.setdefault(plan.id, {})
        found: list[str] = []
        for each in customers:
            until = asleep.get(each)
            if until is not None and until > now:
                continue
            until = self._asleep_until(plan, people[each], now)
            if until is None or until <= now:
                found.append(each)
            else:
                asleep[each] = until
        return found

    def _wake(self) -> None:
        changed = self._memory.changed
        for asleep in self._until.values():
            for each in changed:
                asleep.pop(each, None)
        changed.clear()

    def _asleep_until(self, plan: Plan, person: Person, now: datetime) -> datetime | None:
        """Until when the fire surely enrols nobody; None: it may."""
        customer = person.customer
        if isinstance(plan.entry.re_entry, Duration):
            former = person.past.get((plan.id, customer.id))
            if former is not None:
                zone = zone_of(customer, self._rules)
                return add(former.entered_at, plan.entry.re_entry, zone)
        assert isinstance(plan.trigger, ScheduleTrigger)
        segment = plan.trigger.segment
        self._memory.turn_page(person)
        world = World(customer=customer, books=person.books)
        self._memory.permits.fill(world)
        values = bind(
            segment.names, world, order=None, ticket=None, trigger={}, results={}, event=None,
            now=now, rules=self._rules,
        )  # fmt: skip
        verdict = evaluate(segment, values)
        if verdict.met or verdict.clause is None:
            return None
        return _met_at(segment, verdict.clause, customer.last_order_at, now)


def _met_at(
    segment: Condition, index: int, ordered: datetime | None, now: datetime
) -> datetime | None:
    """When an unmet part of a segment may be met next, if the customer stays as they are."""
    clause = segment.clauses[index]
    if all(name in _OWN for name in clause.names):
        return _FOR_EVER
    asked = _SINCE_ORDER.fullmatch(clause.source)
    if asked is None:
        return now + _INSTANT  # ask again at the next fire
    sign, number = asked[1], int(asked[2])
    if ordered is None or sign in ("<", "<="):
        return _FOR_EVER  # days only grow until the next order
    first = ordered + (number + (sign == ">")) * _DAY
    return first if first > now else _FOR_EVER
