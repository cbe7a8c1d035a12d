"""What the shop's programs did for a step, or why they did nothing, in plain words.

Codes and values come from ``engine.core.context.Taken``; sentences are made when somebody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from typing import Final

from engine.core.wording import Trace, when


def _coupon(trace: Trace, zone: tzinfo) -> str:
    until = f", good until {when(trace['expires_at'], zone)}" if trace.get("expires_at") else ""
    return f"a coupon of the offer {trace.get('offer')}{until}"


def _call_assigned(trace: Trace, zone: tzinfo) -> str:
    due = f", due {when(trace['due'], zone)}" if "due" in trace else ""
    return f"call assigned to {trace.get('queue')}{due}"


_DONE: Final[Mapping[str, Callable[[Trace, tzinfo], str]]] = {
    "call_assigned": _call_assigned,
    "coupon_issued": lambda trace, zone: f"gave {_coupon(trace, zone)}",
    "coupon_reused": lambda trace, zone: f"took up {_coupon(trace, zone)}, not used so far",
    "points_awarded": lambda trace, zone: (
        f"gave {trace.get('points')} points for {trace.get('reason')}"
    ),
    "code_ready": lambda trace, zone: "the customer's referral code is ready",
}

_NOT_TAKEN: Final[Mapping[str, Callable[[Trace], str]]] = {
    "no_order": lambda trace: "the journey has no order to reckon points from",
    "order_lost": lambda trace: "the order was cancelled, returned or disputed",
    "no_points": lambda trace: "it comes to less than one point",
    "no_program": lambda trace: "config/store.yaml has not set this program up",
    "no_offer": lambda trace: f"config/store.yaml has no offer {trace.get('offer')}",
    "pool_empty": lambda trace: f"the pool {trace.get('pool')} has no code left",
    "coupon_limit": lambda trace: (
        f"the customer has had {trace.get('actual')} coupons of the offer {trace.get('offer')}"
        f" (limit: {trace.get('limit')})"
    ),
    "no_queue": lambda trace: f"config/store.yaml has no queue {trace.get('queue')} of calls",
    "call_known": lambda trace: "its call task was made already",
    "no_referral_program": lambda trace: (
        f'config/store.yaml has no referral program "{trace.get("program")}"'
    ),
}


def program_text(code: str, trace: Trace, zone: tzinfo = UTC) -> str:
    """What a program did, as a sentence."""
    told = _DONE.get(code)
    if told is not None:
        return told(trace, zone)
    return code.replace("_", " ") or "done"


def not_taken(code: str, trace: Trace) -> str | None:
    """Why a program did nothing; None when the code is not a program's."""
    told = _NOT_TAKEN.get(code)
    return None if told is None else told(trace)
