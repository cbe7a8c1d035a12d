"""Reading the ledger of points: what its entries add up to.

An entry says what happened (an order of so many points, a part of it given back, a reward taken)
and is never rewritten; its key is its cause. What that means for the balance follows from all
entries together, in the order of their times, so events may come doubled and in any order.

- What is kept of an order is what it earned, less the part that was given back, reckoned to a
  ten-thousandth of a point and rounded once.
  Nothing is kept, its bonus neither, of an order that was cancelled, returned, disputed or refunded
  in full.
- The bonus for the first order goes with the first order to mature that is not lost.
- Points that expired are not taken again when their order is refunded later.
- The balance is a plain sum. Below zero it is a debt, which later points pay off first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.core.book import Books, Record
from engine.core.points import ACCOUNT, BOOK
from engine.core.value import value_class
from engine.programs.loyalty_firsts import Firsts
from engine.programs.loyalty_grants import Grant, OrderGrants, grant_key, maturing_key, whole_points
from engine.programs.loyalty_scores import Scores

# What the time without activity counts from; birthdays and refunds are no activity.
_RESTARTS: Final = frozenset(
    {"order", "action", "award", "referral", "redeemed", "adjusted", "expired"}
)
_ABOUT_ORDERS: Final = frozenset({"order", "matured", "refund", "void"})
_SILENT: Final = frozenset({"warned", "veteran"})
# At one instant what gives comes before what takes.
_RANK: Final = {"order": 0, "award": 1, "matured": 2, "redeemed": 4, "expired": 5}
_Place = tuple[datetime, int, str]  # of an entry in the order of reading
_Score = tuple[datetime, int, int]  # since when, points, ten-thousandths of money


@value_class
class Line:
    """One line of the ledger as people read it.

    ``points`` is what it did to the balance, ``pending`` to what waits, ``balance`` the sum after.
    """

    at: datetime
    key: str
    kind: str
    points: int
    pending: int
    balance: int
    data: Mapping[str, Any]


@dataclass(slots=True)
class Ledger:
    """What the entries add up to.

    ``tiers`` are the entries that tell of tiers, ``since`` is the last activity, ``held_since`` is
    when there was last no point to lose.
    """

    balance: int = 0
    pending: int = 0
    since: datetime | None = None
    held_since: datetime | None = None
    tiers: tuple[Record, ...] = ()
    scores: Scores | None = None

    @property
    def debt(self) -> int:
        """Points that were spent and then taken back."""
        return max(0, -self.balance)


def read_ledger(records: Iterable[Record]) -> tuple[Ledger, Sequence[Line]]:
    """The ledger of the records of the book ``points``, with every line."""
    reader, lines = LedgerReader(), list[Line]()
    reader.read_all(Books(records), lines)
    return reader.ledger, lines


_PAGE: Final = frozenset({ACCOUNT})


class LedgerReader:
    """Reads a ledger on where it stopped, as long as entries only come behind the last one.

    Any other change is read from the start, so what it says never depends on what it read before.
    """

    __slots__ = ("_firsts", "_reading", "count", "ledger")

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.count = 0  # of records in the book
        self._firsts: Firsts | None = None
        self._reading: _Reading | None = None

    def read(self, books: Books, lines: list[Line] | None = None) -> None:
        """Bring ``ledger`` up to date with a customer's books, always the same customer's.

        ``lines`` gains what was read: what is new, or all where it was read from the start.
        """
        records, self.count = books.since(BOOK, self.count)
        if books.reworded(BOOK) <= _PAGE:
            if not records:
                return
            fresh = [one for one in records if one.key != ACCOUNT]
            if not fresh or self._read_on(fresh, books, lines):
                return
        self.read_all(books, lines)

    def _read_on(self, fresh: list[Record], books: Books, lines: list[Line] | None) -> bool:
        """Read these behind what was read before; whether that did."""
        if self._reading is None or self._firsts is None:
            self._reading, self._firsts = _Reading(self.ledger, None), Firsts()
            self._firsts.settle()
        reading, firsts, is_alone = self._reading, self._firsts, len(fresh) == 1
        first = last = _place(fresh[0])
        if not is_alone:
            fresh.sort(key=_place)
            first, last = _place(fresh[0]), _place(fresh[-1])
        if reading.place is not None and first < reading.place:
            return False
        for one in fresh:
            if not (reading.knows(one, books) and firsts.take_on(one)):
                return False
            if firsts.order != reading.first:
                if reading.first is not None:
                    return False
                reading.first = firsts.order
            if is_alone and lines is None and one.key == grant_key(one.data.get("order", "")):
                reading.wait(one)
            else:
                reading.take(one, lines)
        reading.place = last
        reading.settle()
        return True

    def read_all(self, books: Books, lines: list[Line] | None = None) -> None:
        """The same, from the start."""
        self.count = books.count(BOOK)
        entries = [one for one in books.of(BOOK) if one.key != ACCOUNT]
        if len(entries) > 1:
            entries.sort(key=_place)
        self._firsts = firsts = Firsts()
        for one in entries:
            firsts.take(one)
        firsts.settle()
        self.ledger = Ledger()
        self._reading = reading = _Reading(self.ledger, firsts.order)
        for one in entries:
            reading.take(one, lines)
        if entries:
            reading.place = _place(entries[-1])
        reading.settle()


def _place(entry: Record) -> _Place:
    return entry.at, _RANK.get(entry.data["kind"], 3), entry.key


class _Reading:
    """How far a ledger was read: its sums, and of orders what their entries alone do not tell.

    Nothing is kept of an order that counts, nor of one that waits and of which there is one entry.
    """

    __slots__ = ("_actions", "_granted", "_ledger", "_orders", "_scores", "first", "gone", "place")

    def __init__(self, ledger: Ledger, first: str | None) -> None:
        self._ledger = ledger
        self.first = first  # the order with the bonus
        self.place: _Place | None = None  # of the last entry
        self.gone = 0  # points that expired and were not yet taken back by a refund
        self._orders: dict[str, OrderGrants] = {}
        self._actions: dict[str, list[datetime]] | None = None  # those that counted
        # Until they are settled:
        self._scores: list[_Score] | None = None  # of what hangs on no order
        self._granted: dict[str, _Score] | None = None  # by grant, once it is released

    def knows(self, entry: Record, books: Books) -> bool:
        """Whether all that an entry changes is at hand, or found again in the entry before it."""
        data = entry.data
        kind = data["kind"]
        if kind == "order" and data["number"] == 1:
            return data["order"] not in self._orders
        if kind not in _ABOUT_ORDERS and "exact" not in data:
            return True
        order = self._orders.get(data["order"]) or self._recalled(data["order"], books)
        if order is None:
            return False
        if kind == "matured":
            return grant_key(data["order"]) in order.grants
        return kind == "award" or not any(one.released for one in order.grants.values())

    def _recalled(self, order_id: str, books: Books) -> OrderGrants | None:
        """An order that waits and of which there is one entry; None when it is anything else."""
        told = books.get((BOOK, grant_key(order_id)))
        matured = books.get((BOOK, maturing_key(order_id)))
        last = self.place
        if told is None or last is None or _place(told) > last:
            return None
        if matured is not None and _place(matured) <= last:
            return None
        order = self._orders[order_id] = OrderGrants(entries=1)
        grant = Grant(by_share=False, rounding=told.data["rounding"], at=told.at)
        self._fill(grant, told.data)
        grant.left = order.kept(grant)
        order.grants[told.key] = grant
        return order

    def wait(self, entry: Record) -> None:
        """Take in the first entry of an order, with none behind it."""
        data, ledger = entry.data, self._ledger
        bonus: int = data["bonus"] if data["order"] == self.first else 0
        ledger.since = entry.at
        ledger.pending += whole_points(Decimal(data["points"]), data["rounding"]) + bonus

    def settle(self) -> None:
        """Add up what counts, and let go of orders that are settled or found again."""
        if self._scores or self._granted:
            scores = self._ledger.scores
            if scores is None:
                scores = self._ledger.scores = Scores()
            for score in sorted((*(self._scores or ()), *(self._granted or {}).values())):
                scores.add(*score)
            self._scores = self._granted = None
        if self._orders:
            self._orders = {
                key: order for key, order in self._orders.items() if not order.is_plain_to_see
            }

    def take(self, entry: Record, lines: list[Line] | None) -> None:
        """Take in the next entry, and note its line."""
        ledger, data = self._ledger, entry.data
        kind = data["kind"]
        balance, pending = ledger.balance, ledger.pending
        if kind in _RESTARTS:
            ledger.since = entry.at
        match kind:
            case "order":
                self._order(entry, data)
            case "refund" | "void" | "matured":
                self._change(entry, data)
            case "award" if "order" in data:
                self._award(entry, data)
            case "action":
                if self._counts(entry):
                    self._give(entry.at, data["points"])
            case "award" | "gift" | "referral":
                self._give(entry.at, data["points"])
            case "redeemed":
                ledger.balance -= data["points"]
            case "adjusted":
                ledger.balance += data["points"]
            case "expired":
                self._expire(data["points"])
            case "tier":
                ledger.tiers = (*ledger.tiers, entry)
            case _:
                pass
        if balance <= 0 < ledger.balance:
            ledger.held_since = entry.at
        if lines is not None and kind not in _SILENT:
            lines.append(
                Line(
                    at=entry.at,
                    key=entry.key,
                    kind=kind,
                    points=ledger.balance - balance,
                    pending=ledger.pending - pending,
                    balance=ledger.balance,
                    data=data,
                )
            )

    def _known(self, order: str) -> OrderGrants:
        found = self._orders.get(order)
        if found is None:
            found = self._orders[order] = OrderGrants()
        return found

    def _give(self, at: datetime, points: int) -> None:
        self._ledger.balance += points
        if self._scores is None:
            self._scores = []
        self._scores.append((at, points, 0))

    def _counts(self, entry: Record) -> bool:
        """Whether an action is within its limit."""
        most, per = entry.data.get("at_most"), entry.data.get("per")
        if self._actions is None:
            self._actions = {}
        counted = self._actions.setdefault(entry.data["event"], [])
        since = None if per is None else entry.at - timedelta(seconds=per)
        if most is not None and sum(since is None or at > since for at in counted) >= most:
            return False
        counted.append(entry.at)
        return True

    def _order(self, entry: Record, data: Mapping[str, Any]) -> None:
        order = self._known(data["order"])
        order.entries += 1
        key = grant_key(data["order"])
        grant = order.grants.get(key)
        if grant is None:
            at = order.matured_at
            grant = Grant(by_share=False, rounding=data["rounding"], at=at or entry.at)
            order.grants[key] = grant
            grant.released = at is not None
        self._fill(grant, data)
        self._settle(order, key, grant)

    def _fill(self, grant: Grant, data: Mapping[str, Any]) -> None:
        if data["order"] == self.first:
            grant.bonus = max(grant.bonus, data["bonus"])
        grant.exact += Decimal(data["points"])
        grant.spend += Decimal(data["spend"])

    def _award(self, entry: Record, data: Mapping[str, Any]) -> None:
        order = self._known(data["order"])
        order.entries += 1
        grant = order.grants[entry.key] = Grant(by_share=True, rounding="down", at=entry.at)
        grant.released = True
        grant.exact = Decimal(data["exact"])
        self._settle(order, entry.key, grant)

    def _change(self, entry: Record, data: Mapping[str, Any]) -> None:
        """A part given back, the whole lost, or the wait over."""
        order = self._known(data["order"])
        order.entries += 1
        if data["kind"] == "matured":
            self._release(order, entry)
            return  # the order's other grants were released, and their scores added up, before
        if data["kind"] == "void":
            order.is_void = True
        else:
            order.back_points += Decimal(data["points"])
            order.back_share += Decimal(data["share"])
        for key, grant in order.grants.items():
            self._settle(order, key, grant)

    def _release(self, order: OrderGrants, entry: Record) -> None:
        order.matured_at = entry.at
        key = grant_key(entry.data["order"])
        grant = order.grants.get(key)
        if grant is not None and not grant.released:
            self._ledger.pending -= grant.left
            self._ledger.balance += grant.left
            grant.released, grant.at = True, entry.at
            self._settle(order, key, grant)

    def _settle(self, order: OrderGrants, key: str, grant: Grant) -> None:
        kept = order.kept(grant)
        change, grant.left = kept - grant.left, kept
        if not grant.released:
            self._ledger.pending += change
            return
        if self._granted is None:
            self._granted = {}
        self._granted[key] = grant.at, kept, order.spent(grant)
        if grant.expired and change < 0:
            spared = min(self.gone, -change)
            self.gone -= spared
            change += spared
        self._ledger.balance += change

    def _expire(self, points: int) -> None:
        lost = min(points, max(0, self._ledger.balance))
        self._ledger.balance -= lost
        self.gone += lost
        for order in self._orders.values():
            for grant in order.grants.values():
                grant.expired = grant.expired or grant.released
