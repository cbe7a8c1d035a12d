"""What a customer's purchases come to: the page that is written at night, and orders since.

``engine.services.stocktaking`` writes one record a customer, the page; what changes between two
nights is read from the orders themselves where the world has them. A simulation makes a page when
it is looked at (``Unwritten``).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.core.book import Record
from engine.core.customer import Line, Order
from engine.core.order_state import is_undone, kept_pieces
from engine.core.value import value_class
from engine.core.world import World
from triggers.wall_clock import resolve_local

BOOK: Final = "shopping"
PAGE: Final = "page"  # the key of the one record
REPLENISH_DUE: Final = "product.replenish_due"
_NOTHING: Final[Mapping[str, Any]] = {}


@value_class
class Refill:
    """Something bought that will be used up: once for each product, as it was last bought."""

    product_id: str
    title: str
    url: str | None
    image_url: str | None
    order_id: str
    last_bought_at: datetime
    date: datetime  # when it is probably used up
    told: bool = False

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Refill:
        """As it stands on the page."""
        return cls(
            product_id=data["product_id"],
            title=data["title"],
            url=data.get("url"),
            image_url=data.get("image_url"),
            order_id=data["order_id"],
            last_bought_at=datetime.fromisoformat(data["last_bought_at"]),
            date=datetime.fromisoformat(data["date"]),
            told=data.get("told", False),
        )

    def data(self) -> dict[str, Any]:
        """What the page keeps."""
        kept: dict[str, Any] = {
            "product_id": self.product_id,
            "title": self.title,
            "order_id": self.order_id,
            "last_bought_at": self.last_bought_at.isoformat(),
            "date": self.date.isoformat(),
        }
        if self.url is not None:
            kept["url"] = self.url
        if self.image_url is not None:
            kept["image_url"] = self.image_url
        if self.told:
            kept["told"] = True
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Reminding:
    """When customers are reminded: of all that one day brings at once, as it begins.

    A date that was reckoned from habits has no hour. ``before``: how long before the day on which
    something is used up; ``zone``: the shop's.
    """

    before: timedelta
    zone: ZoneInfo

    def at(self, date: datetime) -> datetime:
        """When to remind of what is used up at ``date``."""
        return _begin((date - self.before).astimezone(self.zone).date(), self.zone)

    def until(self, now: datetime) -> datetime:
        """What is used up before is to be reminded of by now."""
        return _tomorrow(now, self.zone) + self.before


@lru_cache(maxsize=1024)  # all customers are told of the same few days
def _begin(day: date, zone: ZoneInfo) -> datetime:
    return resolve_local(day, time.min, zone)


@lru_cache(maxsize=64)
def _tomorrow(now: datetime, zone: ZoneInfo) -> datetime:
    return _begin(now.astimezone(zone).date() + timedelta(days=1), zone)


class Unwritten(Mapping[str, Any]):
    """A page's data that is made when it is asked for. It is good until the next night."""

    __slots__ = ()

    @abstractmethod
    def refills(self) -> list[Refill]:
        """What will be used up, soonest first."""

    @abstractmethod
    def touched(self) -> Collection[str] | None:
        """The customer's orders that were touched since the page was; None: perhaps any."""

    @abstractmethod
    def due(self, until: datetime) -> list[Refill]:
        """What is used up before and was not told yet, soonest first."""

    @abstractmethod
    def tell(self, refills: Sequence[Refill]) -> datetime | None:
        """These are told now. When the next of those not told is used up, before it is looked for
        anew."""


def page_of(world: World) -> Mapping[str, Any]:
    """The customer's page; empty before the first night."""
    record = world.books.get((BOOK, PAGE))
    return _NOTHING if record is None else record.data


def rfm_scores(world: World) -> tuple[int, ...]:
    """Recency, frequency and value, each 1 to 5; empty before the first night."""
    return tuple(page_of(world).get("rfm", ()))


def refills_of(record: Record | None) -> list[Refill]:
    """What will be used up, soonest first."""
    if record is None:
        return []
    if isinstance(record.data, Unwritten):
        return record.data.refills()
    return [Refill.of(one) for one in record.data.get("refills", ())]


def due_refills(record: Record, until: datetime) -> list[Refill]:
    """What is used up before and was not told yet, soonest first."""
    if isinstance(record.data, Unwritten):
        return record.data.due(until)
    return [one for one in refills_of(record) if not one.told and one.date < until]


def after_telling(record: Record, told: Sequence[Refill], reminding: Reminding) -> Record:
    """The page when these of its refills have been told."""
    if isinstance(record.data, Unwritten):
        following = record.data.tell(told)
        return record.looked_at(None if following is None else reminding.at(following))
    return with_refills(
        record,
        [replace(one, told=True) if one in told else one for one in refills_of(record)],
        reminding,
    )


def with_refills(record: Record, refills: Sequence[Refill], reminding: Reminding) -> Record:
    """The page with these refills, due when the next of them is to be told."""
    waiting = [reminding.at(one.date) for one in refills if not one.told]
    return replace(
        record,
        data={**record.data, "refills": [one.data() for one in refills]},
        due_at=min(waiting, default=None),
    )


def open_refills(world: World) -> list[Refill]:
    """Refills still to be bought: those bought anew, refunded or cancelled since are left out.

    What is not loaded of the customer's orders cannot be looked at.
    """
    page = world.books.get((BOOK, PAGE))
    return still_last(world, page, refills_of(page))


def next_replenishment(world: World, now: datetime) -> datetime | None:
    """When the next thing is used up; None when nothing is known to be."""
    return min((one.date for one in open_refills(world) if one.date >= now), default=None)


def still_last(world: World, page: Record | None, refills: Sequence[Refill]) -> list[Refill]:
    """Those of a page whose purchase, from which they count, is kept, and after which none came."""
    if not refills or not (orders := _since_page(world, page)):
        return list(refills)
    first = min([one.last_bought_at for one in refills])
    named = {one.order_id for one in refills}
    kept = [
        (order, {key for key, *_ in kept_lines(order)})
        for order in orders
        if order.id in named or (order.placed_at is not None and order.placed_at > first)
    ]
    if not kept:
        return list(refills)
    return [one for one in refills if all(_leaves(*each, one) for each in kept)]


def _leaves(order: Order, kept: Collection[str], refill: Refill) -> bool:
    """Whether the order, of which so much is kept, leaves the refill as it is."""
    if order.id == refill.order_id:
        return refill.product_id in kept
    return (
        order.placed_at is None
        or order.placed_at <= refill.last_bought_at
        or refill.product_id not in kept
    )


def _since_page(world: World, page: Record | None) -> Collection[Order]:
    """The orders that may have changed what the customer's page says of what was bought last."""
    if page is None or not isinstance(page.data, Unwritten):
        return world.orders.values()
    touched = page.data.touched()
    if touched is None:
        return world.orders.values()
    if not touched:
        return ()
    return [order for key in touched if (order := world.orders.get(key)) is not None]


def bought_products(world: World) -> tuple[str, ...]:
    """Products bought and kept, the newest first: by the page, and by the orders at hand."""
    newest = sorted(
        (order for order in world.orders.values() if order.placed_at is not None),
        key=lambda order: (order.placed_at, order.id),
        reverse=True,
    )
    at_hand = [key for order in newest for key, *_ in kept_lines(order)]
    return tuple(dict.fromkeys([*at_hand, *page_of(world).get("products", ())]))


def kept_lines(order: Order) -> list[tuple[str, int, Line]]:
    """Each line's product and the pieces of it that were bought for oneself and kept.

    Nothing of gifts and tests, nor of what was cancelled, disputed, refunded or sent back: it says
    nothing of what the customer likes or uses up. A line without id and sku is left out.
    """
    if (
        not order.known
        or order.placed_at is None
        or order.is_gift
        or order.is_test
        or is_undone(order)
    ):
        return []
    is_whole = not order.refunds and not order.fulfilments
    return [
        (key, left, line)
        for line in order.lines.values()
        if (key := line.product_id or line.sku)
        and (left := line.quantity if is_whole else kept_pieces(order, line)) > 0
    ]
