"""What a template may read of one customer, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from engine.core.answers import last_answer_at, latest_score
from engine.core.coupon import ToldCoupons, open_coupons
from engine.core.customer import Customer, Order, ParcelStatus, Ticket
from engine.core.guards import consented
from engine.core.message import Message
from engine.core.order_state import fact_time
from engine.core.points import loyalty_page
from engine.core.shopping import REPLENISH_DUE, open_refills
from engine.core.step_results import result_value
from engine.core.world import Journey, World

NO_SUGGESTIONS: Final[Mapping[str, Any]] = {"together": [], "next": [], "popular": []}
_REFILL: Final = ("title", "url", "image_url", "product_id", "date", "last_bought_at")
_REFILL_TIMES: Final = ("date", "last_bought_at")
_SOON: Final = timedelta(days=7)  # one message about all that is used up within a week


def message_context(
    world: World,
    message: Message,
    journey: Journey | None,
    *,
    campaign_name: str,
    unsubscribe_url: str | None,
    now: datetime,
    survey: Mapping[str, Any] | None = None,
    referral: Mapping[str, Any] | None = None,
    reads: Callable[[str], bool] = lambda root: True,
) -> dict[str, Any]:
    """Every root that a template may read, for one message; ``shop`` is the renderer's own.

    ``survey`` is ``engine.programs.scales.survey_values`` where the message asks for a score,
    ``referral`` is ``engine.services.referral_links.referral_root`` where the message invites.
    ``reads`` says whether the template reads a root; what takes looking up and nobody reads is
    left empty.
    """
    order = world.orders.get(message.order_id) if message.order_id else None
    ticket = world.tickets.get(message.ticket_id) if message.ticket_id else None
    context: dict[str, Any] = {
        "customer": customer_context(world, now),
        "loyalty": loyalty_context(world) if reads("loyalty") else None,
        "replenishment": replenishment_context(world, journey, now)
        if reads("replenishment")
        else None,
        "order": order_context(order) if order else None,
        "ticket": ticket_context(ticket) if ticket else None,
        "trigger": _trigger(journey),
        "coupons": ToldCoupons.of(world, now) if reads("coupons") else None,
        "campaign": {"id": message.campaign, "name": campaign_name},
        "links": {"unsubscribe": unsubscribe_url, "preferences": unsubscribe_url},
        "message": {"id": message.id},
        "recommendations": NO_SUGGESTIONS,
        "survey": survey,
        "referral": referral,
        "now": now,
    }
    if journey is not None:
        for step, result in journey.results.items():
            if step not in context and reads(step):
                context[step] = {name: result_value(name, value) for name, value in result.items()}
    return context


def customer_context(world: World, now: datetime) -> dict[str, Any]:
    """The root ``customer``."""
    customer: Customer = world.customer
    latest, answered = customer.last_order_at, last_answer_at(world)
    return {
        "id": customer.id,
        "email": customer.email,
        "phone": customer.phone,
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "name": full_name(customer),
        "locale": customer.locale,
        "timezone": customer.timezone,
        "country": customer.country,
        "region": customer.region,
        "postal_code": customer.postal_code,
        "birthday": customer.birthday,
        "tags": customer.tags,
        "attributes": customer.attributes,
        "orders_count": customer.orders_count,
        "total_spent": customer.total_spent,
        "first_order_at": customer.first_order_at,
        "last_order_at": latest,
        "days_since_order": max(0, (now - latest).days) if latest else None,
        "open_tickets": customer.open_tickets,
        "open_coupons": len(open_coupons(world, now)),
        "nps": latest_score(world, "nps"),
        "csat": latest_score(world, "csat"),
        "ces": latest_score(world, "ces"),
        "days_since_survey": max(0, (now - answered).days) if answered else None,
        "email_consent": consented(world, "email"),
        "sms_consent": consented(world, "sms"),
    }


def full_name(customer: Customer) -> str | None:
    """First and last name, as far as they are known."""
    first, last = customer.first_name, customer.last_name
    return f"{first} {last}" if first and last else first or last or None


def loyalty_context(world: World) -> dict[str, Any]:
    """The root ``loyalty``: the customer's account, as of its last booking."""
    page = loyalty_page(world)
    expires, spend = page.get("expires_at"), page.get("missing_spend")
    return {
        "balance": page.get("balance", 0),
        "pending": page.get("pending", 0),
        "tier": page.get("tier"),
        "tier_name": page.get("tier_name"),
        "next_tier": page.get("next_tier"),
        "next_tier_name": page.get("next_tier_name"),
        "missing_points": page.get("missing_points"),
        "missing_spend": None if spend is None else Decimal(spend),
        "expires_at": None if expires is None else datetime.fromisoformat(expires),
    }


def replenishment_context(world: World, journey: Journey | None, now: datetime) -> dict[str, Any]:
    """The root ``replenishment``: what the journey is about first, then what is used up soon."""
    products: dict[str, dict[str, Any]] = {}
    told = journey.trigger if journey is not None else {}
    if told.get("type") == REPLENISH_DUE:
        data = told.get("data", {})
        if isinstance(key := data.get("product_id"), str):
            values = {name: data.get(name) for name in _REFILL}
            values |= {name: _moment(values[name]) for name in _REFILL_TIMES}
            products[key] = values
    for refill in open_refills(world):
        if refill.date <= now + _SOON:
            products.setdefault(refill.product_id, {n: getattr(refill, n) for n in _REFILL})
    dates = [one["date"] for one in products.values() if one["date"] is not None]
    return {"date": min(dates, default=None), "products": list(products.values())}


def _moment(value: object) -> datetime | None:
    """A journey keeps moments as RFC 3339 text."""
    if isinstance(value, str):
        return datetime.fromisoformat(value)
    return value if isinstance(value, datetime) else None


def order_context(order: Order) -> dict[str, Any]:
    """The root ``order``; tracking is that of the parcel that moved last."""
    parcels = [p for p in order.fulfilments.values() if p.status is not ParcelStatus.CANCELLED]
    parcel = max(parcels, key=lambda each: each.at) if parcels else None
    return {
        "id": order.id,
        "number": order.number,
        "placed_at": order.placed_at,
        "paid_at": fact_time(order, "paid"),
        "shipped_at": fact_time(order, "shipped"),
        "delivered_at": fact_time(order, "delivered"),
        "currency": order.currency,
        "total": order.total,
        "subtotal": order.subtotal,
        "shipping": order.shipping,
        "tax": order.tax,
        "discount": order.discount,
        "discount_codes": order.discount_codes,
        "is_gift": order.is_gift,
        "country": order.country,
        "status_url": order.status_url,
        "tracking_url": parcel.tracking_url if parcel else None,
        "tracking_number": parcel.tracking_number if parcel else None,
        "carrier": parcel.carrier if parcel else None,
        "attributes": order.attributes,
        "lines": [
            {
                "title": line.title,
                "quantity": line.quantity,
                "price": line.price,
                "url": line.url,
                "image_url": line.image_url,
                "sku": line.sku,
                "product_id": line.product_id,
            }
            for line in order.lines.values()
        ],
    }


def ticket_context(ticket: Ticket) -> dict[str, Any]:
    """The root ``ticket``."""
    return {
        "id": ticket.id,
        "status": ticket.status.value,
        "subject": ticket.subject,
        "channel": ticket.channel,
        "priority": ticket.priority,
        "tags": ticket.tags,
        "rating": ticket.rating,
        "opened_at": ticket.opened_at,
        "solved_at": ticket.solved_at,
    }


def _trigger(journey: Journey | None) -> dict[str, Any]:
    if journey is None:
        return {"id": None, "type": None, "time": None, "data": {}}
    trigger = journey.trigger
    return {
        "id": trigger.get("id"),
        "type": trigger.get("type"),
        "time": journey.entered_at,
        "data": trigger.get("data", {}),
    }
