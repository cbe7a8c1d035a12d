"""The objects inside Stripe's events as facts of our own shape, and Stripe's amounts.

Shapes: docs.stripe.com/api, Checkout Session, PaymentIntent, Charge, Refund; API versions 2017 to
2026. Every function gives a dict for ``native.validate``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from triggers.sources.payload import (
    JsonObject,
    amount,
    child,
    children,
    from_epoch,
    key,
    text,
    told,
)

# docs.stripe.com/currencies, "Zero-decimal currencies", "Three-decimal currencies" and "Special
# cases": ISK and UGX have no cents, but Stripe goes on counting them in hundredths.
_WHOLE: Final = frozenset(
    "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split(" ")  # noqa: SIM905
)
_THOUSANDTHS: Final = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])
_PROMOTIONS: Final = {"opt_in": "subscribed", "opt_out": "unsubscribed"}


def money(value: object, currency: str | None) -> Decimal | None:
    """An amount in the smallest unit of its currency as an amount of the currency."""
    found = amount(value)
    if found is None or currency is None:
        return None
    code = currency.upper()
    places = 0 if code in _WHOLE else 3 if code in _THOUSANDTHS else 2
    return amount(str(found.scaleb(-places)))


def payment_of(thing: JsonObject) -> str | None:
    """What all objects about one purchase have in common: the payment, else charge or object."""
    for name in ("payment_intent", "charge", "id"):
        found = _id(thing.get(name))
        if found is not None:
            return found
    return None


def refund_id(payload: JsonObject, charge: object) -> str | None:
    """A refund's id from its charge and the API request that made it, the only thing that
    ``charge.refunded`` and ``refund.created`` have in common; None without it.

    ``request`` is an object, and the request's id itself in API versions before 2017-05-25.
    """
    request = payload.get("request")
    made_by = key(request) or key(child(payload, "request").get("id"))
    of = _id(charge)
    return f"{of}:{made_by}"[:255] if made_by and of else None


def checkout(session: JsonObject) -> dict[str, Any]:
    """A Checkout Session as an order; its lines are not in the webhook."""
    currency = text(session.get("currency"))
    totals = child(session, "total_details")
    return {
        "placed_at": from_epoch(session.get("created")),
        "currency": currency.upper() if currency else None,
        "total": money(session.get("amount_total"), currency),
        "subtotal": money(session.get("amount_subtotal"), currency),
        "shipping": money(totals.get("amount_shipping"), currency),
        "tax": money(totals.get("amount_tax"), currency),
        "discount": money(totals.get("amount_discount"), currency),
        "discount_codes": _codes(session),
        "country": _country(_shipping(session)) or _country(child(session, "customer_details")),
        "channel": "stripe",
        "attributes": _attributes(session),
    }


def checkout_customer(payload: JsonObject, session: JsonObject) -> dict[str, Any] | None:
    """Who paid; a guest has no ``customer``. Stripe verifies no address."""
    details = child(session, "customer_details")
    locale = text(session.get("locale"))
    person = _person(
        session.get("customer"),
        text(details.get("email")) or text(session.get("customer_email")),
        text(details.get("phone")),
        text(details.get("name")) or text(details.get("individual_name")),
        _country(details) or _country(_shipping(session)),
    )
    if person is None:
        return None
    if locale is not None and locale != "auto":
        person["locale"] = locale
    decision = _PROMOTIONS.get(text(child(session, "consent").get("promotions")) or "")
    if decision is not None and "email" in person:
        person["consent"] = {
            "email": told(
                {
                    "status": decision,
                    "at": from_epoch(payload.get("created")),
                    "proof": "Stripe Checkout: promotions",
                }
            )
        }
    return person


def payment(intent: JsonObject) -> dict[str, Any]:
    """A PaymentIntent as an order: only what was paid, and when it was begun."""
    currency = text(intent.get("currency"))
    received = intent.get("amount_received")
    return {
        "placed_at": from_epoch(intent.get("created")),
        "currency": currency.upper() if currency else None,
        "total": money(received if received is not None else intent.get("amount"), currency),
        "country": _country(child(intent, "shipping")),
        "channel": "stripe",
    }


def payment_customer(intent: JsonObject) -> dict[str, Any] | None:
    """Who paid. API versions before 2022-11-15 carry the charge with its billing details."""
    charge: JsonObject = next(iter(children(child(intent, "charges"), "data")), {})
    charge = charge or child(intent, "latest_charge")
    billing, shipping = child(charge, "billing_details"), child(intent, "shipping")
    return _person(
        intent.get("customer"),
        text(intent.get("receipt_email")) or text(billing.get("email")),
        text(billing.get("phone")) or text(shipping.get("phone")),
        text(billing.get("name")) or text(shipping.get("name")),
        _country(billing) or _country(shipping),
    )


def _person(
    identity: object, email: str | None, phone: str | None, name: str | None, country: str | None
) -> dict[str, Any] | None:
    first, _, last = (name or "").partition(" ")
    person = told(
        {
            "id": _id(identity),
            "email": email,
            "phone": phone,
            "first_name": first or None,
            "last_name": last.strip() or None,
            "country": country,
        }
    )
    return person if any(field in person for field in ("id", "email", "phone")) else None


def _id(value: object) -> str | None:
    """An id, also of an expanded object."""
    return key(value) or key(child({"it": value}, "it").get("id"))


def _shipping(session: JsonObject) -> JsonObject:
    """Where the goods go. The field has moved: "collected_information", API version 2025-03-31."""
    return (
        child(child(session, "collected_information"), "shipping_details")
        or child(session, "shipping_details")
        or child(session, "shipping")
    )


def _country(holder: JsonObject) -> str | None:
    return text(child(holder, "address").get("country"))


def _codes(session: JsonObject) -> list[str] | None:
    """Promotion codes are named by Stripe's own ids, unless they are expanded."""
    if not isinstance(session.get("discounts"), list):
        return None
    found = []
    for item in children(session, "discounts"):
        promotion = item.get("promotion_code")
        code = text(child(item, "promotion_code").get("code")) or text(promotion)
        code = code or _id(item.get("coupon"))
        if code:
            found.append(code)
    return found


def _attributes(session: JsonObject) -> dict[str, Any]:
    return {
        name: value
        for name, raw in list(child(session, "metadata").items())[:50]
        if (value := text(raw)) and "\x00" not in name
    }
