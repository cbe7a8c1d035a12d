"""WooCommerce's webhooks.

Each order webhook tells the whole order, so any of them may be lost. Topics and payloads:
woocommerce.github.io/woocommerce-rest-api-docs, "Webhooks" and "Orders", API versions wp_api_v1 to
wp_api_v3.

``X-WC-Webhook-Delivery-ID`` hashes the webhook's id and the second of the delivery, so two orders
of one second share it. The Event's id is therefore the topic and a fingerprint of the body.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from triggers.sources import woocommerce_facts as facts
from triggers.sources.native import validate
from triggers.sources.payload import JsonObject, fingerprint, key, parse_object
from triggers.sources.problems import did_you_mean, explain
from triggers.sources.reading import Reading, header, rejection
from triggers.sources.signatures import verify_woocommerce

name: Final = "woocommerce"

# What a webhook sends when it is saved: a form, without signature or any other header of its own.
# Anything but 200 is shown to the shop as an error. It tells nothing, so it needs no proof.
_PING: Final = re.compile(rb"webhook_id=[0-9]{1,20}")

# Not an order yet: WooCommerce keeps what is being typed at the checkout as an order of this state.
_DRAFTS: Final = ("checkout-draft", "auto-draft", "draft", "new")


class _NotUnderstoodError(Exception):
    pass


def read(
    headers: Mapping[str, str], body: bytes, *, secrets: Sequence[str], received_at: datetime
) -> Reading:
    """Verify and read one webhook; a verified one that cannot be understood is Rejected.

    A ping and a draft tell nothing: a Reading without Events. Raises SignatureError.
    """
    if header(headers, "X-WC-Webhook-Signature") is None and _PING.fullmatch(body):
        return Reading()
    verify_woocommerce(headers, body, secrets)
    topic = header(headers, "X-WC-Webhook-Topic")
    identity = f"{key(topic) or ''}:{fingerprint(body)}"[-255:]
    if topic is None:
        return rejection(name, identity, "header X-WC-Webhook-Topic is missing", body, received_at)
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
        if fields is None:
            return Reading()
        fields.update(id=identity, source=name)
        if fields.get("time") is None:
            fields["time"] = received_at
        event = validate(fields)
    except _NotUnderstoodError as error:
        return rejection(name, identity, f"{topic}: {error}", body, received_at)
    except ValidationError as error:
        reason = "; ".join(str(problem) for problem in explain(error)[:3])
        return rejection(name, identity, f"{topic}: {reason}", body, received_at)
    return Reading(events=(event,))


def _order_told(payload: JsonObject) -> dict[str, Any] | None:
    _require_id(payload)
    if facts.status(payload) in _DRAFTS:
        return None
    order = facts.order(payload)
    kind, time = "order.updated", order.get("updated_at")
    if "cancelled_at" in order:
        kind, time = "order.cancelled", order["cancelled_at"]
    return {"type": kind, "time": time, "order": order, "customer": facts.order_customer(payload)}


def _order_created(payload: JsonObject) -> dict[str, Any] | None:
    told = _order_told(payload)
    if told is not None and "placed_at" in told["order"]:
        told.update(type="order.placed", time=told["order"]["placed_at"])
    return told


def _order_deleted(payload: JsonObject) -> dict[str, Any]:
    """Only the id comes with it. Whatever the order was, nobody must be written to about it."""
    return {
        "type": "order.cancelled",
        "order": {"id": _require_id(payload), "partial": True, "cancel_reason": facts.DELETED},
    }


def _customer_told(kind: str, time_field: str) -> Callable[[JsonObject], dict[str, Any]]:
    def reader(payload: JsonObject) -> dict[str, Any]:
        _require_id(payload)
        time = facts.gmt(payload, time_field) or facts.gmt(payload, "date_created")
        return {"type": kind, "time": time, "customer": facts.customer(payload)}

    return reader


def _nothing(payload: JsonObject) -> None:
    """An account was deleted: no erasure was asked for, and the orders stay the customer's."""


def _require_id(payload: JsonObject) -> str:
    found = key(payload.get("id"))
    if found is None:
        raise _NotUnderstoodError("id is missing")
    return found


TOPICS: Final[Mapping[str, Callable[[JsonObject], dict[str, Any] | None]]] = {
    "order.created": _order_created,
    "order.updated": _order_told,
    "order.deleted": _order_deleted,
    "order.restored": _order_told,
    "customer.created": _customer_told("customer.created", "date_created"),
    "customer.updated": _customer_told("customer.updated", "date_modified"),
    "customer.deleted": _nothing,
}
