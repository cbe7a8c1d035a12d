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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any, Final

from engine.core.book import Books, Record
from engine.core.points import ACCOUNT, BOOK
from engine.core.value import value_class

ROUNDING: Final[Mapping[str, str]] = {
    "down": ROUND_FLOOR,
    "nearest": ROUND_HALF_UP,
    "up": ROUND_CEILING,
}
_ZERO, _ONE = Decimal(0), Decimal(1)
_NOTHING: Final = Decimal("0.000001")  # what the rounding of shares may leave of an order
_EXACT: Final = Decimal("0.0001")
# What the time without activity counts from; birthdays and refunds are no activity.
_RESTARTS: Final = frozenset(
    {"order", "action", "award", "referral", "redeemed", "adjusted", "expired"}
)
_SILENT: Final = frozenset({"warned", "veteran"})
# At one instant what gives comes before what takes.
_RANK: Final = {"order": 0, "award": 1, "matured": 2, "redeemed": 4, "expired": 5}
_Place = tuple[datetime, int, str]  # of an entry in the order of reading


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


@value_class
class Score:
    """What counts towards tiers from ``at`` on."""

    at: datetime
    points: int
    spend: Decimal


@value_class
class Ledger:
    """What the entries add up to.

    ``scores`` stand in the order of their times; ``tiers`` are the entries that tell of tiers,
    ``since`` is the last activity.
    """

    lines: tuple[Line, ...]
    balance: int
    pending: int
    scores: tuple[Score, ...]
    tiers: tuple[Record, ...]
    since: datetime | None

    @property
    def debt(self) -> int:
        """Points that were spent and then taken back."""
        return max(0, -self.balance)


@dataclass(slots=True)
class _Grant:
    """Points that hang on an order, and how much of them is left."""

    key: str
    by_share: bool  # a refund takes its share of the money, else the points of what came back
    rounding: str
    at: datetime
    exact: Decimal = _ZERO
    spend: Decimal = _ZERO
    bonus: int = 0
    released: bool = False
    expired: bool = False
    left: int = 0  # what the balance, or what waits, holds of it


@dataclass(slots=True)
class _Order:
    back_points: Decimal = _ZERO  # of what it earned
    back_share: Decimal = _ZERO  # of what was paid, 0 to 1
    is_void: bool = False
    matured_at: datetime | None = None
    grants: dict[str, _Grant] = field(default_factory=dict)

    def kept(self, grant: _Grant) -> int:
        left = self.left
        if not left:
            return 0
        exact = grant.exact * left if grant.by_share else grant.exact - self.back_points
        whole = exact.quantize(_EXACT).to_integral_value(rounding=ROUNDING[grant.rounding])
        return max(0, int(whole)) + grant.bonus

    def spent(self, grant: _Grant) -> Decimal:
        return (grant.spend * self.left).quantize(_EXACT)

    @property
    def left(self) -> Decimal:
        """The part of the order that is left; three thirds given back leave nothing."""
        if self.is_void:
            return _ZERO
        left = _ONE - min(_ONE, max(_ZERO, self.back_share))
        return left if left > _NOTHING else _ZERO


def read_ledger(records: Iterable[Record]) -> Ledger:
    """The ledger of the records of the book ``points``."""
    return LedgerReader().read(Books({(BOOK, one.key): one for one in records}))


class LedgerReader:
    """Reads a ledger on where it stopped, as long as entries only come behind the last one.

    Any other change is read from the start, so what it says never depends on what it read before.
    """

    def __init__(self) -> None:
        self._place = 0  # in the book
        self._entries: dict[str, Record] = {}
        self._firsts = _Firsts()
        self._reading = _Reading(first=None)
        self._ledger = self._reading.ledger()

    def read(self, books: Books) -> Ledger:
        """The ledger of a customer's books; always the same customer's."""
        written, self._place = books.since(BOOK, self._place)
        fresh: dict[str, Record] = {}
        is_as_read = True
        for one in written:
            if one.key != ACCOUNT:
                former = self._entries.get(one.key)
                if former is None:
                    fresh[one.key] = one
                elif not _says_the_same(former, one):
                    is_as_read = False
        if not (is_as_read and self._read_on(sorted(fresh.values(), key=_place))):
            entries = sorted((one for one in books.of(BOOK) if one.key != ACCOUNT), key=_place)
            self._entries = {one.key: one for one in entries}
            self._firsts = _Firsts()
            for one in entries:
                self._firsts.take(one)
            self._read(entries, _Reading(first=self._firsts.order))
        return self._ledger

    def _read_on(self, fresh: Sequence[Record]) -> bool:
        """Whether these could be read behind what was read before."""
        reading = self._reading
        if not fresh:
            return True
        if reading.place is not None and _place(fresh[0]) < reading.place:
            return False
        for one in fresh:
            self._entries[one.key] = one
            self._firsts.take(one)
        if self._firsts.order != reading.first:
            return False
        self._read(fresh, reading)
        return True

    def _read(self, entries: Sequence[Record], reading: _Reading) -> None:
        for one in entries:
            reading.take(one)
        if entries:
            reading.place = _place(entries[-1])
        self._reading, self._ledger = reading, reading.ledger()


def _says_the_same(one: Record, other: Record) -> bool:
    if one is other:
        return True
    return one.at == other.at and (one.data is other.data or one.data == other.data)


def _place(entry: Record) -> _Place:
    return entry.at, _RANK.get(entry.data["kind"], 3), entry.key


@dataclass(slots=True)
class _Firsts:
    """The order that the bonus goes with: the first to mature, else the first that waits.

    Whoever had orders before the program knew them has none.
    """

    is_veteran: bool = False
    _first: tuple[bool, datetime, str] | None = None  # whether it waits, since or until when
    _placed: dict[str, tuple[bool, datetime, str]] = field(default_factory=dict)
    _void: set[str] = field(default_factory=set)
    _matured: dict[str, datetime] = field(default_factory=dict)

    @property
    def order(self) -> str | None:
        return None if self.is_veteran or self._first is None else self._first[2]

    def take(self, entry: Record) -> None:
        """Entries come in the order of their times."""
        match entry.data["kind"]:
            case "veteran":
                self.is_veteran = True
            case "void":
                self._lose(entry.data["order"])
            case "matured":
                order = entry.data["order"]
                self._matured[order] = entry.at
                if order in self._placed:
                    self._place(order, entry.at)
            case "order":
                order = entry.data["order"]
                if order not in self._void and order not in self._placed:
                    self._place(order, entry.at)
            case _:
                pass

    def _place(self, order: str, at: datetime) -> None:
        matured = self._matured.get(order)
        place = self._placed[order] = (matured is None, matured or at, order)
        if self._first is None or place < self._first:
            self._first = place

    def _lose(self, order: str) -> None:
        self._void.add(order)
        lost = self._placed.pop(order, None)
        if lost is not None and lost == self._first:
            self._first = min(self._placed.values(), default=None)


@dataclass(slots=True)
class _Reading:
    first: str | None
    place: _Place | None = None  # of the last entry
    since: datetime | None = None
    tiers: list[Record] = field(default_factory=list)
    balance: int = 0
    pending: int = 0
    gone: int = 0  # points that expired and were not yet taken back by a refund
    lines: list[Line] = field(default_factory=list)
    orders: dict[str, _Order] = field(default_factory=dict)
    scores: list[Score] = field(default_factory=list)  # of what hangs on no order
    granted: dict[str, Score] = field(default_factory=dict)  # by grant, once it is released
    taken: dict[str, list[datetime]] = field(default_factory=dict)  # actions that counted

    def ledger(self) -> Ledger:
        return Ledger(
            lines=tuple(self.lines),
            balance=self.balance,
            pending=self.pending,
            scores=tuple(
                sorted((*self.scores, *self.granted.values()), key=lambda score: score.at)
            ),
            tiers=tuple(self.tiers),
            since=self.since,
        )

    def take(self, entry: Record) -> None:
        before = self.balance, self.pending
        data = entry.data
        if data["kind"] in _RESTARTS:
            self.since = entry.at
        match data["kind"]:
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
                self.balance -= data["points"]
            case "adjusted":
                self.balance += data["points"]
            case "expired":
                self._expire(data["points"])
            case "tier":
                self.tiers.append(entry)
            case _:
                pass
        if data["kind"] not in _SILENT:
            self.lines.append(
                Line(
                    at=entry.at,
                    key=entry.key,
                    kind=data["kind"],
                    points=self.balance - before[0],
                    pending=self.pending - before[1],
                    balance=self.balance,
                    data=data,
                )
            )

    def _known(self, order: str) -> _Order:
        return self.orders.setdefault(order, _Order())

    def _give(self, at: datetime, points: int) -> None:
        self.balance += points
        self.scores.append(Score(at=at, points=points, spend=_ZERO))

    def _counts(self, entry: Record) -> bool:
        """Whether an action is within its limit."""
        most, per = entry.data.get("at_most"), entry.data.get("per")
        counted = self.taken.setdefault(entry.data["event"], [])
        since = None if per is None else entry.at - timedelta(seconds=per)
        if most is not None and sum(since is None or at > since for at in counted) >= most:
            return False
        counted.append(entry.at)
        return True

    def _order(self, entry: Record, data: Mapping[str, Any]) -> None:
        order = self._known(data["order"])
        key = grant_key(data["order"])
        grant = order.grants.get(key)
        if grant is None:
            at = order.matured_at
            grant = order.grants[key] = _Grant(key, False, data["rounding"], at or entry.at)
            grant.released = at is not None
        if data["order"] == self.first:
            grant.bonus = max(grant.bonus, data["bonus"])
        grant.exact += Decimal(data["points"])
        grant.spend += Decimal(data["spend"])
        self._settle(order, grant)

    def _award(self, entry: Record, data: Mapping[str, Any]) -> None:
        order = self._known(data["order"])
        grant = order.grants[entry.key] = _Grant(entry.key, True, "down", entry.at)
        grant.released = True
        grant.exact = Decimal(data["exact"])
        self._settle(order, grant)

    def _change(self, entry: Record, data: Mapping[str, Any]) -> None:
        """A part given back, the whole lost, or the wait over."""
        order = self._known(data["order"])
        if data["kind"] == "matured":
            self._release(order, entry)
        elif data["kind"] == "void":
            order.is_void = True
        else:
            order.back_points += Decimal(data["points"])
            order.back_share += Decimal(data["share"])
        for grant in order.grants.values():
            self._settle(order, grant)

    def _release(self, order: _Order, entry: Record) -> None:
        order.matured_at = entry.at
        grant = order.grants.get(grant_key(entry.data["order"]))
        if grant is not None and not grant.released:
            self.pending -= grant.left
            self.balance += grant.left
            grant.released, grant.at = True, entry.at

    def _settle(self, order: _Order, grant: _Grant) -> None:
        kept = order.kept(grant)
        change, grant.left = kept - grant.left, kept
        if not grant.released:
            self.pending += change
            return
        self.granted[grant.key] = Score(at=grant.at, points=kept, spend=order.spent(grant))
        if grant.expired and change < 0:
            spared = min(self.gone, -change)
            self.gone -= spared
            change += spared
        self.balance += change

    def _expire(self, points: int) -> None:
        lost = min(points, max(0, self.balance))
        self.balance -= lost
        self.gone += lost
        for order in self.orders.values():
            for grant in order.grants.values():
                grant.expired = grant.expired or grant.released


def grant_key(order: str) -> str:
    """The key of what an order earned."""
    return f"order:{order}"
