"""Who lives in which time zone, and who was born when: what schedules ask."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Sequence

from engine.core.customer import Customer
from engine.ports.stored import ALL_ZONES

_Told = tuple[str | None, str | None]  # a zone and a day of birth


class Census:
    """Customers by zone and by day of birth, each list by id.

    ``peopled`` is how often somebody came to live in a zone in which nobody did.
    """

    def __init__(self) -> None:
        self.peopled = 0
        self._everybody: list[str] = []
        self._by_zone: defaultdict[str | None, list[str]] = defaultdict(list)
        self._born: defaultdict[str, set[str]] = defaultdict(set)
        self._known: dict[str, _Told] = {}
        self._alike: dict[_Told, _Told] = {}  # many live in one zone and were born on one day

    def enter(self, customer: Customer) -> None:
        """Take in a customer who is new or has changed."""
        birthday = customer.birthday
        born = None if birthday is None else f"{birthday.month:02}-{birthday.day:02}"
        told = (customer.zone, born)
        former = self._known.get(customer.id)
        if former == told:
            return
        if former is None:
            insort(self._everybody, customer.id)
        else:
            self._forget(customer.id, former)
        self._known[customer.id] = self._alike.setdefault(told, told)
        neighbours = self._by_zone[customer.zone]
        self.peopled += not neighbours
        insort(neighbours, customer.id)
        if born is not None:
            self._born[born].add(customer.id)

    def leave(self, customer_id: str) -> None:
        """A merge ended a customer."""
        former = self._known.pop(customer_id, None)
        if former is not None:
            self._forget(customer_id, former)
            self._everybody.remove(customer_id)

    def _forget(self, customer_id: str, former: _Told) -> None:
        zone, born = former
        self._by_zone[zone].remove(customer_id)
        if born is not None:
            self._born[born].discard(customer_id)

    def zones(self) -> dict[str | None, int]:
        """How many customers each zone has."""
        return {zone: len(ids) for zone, ids in self._by_zone.items() if ids}

    def page(
        self, zone: str | None, after: str, limit: int, birthdays: Collection[str] | None
    ) -> Sequence[str]:
        """Customers by id beyond ``after``, as ``UnitOfWork.page_customers`` has it."""
        if birthdays is not None:
            born = {each for day in birthdays for each in self._born.get(day, ())}
            return sorted(
                each for each in born if each > after and zone in (ALL_ZONES, self._known[each][0])
            )[:limit]
        ids = self._everybody if zone == ALL_ZONES else self._by_zone.get(zone, [])
        start = bisect_right(ids, after)
        return ids[start : start + limit]
