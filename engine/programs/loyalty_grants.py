"""Points that hang on an order: what is kept of them as parts of the order are given back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

_ROUNDING: Final[Mapping[str, str]] = {
    "down": ROUND_FLOOR,
    "nearest": ROUND_HALF_UP,
    "up": ROUND_CEILING,
}
_ZERO, _ONE = Decimal(0), Decimal(1)
_NOTHING: Final = Decimal("0.000001")  # what the rounding of shares may leave of an order
_EXACT: Final = Decimal("0.0001")


@dataclass(slots=True)
class Grant:
    """Points that hang on an order, and how much of them is left."""

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
class OrderGrants:
    """An order's grants by the keys of their entries, and what of it was given back."""

    back_points: Decimal = _ZERO  # of what it earned
    back_share: Decimal = _ZERO  # of what was paid, 0 to 1
    is_void: bool = False
    matured_at: datetime | None = None
    entries: int = 0  # that tell of it
    grants: dict[str, Grant] = field(default_factory=dict)

    @property
    def is_plain_to_see(self) -> bool:
        """Whether the order's points count by now, or one entry tells all of it."""
        return (self.entries == 1 or self.matured_at is not None) and any(
            not one.by_share for one in self.grants.values()
        )

    def kept(self, grant: Grant) -> int:
        """The whole points that are kept."""
        left = self._left
        if not left:
            return 0
        exact = grant.exact * left if grant.by_share else grant.exact - self.back_points
        return whole_points(exact, grant.rounding) + grant.bonus

    def spent(self, grant: Grant) -> int:
        """What was spent on what is kept, in ten-thousandths."""
        if not grant.spend:
            return 0
        return int((grant.spend * self._left).quantize(_EXACT).scaleb(4))

    @property
    def _left(self) -> Decimal:
        """The part of the order that is left; three thirds given back leave nothing."""
        if self.is_void:
            return _ZERO
        if not self.back_share:
            return _ONE
        left = _ONE - min(_ONE, max(_ZERO, self.back_share))
        return left if left > _NOTHING else _ZERO


def whole_points(exact: Decimal, rounding: str) -> int:
    """Points that are kept: never less than none."""
    whole = int(exact.quantize(_EXACT).to_integral_value(rounding=_ROUNDING[rounding]))
    return whole if whole > 0 else 0


def grant_key(order: str) -> str:
    """The key of what an order earned."""
    return f"order:{order}"


def maturing_key(order: str) -> str:
    """The key of its coming to count."""
    return f"matured:{order}"
