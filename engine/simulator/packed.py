"""An event of a history in a form that is read again quickly, over and over.

It was validated when it came in, so reading it again validates nothing. What many events say in the
same words (products, currencies, sources) they share in memory.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from sys import intern
from typing import Any, Final

from triggers.event import (
    ConsentFact,
    CustomerFacts,
    Event,
    FulfilmentFacts,
    LineFacts,
    LineQuantity,
    OrderFacts,
    RefundFacts,
    TicketFacts,
)
from triggers.sources.native import deserialize, is_plain, serialize

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)
_JSON: Final = b"{"  # begins an event that is kept as its JSON; no packed one begins with it
_OWN: Final = frozenset({"id", "number", "line_id", "email", "phone"})  # few are told alike
_Told = dict[str, Any]


class _Unpackable(Exception):
    """Only its JSON says what would be read."""


class _Form:
    """How the objects of one class are packed: as what they tell beyond the defaults.

    ``into`` and ``out`` are for the fields whose values are not packed as they are.
    """

    def __init__(
        self,
        made: Callable[..., Any],
        into: Mapping[str, Callable[[Any], Any]],
        out: Mapping[str, Callable[[Any], Any]],
    ) -> None:
        self._made = made
        self._fields = [
            (
                one.name,
                {} if one.default is MISSING and one.default_factory is dict else one.default,
            )
            for one in fields(made)  # type: ignore[arg-type]  # a dataclass
        ]
        self._values = attrgetter(*(name for name, _ in self._fields))
        self._into = dict(into)
        self._out = tuple(out.items())

    def pack(self, whole: Any) -> _Told:
        """What it tells."""
        into, told = self._into, {}
        for (name, default), value in zip(self._fields, self._values(whole), strict=True):
            if value is default or value == default:
                continue
            kind = type(value)
            if (convert := into.get(name)) is not None:
                told[name] = convert(value)
            elif kind is str:
                told[name] = value if name in _OWN else intern(value)
            elif kind is int or kind is bool:
                told[name] = value
            else:
                raise _Unpackable
        return told

    def unpack(self, told: _Told) -> Any:
        """The object that told it."""
        for name, convert in self._out:
            if name in told:
                told[name] = convert(told[name])
        return self._made(**told)


def pack(event: Event) -> bytes:
    """An event that JSON can keep, as ``unpack`` gives it back: as if it had been JSON."""
    try:
        return marshal.dumps((_EVENT.pack(event),))
    except (_Unpackable, TypeError, ValueError):  # the latter of what is no plain value
        return serialize(event)


def unpack(packed: bytes) -> Event:
    """The event that was packed."""
    if packed.startswith(_JSON):
        return deserialize(packed)
    (told,) = marshal.loads(packed)  # noqa: S302 (nobody else has written it)
    event: Event = _EVENT.unpack(told)
    return event


def _moment(value: datetime) -> int:
    if value.tzinfo is not UTC:
        raise _Unpackable
    return (value - _EPOCH) // _INSTANT


@lru_cache(maxsize=256)  # an event tells several things of one moment, and those after it others
def _instant(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)


_FREE: Final = Decimal(0)
_amount: Final = lru_cache(maxsize=100_000)(Decimal)  # a shop has few prices


def _as_json(value: Any) -> Any:
    if not is_plain(value):
        raise _Unpackable
    return value


def _words(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple([intern(each) for each in values])


def _packed_lines(lines: tuple[LineFacts, ...]) -> tuple[tuple[Any, ...], ...]:
    """Lines in whole: an order has many, and making each by its names would take longest."""
    return tuple(
        [
            (
                one.id,
                _word(one.product_id),
                _word(one.variant_id),
                _word(one.sku),
                intern(one.title),
                one.quantity,
                None if one.price == 0 else str(one.price),
                _word(one.url),
                _word(one.image_url),
            )
            for one in lines
        ]
    )


def _lines(packed: tuple[tuple[Any, ...], ...]) -> tuple[LineFacts, ...]:
    return tuple(
        [
            LineFacts(
                id=key,
                product_id=product_id,
                variant_id=variant_id,
                sku=sku,
                title=title,
                quantity=quantity,
                price=_FREE if price is None else _amount(price),
                url=url,
                image_url=image_url,
            )
            for key, product_id, variant_id, sku, title, quantity, price, url, image_url in packed
        ]
    )


def _word(value: str | None) -> str | None:
    return None if value is None else intern(value)


def _each(convert: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    return lambda values: tuple([convert(each) for each in values])


def _consents(convert: Callable[[Any], Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda told: {channel: convert(fact) for channel, fact in told.items()}


def _form(
    made: Callable[..., Any],
    moments: tuple[str, ...] = (),
    amounts: tuple[str, ...] = (),
    **parts: tuple[Callable[[Any], Any], Callable[[Any], Any]],
) -> _Form:
    into: dict[str, Callable[[Any], Any]] = dict.fromkeys(moments, _moment)
    into |= dict.fromkeys(amounts, str)
    out: dict[str, Callable[[Any], Any]] = dict.fromkeys(moments, _instant)
    out |= dict.fromkeys(amounts, _amount)
    for name, (there, back) in parts.items():
        into[name], out[name] = there, back
    return _Form(made, into, out)


def _same(value: Any) -> Any:
    return value


_KEPT: Final = (_as_json, _same)
_TAGS: Final = (_words, _same)
_CONSENT: Final = _form(ConsentFact, moments=("at",))
_CUSTOMER: Final = _form(
    CustomerFacts,
    birthday=(date.toordinal, date.fromordinal),
    tags=_TAGS,
    attributes=_KEPT,
    consent=(_consents(_CONSENT.pack), _consents(_CONSENT.unpack)),
)
_PIECES: Final = _form(LineQuantity, amounts=("amount",))
_SOME: Final = (_each(_PIECES.pack), _each(_PIECES.unpack))
_PARCEL: Final = _form(FulfilmentFacts, moments=("at", "estimated_at"), lines=_SOME)
_REFUND: Final = _form(RefundFacts, moments=("at",), amounts=("amount",), lines=_SOME)
_ORDER: Final = _form(
    OrderFacts,
    moments=("placed_at", "updated_at", "paid_at", "cancelled_at", "returned_at", "disputed_at"),
    amounts=("total", "subtotal", "shipping", "tax", "discount"),
    discount_codes=_TAGS,
    lines=(_packed_lines, _lines),
    fulfilments=(_each(_PARCEL.pack), _each(_PARCEL.unpack)),
    refunds=(_each(_REFUND.pack), _each(_REFUND.unpack)),
    attributes=_KEPT,
)
_TICKET: Final = _form(TicketFacts, moments=("updated_at",), tags=_TAGS)
_EVENT: Final = _form(
    Event,
    moments=("time",),
    customer=(_CUSTOMER.pack, _CUSTOMER.unpack),
    order=(_ORDER.pack, _ORDER.unpack),
    ticket=(_TICKET.pack, _TICKET.unpack),
    data=_KEPT,
    causes=_TAGS,
)
