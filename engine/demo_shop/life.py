"""What becomes of one order: paid, packed, sent, late, there, sent back, complained of, praised."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.demo_shop.dice import Dice
from engine.demo_shop.people import CATALOGUE, Person, Product
from triggers.event import (
    CustomerFacts,
    Event,
    FulfilmentFacts,
    LineFacts,
    LineQuantity,
    OrderFacts,
    RefundFacts,
    TicketFacts,
)

SHOP: Final = "shop"
DESK: Final = "desk"
REVIEWS: Final = "reviews"
_WAREHOUSE: Final = ZoneInfo("America/Chicago")
_DAY: Final = timedelta(days=1)
_CENT: Final = Decimal("0.01")
_GUIDE: Final = {
    "guide_url": "https://shop.example.com/guides/gumbo",
    "guide_title": "Gumbo for six, step by step",
}
_SUBJECTS: Final = (
    "Where is my parcel?",
    "One jar arrived broken",
    "Can I change my address?",
    "How long does this keep?",
    "Wrong item in the box",
)


def order_events(
    dice: Dice,
    number: int,
    person: Person,
    customer: CustomerFacts,
    placed_at: datetime,
    nth: int = 1,
) -> Iterator[Event]:
    """The events of one order's life, in no particular order.

    ``number`` is what customers see; it is the ``nth`` order of this one.
    """
    return _Life(dice, number, person, customer, placed_at, nth).events()


@dataclass(frozen=True, slots=True)
class _Parcel:
    id: str
    pieces: tuple[LineQuantity, ...]
    shipped_at: datetime
    tracking: str


class _Life:
    def __init__(
        self,
        dice: Dice,
        number: int,
        person: Person,
        customer: CustomerFacts,
        placed_at: datetime,
        nth: int,
    ) -> None:
        self._dice = dice
        self._number = number
        self._person = person
        self._customer = customer
        self._placed_at = placed_at
        self._nth = nth
        self._lines = tuple(self._bought())
        goods = sum((line.price * line.quantity for line in self._lines), Decimal(0))
        self._subtotal = goods
        self._discount = _cents(goods / 10) if self._happens(0.12, "discount") else Decimal(0)
        self._shipping = Decimal(0) if goods >= 50 else Decimal("5.90")
        rate = Decimal("0.0825") if person.place.country == "US" else Decimal(0)
        self._tax = _cents((goods - self._discount) * rate)
        self._total = goods - self._discount + self._shipping + self._tax

    def events(self) -> Iterator[Event]:
        yield self._event("placed", self._placed_at, order=self._placed())
        pays_later = self._happens(0.05, "transfer")
        paid_at = self._placed_at + (
            timedelta(hours=self._between(20, 50, "transfer"))
            if pays_later
            else timedelta(seconds=self._between(40, 160, "card"))
        )
        paid_at = _second(paid_at)
        if self._happens(0.03, "cancelled"):
            at = _second(self._placed_at + timedelta(hours=self._between(1, 7, "cancelled")))
            yield self._event("cancelled", at, {"reason": "customer"}, cancelled_at=at)
            return
        yield self._event("paid", paid_at, paid_at=paid_at)
        arrived: list[datetime] = []
        for parcel in self._parcels(paid_at):
            on_way = list(self._journey(parcel))
            arrived += [one.time for one in on_way if one.type == "order.delivered"]
            yield from on_way
        if arrived:
            yield from self._afterwards(max(arrived))

    def _placed(self) -> OrderFacts:
        return OrderFacts(
            id=str(self._number),
            number=f"#{self._number}",
            placed_at=self._placed_at,
            currency="USD",
            total=self._total,
            subtotal=self._subtotal,
            shipping=self._shipping,
            tax=self._tax,
            discount=self._discount,
            discount_codes=("LAGNIAPPE",) if self._discount else (),
            is_gift=self._happens(0.1, "gift"),
            country=self._person.place.country,
            channel="web",
            status_url=f"https://shop.example.com/orders/{self._number}",
            lines=self._lines,
            attributes=_GUIDE if any(one.sku == "GUM-006" for one in self._lines) else {},
        )

    def _bought(self) -> Iterator[LineFacts]:
        chosen: list[Product] = []
        for place in range(1 + int(self._between(0, 3.6, "lines"))):
            product = self._dice.pick(CATALOGUE, "product", self._number, place)
            if product not in chosen:
                chosen.append(product)
        for place, product in enumerate(chosen, start=1):
            several = product.price < 20 and self._happens(0.3, "several", place)
            yield LineFacts(
                id=f"{self._number}-{place}",
                product_id=product.id,
                sku=product.sku,
                title=product.title,
                quantity=2 if several else 1,
                price=product.price,
                url=product.url,
            )

    def _parcels(self, paid_at: datetime) -> Iterator[_Parcel]:
        is_split = len(self._lines) > 1 and self._happens(0.2, "split")
        groups = (self._lines[:1], self._lines[1:]) if is_split else (self._lines,)
        for place, group in enumerate(groups, start=1):
            days = self._between(0.3, 1.6, "packed") + 1.3 * (place - 1)
            pieces = tuple(LineQuantity(line_id=one.id, quantity=one.quantity) for one in group)
            planned = paid_at + timedelta(days=days)
            shipped = self._local(planned, _WAREHOUSE, 9, 17, f"ship {place}")
            yield _Parcel(
                id=f"{self._number}-p{place}",
                pieces=pieces if is_split else (),
                shipped_at=shipped if shipped > paid_at else shipped + _DAY,
                tracking=f"LG{self._number}{place:02d}{int(self._between(1e5, 1e6, 'code')):06d}",
            )

    def _journey(self, parcel: _Parcel) -> Iterator[Event]:
        """One parcel's way. A few are late, a few are not taken in, now and then one is lost."""
        zone = ZoneInfo(self._person.place.zone)
        least, most = self._person.place.transit
        days = self._between(least, most, "transit", parcel.id)
        expected = _second(parcel.shipped_at + timedelta(days=days))
        yield self._move(parcel, "shipped", parcel.shipped_at, expected)
        if self._happens(0.1, "delayed", parcel.id):
            late = _second(parcel.shipped_at + timedelta(days=days * 0.6))
            expected += timedelta(days=self._between(2, 4, "late", parcel.id))
            expected = _second(expected)
            yield self._move(parcel, "delayed", late, expected)
        if self._happens(0.008, "lost", parcel.id):
            yield self._move(parcel, "lost", expected + 6 * _DAY)
            return
        if self._happens(0.03, "failed", parcel.id):
            yield self._move(
                parcel, "failed", self._local(expected - _DAY, zone, 11, 17, "failed", parcel.id)
            )
        morning = self._local(expected, zone, 6.5, 8.5, "driver", parcel.id)
        yield self._move(parcel, "out_for_delivery", morning, expected)
        noon = self._local(expected, zone, 10, 17.5, "door", parcel.id)
        yield self._move(parcel, "delivered", noon)

    def _move(
        self, parcel: _Parcel, status: Any, at: datetime, expected: datetime | None = None
    ) -> Event:
        facts = FulfilmentFacts(
            id=parcel.id,
            status=status,
            at=at,
            carrier=self._person.place.carrier,
            tracking_number=parcel.tracking,
            tracking_url=f"https://parcels.example.com/{parcel.tracking}",
            estimated_at=expected,
            lines=parcel.pieces,
        )
        kind = "delivery_failed" if status == "failed" else status
        return self._event(kind, at, suffix=parcel.id, fulfilments=(facts,))

    def _afterwards(self, delivered_at: datetime) -> Iterator[Event]:
        """Refunds, questions, ratings and reviews, each of some orders only."""
        yield from self._refund(delivered_at)
        if self._customer.id is None:
            return
        if self._happens(0.1, "ticket"):
            yield from self._ticket(delivered_at)
        if self._person.email_status == "subscribed":
            yield from self._answer(delivered_at)
        if self._happens(0.2, "review"):
            at = _second(delivered_at + timedelta(days=self._between(10.8, 20, "review")))
            line = self._dice.pick(self._lines, "reviewed", self._number)
            stars = self._dice.pick((5, 5, 5, 5, 4, 4, 3, 2), "stars", self._number)
            data = {"product_id": line.product_id, "rating": stars, "review_id": f"{line.id}-r"}
            yield self._told("review.submitted", REVIEWS, at, data)

    def _answer(self, delivered_at: datetime) -> Iterator[Event]:
        """An answer to the survey that such an order brings, some days after it was asked."""
        if self._nth % 2 == 0:
            if self._happens(0.5, "recommends"):
                days = self._between(22.1, 25, "recommends")
                score = self._dice.pick((10, 10, 9, 9, 8, 8, 7, 6, 3), "nps", self._number)
                yield self._score("nps", score, delivered_at + timedelta(days=days))
        elif self._happens(0.3, "answer"):
            days = self._between(3.1, 5, "answer")
            score = self._dice.pick((5, 5, 5, 4, 4, 3, 2, 1), "score", self._number)
            yield self._score("csat", score, delivered_at + timedelta(days=days))

    def _score(self, kind: str, score: int, at: datetime) -> Event:
        data = {"kind": kind, "score": score}
        return self._told("survey.answered", REVIEWS, _second(at), data)

    def _refund(self, delivered_at: datetime) -> Iterator[Event]:
        standing = self._dice.share("refund", self._number)
        if standing >= 0.09:
            return
        at = _second(delivered_at + timedelta(days=self._between(1.5, 9, "refund")))
        is_full = standing < 0.035 or len(self._lines) == 1
        line = self._lines[-1]
        amount = self._total if is_full else line.price * line.quantity
        back = self._lines if is_full else (line,)
        refund = RefundFacts(
            id=f"{self._number}-r1",
            amount=amount,
            at=at,
            reason="not as expected" if is_full else "arrived broken",
            returned=is_full,
            lines=tuple(LineQuantity(line_id=one.id, quantity=one.quantity) for one in back),
        )
        yield self._event("refunded", at, refunds=(refund,))

    def _ticket(self, delivered_at: datetime) -> Iterator[Event]:
        opened = _second(delivered_at + timedelta(hours=self._between(2, 60, "opened")))
        solved = _second(opened + timedelta(hours=self._between(3, 120, "solved")))
        subject = self._dice.pick(_SUBJECTS, "subject", self._number)
        moments: list[tuple[str, Any, datetime, dict[str, Any]]] = [
            ("ticket.opened", "open", opened, {}),
            ("ticket.solved", "solved", solved, {}),
        ]
        if self._happens(0.5, "rated"):
            rating = self._dice.pick((5, 5, 4, 2, 1), "rating", self._number)
            moments.append(
                ("ticket.rated", "solved", solved + timedelta(hours=20), {"rating": rating})
            )
        for kind, status, at, data in moments:
            ticket = TicketFacts(
                id=f"T{self._number}",
                status=status,
                subject=subject,
                channel="email",
                order_id=f"{SHOP}:{self._number}",
                rating=data.get("rating"),
            )
            yield Event(
                id=f"T{self._number}:{kind}",
                source=DESK,
                type=kind,
                time=at,
                customer=self._contact(),
                ticket=ticket,
                data=data,
            )
        if self._happens(0.4, "effort"):
            at = solved + timedelta(days=self._between(1.7, 3, "effort"))
            score = self._dice.pick((7, 6, 6, 5, 3, 2), "ces", self._number)
            yield self._score("ces", score, at)

    def _told(self, kind: str, source: str, at: datetime, data: dict[str, Any]) -> Event:
        """Something told by another system, which only names the order."""
        about = f":{data['kind']}" if "kind" in data else ""
        return Event(
            id=f"{self._number}:{kind}{about}",
            source=source,
            type=kind,
            time=at,
            customer=self._contact(),
            order=OrderFacts(id=str(self._number), source=SHOP),
            data=data,
        )

    def _contact(self) -> CustomerFacts:
        return CustomerFacts(email=self._person.email, email_verified=True)

    def _event(
        self,
        kind: str,
        at: datetime,
        data: dict[str, Any] | None = None,
        *,
        order: OrderFacts | None = None,
        suffix: str = "",
        **told: Any,
    ) -> Event:
        part = f":{suffix}" if suffix else ""
        facts = order or OrderFacts(id=str(self._number), partial=True, **told)
        return Event(
            id=f"{self._number}:{kind}{part}",
            source=SHOP,
            type=f"order.{kind}",
            time=at,
            customer=self._customer if order else self._same(),
            order=facts,
            data=data or {},
        )

    def _same(self) -> CustomerFacts:
        """The customer again, as far as it takes to know them by."""
        return CustomerFacts(
            id=self._customer.id,
            email=self._person.email,
            email_verified=self._customer.email_verified,
        )

    def _happens(self, chance: float, *label: object) -> bool:
        return self._dice.happens(chance, *label, self._number)

    def _between(self, least: float, most: float, *label: object) -> float:
        return self._dice.between(least, most, *label, self._number)

    def _local(
        self, moment: datetime, zone: ZoneInfo, least: float, most: float, *label: object
    ) -> datetime:
        """The day of ``moment``, at an hour of that zone between two."""
        seconds = int(self._between(least, most, *label) * 3600)
        day = moment.astimezone(zone).date()
        clock = time(seconds // 3600, seconds // 60 % 60, seconds % 60)
        return datetime.combine(day, clock, zone).astimezone(UTC)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)


def _second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
