"""A coupon as it stands in a customer's book: one code, what came of it, who holds it.

A *holder* is a step of a journey that gave the customer the code; beside it stand the messages that
left, or may have left, with it. A coupon of which nothing ever left can be given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime
from typing import Any, Final, Literal

from engine.core.book import Record
from engine.core.guards import Drop
from engine.core.value import value_class
from engine.core.world import Journey, World

BOOK: Final = "coupons"
GIVEN: Final = "given"  # among what left: the code was given without a message of ours

CouponStatus = Literal["owed", "issued", "redeemed", "expired", "released"]


def same_code(code: str) -> str:
    """The form in which codes are compared: shops take them in upper and lower case."""
    return code.strip().casefold()


@value_class
class Coupon:
    """One code of one customer.

    ``status``: ``owed`` waits for a code, ``issued`` can be used, ``redeemed`` was used by the
    orders in ``orders``, ``expired`` is past ``expires_at``, ``released`` was given back.
    ``holders`` has the messages that left, by ``<journey>:<step>``.
    """

    key: str
    at: datetime
    offer: str
    code: str
    value: str
    status: CouponStatus
    pool: str | None = None
    expires_at: datetime | None = None
    due_at: datetime | None = None
    campaign: str | None = None
    step: str | None = None
    cause: str = ""
    holders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    orders: Mapping[str, str] = field(default_factory=dict)  # when, by order

    @classmethod
    def of(cls, record: Record) -> Coupon:
        """The coupon of a record."""
        data = record.data
        expires = data["expires_at"]
        return cls(
            key=record.key,
            at=record.at,
            due_at=record.due_at,
            offer=data["offer"],
            code=data["code"],
            value=data["value"],
            status=data["status"],
            pool=data["pool"],
            expires_at=None if expires is None else datetime.fromisoformat(expires),
            campaign=data["campaign"],
            step=data["step"],
            cause=data["cause"],
            holders={key: tuple(left) for key, left in data["holders"].items()},
            orders=data["orders"],
        )

    @property
    def record(self) -> Record:
        """The coupon as a line of its book."""
        data: dict[str, Any] = {
            "offer": self.offer,
            "code": self.code,
            "value": self.value,
            "status": self.status,
            "pool": self.pool,
            "expires_at": None if self.expires_at is None else self.expires_at.isoformat(),
            "campaign": self.campaign,
            "step": self.step,
            "cause": self.cause,
            "holders": {key: list(left) for key, left in sorted(self.holders.items())},
            "orders": dict(sorted(self.orders.items())),
        }
        return Record(book=BOOK, key=self.key, at=self.at, due_at=self.due_at, data=data)

    @property
    def has_left(self) -> bool:
        """Whether the customer has, or may have, the code."""
        return any(self.holders.values())

    def is_open(self, now: datetime) -> bool:
        """Whether the customer could use it now."""
        return self.status == "issued" and (self.expires_at is None or now < self.expires_at)

    def held_by(self, holder: str) -> Coupon:
        """The same, held also by a step of which nothing has left."""
        return replace(self, holders={**self.holders, holder: ()})


def coupons_of(world: World) -> list[Coupon]:
    """Every coupon of a customer, oldest first."""
    return [Coupon.of(record) for record in world.book(BOOK)]


def open_coupons(world: World, now: datetime) -> dict[str, Coupon]:
    """The newest usable coupon of each offer that the customer has, or will have with a message."""
    return {one.offer: one for one in coupons_of(world) if one.is_open(now)}


class ToldCoupons(dict[str, Mapping[str, Any]]):
    """Coupons by offer for templates; of an offer that the customer has none of all is empty."""

    def get(self, offer: str, default: Any = None) -> Any:
        """What is told of an offer's coupon; something empty instead of nothing."""
        return super().get(offer, default or {})

    @classmethod
    def of(cls, world: World, now: datetime) -> ToldCoupons:
        """The usable coupons of a customer."""
        return cls(
            (offer, {"code": one.code, "value": one.value, "expires_at": one.expires_at})
            for offer, one in open_coupons(world, now).items()
        )


def missing_coupon(journey: Journey, step_id: str | None, now: datetime) -> Drop | None:
    """Why a message that carries the coupon of a step would carry none, or one of no use."""
    if step_id is None:
        return None
    result = journey.results.get(step_id, {})
    if not result.get("code"):
        return Drop("no_coupon", {"issued_by": step_id})
    if result.get("redeemed"):
        return Drop("coupon_used", {"issued_by": step_id})
    until = result.get("expires_at")
    if until is not None and datetime.fromisoformat(until) <= now:
        return Drop("coupon_expired", {"issued_by": step_id, "expired": until})
    return None
