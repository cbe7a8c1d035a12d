"""What campaigns see: something that has come to be, once, however many events told it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from typing import Any

from engine.core.value import value_class


@value_class
class Transition:
    """One change of an order, a ticket or a customer, or one thing observed.

    ``id`` is canonical (``order.paid:shopify:1``): every report of the same change gives the same
    id. ``time`` is when it happened. ``data`` is JSON-able. ``causes`` is the chain of campaigns
    whose ``emit_event`` led here, oldest first.
    """

    type: str
    time: datetime
    id: str
    order_id: str | None = None
    ticket_id: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    causes: tuple[str, ...] = ()
