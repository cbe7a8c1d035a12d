"""The ``recommendations`` part of ``config/store.yaml``: what is suggested, from what."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from config.durations import Duration, DurationField


def _not_zero(value: Duration) -> Duration:
    if value.is_zero:
        raise ValueError("it must be longer than no time at all")
    return value


_Span = Annotated[DurationField, AfterValidator(_not_zero)]
_ProductId = Annotated[str, Field(min_length=1, max_length=200)]


class Recommendations(BaseModel):
    """What is computed every night from the shop's own orders."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    look_back: _Span = Duration(days=730)
    least_orders: Annotated[int, Field(ge=2, le=10_000)] = 5
    next_within: _Span = Duration(days=90)
    remind_before: DurationField = Duration(days=3)
    leave_out: tuple[_ProductId, ...] = ()
