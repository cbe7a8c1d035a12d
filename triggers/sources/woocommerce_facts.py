"""The objects inside WooCommerce's payloads as facts of our own shape.

Shapes: woocommerce.github.io/woocommerce-rest-api-docs, Orders and Customers. Every function gives
a dict for ``native.validate``.

Refunds and cancellations come without a time of their own, so the order's ``date_modified`` stands
in; as of several times told of one fact the earliest stays, any order of webhooks ends alike.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from triggers.sources.payload import (
    JsonObject,
    amount,
    child,
    children,
    flag,
    from_epoch,
    key,
    quantity,
    text,
    told,
)

DELETED: Final = "deleted"

# The checkout ended without a payment, or has not ended: whether the shop took the order is open.
_UNSETTLED: Final = ("pending", "failed", "cancelled", "trash")
_GIFT: Final = ("gift", "is_gift", "_gift", "_is_gift")
# Left by WPML, and by Polylang, which also adds a field of its own, "lang".
_LANGUAGE: Final = ("wpml_language", "_wpml_language", "pll_language")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*\Z")
_GMT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\Z")
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d\Z")
_WEB: Final = re.compile(r"https?://\S+\Z")
# WooCommerce's own extension, and Advanced Shipment Tracking, keep parcels in the same place.
_PARCELS: Final = "_wc_shipment_tracking_items"
_ZERO: Final = Decimal(0)


def status(payload: JsonObject) -> str:
    """The order's state, without the prefix that some plugins leave on it."""
    return (text(payload.get("status")) or "").lower().removeprefix("wc-")


def gmt(payload: JsonObject, name: str) -> str | None:
    """``<name>_gmt``, which has no offset, as a time in UTC."""
    found = text(payload.get(f"{name}_gmt"))
    return f"{found}Z" if found is not None and _GMT.match(found) else found


def customer(payload: JsonObject) -> dict[str, Any]:
    """A Customer object. WooCommerce verifies no address."""
    billing, shipping = child(payload, "billing"), child(payload, "shipping")
    return told(
        {
            "id": key(payload.get("id")),
            "email": text(payload.get("email")) or text(billing.get("email")),
            "phone": text(billing.get("phone")) or text(shipping.get("phone")),
            "first_name": text(payload.get("first_name")) or text(billing.get("first_name")),
            "last_name": text(payload.get("last_name")) or text(billing.get("last_name")),
            "country": _country(billing) or _country(shipping),
            "locale": _locale(payload),
        }
    )


def order_customer(payload: JsonObject) -> dict[str, Any] | None:
    """Who ordered; a guest (``customer_id`` 0) has only the address that the order gives."""
    billing, shipping = child(payload, "billing"), child(payload, "shipping")
    identity = key(payload.get("customer_id"))
    facts = told(
        {
            "id": None if identity == "0" else identity,
            "email": text(billing.get("email")),
            "phone": text(billing.get("phone")) or text(shipping.get("phone")),
            "first_name": text(billing.get("first_name")) or text(shipping.get("first_name")),
            "last_name": text(billing.get("last_name")) or text(shipping.get("last_name")),
            "country": _country(billing) or _country(shipping),
            "locale": _locale(payload),
        }
    )
    return facts if any(name in facts for name in ("id", "email", "phone")) else None


def order(payload: JsonObject) -> dict[str, Any]:
    """An Order object with its lines, parcels and refunds.

    An order that waits for its first payment, or whose payment failed, is told as ``partial``: it
    is only gathered until a webhook shows that the shop has taken it.
    """
    state = status(payload)
    modified = gmt(payload, "date_modified")
    placed, paid = gmt(payload, "date_created"), gmt(payload, "date_paid")
    is_open = state in _UNSETTLED and paid is None
    is_cancelled = state in ("cancelled", "trash")
    is_gross = flag(payload.get("prices_include_tax")) is True
    number = text(payload.get("number"))
    return told(
        {
            "id": key(payload.get("id")),
            "partial": is_open,
            "number": f"#{number}" if number and number[0].isalnum() else number,
            "placed_at": None if is_open else placed,
            "updated_at": modified,
            "currency": text(payload.get("currency")),
            "total": amount(payload.get("total")),
            "subtotal": _of_lines(payload, is_gross),
            "shipping": _with_tax(payload, "shipping_total", "shipping_tax", is_gross),
            "tax": amount(payload.get("total_tax")),
            "discount": _with_tax(payload, "discount_total", "discount_tax", is_gross),
            "discount_codes": _discount_codes(payload),
            "is_gift": True if any(map(flag, _metas(payload, _GIFT))) else None,
            "country": _country(child(payload, "shipping")) or _country(child(payload, "billing")),
            "channel": text(payload.get("created_via")),
            "paid_at": paid,
            "cancelled_at": modified if is_cancelled else None,
            "cancel_reason": DELETED if state == "trash" else None,
            "lines": _lines(payload, is_gross),
            "fulfilments": _parcels(payload, state, placed),
            "refunds": _refunds(payload, state, modified),
            "attributes": told(
                {
                    "status": state or None,
                    "payment_method": text(payload.get("payment_method")),
                    "customer_note": text(payload.get("customer_note")),
                }
            ),
        }
    )


def _lines(payload: JsonObject, is_gross: bool) -> list[dict[str, Any]] | None:
    if not isinstance(payload.get("line_items"), list):
        return None
    return [
        told(
            {
                "id": identity,
                "product_id": _positive(line.get("product_id")),
                "variant_id": _positive(line.get("variation_id")),
                "sku": text(line.get("sku")),
                "title": text(line.get("name")),
                "quantity": quantity(line.get("quantity")),
                "price": _piece_price(line, is_gross),
                "image_url": _web(child(line, "image").get("src")),
            }
        )
        for line in children(payload, "line_items")
        if (identity := key(line.get("id")))
    ]


def _piece_price(line: JsonObject, is_gross: bool) -> Decimal | None:
    """Of one piece before discounts; ``price`` is after them, and not rounded."""
    whole = _with_tax(line, "subtotal", "subtotal_tax", is_gross)
    pieces = quantity(line.get("quantity"))
    if whole is None or not pieces:
        return amount(line.get("price"))
    return amount(str(whole / pieces))


def _of_lines(payload: JsonObject, is_gross: bool) -> Decimal | None:
    """The goods after discounts."""
    if not isinstance(payload.get("line_items"), list):
        return None
    totals = (
        _with_tax(line, "total", "total_tax", is_gross) for line in children(payload, "line_items")
    )
    return sum((one for one in totals if one is not None), _ZERO)


def _with_tax(container: JsonObject, name: str, tax: str, is_gross: bool) -> Decimal | None:
    """An amount as the shop shows it; WooCommerce always tells it without tax."""
    net = amount(container.get(name))
    return net + (amount(container.get(tax)) or _ZERO) if net is not None and is_gross else net


def _discount_codes(payload: JsonObject) -> list[str] | None:
    if not isinstance(payload.get("coupon_lines"), list):
        return None
    return [code for item in children(payload, "coupon_lines") if (code := text(item.get("code")))]


def _refunds(payload: JsonObject, state: str, modified: str | None) -> list[dict[str, Any]]:
    """``refunds`` holds id, reason and a negative total. Which pieces is not told."""
    found = [
        told(
            {
                "id": identity,
                "amount": None if total is None else abs(total),
                "at": modified,
                "reason": text(item.get("reason")) or text(item.get("refund")),
            }
        )
        for item in children(payload, "refunds")
        if (identity := key(item.get("id")))
        for total in (amount(item.get("total")),)
    ]
    if state == "refunded" and not found:
        return [told({"id": "status", "at": modified})]  # nothing was left to pay back, or no list
    return found


def _parcels(payload: JsonObject, state: str, placed: str | None) -> list[dict[str, Any]]:
    """What shipment tracking has left in ``meta_data``.

    Without it, and where there is something to ship, a completed order is a shipped one: that is
    what the state means ("order fulfilled").
    """
    found = {}
    for item in _tracking_items(payload):
        number = text(item.get("tracking_number"))
        identity = key(item.get("tracking_id")) or number
        if identity is None:
            continue
        carrier = text(item.get("custom_tracking_provider")) or text(item.get("tracking_provider"))
        found[identity] = told(
            {
                "id": identity,
                "status": "shipped",
                "at": _shipped_at(item.get("date_shipped"), placed),
                "carrier": carrier,
                "tracking_number": number,
                "tracking_url": _web(item.get("custom_tracking_link"))
                or _web(item.get("formatted_tracking_link")),
            }
        )
    completed = gmt(payload, "date_completed")
    if not found and state == "completed" and flag(payload.get("needs_processing")) is not False:
        return [told({"id": "completed", "status": "shipped", "at": completed})]
    return list(found.values())


def _tracking_items(payload: JsonObject) -> Iterable[JsonObject]:
    for entry in children(payload, "meta_data"):
        if entry.get("key") == _PARCELS:
            value = entry.get("value")
            # PHP writes a list whose first entries were removed as an object.
            listed = value.values() if isinstance(value, dict) else value
            if isinstance(listed, Iterable) and not isinstance(listed, str):
                yield from (item for item in listed if isinstance(item, dict))


def _shipped_at(value: object, placed: str | None) -> object:
    """``date_shipped`` is the start of a day, so never before the order itself."""
    shipped = from_epoch(value)
    words = text(value)
    if shipped is None and words and _DAY.match(words):
        shipped = _moment(f"{words}T00:00:00Z")
    ordered = _moment(placed)
    return max(shipped, ordered) if shipped is not None and ordered is not None else shipped


def _moment(told_time: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(told_time) if told_time else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def _metas(payload: JsonObject, names: tuple[str, ...]) -> list[object]:
    return [
        entry.get("value")
        for entry in children(payload, "meta_data")
        if isinstance(entry.get("key"), str) and entry["key"].lower() in names
    ]


def _locale(payload: JsonObject) -> str | None:
    for value in (payload.get("lang"), *_metas(payload, _LANGUAGE)):
        word = text(value)
        if word and _LOCALE.match(word):
            return word.replace("_", "-")
    return None


def _country(address: JsonObject) -> str | None:
    return text(address.get("country"))


def _positive(value: object) -> str | None:
    """An id; 0 stands for none."""
    found = key(value)
    return None if found == "0" else found


def _web(value: object) -> str | None:
    found = text(value)
    return found if found and _WEB.match(found) else None
