"""Sentences for what was decided: text is made when it is read, never stored.

``decision_text`` covers every ``DecisionKind``, ``verdict_text`` every ``VerdictCode``,
``message_text`` every ``MessageStatus``. A plan, where its revision is still known, lets a
sentence quote the condition that decided; without it the actual values are told alone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol, assert_never

from config.durations import Duration
from engine.core.campaign import Plan, ScheduleTrigger
from engine.core.decision import Decision, DecisionKind, EntryVerdict, VerdictCode
from engine.core.delivery import ABANDONED
from engine.core.entry import BY_HAND
from engine.core.expression import Condition
from engine.core.message import MessageStatus
from engine.core.program_reasons import not_taken, program_text
from engine.core.reasons import ended, is_event, settled, withheld
from engine.core.verbs import Branch, Exit, Step
from engine.core.wording import (
    Trace,
    duration_words,
    met_clause,
    span,
    told_values,
    unmet,
    value,
    when,
)

__all__ = ["MessageRow", "decision_text", "message_text", "verdict_text"]


class MessageRow(Protocol):
    """What a sentence about a message is made of: a ``Message``, or its row in the log."""

    @property
    def status(self) -> MessageStatus: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def error_code(self) -> str | None: ...
    @property
    def provider(self) -> str | None: ...
    @property
    def attempts(self) -> int: ...
    @property
    def send_at(self) -> datetime: ...
    @property
    def sent_at(self) -> datetime | None: ...
    @property
    def delivered_at(self) -> datetime | None: ...


def decision_text(decision: Decision, plan: Plan | None = None, zone: tzinfo = UTC) -> str:
    """One decision about a journey as a sentence; ``plan`` is the revision that it was made on."""
    trace = decision.trace or {}
    code, step = decision.code, _step(plan, decision.step)
    match decision.kind:
        case DecisionKind.ENTERED:
            return f"{_came_in(code, trace, zone)}{_entered(trace, plan)}"
        case DecisionKind.HELD_OUT:
            return _held_out(trace)
        case DecisionKind.WAITED:
            return _waited(code, trace, zone)
        case DecisionKind.WOKE:
            if code == "already":
                return f"what it waits for came already ({when(trace.get('at'), zone)})"
            return f"{code or 'the event'} came: went on{_by_event(trace)}"
        case DecisionKind.TIMED_OUT:
            until = f" by {when(trace['until'], zone)}" if "until" in trace else ""
            return f"nothing came{until}: went on"
        case DecisionKind.STEP_SKIPPED:
            return _step_skipped(code, trace, step)
        case DecisionKind.BRANCHED:
            return _branched(code, trace, step)
        case DecisionKind.ASSIGNED:
            return f"assigned to variant {code}"
        case DecisionKind.MESSAGE:
            return "message made, to be sent now"
        case DecisionKind.DEFERRED:
            return f"not sent yet: {withheld(code, trace, zone=zone)}"
        case DecisionKind.DROPPED:
            return f"not sent: {withheld(code, trace, _profile_filter(plan), zone)}"
        case DecisionKind.SENT:
            return "handed over to be sent"
        case DecisionKind.HELD:
            return f"stands still: {withheld(code, trace, zone=zone)}"
        case DecisionKind.RELEASED:
            return f"released: {code or 'the hold'} is no longer met"
        case DecisionKind.UPDATED:
            return _updated(trace)
        case DecisionKind.EMITTED:
            return f"reported the event {code}"
        case DecisionKind.CALLED:
            return "called the shop's webhook"
        case DecisionKind.DONE:
            return program_text(code, trace, zone)
        case DecisionKind.GOAL:
            return f"goal reached{_by_event(trace)}"
        case DecisionKind.EXITED:
            return _exited(code, trace, plan, step)
        case DecisionKind.COMPLETED:
            return "completed: took its last step"
        case DecisionKind.CANCELLED:
            return f"withdrawn before it was sent: {ended(code)}"
        case DecisionKind.TOO_LATE:
            return f"too late to withdraw the message, it was being handed over: {ended(code)}"
        case DecisionKind.SETTLED:
            return settled(code, trace)
        case DecisionKind.MIGRATED:
            former = str(trace.get("from", "an older one"))[:12]
            return f"moved to a newer revision of the campaign (from {former})"
        case _:
            assert_never(decision.kind)


def verdict_text(verdict: EntryVerdict, plan: Plan | None = None, zone: tzinfo = UTC) -> str:
    """Why an event did or did not enrol the customer in one campaign, as a sentence."""
    trace = verdict.trace or {}
    match verdict.code:
        case VerdictCode.ENTERED:
            return "entered"
        case VerdictCode.HELD_OUT:
            return _held_out(trace, plan)
        case VerdictCode.FILTER:
            segment = _segment(plan)
            filters = (segment, plan.filter) if plan is not None else ()
            word = "segment" if segment is not None else "filter"
            return f"did not enter: {word} not met: {unmet(trace, *filters)}"
        case VerdictCode.PROFILE_FILTER:
            return f"did not enter: profile_filter not met: {unmet(trace, _profile_filter(plan))}"
        case VerdictCode.TOO_OLD:
            limit = plan.max_age if plan is not None else None
            known = f" of {duration_words(limit)}" if limit is not None else ""
            late = _lateness(trace, limit)
            return f"did not enter: told {late} after it happened, beyond max_age{known}"
        case VerdictCode.NO_KEY:
            key = trace.get("key") or (plan.entry.key if plan is not None else "its field")
            return f"did not enter: the entry key {key} has no value"
        case VerdictCode.ALREADY_IN:
            key = plan.entry.key if plan is not None else "entry key"
            return f"did not enter: already in, a journey of the same {key} is under way"
        case VerdictCode.RE_ENTRY:
            return f"did not enter: {_re_entry(trace, zone)}"
        case VerdictCode.EXIT_ALREADY:
            return f"did not enter: {trace.get('event', 'its exit_on event')} had happened already"
        case VerdictCode.FROZEN:
            return f"did not enter: {_frozen(trace)}"
        case VerdictCode.BACKFILL:
            return "did not enter: it was told as history (--backfill), which enrols nobody"
        case VerdictCode.TEST_ORDER:
            return "did not enter: the order is a test"
        case VerdictCode.CHAIN_TOO_LONG:
            return "did not enter: more than 8 campaigns led to this event by emit_event"
        case _:
            assert_never(verdict.code)


def message_text(
    message: MessageRow,
    decision: Decision | None = None,
    plan: Plan | None = None,
    zone: tzinfo = UTC,
) -> str:
    """What became of a message, and why. ``decision`` is the one that last withheld it."""
    provider = message.provider or "the provider"
    match message.status:
        case MessageStatus.SCHEDULED:
            reason = _why(message, decision, plan, zone)
            if message.attempts:
                reason = f"attempt {message.attempts} did not get through ({reason or 'retried'})"
            at = when(message.send_at, zone)
            # What kept it is asked again by then, with all else that may keep it.
            return f"waits until {at}: {reason}" if reason else f"waits to be sent at {at}"
        case MessageStatus.SENDING:
            return f"being handed over to {provider}"
        case MessageStatus.SENT:
            return f"sent {when(message.sent_at, zone)} through {provider}"
        case MessageStatus.DELIVERED:
            return f"delivered {when(message.delivered_at, zone)} by {provider}"
        case MessageStatus.BOUNCED:
            return f"bounced: {_refusal(message)}"
        case MessageStatus.FAILED:
            return f"failed: {provider} did not take it: {_refusal(message)}"
        case MessageStatus.SKIPPED:
            return f"not sent: {_why(message, decision, plan, zone) or 'no reason on record'}"
        case MessageStatus.UNKNOWN:
            told = f" ({_refusal(message)})" if message.reason or message.error_code else ""
            return f"in doubt: handed over to {provider}, but no clear answer came{told}"
        case MessageStatus.CANCELLED:
            if message.reason == ABANDONED:
                return f"in doubt, {ended(ABANDONED)}"
            return f"not sent: withdrawn, {ended(message.reason or '')}"
        case _:
            assert_never(message.status)


def _why(
    message: MessageRow, decision: Decision | None, plan: Plan | None, zone: tzinfo
) -> str | None:
    if message.reason is None:
        return None
    fits = decision is not None and decision.code == message.reason
    trace = dict(decision.trace or {}) if fits and decision is not None else {}
    if message.status is MessageStatus.SCHEDULED:
        trace.pop("until", None)
    return withheld(message.reason, trace, _profile_filter(plan), zone)


def _refusal(message: MessageRow) -> str:
    told = (message.reason, message.error_code and f"code {message.error_code}")
    return ", ".join(one for one in told if one) or "it did not say why"


def _held_out(trace: Trace, plan: Plan | None = None) -> str:
    share = trace.get("holdout", plan.holdout if plan is not None else None)
    of = f" of the {value(share)}%" if share else ""
    return f"held out: one{of} who get no messages, to measure the campaign against"


def _came_in(code: str, trace: Trace, zone: tzinfo) -> str:
    """How a customer came to enter."""
    if code != BY_HAND:
        return "entered the campaign"
    happened, starts_at = when(trace.get("happened"), zone), when(trace.get("starts_at"), zone)
    return (
        f"entered the campaign by hand, for {trace.get('event', 'an event')} of {happened} "
        f"(max_age is waived), to start {starts_at}"
    )


def _entered(trace: Trace, plan: Plan | None) -> str:
    """The conditions of entry, and the values that met them."""
    if not trace.get("met"):
        return ""
    conditions = () if plan is None else (_segment(plan), plan.filter, plan.profile_filter)
    wanted = " && ".join(" ".join(one.source.split()) for one in conditions if one is not None)
    actual = told_values(trace["met"])
    return f": {wanted}, as {actual}" if wanted else f", as {actual}"


def _waited(code: str, trace: Trace, zone: tzinfo) -> str:
    until = when(trace.get("until"), zone)
    if code == "wait_for":
        return f"waits for its event until {until} at the latest"
    if code == "response":
        return f"waits for the customer's response until {until} at the latest"
    return f"waits until {until}"


def _step_skipped(code: str, trace: Trace, step: Step | None) -> str:
    if code == "already_made":
        return "step passed over: it has made its one message already"
    if (reason := not_taken(code, trace)) is not None:
        return f"step skipped: {reason}"
    if code == "chain_too_long":
        causes = " → ".join(str(one) for one in trace.get("causes", ()))
        return f"event not reported: more than 8 campaigns led here by emit_event ({causes})"
    return f"step skipped: {unmet(trace, step.condition if step is not None else None)}"


def _branched(code: str, trace: Trace, step: Step | None) -> str:
    arms = step.arms if isinstance(step, Branch) else ()
    told = [
        unmet(one, arms[number].condition if number < len(arms) else None)
        for number, one in enumerate(trace.get("unmet") or ())
    ]
    why = f" ({'; '.join(told)})" if told else ""
    if code == "no_arm":
        return f"took no arm of the branch{why}"
    number = int(code.rpartition("_")[2] or 0)
    chosen = arms[number - 1].condition if 0 < number <= len(arms) else None
    name = f"arm {number}"
    if chosen is not None:
        name += f": {met_clause(trace, chosen) or ' '.join(chosen.source.split())}"
    elif 0 < number <= len(arms):
        name = "else"
    return f"took {name}{why}"


def _updated(trace: Trace) -> str:
    words = (("add_tags", "tags added"), ("remove_tags", "tags removed"), ("attributes", "set"))
    told = [f"{word}: {', '.join(trace[name])}" for name, word in words if trace.get(name)]
    return f"customer updated ({'; '.join(told)})" if told else "customer updated"


def is_by_exit_step(code: str, trace: Trace | None, step: Step | None) -> bool:
    """Whether a journey left by its exit step ``step``: then the code is its author's own reason,
    whatever the engine means by the same word."""
    return isinstance(step, Exit) and step.reason == code and "event" not in (trace or {})


def _exited(code: str, trace: Trace, plan: Plan | None, step: Step | None) -> str:
    if is_by_exit_step(code, trace, step):
        return _by_exit_step(code, trace, step)
    if code == "profile_filter":
        return f"left: profile_filter is no longer met: {unmet(trace, _profile_filter(plan))}"
    if is_event(code):
        return f"left: {code} happened{_by_event(trace)}"
    if code in ("step_limit", "merged"):
        return f"left: {ended(code)}"
    return _by_exit_step(code, trace, step)


def _by_exit_step(code: str, trace: Trace, step: Step | None) -> str:
    met = met_clause(trace, None if step is None else step.condition)
    told = "left by its exit step" + ("" if code in ("exit", "") else f": {code}")
    return told + (f" ({met})" if met else "")


def _frozen(trace: Trace) -> str:
    if trace.get("held"):
        return f"the campaign stood still: {ended(str(trace['held']))}"
    if trace.get("status"):
        return f"the campaign's file said {trace['status']}"
    return "the campaign was paused, held or a draft"


def _lateness(trace: Trace, limit: Duration | None) -> str:
    """How late an event was told: as roughly as people say it, while that is beyond the limit."""
    if "told" not in trace:
        return "too long"
    late = datetime.fromisoformat(trace["told"]) - datetime.fromisoformat(trace["happened"])
    units = (timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1))
    for unit in units[0 if late.days >= 2 else 1 :]:
        rough = late // unit * unit
        if limit is None or rough > limit.nominal:
            break
    return duration_words(Duration(days=rough.days, seconds=rough.seconds))


def _re_entry(trace: Trace, zone: tzinfo) -> str:
    told = f"entered before, {when(trace.get('entered_at'), zone)}, and re_entry is "
    rule = str(trace.get("re_entry", "never"))
    if rule in ("never", "always"):
        return told + rule
    told += f"after {span(rule)}"
    return f"{told} (from {when(trace['again_at'], zone)})" if "again_at" in trace else told


def _by_event(trace: Trace) -> str:
    return f" ({trace['event']})" if trace.get("event") else ""


def _step(plan: Plan | None, step: str) -> Step | None:
    index = None if plan is None else plan.step_index.get(step)
    return None if plan is None or index is None else plan.steps[index]


def _segment(plan: Plan | None) -> Condition | None:
    trigger = None if plan is None else plan.trigger
    return trigger.segment if isinstance(trigger, ScheduleTrigger) else None


def _profile_filter(plan: Plan | None) -> Condition | None:
    return None if plan is None else plan.profile_filter
