"""The ``loyalty`` part of ``config/store.yaml``: how points are earned, kept, spent and lost.

Points are whole numbers. What an order earns is reckoned exactly and rounded once, for the part of
the order that was not given back (``rounding``).
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from config.durations import Duration, DurationField
from config.offers import OfferId

_ID = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)
_EVENT = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", re.ASCII)
# What the program itself tells would earn points for points.
_OWN = ("points.", "tier.")
_MOST = 10_000_000


def _tier_id(value: str) -> str:
    if not _ID.fullmatch(value) or len(value) > 64:
        raise ValueError(
            f"{value} cannot name a tier; write lower-case letters, digits and dashes, as in gold"
        )
    return value


def _event(value: str) -> str:
    if not _EVENT.fullmatch(value):
        raise ValueError(f"{value} is not an event type; write it as in review.submitted")
    if value.startswith(_OWN):
        raise ValueError(f"{value} is told by the program itself and cannot earn points")
    return value


def _not_zero(value: Duration) -> Duration:
    if value.is_zero:
        raise ValueError("it must be longer than no time at all")
    return value


def _exactly(value: Any) -> Any:
    """YAML reads 0.1 as a float, whose text is what was written."""
    return str(value) if isinstance(value, float) else value


def _windows(value: Any) -> Any:
    """One length of time stands for both windows."""
    return {"after_delivery": value, "after_order": value} if isinstance(value, str) else value


def _per_amount(value: Any) -> Any:
    """``1 per 1.00``, or ``none``."""
    if value == "none":
        return None
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(\d+(?:\.\d+)?) per (\d+(?:\.\d+)?)", value.strip(), re.ASCII)
    if found is None:
        raise ValueError(f"{value} is not a rate; write points per amount, as in 1 per 1.00")
    return {"points": found[1], "per": found[2]}


Id = Annotated[str, AfterValidator(_tier_id)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Span = Annotated[DurationField, AfterValidator(_not_zero)]
Points = Annotated[int, Field(ge=1, le=_MOST)]
Amount = Annotated[Decimal, BeforeValidator(_exactly), Field(gt=0, le=_MOST)]
Times = Annotated[Decimal, BeforeValidator(_exactly), Field(ge=0, le=100)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class OrderRate(_Part):
    """``points`` for each ``per`` of money spent on goods, in the shop's currency."""

    points: Amount = Decimal(1)
    per: Amount = Decimal(1)


class ProductRule(_Part):
    """Other points for a product: ``times`` as many, and ``bonus`` for each piece."""

    product: Word | None = None
    sku: Word | None = None
    times: Times = Decimal(1)
    bonus: Annotated[int, Field(ge=0, le=_MOST)] = 0

    @model_validator(mode="after")
    def _one_product(self) -> Self:
        if (self.product is None) == (self.sku is None):
            raise ValueError("name one product: either product: its id, or sku:")
        return self


class TagRule(_Part):
    """Customers with this tag get ``times`` as many points for orders."""

    tag: Word
    times: Times


class ActionRule(_Part):
    """Points for an event, at most so often in any span of ``per``."""

    event: Annotated[str, AfterValidator(_event)]
    points: Points
    at_most: Annotated[int, Field(ge=1, le=1000)] | None = None
    per: Span | None = None

    @model_validator(mode="after")
    def _both(self) -> Self:
        if self.per is not None and self.at_most is None:
            raise ValueError("per needs at_most: how often in that time")
        return self


class Pending(_Part):
    """How long points of an order wait: until it can no longer be returned.

    From delivery; where nobody tells of one, from the order, once it is paid.
    """

    after_delivery: DurationField = Duration(days=30)
    after_order: DurationField = Duration(days=45)


class Tier(_Part):
    """A tier: held by who earned ``points``, or spent ``spend``, within ``period``.

    Without ``period`` all time counts. Who falls short keeps it for ``grace``. ``times`` as many
    points are earned in it.
    """

    id: Id
    name: Word
    points: Points | None = None
    spend: Amount | None = None
    period: Span | None = None
    grace: DurationField = Duration()
    times: Times = Decimal(1)

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if (self.points is None) == (self.spend is None):
            raise ValueError("a tier starts from points: or from spend:, one of the two")
        return self


class Expiry(_Part):
    """Points expire ``after`` so long without activity; a warning comes ``warn`` before."""

    after: Span
    warn: Span | None = None

    @field_validator("warn")
    @classmethod
    def _shorter(cls, warn: Duration | None, info: Any) -> Duration | None:
        after = info.data.get("after")
        if warn and after and warn.nominal_seconds >= after.nominal_seconds:
            raise ValueError(f"{warn} is not shorter than after ({after})")
        return warn


class Loyalty(_Part):
    """The whole program. ``redeem`` are the rewards: so many points for an offer, by its id."""

    orders: Annotated[OrderRate | None, BeforeValidator(_per_amount)] = OrderRate()
    rounding: Literal["down", "nearest", "up"] = "down"
    products: tuple[ProductRule, ...] = ()
    tags: tuple[TagRule, ...] = ()
    actions: tuple[ActionRule, ...] = ()
    first_order: Annotated[int, Field(ge=0, le=_MOST)] = 0
    anniversary: Annotated[int, Field(ge=0, le=_MOST)] = 0
    birthday: Annotated[int, Field(ge=0, le=_MOST)] = 0
    pending: Annotated[Pending, BeforeValidator(_windows)] = Pending()
    tiers: tuple[Tier, ...] = ()
    redeem: dict[OfferId, Points] = {}
    expire: Expiry | None = None
    allow_negative: bool = False

    @field_validator("tiers")
    @classmethod
    def _each_once(cls, tiers: tuple[Tier, ...]) -> tuple[Tier, ...]:
        ids = [tier.id for tier in tiers]
        for tier in tiers:
            if ids.count(tier.id) > 1:
                raise ValueError(f"there are two tiers {tier.id}")
        for lower, higher in pairwise(tiers):
            for name in ("points", "spend"):
                low, high = getattr(lower, name), getattr(higher, name)
                if low is not None and high is not None and high <= low:
                    raise ValueError(
                        f"the tiers rise, but {higher.id} starts no higher than {lower.id}"
                    )
        return tiers

    @field_validator("actions")
    @classmethod
    def _one_rule_an_event(cls, actions: tuple[ActionRule, ...]) -> tuple[ActionRule, ...]:
        events = [action.event for action in actions]
        for event in events:
            if events.count(event) > 1:
                raise ValueError(f"there are two rules for {event}")
        return actions
