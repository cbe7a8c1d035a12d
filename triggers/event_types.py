"""The event types that every shop has, with what each carries."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from triggers.catalog import Catalog, DataField, EventObject, EventSpec, FieldType


def _some(kind: FieldType, doc: str) -> DataField:
    return DataField(type=kind, doc=doc)


def _always(kind: FieldType, doc: str) -> DataField:
    return DataField(type=kind, doc=doc, nullable=False)


_CHANNEL = {"channel": _always("string", "email, sms or voice")}
_PARCEL = {
    "fulfilment_id": _always("string", "the parcel's id"),
    "tracking_number": _some("string", "the carrier's number"),
    "tracking_url": _some("string", "where the customer can follow the parcel"),
    "carrier": _some("string", "the carrier's name"),
    "estimated_at": _some("timestamp", "expected delivery"),
}
_ARRIVAL = _PARCEL | {
    "assumed": _some("bool", "nobody said so: it was shipped long enough ago"),
}
_SENT_BACK = {
    name: _some(field.type, field.doc) for name, field in _PARCEL.items() if name != "estimated_at"
}
_COUPON = {
    "code": _always("string", "the coupon code"),
    "pool": _some("string", "the pool that the code came from"),
    "offer": _some("string", "the offer of config/store.yaml"),
    "campaign": _some("string", "the campaign that gave it"),
    "step": _some("string", "the step that gave it"),
}
_CALL = {
    "call_id": _always("string", "the call's or task's id"),
    "queue": _some("string", "the queue of the task"),
    "campaign": _some("string", "the campaign that asked for it"),
    "journey": _some("string", "the journey that asked for it"),
    "step": _some("string", "the step that asked for it"),
    "attempts": _some("int", "how often it was tried"),
}
_MESSAGE = {
    "message_id": _always("string", "the message's id in the log"),
    "campaign": _some("string", "the campaign that sent it"),
    "step": _some("string", "the step that sent it"),
    "channel": _some("string", "email, sms or voice"),
}

_Row = tuple[str, EventObject, str, Mapping[str, DataField]]

# What the engine derives from reported facts.
_TRANSITIONS: tuple[_Row, ...] = (
    ("customer.created", "customer", "A customer was first heard of.", {}),
    ("customer.updated", "customer", "A customer's own fields changed.", {}),
    ("customer.subscribed", "customer", "Marketing on a channel was permitted.", _CHANNEL),
    ("customer.unsubscribed", "customer", "The permission for a channel was withdrawn.", _CHANNEL),
    (
        "preferences.changed",
        "customer",
        "A customer declined topics, took them up again, or paused marketing.",
        {
            **_CHANNEL,
            "declined": _some("strings", "the topics that are declined now"),
            "paused_until": _some("timestamp", "when the pause ends; empty: there is none"),
        },
    ),
    ("order.placed", "order", "An order was placed.", {}),
    ("order.paid", "order", "An order was paid in full.", {}),
    ("order.updated", "order", "An order's own fields changed.", {}),
    ("order.shipped", "order", "A parcel left.", _PARCEL),
    ("order.out_for_delivery", "order", "A parcel is with the driver.", _PARCEL),
    ("order.delayed", "order", "The carrier says that a parcel is late.", _PARCEL),
    ("order.delivered", "order", "The last parcel arrived.", _ARRIVAL),
    ("order.delivery_failed", "order", "A delivery was tried in vain.", _PARCEL),
    ("order.lost", "order", "A parcel is lost.", _PARCEL),
    (
        "order.refunded",
        "order",
        "Money was given back, for all or a part of the order.",
        {
            "refund_id": _always("string", "the refund's id"),
            "amount": _some("number", "in the shop's currency"),
            "full": _some("bool", "nothing remains to be paid back"),
            "returned": _some("bool", "goods came back with it"),
            "reason": _some("string", "the shop's words"),
        },
    ),
    (
        "order.cancelled",
        "order",
        "An order was cancelled.",
        {"reason": _some("string", "the shop's word for why")},
    ),
    ("order.returned", "order", "Goods of an order came back.", _SENT_BACK),
    (
        "order.disputed",
        "order",
        "The customer's bank disputes the payment.",
        {"dispute_id": _some("string", "the dispute's id")},
    ),
    ("ticket.opened", "ticket", "A support ticket was opened.", {}),
    ("ticket.updated", "ticket", "A ticket's fields changed.", {}),
    ("ticket.solved", "ticket", "A ticket was solved.", {}),
    ("ticket.reopened", "ticket", "A solved ticket was opened again.", {}),
    (
        "ticket.rated",
        "ticket",
        "The customer rated the support.",
        {"rating": _always("int", "1 to 5; platforms with two faces give 1 or 5")},
    ),
)

# What a source or one of the engine's programs tells outright.
_TOLD: tuple[_Row, ...] = (
    (
        "survey.answered",
        "customer",
        "A survey was answered.",
        {
            "kind": _always("string", "nps, csat or ces"),
            "score": _always("int", "nps 0 to 10, csat 1 to 5, ces 1 to 7"),
            "comment": _some("string", "in the customer's words"),
            "survey_id": _some("string", "the survey that was asked"),
            "message_id": _some("string", "the message that asked, when it was one of ours"),
            "campaign": _some("string", "its campaign"),
            "journey": _some("string", "its journey; answers the question of this journey alone"),
            "step": _some("string", "its step"),
            "product_ids": _some("strings", "the products of the order that was asked about"),
            "how": _some("string", "page, sms or voice; empty when told from outside"),
            "changed": _some("bool", "takes the place of an earlier answer"),
        },
    ),
    (
        "review.submitted",
        "customer",
        "A product review was written.",
        {
            "product_id": _some("string", "the product reviewed"),
            "rating": _some("number", "stars, usually 1 to 5"),
            "review_id": _some("string", "the review's id"),
            "order_id": _some("string", "the order that it is about"),
            "title": _some("string", "its heading"),
            "text": _some("string", "what was written"),
        },
    ),
    (
        "referral.converted",
        "customer",
        "A friend whom the customer invited bought for the first time.",
        {
            "program": _some("string", "the referral program"),
            "code": _some("string", "the customer's referral code"),
            "friend_order_id": _some("string", "the friend's order"),
            "points": _some("int", "the points that were given for it"),
            "offer": _some("string", "the offer of which a coupon was given for it"),
        },
    ),
    (
        "coupon.redeemed",
        "customer",
        "A coupon was used.",
        {
            **_COUPON,
            "order_id": _some("string", "the order it was used on"),
            "amount": _some("number", "what it took off"),
        },
    ),
    (
        "coupon.expiring",
        "customer",
        "An unused coupon will soon expire.",
        {**_COUPON, "expires_at": _always("timestamp", "its last instant")},
    ),
    (
        "points.earned",
        "customer",
        "Loyalty points became the customer's to spend.",
        {
            "points": _always("int", "that came now"),
            "balance": _some("int", "after that"),
            "reason": _some("string", "what they were given for"),
        },
    ),
    (
        "points.redeem",
        "customer",
        "The customer asks for a reward; the shop's own pages tell this.",
        {
            "offer": _some("string", "the reward: one of redeem: of the store's policy"),
            "points": _some("int", "what it costs, where that tells which reward is meant"),
        },
    ),
    (
        "points.redeemed",
        "customer",
        "Points were taken for a reward.",
        {
            "points": _always("int", "that were taken"),
            "offer": _some("string", "the offer that they were taken for"),
            "balance": _some("int", "after that"),
            "redemption": _some("string", "the entry of the ledger"),
        },
    ),
    (
        "points.adjust",
        "customer",
        "A person gives points, or takes some away.",
        {
            "points": _always("int", "more, or less when negative"),
            "note": _some("string", "why"),
        },
    ),
    (
        "points.expiring",
        "customer",
        "Loyalty points will soon expire.",
        {
            "points": _always("int", "that will expire"),
            "expires_at": _always("timestamp", "their last instant"),
        },
    ),
    (
        "tier.reached",
        "customer",
        "The customer rose to a loyalty tier.",
        {
            "tier": _always("string", "the tier reached"),
            "previous": _some("string", "the tier before"),
        },
    ),
    (
        "call.completed",
        "customer",
        "A follow-up call was held.",
        {**_CALL, "outcome": _some("string", "what came of it"), "note": _some("string", "notes")},
    ),
    (
        "call.no_answer",
        "customer",
        "A follow-up call was not answered, in any attempt.",
        {**_CALL, "note": _some("string", "notes")},
    ),
    (
        "call.inbound",
        "customer",
        "The customer called.",
        {**_CALL, "number": _some("string", "the tracking number that was called")},
    ),
    (
        "call.ended",
        "customer",
        "A call of the customer's has ended.",
        {
            **_CALL,
            "number": _some("string", "the tracking number that was called"),
            "seconds": _some("int", "how long they spoke"),
            "answered": _some("bool", "somebody took it"),
        },
    ),
    (
        "product.replenish_due",
        "customer",
        "Something that the customer bought will soon be used up; told once for each purchase.",
        {
            "product_id": _always("string", "the platform's id of the product, else its sku"),
            "title": _some("string", "its name"),
            "url": _some("string", "its page"),
            "image_url": _some("string", "its picture"),
            "date": _always("timestamp", "when it is probably used up"),
            "last_bought_at": _some("timestamp", "when it was last bought"),
            "order_id": _some("string", "the order that it was last bought with"),
        },
    ),
    ("message.sent", "customer", "A message was handed to the provider.", _MESSAGE),
    ("message.delivered", "customer", "A message arrived.", _MESSAGE),
    (
        "message.opened",
        "customer",
        "An email was opened.",
        {**_MESSAGE, "machine": _some("bool", "a mail program's prefetch, not a person")},
    ),
    (
        "message.clicked",
        "customer",
        "A link of a message was followed.",
        {
            **_MESSAGE,
            "url": _some("string", "the link's target"),
            "machine": _some("bool", "a link scanner, not a person"),
        },
    ),
    (
        "message.bounced",
        "customer",
        "A message could not be delivered.",
        {
            **_MESSAGE,
            "reason": _some("string", "the provider's words"),
            "error_code": _some("string", "the provider's code"),
            "permanent": _some("bool", "the address is of no use any more"),
        },
    ),
    (
        "message.failed",
        "customer",
        "The provider refused a message.",
        {
            **_MESSAGE,
            "reason": _some("string", "the provider's words"),
            "error_code": _some("string", "the provider's code"),
        },
    ),
    ("message.complained", "customer", "A message was reported as spam.", _MESSAGE),
    (
        "message.replied",
        "customer",
        "The customer wrote back.",
        {
            **_MESSAGE,
            "message_id": _some("string", "the last message to the number that they wrote from"),
            "text": _some("string", "what they wrote"),
            "keyword": _some("string", "STOP, START or HELP, where the whole text is such a word"),
            "flagged": _some("bool", "seems to ask for no more texts, and waits for a person"),
            "media": _some("int", "pictures and the like that came with it"),
        },
    ),
)


def _built_in() -> Catalog:
    types = {
        name: EventSpec(
            name=name,
            doc=doc,
            object=carries,
            fields=MappingProxyType(dict(fields)),
            derived=rows is _TRANSITIONS,
        )
        for rows in (_TRANSITIONS, _TOLD)
        for name, carries, doc, fields in rows
    }
    return Catalog(MappingProxyType(types))


BUILT_IN = _built_in()
