"""Stripe's webhooks: checkouts, payments, refunds and disputes.

Event shape: docs.stripe.com/api/events/object; event types: docs.stripe.com/api/events/types.
Events come doubled and in any order (docs.stripe.com/webhooks, "Event ordering"), so each tells
every fact that it holds.

A shop that sells through Stripe alone has orders of Stripe's: the payment is the order, and
checkout, refund and dispute all name it. A shop that has orders of its own names them in the
metadata of its payments; then Stripe tells of those orders that they were paid, refunded or
disputed, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from triggers.sources import stripe_facts as facts
from triggers.sources.native import validate
from triggers.sources.payload import (
    JsonObject,
    child,
    fingerprint,
    from_epoch,
    key,
    parse_object,
    text,
    told,
)
from triggers.sources.problems import did_you_mean, explain
from triggers.sources.reading import Reading, rejection
from triggers.sources.signatures import verify_stripe


class _NotUnderstoodError(Exception):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Stripe:
    """The source, and how its payments name the shop's own orders.

    ``order_key`` is the key of ``metadata`` that holds the order's id, ``shopify:1001`` or the bare
    id. ``order_source`` is the source of the events that tell of those orders; None: the orders are
    Stripe's own.
    """

    order_key: str = "order_id"
    order_source: str | None = None

    @property
    def name(self) -> str:
        """The last part of the webhook's path."""
        return "stripe"

    def read(
        self,
        headers: Mapping[str, str],
        body: bytes,
        *,
        secrets: Sequence[str],
        received_at: datetime,
    ) -> Reading:
        """Verify and read one webhook; a verified one that cannot be understood is Rejected.

        Raises SignatureError.
        """
        verify_stripe(headers, body, secrets, now=received_at)
        payload = parse_object(body)
        if payload is None:
            return rejection(self.name, None, "not a JSON object", body, received_at)
        identity = key(payload.get("id")) or fingerprint(body)
        kind = text(payload.get("type")) or ""
        reader = EVENTS.get(kind)
        if reader is None:
            known = did_you_mean(kind[:100], EVENTS)
            reason = f'event type "{kind[:100]}" is not one that Lagniappe reads{known}'
            return rejection(self.name, identity, reason, body, received_at)
        try:
            fields = reader(self, payload)
            if fields is None:
                return Reading()
            fields.update(id=identity, source=self.name)
            fields["time"] = from_epoch(payload.get("created")) or received_at
            event = validate(fields)
        except _NotUnderstoodError as error:
            return rejection(self.name, identity, f"{kind}: {error}", body, received_at)
        except ValidationError as error:
            reason = "; ".join(str(problem) for problem in explain(error)[:3])
            return rejection(self.name, identity, f"{kind}: {reason}", body, received_at)
        return Reading(events=(event,))

    def owner(self, thing: JsonObject) -> dict[str, Any] | None:
        """The id and source of the shop's own order that a Stripe object names; None for none."""
        named = key(child(thing, "metadata").get(self.order_key))
        if named is None and self.order_source is not None:
            named = key(thing.get("client_reference_id"))
        if named is None:
            return None
        source, colon, bare = named.partition(":")
        if colon and source and bare:
            return {"id": bare, "source": source}
        return told({"id": named, "source": self.order_source})

    def order(self, payload: JsonObject, thing: JsonObject) -> dict[str, Any]:
        """Which order an object is about, and whether it was for a test.

        Raises when it is about one of the shop's own and does not say which.
        """
        owner = self.owner(thing)
        if owner is None and self.order_source is not None:
            raise _NotUnderstoodError(
                f"metadata.{self.order_key} is missing, so nobody can say which order it is of"
            )
        own = facts.payment_of(thing)
        if owner is None and own is None:
            raise _NotUnderstoodError("the object has no id")
        is_test = True if payload.get("livemode") is False else None
        return told({**(owner or {"id": own}), "is_test": is_test})

    def is_foreign(self, order: Mapping[str, Any]) -> bool:
        """Whether the order's own fields are another platform's to tell."""
        return "source" in order


def _checkout(stripe: Stripe, payload: JsonObject) -> dict[str, Any] | None:
    session = _object(payload)
    if text(session.get("mode")) == "setup":
        return None  # a card was saved, and nothing bought
    order = stripe.order(payload, session)
    is_paid = text(session.get("payment_status")) in ("paid", "no_payment_required")
    paid_at = from_epoch(payload.get("created")) if is_paid else None
    if stripe.is_foreign(order):
        if paid_at is None:
            return None
        return {"type": "order.paid", "order": {**order, "partial": True, "paid_at": paid_at}}
    order.update(told({**facts.checkout(session), "paid_at": paid_at}))
    order["updated_at"] = from_epoch(payload.get("created"))
    kind = "order.paid" if is_paid else "order.updated"
    return {"type": kind, "order": order, "customer": facts.checkout_customer(payload, session)}


def _checkout_failed(stripe: Stripe, payload: JsonObject) -> dict[str, Any]:
    """A payment that takes days (a transfer, a direct debit) did not come: no order after all."""
    order = stripe.order(payload, _object(payload))
    return {
        "type": "order.cancelled",
        "order": {**order, "partial": True, "cancel_reason": "payment_failed"},
    }


def _payment(stripe: Stripe, payload: JsonObject) -> dict[str, Any]:
    intent = _object(payload)
    order = stripe.order(payload, intent)
    paid_at = from_epoch(payload.get("created"))
    if stripe.is_foreign(order):
        return {"type": "order.paid", "order": {**order, "partial": True, "paid_at": paid_at}}
    order.update(told({**facts.payment(intent), "paid_at": paid_at}))
    return {"type": "order.paid", "order": order, "customer": facts.payment_customer(intent)}


def _charge_refunded(stripe: Stripe, payload: JsonObject) -> dict[str, Any] | None:
    """It tells the sum of all refunds: this one is what came on top of the sum before.

    Without the request behind it, the sum is the refund's id: no two refunds of a charge share it.
    """
    charge = _object(payload)
    before = child(child(payload, "data"), "previous_attributes").get("amount_refunded")
    currency = text(charge.get("currency"))
    total = facts.money(charge.get("amount_refunded"), currency)
    earlier = facts.money(before, currency)
    identity = facts.refund_id(payload, charge.get("id"))
    if identity is None:
        identity = f"{key(charge.get('id')) or ''}:{charge.get('amount_refunded')}"[:255]
    refund = {
        "id": identity,
        "amount": None if total is None else total - earlier if earlier is not None else total,
        "at": from_epoch(payload.get("created")),
    }
    return _refunded(stripe, payload, charge, refund)


def _refund_created(stripe: Stripe, payload: JsonObject) -> dict[str, Any] | None:
    """The same refund as ``charge.refunded`` tells, known by the request that made it.

    Without that request, or without a way to the shop's own order, ``charge.refunded`` alone tells.
    """
    refund = _object(payload)
    identity = facts.refund_id(payload, refund.get("charge"))
    is_over = text(refund.get("status")) in ("failed", "canceled")
    if identity is None or is_over or (stripe.order_source and stripe.owner(refund) is None):
        return None
    given_back = {
        "id": identity,
        "amount": facts.money(refund.get("amount"), text(refund.get("currency"))),
        "at": from_epoch(refund.get("created")),
        "reason": text(refund.get("reason")),
    }
    return _refunded(stripe, payload, refund, given_back)


def _refunded(
    stripe: Stripe, payload: JsonObject, thing: JsonObject, refund: dict[str, Any]
) -> dict[str, Any]:
    order = stripe.order(payload, thing)
    return {
        "type": "order.refunded",
        "order": {**order, "partial": True, "refunds": [told(refund)]},
    }


def _refund_news(stripe: Stripe, payload: JsonObject) -> None:
    """A refund that fails was announced all the same: its customer is not one to advertise to."""


def _dispute(stripe: Stripe, payload: JsonObject) -> dict[str, Any]:
    dispute = _object(payload)
    order = stripe.order(payload, dispute)
    at = from_epoch(dispute.get("created")) or from_epoch(payload.get("created"))
    about = told({"disputed_at": at, "dispute_id": key(dispute.get("id"))})
    return {"type": "order.disputed", "order": {**order, "partial": True, **about}}


def _object(payload: JsonObject) -> JsonObject:
    found = child(child(payload, "data"), "object")
    if not found:
        raise _NotUnderstoodError("data.object is missing")
    return found


EVENTS: Final[Mapping[str, Callable[[Stripe, JsonObject], dict[str, Any] | None]]] = {
    "checkout.session.completed": _checkout,
    "checkout.session.async_payment_succeeded": _checkout,
    "checkout.session.async_payment_failed": _checkout_failed,
    "payment_intent.succeeded": _payment,
    "charge.refunded": _charge_refunded,
    "refund.created": _refund_created,
    "refund.updated": _refund_news,
    "refund.failed": _refund_news,
    "charge.dispute.created": _dispute,
    "charge.dispute.closed": _dispute,
}
