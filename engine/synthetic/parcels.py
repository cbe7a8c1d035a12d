"""What becomes of one order of the made-up shop, and of who complains of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any, Final

from engine.demo_shop.people import Place
from engine.synthetic.goods import Good

_DAY: Final = 86_400
_FREE_FROM: Final = Decimal(50)
_SHIPPING: Final = Decimal("5.90")
Told = tuple[int, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Order:
    """One order: its customer as told with it, its facts, and what it came to."""

    number: int
    customer: dict[str, Any]
    facts: dict[str, Any]
    total: Decimal
    is_gift: bool

    @classmethod
    def placed(
        cls,
        random: Random,
        number: int,
        customer: dict[str, Any],
        basket: Sequence[tuple[Good, int]],
        at: int,
    ) -> Order:
        """An order of these goods, placed ``at`` seconds since the epoch."""
        goods = sum((Decimal(good.price) * count for good, count in basket), Decimal(0))
        shipping = Decimal(0) if goods >= _FREE_FROM else _SHIPPING
        before_christmas = instant(at)[5:10] >= "11-24" and instant(at)[5:10] < "12-24"
        is_gift = random.random() < (0.25 if before_christmas else 0.06)
        facts: dict[str, Any] = {
            "id": f"o{number}",
            "number": f"#{number}",
            "placed_at": instant(at),
            "currency": "USD",
            "subtotal": str(goods),
            "shipping": str(shipping),
            "total": str(goods + shipping),
            "country": customer["country"],
            "is_gift": is_gift,
            "channel": "web",
            "lines": [
                {
                    "id": f"{place}",
                    "product_id": good.id,
                    "sku": good.id,
                    "title": good.title,
                    "quantity": count,
                    "price": good.price,
                    "url": good.url,
                }
                for place, (good, count) in enumerate(basket, start=1)
            ],
        }
        return cls(number, customer, facts, goods + shipping, is_gift)

    def told(self, what: str, at: int, **facts: Any) -> dict[str, Any]:
        """An event of this order; later ones tell only what is new."""
        first = what == "placed"
        return {
            "id": f"order.{what}:{self.number}",
            "source": "shop",
            "type": f"order.{what}",
            "time": instant(at),
            "customer": self.customer if first else {"id": self.customer["id"]},
            "order": self.facts if first else {"id": self.facts["id"], **facts},
        }

    def parcel(self, what: str, status: str, at: int) -> dict[str, Any]:
        """An event of its one parcel."""
        parcel = {"id": f"p{self.number}", "status": status, "at": instant(at)}
        return self.told(what, at, fulfilments=[parcel])


def afterwards(random: Random, order: Order, place: Place, at: int) -> Iterator[Told]:
    """What follows, each with its moment; in no particular order."""
    if random.random() < 0.02:
        gone = at + random.randrange(1800, 6 * 3600)
        yield gone, order.told("cancelled", gone, cancelled_at=instant(gone))
        return
    paid = at + random.randrange(20, 180)
    yield paid, order.told("paid", paid, paid_at=instant(paid))
    shipped = _next_working_day(at) * _DAY + random.randrange(15 * 3600, 22 * 3600)
    yield shipped, order.parcel("shipped", "shipped", shipped)
    least, most = place.transit
    arrives = shipped + random.randrange(least * _DAY, (most + 1) * _DAY)
    luck = random.random()
    if luck < 0.005:
        lost = arrives + 10 * _DAY
        yield lost, order.parcel("lost", "lost", lost)
        yield from _ticket(random, order, arrives + 2 * _DAY)
        refunded = lost + _DAY
        yield refunded, _refund(order, refunded, order.total, returned=False)
        return
    if luck < 0.065:
        noticed = arrives - _DAY // 2
        yield noticed, order.parcel("delayed", "delayed", noticed)
        arrives += random.randrange(_DAY, 5 * _DAY)
    on_the_van = arrives - random.randrange(2 * 3600, 6 * 3600)
    yield on_the_van, order.parcel("out_for_delivery", "out_for_delivery", on_the_van)
    yield arrives, order.parcel("delivered", "delivered", arrives)
    if random.random() < (0.2 if 0.005 <= luck < 0.065 else 0.03):
        yield from _ticket(random, order, arrives + random.randrange(-_DAY, 3 * _DAY))
    if random.random() < 0.05:
        back = arrives + random.randrange(3 * _DAY, 20 * _DAY)
        whole = random.random() < 0.6
        amount = order.total if whole else (order.total / 2).quantize(Decimal("0.01"))
        yield back, _refund(order, back, amount, returned=whole)
    elif random.random() < 0.06:
        written = arrives + random.randrange(2 * _DAY, 20 * _DAY)
        yield written, _review(random, order, written)
    if random.random() < 0.006:
        left = arrives + random.randrange(_DAY, 30 * _DAY)
        yield left, _leaves(order, left)


def _refund(order: Order, at: int, amount: Decimal, *, returned: bool) -> dict[str, Any]:
    refund = {
        "id": f"r{order.number}",
        "amount": str(amount),
        "at": instant(at),
        "returned": returned,
    }
    return order.told("refunded", at, refunds=[refund])


def _ticket(random: Random, order: Order, at: int) -> Iterator[Told]:
    """A ticket, solved within some days, and perhaps rated."""

    def told(what: str, when: int, **facts: Any) -> Told:
        return when, {
            "id": f"ticket.{what}:{order.number}",
            "source": "desk",
            "type": f"ticket.{what}",
            "time": instant(when),
            "customer": {"email": order.customer["email"], "email_verified": True},
            "ticket": {"id": f"t{order.number}", "updated_at": instant(when), **facts},
        }

    yield told("opened", at, status="open", subject="Where is my parcel?", channel="email")
    solved = at + random.randrange(3600, 4 * _DAY)
    yield told("solved", solved, status="solved")
    if random.random() < 0.3:
        yield told("rated", solved + 3600, status="solved", rating=random.choice((1, 3, 4, 5, 5)))


def _review(random: Random, order: Order, at: int) -> dict[str, Any]:
    return {
        "id": f"review:{order.number}",
        "source": "reviews",
        "type": "review.submitted",
        "time": instant(at),
        "customer": {"email": order.customer["email"], "email_verified": True},
        "data": {
            "rating": random.choice((2, 3, 4, 4, 5, 5, 5)),
            "product_id": order.facts["lines"][0]["product_id"],
        },
    }


def _leaves(order: Order, at: int) -> dict[str, Any]:
    return {
        "id": f"unsubscribed:{order.number}",
        "source": "shop",
        "type": "customer.unsubscribed",
        "time": instant(at),
        "customer": {
            "id": order.customer["id"],
            "email": order.customer["email"],
            "consent": {"email": {"status": "unsubscribed"}},
        },
        "data": {"channel": "email"},
    }


def _next_working_day(at: int) -> int:
    """The day after, as days since the epoch, which began on a Thursday; no Saturday or Sunday."""
    day = at // _DAY + 1
    while (day + 3) % 7 >= 5:
        day += 1
    return day


def instant(at: int) -> str:
    """Seconds since the epoch as events tell them."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
