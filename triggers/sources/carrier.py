"""Carriers and tracking services: what became of a parcel, in one shape for all of them.

A service that can send signed webhooks of its own making, or a few lines of code between it and
us, posts::

    {"id": "news-77", "order_id": "shopify:5500000000001", "tracking_number": "RR123456789AT",
     "status": "out_for_delivery", "time": "2026-03-04T06:10:00Z", "carrier": "Austrian Post",
     "tracking_url": "https://post.example/RR123456789AT", "estimated_at": null,
     "lines": [{"line_id": "1", "quantity": 2}]}

Of these ``order_id``, ``tracking_number`` and ``status`` are needed. ``order_id`` names the order
with the source that tells of it; a bare id is one of the source that the settings name. The parcel
is the one of the order that has this tracking number, else one that only the carrier knows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from triggers.sources.native import validate
from triggers.sources.payload import (
    JsonObject,
    children,
    fingerprint,
    key,
    parse_object,
    quantity,
    text,
    told,
)
from triggers.sources.problems import did_you_mean, explain
from triggers.sources.reading import Reading, rejection
from triggers.sources.signatures import verify_carrier

# The words of EasyPost, AfterShip, Shippo and ShipEngine beside our own, without case and marks.
STATUSES: Final[Mapping[str, str]] = {
    "pending": "pending",
    "pretransit": "pending",
    "inforeceived": "pending",
    "labelcreated": "pending",
    "labelprinted": "pending",
    "shipped": "shipped",
    "accepted": "shipped",
    "confirmed": "shipped",
    "intransit": "shipped",
    "transit": "shipped",
    "carrierpickedup": "shipped",
    "readyforpickup": "shipped",
    "availableforpickup": "shipped",
    "outfordelivery": "out_for_delivery",
    "delayed": "delayed",
    "failed": "failed",
    "failedattempt": "failed",
    "failure": "failed",
    "attemptfail": "failed",
    "attempteddelivery": "failed",
    "deliveryattempt": "failed",
    "delivered": "delivered",
    "pickedup": "delivered",
    "lost": "lost",
    "returned": "returned",
    "returnedtosender": "returned",
    "returntosender": "returned",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
_MARKS: Final = re.compile(r"[^a-z]+")
_EVENT: Final = {
    "shipped": "order.shipped",
    "out_for_delivery": "order.out_for_delivery",
    "delayed": "order.delayed",
    "failed": "order.delivery_failed",
    "delivered": "order.delivered",
    "lost": "order.lost",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """The source; ``order_source`` is that of orders which a bare ``order_id`` names."""

    order_source: str | None = None

    @property
    def name(self) -> str:
        """The last part of the webhook's path."""
        return "carrier"

    def read(
        self,
        headers: Mapping[str, str],
        body: bytes,
        *,
        secrets: Sequence[str],
        received_at: datetime,
    ) -> Reading:
        """Verify and read one webhook; a verified one that cannot be understood is Rejected.

        Without an ``id`` the body itself identifies the news. Raises SignatureError.
        """
        verify_carrier(headers, body, secrets)
        payload = parse_object(body)
        if payload is None:
            return rejection(self.name, None, "not a JSON object", body, received_at)
        identity = key(payload.get("id")) or fingerprint(body)
        problem = self._problem(payload)
        if problem is not None:
            return rejection(self.name, identity, problem, body, received_at)
        try:
            event = validate(self._fields(payload, identity, received_at))
        except ValidationError as error:
            reason = "; ".join(str(each) for each in explain(error)[:3])
            return rejection(self.name, identity, reason, body, received_at)
        return Reading(events=(event,))

    def _problem(self, payload: JsonObject) -> str | None:
        for field in ("order_id", "tracking_number", "status"):
            if key(payload.get(field)) is None:
                return f"{field} is missing"
        if self._order(payload) is None:
            return (
                "order_id names no source; expected as in shopify:1001, or"
                " LAGNIAPPE_CARRIER_ORDER_SOURCE to be set"
            )
        if _status(payload) is None:
            word = (text(payload.get("status")) or "")[:50]
            return (
                f'status "{word}" is not a known word{did_you_mean(word, set(STATUSES.values()))}'
            )
        return None

    def _order(self, payload: JsonObject) -> dict[str, str] | None:
        named = key(payload.get("order_id")) or ""
        source, colon, bare = named.partition(":")
        if colon and source and bare:
            return {"id": bare, "source": source}
        return {"id": named, "source": self.order_source} if self.order_source else None

    def _fields(self, payload: JsonObject, identity: str, received_at: datetime) -> dict[str, Any]:
        status = _status(payload) or ""
        time = payload.get("time")
        number = text(payload.get("tracking_number")) or ""
        parcel = told(
            {
                "id": f"tracking:{number}"[:255],
                "status": status,
                "at": time,
                "carrier": text(payload.get("carrier")),
                "tracking_number": number,
                "tracking_url": text(payload.get("tracking_url")),
                "estimated_at": payload.get("estimated_at"),
                "lines": [
                    {"line_id": line_id, "quantity": quantity(line.get("quantity")) or 0}
                    for line in children(payload, "lines")
                    if (line_id := key(line.get("line_id")))
                ],
            }
        )
        return {
            "id": identity,
            "source": self.name,
            "type": _EVENT.get(status, "order.updated"),
            "time": time if time is not None else received_at,
            "order": {**(self._order(payload) or {}), "partial": True, "fulfilments": [parcel]},
        }


def _status(payload: JsonObject) -> str | None:
    return STATUSES.get(_MARKS.sub("", (text(payload.get("status")) or "").lower()))
