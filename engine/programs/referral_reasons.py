"""What was found about a referral, as sentences; codes and values stand in its record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

Values = Mapping[str, Any]

_TEXTS: Final[Mapping[str, Callable[[Values], str]]] = {
    "test_order": lambda v: "the order is a test",
    "order_cancelled": lambda v: "the order was cancelled",
    "order_refunded": lambda v: "the order was refunded",
    "order_returned": lambda v: "the order was returned",
    "order_disputed": lambda v: "the payment is disputed",
    "order_gone": lambda v: "the order is not on record any more",
    "friend_erased": lambda v: "the friend was erased",
    "no_referral_program": lambda v: "config/store.yaml has this program no more",
    "below_minimum": lambda v: f"the order is worth {v['total']}, less than {v['min']}",
    "not_paid": lambda v: "the order is not paid",
    "open_return": lambda v: "a return of the order is open",
    "same_customer": lambda v: "referrer and friend are one customer",
    "already_referred": lambda v: f"the friend was referred already, with order {v['by_order']}",
    "existing_customer": lambda v: f"the friend is a customer since {v['since'][:10]}",
    "claim_too_old": lambda v: (
        f"the friend left the address on {v['claimed'][:10]}, which counts for {v['window']}"
    ),
    "claim_after_order": lambda v: "the friend left the address only after the order",
    "same_email": lambda v: "both use one mailbox",
    "same_phone": lambda v: "both have one phone number",
    "same_household": lambda v: "both have one street, postal code and family name",
    "similar_name": lambda v: f"their names are alike ({v['likeness']:.0%})",
    "disposable_email": lambda v: f"{v['domain']} lends addresses for a short time",
    "burst": lambda v: f"{v['count']} friends within {v['per']}, more than {v['most']}",
    "limit_reached": lambda v: f"{v['count']} were paid within {v['per']}, the most is {v['most']}",
}
CODES: Final = frozenset(_TEXTS)
_ACTIONS: Final = {"block": "blocked", "flag": "to be decided", "wait": "waits"}


def finding_text(code: str, values: Values) -> str:
    """One finding, with what follows from it."""
    told = _TEXTS.get(code)
    text = told(values) if told is not None else code.replace("_", " ")
    action = _ACTIONS.get(str(values.get("action", "")))
    return f"{text} ({action})" if action else text
