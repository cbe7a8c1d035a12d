"""The objects inside Shopify's payloads as facts of our own shape.

Shapes: shopify.dev, REST Admin API 2024-01 to 2026-04, Order, Fulfillment, Refund, Customer.
Every function gives a dict for ``native.validate``.

A fact's time must not depend on which webhook tells it, or doubled and shuffled webhooks would
end in different states; each function says which of the payload's times it takes.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from triggers.sources.payload import (
    JsonObject,
    child,
    children,
    flag,
    key,
    quantity,
    text,
    told,
)
from triggers.sources.shopify_money import refund_amount, shop_money

_PAID: Final = ("paid", "partially_refunded", "refunded")

_CONSENT: Final = {
    "subscribed": "subscribed",
    "unsubscribed": "unsubscribed",
    "redacted": "unsubscribed",
    "invalid": "unsubscribed",
    "pending": "pending",
}

_SHIPMENT: Final = {
    "label_printed": "pending",
    "label_purchased": "pending",
    "confirmed": "shipped",
    "carrier_picked_up": "shipped",
    "in_transit": "shipped",
    "ready_for_pickup": "shipped",
    "out_for_delivery": "out_for_delivery",
    "attempted_delivery": "failed",
    "failure": "failed",
    "delayed": "delayed",
    "delivered": "delivered",
    "picked_up": "delivered",
}
_WITHOUT_SHIPMENT: Final = {
    "cancelled": "cancelled",
    "error": "cancelled",  # the request to fulfil failed: nothing left the house
    "failure": "cancelled",
    "pending": "pending",
    "open": "pending",
}


def customer(payload: JsonObject) -> dict[str, Any]:
    """A Customer object."""
    tags = payload.get("tags")
    address = child(payload, "default_address")
    return told(
        {
            "id": key(payload.get("id")),
            "email": text(payload.get("email")),
            "email_verified": flag(payload.get("verified_email")) is True,
            "phone": text(payload.get("phone")),
            "first_name": text(payload.get("first_name")),
            "last_name": text(payload.get("last_name")),
            **_place(address),
            "tags": _tags(tags) if isinstance(tags, str) else None,
            "consent": consent(payload),
        }
    )


def consent(payload: JsonObject) -> dict[str, Any]:
    """``email_marketing_consent`` and ``sms_marketing_consent``.

    "not_subscribed" is nobody's decision, so no fact. A subscription without its time counts from
    the customer's creation, so that it never outweighs a later withdrawal; a withdrawal without
    its time counts from the event. "invalid", an address that Shopify would not write to, is none
    to market to here. The legacy ``accepts_marketing`` and an order's ``buyer_accepts_marketing``
    are not read: they say neither when nor by whom, and are true before a double opt-in is.
    """
    found: dict[str, Any] = {}
    for channel in ("email", "sms"):
        told_consent = child(payload, f"{channel}_marketing_consent")
        word = (text(told_consent.get("state")) or "").lower()
        state = _CONSENT.get(word)
        if state is None:
            continue
        at = told_consent.get("consent_updated_at")
        if at is None and state != "unsubscribed":
            at = payload.get("created_at")
        level = (text(told_consent.get("opt_in_level")) or "unknown").lower()
        where = text(told_consent.get("consent_collected_from"))
        proof = f"Shopify: {level}" + (f", collected from {where.lower()}" if where else "")
        if word != state:
            proof = f"{proof} ({word})"
        found[channel] = told({"status": state, "at": at, "proof": proof})
    return found


def order_customer(payload: JsonObject) -> dict[str, Any] | None:
    """Who ordered; of a guest only the address that the order gives. None for nobody at all."""
    account = child(payload, "customer")
    facts = customer(account) if account else {}
    shipping, billing = child(payload, "shipping_address"), child(payload, "billing_address")
    fallback = told(
        {
            "email": text(payload.get("email")) or text(payload.get("contact_email")),
            "phone": text(payload.get("phone")) or text(shipping.get("phone")),
            "first_name": text(billing.get("first_name")) or text(shipping.get("first_name")),
            "last_name": text(billing.get("last_name")) or text(shipping.get("last_name")),
            **(_place(shipping) or _place(billing)),
            "locale": text(payload.get("customer_locale")),
        }
    )
    # What the account permits or verified is its own address, not the one of this order.
    if account and "email" not in facts:
        facts["email_verified"] = False
        facts["consent"].pop("email", None)
    if account and "phone" not in facts:
        facts["consent"].pop("sms", None)
    facts = {**fallback, **facts}
    return facts if any(name in facts for name in ("id", "email", "phone")) else None


def order(payload: JsonObject) -> dict[str, Any]:
    """An Order object with its lines, fulfilments and refunds.

    ``paid_at``: the payment terms' completion where there are any, else ``processed_at``. Order
    webhooks do not carry the payment's own time, and ``updated_at`` differs in each of them.
    """
    money = child(child(payload, "total_price_set"), "shop_money")
    notes = {
        name: value
        for note in children(payload, "note_attributes")[:50]
        if (name := text(note.get("name"))) and (value := text(note.get("value")))
    }
    if (landing := text(payload.get("landing_site"))) and "ref" not in notes:
        told_codes = parse_qs(urlsplit(landing).query).get("ref")
        notes |= {"ref": told_codes[0]} if told_codes else {}
    tags = payload.get("tags")
    labels = _tags(tags) if isinstance(tags, str) else []
    gifts = [flag(value) for name, value in notes.items() if name.lower() in ("gift", "is_gift")]
    return told(
        {
            "id": key(payload.get("id")),
            "number": text(payload.get("name")),
            "placed_at": payload.get("created_at"),
            "updated_at": payload.get("updated_at"),
            "currency": text(money.get("currency_code")) or text(payload.get("currency")),
            "total": shop_money(payload, "total_price"),
            "subtotal": shop_money(payload, "subtotal_price"),
            "shipping": shop_money(payload, "total_shipping_price"),
            "tax": shop_money(payload, "total_tax"),
            "discount": shop_money(payload, "total_discounts"),
            "discount_codes": _discount_codes(payload),
            "is_gift": True if True in gifts else None,
            "is_test": flag(payload.get("test")),
            "country": _country(child(payload, "shipping_address")),
            "channel": text(payload.get("source_name")),
            "status_url": text(payload.get("order_status_url")),
            "paid_at": _paid_at(payload),
            "cancelled_at": payload.get("cancelled_at"),
            "cancel_reason": text(payload.get("cancel_reason")),
            "lines": _lines(payload),
            "fulfilments": [
                facts for item in children(payload, "fulfillments") if (facts := fulfilment(item))
            ],
            "refunds": [facts for item in children(payload, "refunds") if (facts := refund(item))],
            "attributes": {**notes, "tags": labels} if labels else notes,
        }
    )


def fulfilment(payload: JsonObject) -> dict[str, Any] | None:
    """A Fulfillment object; None without an id.

    ``at`` is ``created_at`` for a parcel that is pending or shipped, else ``updated_at``.
    """
    identity = key(payload.get("id"))
    if identity is None:
        return None
    state = (text(payload.get("status")) or "").lower()
    shipment = (text(payload.get("shipment_status")) or "").lower()
    status = _WITHOUT_SHIPMENT.get(state) or _SHIPMENT.get(shipment, "shipped")
    early = status in ("pending", "shipped")
    urls = payload.get("tracking_urls")
    first_url = urls[0] if isinstance(urls, list) and urls else None
    numbers = payload.get("tracking_numbers")
    first_number = numbers[0] if isinstance(numbers, list) and numbers else None
    return told(
        {
            "id": identity,
            "status": status,
            "at": payload.get("created_at" if early else "updated_at"),
            "carrier": text(payload.get("tracking_company")),
            "tracking_number": text(payload.get("tracking_number")) or text(first_number),
            "tracking_url": text(payload.get("tracking_url")) or text(first_url),
            "estimated_at": payload.get("estimated_delivery_at"),
            "lines": [
                {"line_id": line_id, "quantity": quantity(line.get("quantity")) or 0}
                for line in children(payload, "line_items")
                if (line_id := key(line.get("id")))
            ],
        }
    )


def refund(payload: JsonObject) -> dict[str, Any] | None:
    """A Refund object; None without an id. ``at`` is ``processed_at``, else ``created_at``.

    A line's amount is its subtotal, without the tax that some shops add to it.
    """
    identity = key(payload.get("id"))
    if identity is None:
        return None
    lines = children(payload, "refund_line_items")
    return told(
        {
            "id": identity,
            "amount": refund_amount(payload),
            "at": payload.get("processed_at") or payload.get("created_at"),
            "reason": text(payload.get("note")),
            "returned": bool(child(payload, "return"))
            or any(line.get("restock_type") == "return" for line in lines),
            "lines": [
                told(
                    {
                        "line_id": line_id,
                        "quantity": quantity(line.get("quantity")) or 0,
                        "amount": shop_money(line, "subtotal"),
                    }
                )
                for line in lines
                if (line_id := key(line.get("line_item_id")))
            ],
        }
    )


def _lines(payload: JsonObject) -> list[dict[str, Any]] | None:
    if not isinstance(payload.get("line_items"), list):
        return None
    return [
        told(
            {
                "id": identity,
                "product_id": key(line.get("product_id")),
                "variant_id": key(line.get("variant_id")),
                "sku": text(line.get("sku")),
                "title": text(line.get("title")) or text(line.get("name")),
                "quantity": quantity(line.get("quantity")),
                "price": shop_money(line, "price"),
            }
        )
        for line in children(payload, "line_items")
        if (identity := key(line.get("id")))
    ]


def _paid_at(payload: JsonObject) -> object:
    # A free order is "paid" too.
    if text(payload.get("financial_status")) not in _PAID:
        return None
    terms = children(child(payload, "payment_terms"), "payment_schedules")
    completed = [at for item in terms if isinstance(at := item.get("completed_at"), str)]
    if completed:
        return max(completed)
    return payload.get("processed_at") or payload.get("created_at")


def _discount_codes(payload: JsonObject) -> list[str] | None:
    if not isinstance(payload.get("discount_codes"), list):
        return None
    codes = children(payload, "discount_codes")
    return [code for item in codes if (code := text(item.get("code")))]


def _country(address: JsonObject) -> str | None:
    return text(address.get("country_code"))


def _place(address: JsonObject) -> dict[str, Any]:
    """Where an address is; nothing without its country, which says what the rest means."""
    country = _country(address)
    if country is None:
        return {}
    return told(
        {
            "country": country,
            "region": text(address.get("province_code")),
            "postal_code": text(address.get("zip")),
            "street": text(address.get("address1")),
        }
    )


def _tags(listed: str) -> list[str]:
    return [tag for part in listed.split(",") if (tag := text(part))]
