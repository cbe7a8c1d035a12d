"""Why a message was withheld or a journey ended, in plain words.

A stored reason is a code; its values stand in the decision's trace, when there is one. Every
sentence is made of both when somebody reads it, so none of them is ever stored. Sentences are
fragments without a capital or a full stop, to be joined after "not sent: " and the like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo

from engine.core.expression import Condition
from engine.core.wording import Trace, span, unmet, when

_CODE = re.compile(r"[a-z][a-z0-9_]*")
_CAP = re.compile(r"(\d+) per (\S+)")


def _no_address(trace: Trace, zone: tzinfo) -> str:
    what = {"email": "email address", "sms": "phone number", "voice": "phone number"}
    return f"the customer has no {what.get(str(trace.get('channel')), 'address')}"


def _no_sender(trace: Trace, zone: tzinfo) -> str:
    channel = trace.get("channel")
    by = f" for {channel}" if channel else ""
    return f"the shop has named no sender{by} (senders in config/store.yaml)"


def _no_coupon(trace: Trace, zone: tzinfo) -> str:
    by = trace.get("issued_by")
    return f"the step {by} has given no coupon for it" if by else "it has no coupon to carry"


def _coupon_used(trace: Trace, zone: tzinfo) -> str:
    by = trace.get("issued_by")
    return f"the customer has used {f'the coupon of the step {by}' if by else 'its coupon'} already"


def _coupon_expired(trace: Trace, zone: tzinfo) -> str:
    at = f" at {when(trace['expired'], zone)}" if "expired" in trace else ""
    return f"its coupon expired{at}"


def _suppressed(trace: Trace, zone: tzinfo) -> str:
    scope = {"marketing": " for marketing", "all": " for every message"}
    reason = _SUPPRESSIONS.get(str(trace.get("reason")), trace.get("reason"))
    told = f"the address is suppressed{scope.get(str(trace.get('scope')), '')}"
    return f"{told} ({reason})" if reason else told


_SUPPRESSIONS: Mapping[str, str] = {
    "stop_wish": "held: a reply seems to ask for no more texts; lagniappe customers flagged",
}


def _no_consent(trace: Trace, zone: tzinfo) -> str:
    channel = trace.get("channel")
    told = f"no consent to marketing{f' by {channel}' if channel else ''}"
    if "wanted" not in trace:
        return told
    actual = trace.get("actual") or "none on record"
    return f"{told} (it is {actual}; wanted: {trace['wanted']})"


def _topic_declined(trace: Trace, zone: tzinfo) -> str:
    topic = trace.get("topic")
    by = f" by {trace['channel']}" if "channel" in trace else ""
    return f"the customer has declined {f'the topic {topic}' if topic else 'its topic'}{by}"


def _paused(trace: Trace, zone: tzinfo) -> str:
    by = f" by {trace['channel']}" if "channel" in trace else ""
    return f"the customer has paused marketing{by}" + _until(trace, zone, "until")


def _quiet_hours(trace: Trace, zone: tzinfo) -> str:
    if "quiet" not in trace:
        return "quiet hours"
    told = f"quiet hours {trace['quiet']} (it was {trace.get('local')} in {trace.get('zone')}"
    return f"{told}{_basis(trace)})" + _until(trace, zone)


def _no_common_hour(trace: Trace, zone: tzinfo) -> str:
    if "zones" not in trace:
        return "quiet hours leave no hour that suits all zones in which the customer may be"
    zones = ", ".join(trace["zones"])
    return f"quiet hours {trace['quiet']} leave no hour that suits {zones}{_basis(trace)}"


def _basis(trace: Trace) -> str:
    """What told the zone, and of how many it is one."""
    told, zones = trace.get("from"), trace.get("zones")
    if told is None:
        return ""
    source = {"given": "as given", "store": "the store's"}.get(told, f"from {told}")
    return (
        f", one of {zones} zones {source}"
        if isinstance(zones, int) and zones > 1
        else (f", {source}")
    )


def _min_gap(trace: Trace, zone: tzinfo) -> str:
    told = "too soon after another marketing message"
    if "last" in trace:
        told += f" (the last one: {when(trace['last'], zone)})"
    return told + _until(trace, zone)


def _cap(trace: Trace, zone: tzinfo) -> str:
    label = str(trace.get("cap", ""))
    found = _CAP.fullmatch(label)
    if found is None:
        return "marketing cap reached"
    about = f" of {trace['topic']}" if "topic" in trace else ""
    return (
        f"marketing cap {label}{about} reached ({trace.get('actual', found[1])} in the last "
        f"{span(found[2])})"
    )


def _survey_throttle(trace: Trace, zone: tzinfo) -> str:
    if "last" not in trace:
        return "asked for a survey too recently"
    return (
        f"one survey in {span(str(trace.get('gap')))} (the last one: {when(trace['last'], zone)})"
    )


def _outranked(trace: Trace, zone: tzinfo) -> str:
    if "by" not in trace:
        return "a campaign of higher priority took its place"
    rule = trace.get("cap")
    told = f"{trace['by']}, of higher priority, took its place"
    return f"{told} under the cap {rule}" if rule else f"{told} (one survey at a time)"


def _too_late(trace: Trace, zone: tzinfo) -> str:
    if "due_at" not in trace:
        return "too late: more overdue than its max_lateness allows"
    told = (
        f"too late: due {when(trace['due_at'], zone)}, "
        f"to be sent by {when(trace.get('expires_at'), zone)} at the latest"
    )
    if "guard" not in trace:
        return told
    values = {key: one for key, one in trace.items() if key != "until"}
    blocked = withheld(str(trace["guard"]), values, zone=zone)
    return f"{told}; {blocked} until {when(trace.get('until'), zone)}"


def _journey_ended(trace: Trace, zone: tzinfo) -> str:
    reason = trace.get("reason")
    return "its journey has ended" + (f" ({ended(str(reason))})" if reason else "")


def _frozen(trace: Trace, zone: tzinfo) -> str:
    return "the campaign is paused, held or gone" + _until(trace, zone, "looked at again at")


def _hold_while(trace: Trace, zone: tzinfo) -> str:
    return "hold_while is met" + _until(trace, zone, "looked at again at")


def _volume_limit(trace: Trace, zone: tzinfo) -> str:
    limit = trace.get("limit")
    return "the campaign reached its volume_limit" + (f" of {limit}" if limit else "")


def _until(trace: Trace, zone: tzinfo, word: str = "put off until") -> str:
    return f", {word} {when(trace['until'], zone)}" if "until" in trace else ""


def _nothing_to_review(trace: Trace, zone: tzinfo) -> str:
    told = "nothing of the order is left to review"
    left_out: Mapping[str, str] = trace.get("left_out") or {}
    if "left_out" in trace and not left_out:
        return f"{told}: no product of it is known"
    why = [f"{product}: {word.replace('_', ' ')}" for product, word in left_out.items()]
    return f"{told} ({', '.join(why)})" if why else told


def _first_asks_first(trace: Trace, zone: tzinfo) -> str:
    return (
        "the customer has not yet been asked for the first time about what else they ordered"
        + _until(trace, zone)
    )


GUARDS: Mapping[str, Callable[[Trace, tzinfo], str]] = {
    "no_address": _no_address,
    "no_sender": _no_sender,
    "no_coupon": _no_coupon,
    "coupon_used": _coupon_used,
    "coupon_expired": _coupon_expired,
    "suppressed": _suppressed,
    "no_consent": _no_consent,
    "topic_declined": _topic_declined,
    "customer_paused": _paused,
    "quiet_hours": _quiet_hours,
    "no_common_hour": _no_common_hour,
    "min_gap": _min_gap,
    "cap": _cap,
    "survey_throttle": _survey_throttle,
    "outranked": _outranked,
    "too_late": _too_late,
    "journey_ended": _journey_ended,
    "frozen": _frozen,
    "hold_while": _hold_while,
    "volume_limit": _volume_limit,
    "nothing_to_review": _nothing_to_review,
    "first_asks_first": _first_asks_first,
}
ENDS: Mapping[str, str] = {
    "completed": "it took its last step",
    "profile_filter": "profile_filter is no longer met",
    "step_limit": "it took more steps than the campaign has",
    "merged": "the customer was merged with another who was already in",
    "migrated": "a newer revision of the campaign has no such step",
    "exit": "an exit step",
    "paused": "paused by hand",
    "erased": "the customer was erased",
    "render_error": "a template could not be rendered",
    "abandoned": "given up: nobody could say whether it was sent",
}
# Why a call_webhook was refused, or given up.
CALLS: Mapping[str, str] = {
    "private_address": "its host leads to an address that is not public, and webhooks: allow: in "
    "config/store.yaml does not name it",
    "forbidden_port": "its port is not one that HTTP is spoken at",
    "invalid_address": "its address cannot be called",
}
_SETTLED: Mapping[str, str] = {
    "sent": "doubt ended: it was sent",
    "resend": "doubt ended: it is sent again",
    "abandoned": "doubt ended: it is given up",
}


def withheld(
    code: str, trace: Trace | None, condition: Condition | None = None, zone: tzinfo = UTC
) -> str:
    """Why a message is not sent, or not yet: the guard or rule with actual and wanted values.

    ``condition`` is the plan's ``profile_filter``, where it is known. A code that is not the
    engine's own (a provider's plain words, for instance) is told as it stands.
    """
    guard = GUARDS.get(code)
    if guard is not None:
        return guard(trace or {}, zone)
    if code == "profile_filter" and trace:
        return f"profile_filter: {unmet(trace, condition)}"
    return ended(code)


def ended(code: str) -> str:
    """Why a journey ended or a message was withdrawn, from the stored code alone."""
    if not code:
        return "no reason on record"
    if code in ENDS:
        return ENDS[code]
    if code in GUARDS:
        return GUARDS[code]({}, UTC)
    if is_event(code):
        return f"{code} happened"
    head, _, rest = code.partition(": ")
    if rest and (head in ENDS or head in GUARDS):
        return f"{ended(head)}: {rest}"
    return code.replace("_", " ") if _CODE.fullmatch(code) else code


def settled(code: str, trace: Trace) -> str:
    """How the doubt about a message ended, and by what."""
    match trace.get("by"):
        case "receipt":
            by = f"{trace.get('provider')} reported it {trace.get('kind')}"
        case "look_up":
            by = f"asked, {trace.get('provider')} has it as {trace.get('kind')}"
        case "on_unknown":
            by = f"on_unknown, {span(str(trace.get('after', '')))} after the hand-over"
        case "person":
            by = "by hand, with lagniappe log resolve"
        case _:
            by = ""
    told = _SETTLED.get(code, f"doubt ended: {code}")
    return f"{told} ({by})" if by else told


def not_called(reason: str, attempts: int, *, final: bool) -> str:
    """Why a ``call_webhook`` has not been taken by the shop's system."""
    if reason in CALLS:
        return f"the shop's webhook was not called: {CALLS[reason]}"
    tried = f"{attempts} attempt{'' if attempts == 1 else 's'}"
    state = f"given up after {tried}" if final else f"{tried} so far"
    return f"the shop's webhook did not take the call: {reason} ({state})"


def is_event(code: str) -> bool:
    """Whether a code is an event's type (``order.refunded``)."""
    return re.fullmatch(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+", code) is not None
