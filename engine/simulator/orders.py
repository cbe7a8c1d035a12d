"""One customer's orders: those that matter as objects, those of long ago packed."""

from __future__ import annotations

import marshal
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from operator import attrgetter
from typing import Any, Final, TypeVar, overload

from engine.core.customer import Fulfilment, Line, Order, ParcelStatus, Refund
from engine.core.instants import instant, microseconds
from engine.simulator.press import Press

_Default = TypeVar("_Default")
_FEW: Final = 8  # orders, which are looked through, and need no table
_Few = tuple[Any, ...]  # an id, its order, the next id, ...


class Orders(MutableMapping[str, Order]):
    """Orders by id, in no order. One that is packed is unpacked for whoever looks at it, and stays
    packed: who changes it gives it back."""

    __slots__ = ("_kept", "_owner", "_press")

    def __init__(self) -> None:
        self._kept: _Few | dict[str, Order | bytes] = ()
        self._owner: str | None = None  # of what is packed
        self._press: Press | None = None

    def pack(self, before: datetime, owner: str, press: Press) -> bool:
        """Pack what the customer ordered before then; whether others are left.

        ``press`` is the same every time.
        """
        left = False
        self._owner, self._press = owner, press
        for order in [each for _, each in self._all() if isinstance(each, Order)]:
            placed_at = order.placed_at
            if placed_at is not None and placed_at < before and order.customer_id == owner:
                self._keep(order.id, press.press(_packed(order, placed_at)))
            else:
                left = True
        return left

    def chosen(self, keys: Iterable[str]) -> MutableMapping[str, Order]:
        """Those of these that there are."""
        found = dict[str, Order]()
        packed: list[str] = []
        for key in keys:
            order = self._find(key)
            if isinstance(order, bytes):
                packed.append(key)
            elif order is not None:
                found[key] = order
        return _Chosen(self, found, packed) if packed else found

    def all(self) -> MutableMapping[str, Order]:
        """All of them for one who may change them: an order is one object there."""
        return _All(self)

    @overload
    def get(self, key: str, default: None = None) -> Order | None: ...
    @overload
    def get(self, key: str, default: Order | _Default) -> Order | _Default: ...
    def get(self, key: str, default: Order | _Default | None = None) -> Order | _Default | None:
        """An order, or ``default``."""
        found = self._find(key)
        return default if found is None else self._unpacked(key, found)

    def __getitem__(self, key: str) -> Order:
        found = self._find(key)
        if found is None:
            raise KeyError(key)
        return self._unpacked(key, found)

    def __setitem__(self, key: str, order: Order) -> None:
        self._keep(key, order)

    def __delitem__(self, key: str) -> None:
        kept = dict(self._all())
        del kept[key]
        self._kept = kept if len(kept) > _FEW else tuple(chain.from_iterable(kept.items()))

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self._all())

    def __len__(self) -> int:
        kept = self._kept
        return len(kept) if isinstance(kept, dict) else len(kept) // 2

    def _unpacked(self, key: str, found: Order | bytes) -> Order:
        if isinstance(found, bytes):
            assert self._press is not None
            return _unpacked(key, self._owner, self._press.open(found))
        return found

    def _all(self) -> Iterable[tuple[str, Order | bytes]]:
        kept = self._kept
        return kept.items() if isinstance(kept, dict) else zip(kept[::2], kept[1::2], strict=True)

    def _find(self, key: str) -> Order | bytes | None:
        kept = self._kept
        if isinstance(kept, dict):
            return kept.get(key)
        place = _place(kept, key)
        found: Order | bytes | None = None if place is None else kept[place]
        return found

    def _keep(self, key: str, order: Order | bytes) -> None:
        kept = self._kept
        if isinstance(kept, dict):
            kept[key] = order
            return
        place = _place(kept, key)
        if place is not None:
            if kept[place] is not order:
                self._kept = (*kept[:place], order, *kept[place + 1 :])
        elif len(self) < _FEW:
            self._kept = (*kept, key, order)
        else:
            self._kept = {**dict(self._all()), key: order}


def _place(kept: _Few, key: str) -> int | None:
    """Where the order with a key stands; mostly it is one of the latest."""
    for place in range(len(kept) - 2, -1, -2):
        if kept[place] == key:
            return place + 1
    return None


class _All(MutableMapping[str, Order]):
    """A customer's orders, each of which is unpacked once."""

    __slots__ = ("_seen", "_whole")

    def __init__(self, whole: Orders) -> None:
        self._whole = whole
        self._seen: dict[str, Order] = {}

    def __getitem__(self, key: str) -> Order:
        found = self._seen.get(key)
        if found is None:
            found = self._seen[key] = self._whole[key]
        return found

    def __setitem__(self, key: str, order: Order) -> None:
        self._whole[key] = self._seen[key] = order

    def __delitem__(self, key: str) -> None:
        del self._whole[key]
        self._seen.pop(key, None)

    def __contains__(self, key: object) -> bool:
        return key in self._whole

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole)

    def __len__(self) -> int:
        return len(self._whole)


class _Chosen(MutableMapping[str, Order]):
    """Some of a customer's orders, unpacked when somebody looks at them, and others added."""

    __slots__ = ("_found", "_whole")

    def __init__(self, whole: Orders, found: Mapping[str, Order], packed: Iterable[str]) -> None:
        self._whole = whole
        self._found: dict[str, Order | None] = {**found, **dict.fromkeys(packed)}

    def __getitem__(self, key: str) -> Order:
        found = self._found[key]
        if found is None:
            found = self._found[key] = self._whole[key]
        return found

    def __setitem__(self, key: str, order: Order) -> None:
        self._found[key] = order

    def __delitem__(self, key: str) -> None:
        del self._found[key]

    def __contains__(self, key: object) -> bool:
        return key in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


_OWN: Final = (
    "known", "number", "currency", "discount_codes", "is_gift", "is_test", "country", "channel",
    "status_url", "cancel_reason", "has_open_return", "attributes",
)  # fmt: skip
_SUMS: Final = ("total", "subtotal", "shipping", "tax", "discount")
_own_of: Final = attrgetter(*_OWN)
_sums_of: Final = attrgetter(*_SUMS)


def _packed(order: Order, placed_at: datetime) -> bytes:
    """The order but for its id and its owner's. Moments count from when it was placed, and where
    all was told at once that is said once: both are found again in other orders."""
    began = microseconds(placed_at)
    stamps: Any = [*order.stamps], [each - began for each in order.stamps.values()]
    if len(set(stamps[1])) == 1:
        stamps = stamps[0], stamps[1][0]
    return marshal.dumps(
        (
            began,
            _own_of(order),
            [_text(each) for each in _sums_of(order)],
            [
                (
                    one.id,
                    one.product_id,
                    one.variant_id,
                    one.sku,
                    one.title,
                    one.quantity,
                    str(one.price),
                    one.url,
                    one.image_url,
                )
                for one in order.lines.values()
            ],
            [
                (
                    one.id,
                    one.status.value,
                    microseconds(one.at) - began,
                    one.carrier,
                    one.tracking_number,
                    one.tracking_url,
                    None if one.estimated_at is None else microseconds(one.estimated_at) - began,
                    one.lines,
                )
                for one in order.fulfilments.values()
            ],
            [
                (
                    one.id,
                    microseconds(one.at) - began,
                    _text(one.amount),
                    one.reason,
                    one.returned,
                    one.lines,
                )
                for one in order.refunds.values()
            ],
            [*order.facts],
            [microseconds(at) - began for at in order.facts.values()],
            stamps,
        )
    )


def _unpacked(key: str, owner: str | None, packed: bytes) -> Order:
    whole = marshal.loads(packed)  # noqa: S302 (nobody else has written it)
    began, own, sums, lines, parcels, refunds, facts, moments, (stamped, stamps) = whole
    alike = isinstance(stamps, int)
    told: dict[str, Any] = dict(zip(_OWN, own, strict=True))
    told.update(zip(_SUMS, map(_amount, sums), strict=True))
    return Order(
        id=key,
        customer_id=owner,
        placed_at=_moment(began),
        lines={
            one: Line(
                id=one,
                product_id=product_id,
                variant_id=variant_id,
                sku=sku,
                title=title,
                quantity=quantity,
                price=_price(price),
                url=url,
                image_url=image_url,
            )
            for one, product_id, variant_id, sku, title, quantity, price, url, image_url in lines
        },
        fulfilments={
            one: Fulfilment(
                id=one,
                status=ParcelStatus(status),
                at=_moment(began + at),
                carrier=carrier,
                tracking_number=number,
                tracking_url=url,
                estimated_at=None if estimated is None else _moment(began + estimated),
                lines=pieces,
            )
            for one, status, at, carrier, number, url, estimated, pieces in parcels
        },
        refunds={
            one: Refund(
                id=one,
                at=_moment(began + at),
                amount=_amount(amount),
                reason=reason,
                returned=returned,
                lines=pieces,
            )
            for one, at, amount, reason, returned, pieces in refunds
        },
        facts={name: _moment(began + at) for name, at in zip(facts, moments, strict=True)},
        stamps=dict.fromkeys(stamped, began + stamps)
        if alike
        else {name: began + at for name, at in zip(stamped, stamps, strict=True)},
        **told,
    )


_price: Final = lru_cache(maxsize=10_000)(Decimal)  # a shop has few


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _amount(text: str | None) -> Decimal | None:
    return None if text is None else _price(text)


_moment: Final = lru_cache(maxsize=64)(instant)  # an order tells several things of one moment
