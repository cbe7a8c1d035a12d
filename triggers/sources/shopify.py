"""Shopify's webhooks.

Each webhook becomes one Event that reports every fact its payload holds, because any other
webhook may be lost. Topics: shopify.dev, "Webhooks", REST payloads 2024-01 to 2026-04.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from triggers.sources import shopify_facts as facts
from triggers.sources.native import validate
from triggers.sources.payload import JsonObject, child, fingerprint, key, parse_object, text, told
from triggers.sources.problems import did_you_mean, explain
from triggers.sources.reading import Reading, header, rejection
from triggers.sources.signatures import verify_shopify

name: Final = "shopify"

_PARCEL_EVENT: Final = {
    "shipped": "order.shipped",
    "out_for_delivery": "order.out_for_delivery",
    "delayed": "order.delayed",
    "failed": "order.delivery_failed",
    "delivered": "order.delivered",
    # Neither is a step of the parcel's way that campaigns know.
    "pending": "order.updated",
    "cancelled": "order.updated",
}


class _NotUnderstoodError(Exception):
    pass


def read(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], received_at: datetime
) -> Reading:
    """Verify and read one webhook; a verified one that cannot be understood is Rejected.

    The Event's id is the topic and ``X-Shopify-Event-Id``: one action of a merchant gives several
    topics' webhooks the same event id. Raises SignatureError.
    """
    verify_shopify(headers, body, secrets)
    topic = header(headers, "X-Shopify-Topic")
    identity = _event_id(headers, topic or "", body)
    if topic is None:
        return rejection(name, identity, "header X-Shopify-Topic is missing", body, received_at)
    reader = TOPICS.get(topic)
    if reader is None:
        known = did_you_mean(topic, TOPICS)
        reason = f'topic "{topic}" is not one that Lagniappe reads{known}'
        return rejection(name, identity, reason[:500], body, received_at)
    payload = parse_object(body)
    if payload is None:
        return rejection(name, identity, f"{topic}: not a JSON object", body, received_at)
    try:
        fields = reader(payload)
        fields.update(id=identity, source=name)
        if fields.get("time") is None:
            fields["time"] = header(headers, "X-Shopify-Triggered-At") or received_at
        event = validate(fields)
    except _NotUnderstoodError as error:
        return rejection(name, identity, f"{topic}: {error}", body, received_at)
    except ValidationError as error:
        reason = "; ".join(str(problem) for problem in explain(error)[:3])
        return rejection(name, identity, f"{topic}: {reason}", body, received_at)
    return Reading(events=(event,))


def _event_id(headers: Mapping[str, str], topic: str, body: bytes) -> str:
    told_id = header(headers, "X-Shopify-Event-Id") or header(headers, "X-Shopify-Webhook-Id")
    given = key(told_id) or fingerprint(topic, body)
    return f"{key(topic) or ''}:{given}"[:255]


def _order_event(kind: str, time_field: str) -> Callable[[JsonObject], dict[str, Any]]:
    def reader(payload: JsonObject) -> dict[str, Any]:
        _require(payload, "id")
        return told(
            {
                "type": kind,
                "time": payload.get(time_field),
                "order": facts.order(payload),
                "customer": facts.order_customer(payload),
            }
        )

    return reader


def _fulfilment_event(payload: JsonObject) -> dict[str, Any]:
    _require(payload, "id")
    parcel = facts.fulfilment(payload) or {}
    return {
        "type": _PARCEL_EVENT[parcel["status"]],
        "time": parcel.get("at"),
        "order": {
            **_part_of_order(payload),
            "updated_at": payload.get("updated_at"),  # a corrected tracking number is newer
            "fulfilments": [parcel],
        },
    }


def _refund_event(payload: JsonObject) -> dict[str, Any]:
    _require(payload, "id")
    given_back = facts.refund(payload) or {}
    return {
        "type": "order.refunded",
        "time": given_back.get("at"),
        "order": {**_part_of_order(payload), "refunds": [given_back]},
    }


def _dispute_event(payload: JsonObject) -> dict[str, Any]:
    at = payload.get("initiated_at")
    if at is None:
        raise _NotUnderstoodError("initiated_at is missing")
    dispute = {"disputed_at": at, "dispute_id": _require(payload, "id")}
    return {
        "type": "order.disputed",
        "time": at,
        "order": {**_part_of_order(payload), **dispute},
    }


def _customer_event(kind: str, time_field: str) -> Callable[[JsonObject], dict[str, Any]]:
    def reader(payload: JsonObject) -> dict[str, Any]:
        _require(payload, "id")
        return {
            "type": kind,
            "time": payload.get(time_field),
            "customer": facts.customer(payload),
        }

    return reader


def _email_consent_event(payload: JsonObject) -> dict[str, Any]:
    return _consent_event(payload, "email", "customer_id", text(payload.get("email_address")))


def _sms_consent_event(payload: JsonObject) -> dict[str, Any]:
    id_field = "customer_id" if "customer_id" in payload else "id"
    return _consent_event(payload, "sms", id_field, text(payload.get("phone")))


def _consent_event(
    payload: JsonObject, channel: str, id_field: str, address: str | None
) -> dict[str, Any]:
    identity = _require(payload, id_field)
    decision = child(payload, f"{channel}_marketing_consent")
    at = decision.get("consent_updated_at")
    return {
        "type": "customer.updated",
        "time": at,
        "customer": told(
            {
                "id": identity,
                "email" if channel == "email" else "phone": address,
                "consent": facts.consent(payload),
            }
        ),
    }


def _part_of_order(payload: JsonObject) -> dict[str, Any]:
    return {"id": _require(payload, "order_id"), "partial": True}


def _require(payload: JsonObject, field: str) -> str:
    found = key(payload.get(field))
    if found is None:
        raise _NotUnderstoodError(f"{field} is missing")
    return found


TOPICS: Final[Mapping[str, Callable[[JsonObject], dict[str, Any]]]] = {
    "orders/create": _order_event("order.placed", "created_at"),
    "orders/paid": _order_event("order.paid", "updated_at"),
    "orders/updated": _order_event("order.updated", "updated_at"),
    "orders/cancelled": _order_event("order.cancelled", "cancelled_at"),
    "fulfillments/create": _fulfilment_event,
    "fulfillments/update": _fulfilment_event,
    "refunds/create": _refund_event,
    "disputes/create": _dispute_event,
    "disputes/update": _dispute_event,
    "customers/create": _customer_event("customer.created", "created_at"),
    "customers/update": _customer_event("customer.updated", "updated_at"),
    "customers_email_marketing_consent/update": _email_consent_event,
    "customers_marketing_consent/update": _sms_consent_event,
}
