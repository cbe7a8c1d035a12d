"""What would have to change for a message or an entry to come out otherwise, rule by rule.

The counterpart of ``engine.core.reasons``: there a code tells what was, here what it takes. Made of
the stored code and values and of the customer's world when somebody reads, never stored. Sentences
are fragments without a capital or a full stop, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Final

from config.durations import parse
from engine.core.campaign import Plan
from engine.core.expression import Condition
from engine.core.guards import CapRule, GuardRules, address_of
from engine.core.message import Channel
from engine.core.permissions import COMPLAINT, HARD_BOUNCE, STOP, UNSUBSCRIBED
from engine.core.wording import Trace, duration_words, span, wanted_clause, when
from engine.core.world import Contact, World


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that would have to change; ``at``: when it does so by itself."""

    code: str
    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a remedy is told from, beside the code and its values.

    ``message_id`` and ``topic`` are those of the message that it is about, where there is one;
    ``step`` is the step that was decided on, where it was one.
    """

    world: World
    rules: GuardRules
    now: datetime
    campaign: str
    plan: Plan | None = None
    zone: tzinfo = field(default=UTC)
    channel: Channel | None = None
    message_id: str = ""
    topic: str | None = None
    step: str = ""


Told = str | tuple[str, datetime | None]


def remedy(code: str, trace: Trace, about: Circumstances) -> tuple[Change, ...]:
    """What would have to change, given the code of the rule that decided and its values.

    Empty for a code that no rule of ours stands behind (a provider's words, for instance).
    """
    head = code.partition(": ")[0]
    made = _REMEDIES.get(head)
    if made is None:
        return ()
    told = made(trace, about)
    text, at = (told, None) if isinstance(told, str) else told
    return (Change(code=head, text=text, at=at),)


def free_slot(about: Circumstances, label: str, topic: str | None = None) -> datetime | None:
    """When a cap has room again for one more message; None when no such cap is in force.

    A cap counts what lies within its span before the moment of sending, so a slot is free as soon
    as so many of those that count have left the span that fewer than ``count`` remain.
    """
    cap = next((one for one in about.rules.caps if one.label == label and one.topic == topic), None)
    if cap is None:
        return None
    times = sorted(one.at for one in _counted(about, cap))
    if len(times) < cap.count:
        return about.now
    return max(times[-cap.count] + cap.span, about.now)


def _counted(about: Circumstances, cap: CapRule) -> list[Contact]:
    return [
        one
        for one in about.world.contacts
        if one.message_id != about.message_id
        and one.purpose == "marketing"
        and cap.counts(one)
        and one.at > about.now - cap.span
    ]


def _no_address(trace: Trace, about: Circumstances) -> Told:
    what = "a phone number" if trace.get("channel") in ("sms", "voice") else "an email address"
    return f"{what} of the customer, told by an event of theirs"


def _no_sender(trace: Trace, about: Circumstances) -> Told:
    return f"a sender for {trace.get('channel') or 'the channel'} in config/store.yaml: senders"


def _no_coupon(trace: Trace, about: Circumstances) -> Told:
    return f"a coupon from the step {trace.get('issued_by') or 'before'}"


def _pool_empty(trace: Trace, about: Circumstances) -> Told:
    pool = f"the pool {trace['pool']}" if trace.get("pool") else "its pool"
    return f"more codes in {pool}: lagniappe coupons import"


def _coupon_limit(trace: Trace, about: Circumstances) -> Told:
    offer = f"the offer {trace['offer']}" if trace.get("offer") else "its offer"
    limit = f" (now {trace['limit']})" if trace.get("limit") else ""
    return f"a higher per_customer of {offer}{limit}"


def _suppressed(trace: Trace, about: Circumstances) -> Told:
    return _LIFTED.get(str(trace.get("reason")), "the address is released")


_LIFTED: Final[Mapping[str, str]] = {
    HARD_BOUNCE: "another address of the customer: this one does not exist any more",
    COMPLAINT: "nothing from here: the customer reported a message as spam, and that stays",
    STOP: "the customer texts START to the number that they stopped",
    UNSUBSCRIBED: "the customer opts in again",
    "erased": "nothing: who had the address was erased, and it is never written to again",
    "stop_wish": "a person looks at the reply: lagniappe customers flagged",
}


def _no_consent(trace: Trace, about: Circumstances) -> Told:
    channel = trace.get("channel") or about.channel
    word = {"email": "email", "sms": "SMS", "voice": "telephone"}.get(str(channel), str(channel))
    address = None if about.channel is None else address_of(about.world.customer, about.channel)
    of = f" from {address}" if address else ""
    actual = trace.get("actual")
    again = "a new opt-in" if actual == "unsubscribed" else "an opt-in"
    if actual == "pending":
        again = "the confirmation of the opt-in that is pending,"
    return f"{again} to {word} marketing{of} (an event customer.subscribed)"


def _topic_declined(trace: Trace, about: Circumstances) -> Told:
    topic = f"the topic {trace['topic']}" if trace.get("topic") else "its topic"
    return f"the customer takes up {topic} again on their preference page"


def _customer_paused(trace: Trace, about: Circumstances) -> Told:
    until = _moment(trace.get("until"))
    return f"the customer's pause ends{_at(until, about)}, or they end it themselves", until


def _quiet_hours(trace: Trace, about: Circumstances) -> Told:
    until = _moment(trace.get("until"))
    if until is None:
        return f"it falls due outside of {trace.get('quiet') or 'the quiet hours'} (then: drop)"
    return f"nothing: it goes by itself when the quiet hours end{_at(until, about)}", until


def _no_common_hour(trace: Trace, about: Circumstances) -> Told:
    return "the customer's own time zone, or an address that tells it"


def _min_gap(trace: Trace, about: Circumstances) -> Told:
    until = _moment(trace.get("until"))
    return f"nothing: it goes by itself when the gap is over{_at(until, about)}", until


def _cap(trace: Trace, about: Circumstances) -> Told:
    label, topic = str(trace.get("cap", "")), trace.get("topic")
    free = free_slot(about, label, topic)
    if free is None:
        return f"fewer marketing messages within the span of the cap {label}".rstrip()
    cap = next(one for one in about.rules.caps if one.label == label and one.topic == topic)
    counted = sorted(_counted(about, cap), key=lambda one: one.at)
    if not counted or free <= about.now:
        return f"a new entry: the cap {label} has room again now", free
    listed = ", ".join(f"{one.campaign} {when(one.at, about.zone)}" for one in counted[-4:])
    return (
        f"a slot of the cap {label}: the next is free{_at(free, about)} (taken by {listed})",
        free,
    )


def _survey_throttle(trace: Trace, about: Circumstances) -> Told:
    last, gap = _moment(trace.get("last")), trace.get("gap")
    if last is None or gap is None:
        return "more time since the last survey"
    free = last + parse(str(gap)).nominal
    return f"{span(str(gap))} since the last survey: possible again{_at(free, about)}", free


def _outranked(trace: Trace, about: Circumstances) -> Told:
    mine = f" ({about.plan.priority})" if about.plan is not None else ""
    cap = f", or more room under the cap {trace['cap']}" if trace.get("cap") else ""
    return f"a priority{mine} not below that of {trace.get('by') or 'the other campaign'}{cap}"


def _too_late(trace: Trace, about: Circumstances) -> Told:
    if "guard" in trace:
        return "a longer max_lateness of the step: it would have been put off beyond it"
    if "told" in trace:
        return "the event told sooner after it happened, or a longer max_lateness of the step"
    if "stood_still" in trace:
        return (
            "the campaign running when it falls due, not standing still "
            f"({trace['stood_still']}), or a longer max_lateness of the step"
        )
    return "the daemon running when it falls due, or a longer max_lateness of the step"


def _frozen(trace: Trace, about: Circumstances) -> Told:
    if trace.get("status") == "paused" or _file_says(about, "paused"):
        return f"status: live in the file of {about.campaign}"
    if trace.get("status") == "gone":
        return f"a good file of the campaign {about.campaign}"
    return f"lagniappe campaigns resume {about.campaign}"


def _draft(trace: Trace, about: Circumstances) -> Told:
    return f"status: live in the file of {about.campaign}"


def _gone(trace: Trace, about: Circumstances) -> Told:
    return f"a good file of the campaign {about.campaign}"


def _volume_limit(trace: Trace, about: Circumstances) -> Told:
    known = None if about.plan is None else about.plan.volume_limit
    limit = "" if known is None else f" (now {known})"
    return f"lagniappe campaigns resume {about.campaign}, and a higher volume_limit{limit}"


def _render_error(trace: Trace, about: Circumstances) -> Told:
    return f"the template is mended, then: lagniappe campaigns resume {about.campaign}"


def _hold_while(trace: Trace, about: Circumstances) -> Told:
    condition = None if about.plan is None else about.plan.hold_while
    said = f": {condition.source}" if condition is not None else ""
    return f"hold_while is no longer met{said}"


def _filter(trace: Trace, about: Circumstances) -> Told:
    plan = about.plan
    trigger = None if plan is None else plan.trigger
    segment: Condition | None = getattr(trigger, "segment", None)
    condition = None if plan is None else plan.filter
    wanted = wanted_clause(trace, segment, condition)
    word = "segment" if segment is not None else "filter"
    said = f" with {wanted}" if wanted else f" that meets the {word}"
    if segment is not None:
        return f"a look{said}"
    event = getattr(trigger, "event", "event")
    said += _not_asked(trace, condition)
    return f"{'an' if event[0] in 'aeiou' else 'a'} {event}{said}"


def _profile_filter(trace: Trace, about: Circumstances) -> Told:
    condition = None if about.plan is None else about.plan.profile_filter
    wanted = wanted_clause(trace, condition)
    if not wanted:
        return "the customer meets profile_filter"
    return f"a customer with {wanted}{_not_asked(trace, condition)}"


def _not_asked(trace: Trace, condition: Condition | None) -> str:
    """What a condition asks besides, after the part that was not met and ended the asking."""
    index = trace.get("clause")
    if condition is None or index is None:
        return ""
    rest = [" ".join(one.source.split()) for one in condition.clauses[index + 1 :]]
    return f"; what it asks then as well: {' && '.join(rest)}" if rest else ""


def _too_old(trace: Trace, about: Circumstances) -> Told:
    limit = None if about.plan is None else about.plan.max_age
    within = f" within {duration_words(limit)}" if limit is not None else " sooner"
    return f"the event is told{within} of when it happened (max_age)"


def _no_key(trace: Trace, about: Circumstances) -> Told:
    key = trace.get("key") or (about.plan.entry.key if about.plan is not None else "its entry key")
    return f"an event that tells {key}"


def _already_in(trace: Trace, about: Circumstances) -> Told:
    return "the journey under way ends first, and re_entry allows another"


def _re_entry(trace: Trace, about: Circumstances) -> Told:
    again = _moment(trace.get("again_at"))
    key = about.plan.entry.key if about.plan is not None else "entry key"
    if again is not None:
        return f"an event from{_at(again, about)} on", again
    if key == "customer.id":
        return "nothing for this customer: re_entry is never (always, or after: 90d, would)"
    return f"another {key}: under this one nobody enters twice (re_entry: never)"


def _exit_already(trace: Trace, about: Circumstances) -> Told:
    key = about.plan.entry.key if about.plan is not None else "entry key"
    return f"another {key}: {trace.get('event', 'its exit')} cannot be undone for this one"


def _held_out(trace: Trace, about: Circumstances) -> Told:
    return (
        "nothing: who is held out follows from campaign and customer at entry, and stays; "
        "a lower holdout is for those who would enter then"
    )


def _unknown(trace: Trace, about: Circumstances) -> Told:
    resolve = f": lagniappe log resolve {about.message_id[:8]}" if about.message_id else ""
    return f"the provider reports it, on_unknown decides, or a person does{resolve}"


def _bounced(trace: Trace, about: Circumstances) -> Told:
    return _released(about) or "the address takes messages again: this one is not tried again"


def _failed(trace: Trace, about: Circumstances) -> Told:
    return _released(about) or "what the provider names is mended; this one is not tried again"


def _released(about: Circumstances) -> Told:
    """What lifts the suppression that the customer's address is under by now; empty for none."""
    address = None if about.channel is None else address_of(about.world.customer, about.channel)
    held = about.world.suppressions.get((about.channel or "", address or ""))
    return "" if held is None else _suppressed({"reason": held.reason}, about)


def _if(trace: Trace, about: Circumstances) -> Told:
    index = None if about.plan is None else about.plan.step_index.get(about.step)
    condition = None if about.plan is None or index is None else about.plan.steps[index].condition
    wanted = wanted_clause(trace, condition)
    return f"its condition met when the step is taken: {wanted}" if wanted else "its if is met"


_REMEDIES: Final[Mapping[str, Callable[[Trace, Circumstances], Told]]] = {
    "no_address": _no_address,
    "no_sender": _no_sender,
    "no_coupon": _no_coupon,
    "pool_empty": _pool_empty,
    "coupon_used": lambda trace, about: "nothing: the coupon that it would carry was used",
    "coupon_expired": lambda trace, about: "a coupon that is good for longer: lasts of the offer",
    "coupon_limit": _coupon_limit,
    "suppressed": _suppressed,
    "no_consent": _no_consent,
    "topic_declined": _topic_declined,
    "customer_paused": _customer_paused,
    "quiet_hours": _quiet_hours,
    "no_common_hour": _no_common_hour,
    "min_gap": _min_gap,
    "cap": _cap,
    "survey_throttle": _survey_throttle,
    "outranked": _outranked,
    "too_late": _too_late,
    "frozen": _frozen,
    "paused": _frozen,
    "draft": _draft,
    "gone": _gone,
    "volume_limit": _volume_limit,
    "render_error": _render_error,
    "hold_while": _hold_while,
    "nothing_to_review": lambda trace, about: "a delivered, kept product without a review",
    "first_asks_first": lambda trace, about: "the first requests about the other orders go first",
    "filter": _filter,
    "profile_filter": _profile_filter,
    "too_old": _too_old,
    "no_key": _no_key,
    "already_in": _already_in,
    "re_entry": _re_entry,
    "exit_already": _exit_already,
    "backfill": lambda trace, about: "an event told as news: history (--backfill) enrols nobody",
    "test_order": lambda trace, about: "an order that is no test",
    "chain_too_long": lambda trace, about: "campaigns that start each other fewer times in a row",
    "held_out": _held_out,
    "unknown": _unknown,
    "bounced": _bounced,
    "failed": _failed,
    "if": _if,
}


def _file_says(about: Circumstances, status: str) -> bool:
    return about.plan is not None and about.plan.status == status


def _moment(told: object) -> datetime | None:
    return datetime.fromisoformat(told) if isinstance(told, str) else None


def _at(moment: datetime | None, about: Circumstances) -> str:
    return "" if moment is None else f" {when(moment, about.zone)}"
