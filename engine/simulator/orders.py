"""One customer's orders: those that matter as objects, those of long ago packed."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Collection, Iterator, MutableMapping
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final, TypeVar, overload

from engine.core.customer import Line, Order
from engine.programs.purchases import instant, microseconds

_Default = TypeVar("_Default")


class Orders(MutableMapping[str, Order]):
    """Orders by id, in no order. One that is packed is unpacked when somebody looks at it, and then
    stays so: an order is one object, and whoever has it may change it."""

    __slots__ = ("_at_hand", "_packed")

    def __init__(self) -> None:
        self._at_hand: dict[str, Order] = {}
        self._packed: dict[str, bytes] = {}

    def pack(self, before: datetime, in_use: Collection[str | None]) -> bool:
        """Pack what was placed before then, but those in use; whether others are left."""
        left = False
        for key, order in list(self._at_hand.items()):
            if key in in_use:
                continue
            if order.placed_at is not None and order.placed_at < before:
                self._packed[key] = _pack(self._at_hand.pop(key))
            else:
                left = True
        return left

    @overload
    def get(self, key: str, default: None = None) -> Order | None: ...
    @overload
    def get(self, key: str, default: Order | _Default) -> Order | _Default: ...
    def get(self, key: str, default: Order | _Default | None = None) -> Order | _Default | None:
        """An order, or ``default``."""
        found = self._at_hand.get(key)
        if found is None and key in self._packed:
            found = self._at_hand[key] = _unpack(key, self._packed.pop(key))
        return default if found is None else found

    def __getitem__(self, key: str) -> Order:
        found = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __setitem__(self, key: str, order: Order) -> None:
        self._at_hand[key] = order
        self._packed.pop(key, None)

    def __delitem__(self, key: str) -> None:
        if self._packed.pop(key, None) is None:
            del self._at_hand[key]

    def __contains__(self, key: object) -> bool:
        return key in self._at_hand or key in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter([*self._packed, *self._at_hand])  # looking at one moves it

    def __len__(self) -> int:
        return len(self._at_hand) + len(self._packed)


_PICKLED: Final = b"\x80"  # what no zlib stream begins with (RFC 1950: its method is 8)
_SUMS: Final = ("total", "subtotal", "shipping", "tax", "discount")
_APART: Final = ("id", "placed_at", "facts", "lines", *_SUMS)
_ORDER: Final = tuple(one.name for one in fields(Order) if one.name not in _APART)
_LINE: Final = tuple(one.name for one in fields(Line) if one.name != "price")
_of_order: Final = attrgetter(*_ORDER)
_of_line: Final = attrgetter(*_LINE)
_sums_of: Final = attrgetter(*_SUMS)
_LONG: Final = 300  # bytes; what is shorter does not become less


def _pack(order: Order) -> bytes:
    """The order as few bytes. Sums are text: pickled they take three times the room."""
    at = None if order.placed_at is None else microseconds(order.placed_at)
    facts = {name: microseconds(at) for name, at in order.facts.items()}
    sums = [None if each is None else str(each) for each in _sums_of(order)]
    lines = [(str(line.price), *_of_line(line)) for line in order.lines.values()]
    whole = pickle.dumps((at, facts, sums, lines, _of_order(order)), pickle.HIGHEST_PROTOCOL)
    return whole if len(whole) < _LONG else zlib.compress(whole, 1)


def _unpack(key: str, packed: bytes) -> Order:
    whole = packed if packed.startswith(_PICKLED) else zlib.decompress(packed)
    at, facts, sums, lines, values = pickle.loads(whole)  # noqa: S301 (nobody else has written it)
    told: dict[str, Any] = dict(zip(_ORDER, values, strict=True))
    for name, text in zip(_SUMS, sums, strict=True):
        told[name] = None if text is None else Decimal(text)
    made = [
        Line(price=Decimal(price), **dict(zip(_LINE, line, strict=True))) for price, *line in lines
    ]
    return Order(
        id=key,
        placed_at=None if at is None else instant(at),
        facts={name: instant(when) for name, when in facts.items()},
        lines={line.id: line for line in made},
        **told,
    )
