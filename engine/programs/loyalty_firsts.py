"""Which order the bonus for the first one goes with."""

from __future__ import annotations

from datetime import datetime

from engine.core.book import Record

_Claim = tuple[bool, datetime, str]  # of an order: whether it waits, since or until when, its id


class Firsts:
    """The order that the bonus goes with: the first to mature, else the first that waits.

    Whoever had orders before the program knew them has none. Entries come in the order of their
    times. After ``settle`` only the first is known, and entries are taken by ``take_on``.
    """

    __slots__ = ("_first", "_is_veteran", "_lost", "_matured", "_placed")

    def __init__(self) -> None:
        self._is_veteran = False
        self._first: _Claim | None = None
        self._lost: set[str] | None = None
        self._placed: dict[str, _Claim] | None = {}
        self._matured: dict[str, datetime] | None = {}

    @property
    def order(self) -> str | None:
        """The order."""
        return None if self._is_veteran or self._first is None else self._first[2]

    def take(self, entry: Record) -> None:
        """Take in an entry."""
        placed, matured = self._placed, self._matured
        assert placed is not None
        assert matured is not None
        data = entry.data
        match data["kind"]:
            case "veteran":
                self._is_veteran = True
            case "void":
                self._lose(data["order"])
                gone = placed.pop(data["order"], None)
                if gone is not None and gone == self._first:
                    self._first = min(placed.values(), default=None)
            case "matured":
                order = data["order"]
                matured[order] = entry.at
                if order in placed:
                    self._offer(placed, (False, entry.at, order))
            case "order":
                order = data["order"]
                if order not in placed and (self._lost is None or order not in self._lost):
                    since = matured.get(order)
                    self._offer(placed, (since is None, since or entry.at, order))
            case _:
                pass

    def settle(self) -> None:
        """Keep the first alone."""
        self._placed = self._matured = None

    def take_on(self, entry: Record) -> bool:
        """Take in an entry behind all others; False when the others are needed for that."""
        data = entry.data
        match data["kind"]:
            case "veteran":
                if self._first is not None:
                    return False
                self._is_veteran = True
            case "void":
                if self._first is not None and self._first[2] == data["order"]:
                    return False
                self._lose(data["order"])
            case "matured":
                if self._lost is not None and data["order"] in self._lost:
                    return False
                self._offer(None, (False, entry.at, data["order"]))
            case "order" if data["number"] == 1:
                if self._lost is not None and data["order"] in self._lost:
                    return False
                self._offer(None, (True, entry.at, data["order"]))
            case _:
                pass
        return True

    def _offer(self, placed: dict[str, _Claim] | None, claim: _Claim) -> None:
        if placed is not None:
            placed[claim[2]] = claim
        if self._first is None or claim < self._first:
            self._first = claim

    def _lose(self, order: str) -> None:
        if self._lost is None:
            self._lost = set()
        self._lost.add(order)
