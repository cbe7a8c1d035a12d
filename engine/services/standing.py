"""Where a journey stands: what it waits for, what keeps it, or how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from engine.core.campaign import CampaignStatus, Plan
from engine.core.decision import Decision, DecisionKind
from engine.core.guards import zone_of
from engine.core.message import MessageStatus
from engine.core.reasons import ended, is_event
from engine.core.remedies import Change, Circumstances, remedy
from engine.core.timing import add
from engine.core.trace import decision_text, is_by_exit_step, message_text
from engine.core.verbs import Branch, Step
from engine.core.view import View
from engine.core.wording import met_clause, told_values, value, wanted_clause, when
from engine.core.world import JourneyStatus, Waiting
from engine.ports.history import LoggedJourney, LoggedMessage
from engine.services.case import Case, Question, plan_of, step_of, withheld_by
from engine.services.coming import awaited
from engine.services.forecast import forecast
from engine.services.supposing import Supposed, context_of

FORKS: Final = frozenset({DecisionKind.BRANCHED, DecisionKind.ASSIGNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``text`` is empty for a journey that has simply run to its end."""

    code: str
    text: str
    changes: tuple[Change, ...] = ()


def standing(
    case: Case,
    journey: LoggedJourney,
    messages: Sequence[LoggedMessage],
    asked: Question,
    about: Circumstances,
) -> Standing:
    """Where the journey stands; ``messages`` are its own, oldest first."""
    if journey.status is JourneyStatus.COMPLETED:
        return Standing(code="completed", text="" if messages else "completed")
    if journey.status is JourneyStatus.EXITED:
        return _exited(case, journey, asked, about)
    if journey.parked or asked.plans.is_frozen(journey.campaign):
        return _frozen(journey, asked, about)
    due = when(journey.due_at, asked.zone)
    match journey.waiting:
        case Waiting.DELAY:
            return Standing(
                code="delay",
                text=f"waits at step {journey.step} until {due}",
                changes=(_by_itself("delay", f"when its delay is over: {due}", journey.due_at),),
            )
        case Waiting.EVENT:
            wanted = awaited(_step(journey, asked))
            text = f"waits at step {journey.step} for {wanted}, until {due} at the latest"
            change = Change(code="wait_for", text=f"{wanted}, or the time is up: {due}",
                            at=journey.due_at)  # fmt: skip
            return Standing(code="wait_for", text=text, changes=(change,))
        case Waiting.HOLD:
            actual = _held_by(case, journey, asked)
            text = f"held at step {journey.step}: hold_while is met{actual}, looked at again {due}"
            return Standing(code="hold_while", text=text, changes=remedy("hold_while", {}, about))
        case Waiting.READY if journey.due_at is not None and journey.due_at > asked.now:
            change = _by_itself("starts_later", f"when its time comes: {due}", journey.due_at)
            text = f"takes step {journey.step} {due}, the start that it was given"
            return Standing(code="starts_later", text=text, changes=(change,))
        case Waiting.READY:
            text = f"is due to take step {journey.step} since {due}"
            return Standing(code="due", text=text)
        case Waiting.MESSAGE:
            return _before_message(case, messages, asked, about)


def _exited(case: Case, journey: LoggedJourney, asked: Question, about: Circumstances) -> Standing:
    code = journey.reason or ""
    found = [one for one in case.decisions
             if one.journey_id == journey.id and one.kind is DecisionKind.EXITED]  # fmt: skip
    last: Decision | None = found[-1] if found else None
    plan = plan_of(asked.plans, journey.campaign, journey.revision)
    step = step_of(plan, "" if last is None else last.step)
    if last is not None and is_by_exit_step(code, last.trace, step):
        return _by_exit_step(case, journey, plan, last, asked)
    why = ended(code)
    if code == "profile_filter" and last is not None:
        why = decision_text(last, plan, asked.zone).removeprefix("left: ")
    text = f"the journey ended {when(journey.ended_at, asked.zone)}: {why}"
    if is_event(code):
        current = asked.plans.current.get(journey.campaign) or plan
        return Standing(code=code, text=text, changes=(_after_exit(case, journey, current, asked),))
    trace = {} if last is None else last.trace or {}
    return Standing(code=code, text=text, changes=remedy(code, trace, about))


def _by_exit_step(
    case: Case, journey: LoggedJourney, plan: Plan | None, last: Decision, asked: Question
) -> Standing:
    """The author's own reason, and what led to the step: its own condition, or the fork before."""
    reason = "" if last.code == "exit" else f": {last.code}"
    ended_at = when(journey.ended_at, asked.zone)
    text = f"the journey ended {ended_at}: its exit step {last.step}{reason}"
    step = step_of(plan, last.step)
    condition = None if step is None else step.condition
    if condition is not None:
        wanted = " ".join(condition.source.split())
        if met := met_clause(last.trace, condition):
            text += f" ({met})"
        change = Change(code=last.code, text=f"{wanted} not met at the exit step {last.step}")
        return Standing(code=last.code, text=text, changes=(change,))
    chosen = [one for one in case.decisions
              if one.journey_id == journey.id and one.kind in FORKS]  # fmt: skip
    fork = chosen[-1] if chosen else None
    if fork is None or not _leads_to(fork, plan, last.step):
        told = f"nothing: whoever comes to the exit step {last.step} leaves by it"
        return Standing(code=last.code, text=text, changes=(Change(code=last.code, text=told),))
    text += f"; at {fork.step}: {decision_text(fork, plan, asked.zone)}"
    return Standing(code=last.code, text=text, changes=other_ways(fork, step_of(plan, fork.step)))


def _leads_to(fork: Decision, plan: Plan | None, step: str) -> bool:
    """Whether a step stands in one of the ways of a branch or a split, and not behind them."""
    parting = step_of(plan, fork.step)
    if plan is None or parting is None:
        return False
    return plan.step_index[fork.step] < plan.step_index[step] < parting.next


def other_ways(decision: Decision, step: Step | None) -> tuple[Change, ...]:
    """What it takes for a branch to lead elsewhere: an arm before the one that was taken to be met,
    or that one not to be. A split's variant stays."""
    if decision.kind is DecisionKind.ASSIGNED:
        told = "nothing: the variant follows from campaign and customer, and stays"
        return (Change(code=decision.code, text=told),)
    arms = step.arms if isinstance(step, Branch) else ()
    wanted = [
        wanted_clause(trace, arm.condition)
        for trace, arm in zip((decision.trace or {}).get("unmet", ()), arms, strict=False)
    ]
    taken = int(decision.code.rpartition("_")[2]) if decision.code.startswith("arm_") else 0
    chosen = arms[taken - 1].condition if 0 < taken <= len(arms) else None
    if chosen is not None:
        wanted.append(f"{' '.join(chosen.source.split())} not met")
    return tuple(
        Change(code=decision.code, text=f"at the branch {decision.step}: {one}")
        for one in wanted
        if one
    )


def _after_exit(case: Case, journey: LoggedJourney, plan: Plan | None, asked: Question) -> Change:
    """What it takes to come in again, after an event has ended this journey for good."""
    code = journey.reason or ""
    key = plan.entry.key if plan is not None else "entry key"
    if plan is None or key != "customer.id":
        told = f"nothing for {journey.entry_key}: {code} ends it for good; another {key} may enter"
        return Change(code=code, text=told)
    ends, rule = f"nothing for this entry: {code} ends it for good", plan.entry.re_entry
    if rule == "never":
        return Change(code=code, text=f"{ends}, and re_entry is never")
    if rule == "always":
        return Change(code=code, text=f"{ends}; re_entry is always, so they may enter anew")
    again = add(journey.entered_at, rule, zone_of(case.world.customer, asked.rules))
    told = f"{ends}; they may enter anew from {when(again, asked.zone)} on (re_entry: after {rule})"
    return Change(code=code, text=told, at=again)


def _frozen(journey: LoggedJourney, asked: Question, about: Circumstances) -> Standing:
    held = asked.plans.held.get(journey.campaign)
    plan = asked.plans.current.get(journey.campaign)
    if held:
        code, why = held.partition(": ")[0], ended(held)
    elif plan is None:
        code, why = "gone", "the campaign's file is missing"
    elif journey.campaign in asked.broken:
        code, why = "gone", "the campaign's file is broken"
    elif plan.status is CampaignStatus.LIVE:
        code, why = "parked", "it is taken up again with the next look"
    else:
        code, why = str(plan.status), f"its file says status: {plan.status}"
    text = f"stands still at step {journey.step}: {why}"
    trace = {} if held else {"status": code}
    return Standing(code=code, text=text, changes=remedy(code, trace, about))


def _before_message(
    case: Case, messages: Sequence[LoggedMessage], asked: Question, about: Circumstances
) -> Standing:
    waiting = [one for one in messages if one.status is MessageStatus.SCHEDULED]
    if not waiting:
        return Standing(code="scheduled", text="waits to be sent")
    message = waiting[-1]
    decision = withheld_by(case.decisions, message)
    plan = plan_of(asked.plans, message.campaign, message.revision)
    told = message_text(message, decision, plan, asked.zone)
    text = f"{told} (step {message.step}, {message.channel})"
    code = message.reason or "scheduled"
    trace = dict(decision.trace or {}) if decision is not None and decision.code == code else {}
    trace["until"] = message.send_at.isoformat()
    changes = remedy(code, trace, about)
    if not changes:
        changes = (_by_itself("scheduled", f"at {when(message.send_at, asked.zone)}",
                              message.send_at),)  # fmt: skip
    if changes[0].at == message.send_at and not asked.as_known:
        changes = _as_it_will_be(case, message, asked, about) or changes
    return Standing(code=code, text=text, changes=changes)


def _as_it_will_be(
    case: Case, message: LoggedMessage, asked: Question, about: Circumstances
) -> tuple[Change, ...]:
    """What it takes for a message that does not go when it is looked at next, because another rule
    puts it off further or keeps it back then; empty when it does go."""
    ahead = forecast(case.whole or case, asked, journey=message.journey_id, steps=1)
    fate = next((one for one in ahead.coming if one.step == message.step), None)
    if fate is None or (fate.kind == DecisionKind.SENT and fate.at == message.send_at):
        return ()
    if fate.kind == DecisionKind.SENT and fate.moved_by is not None:
        told = (
            f"nothing: it goes by itself {when(fate.at, asked.zone)}, as {fate.moved_by} puts it "
        )
        told += f"off again at {when(message.send_at, asked.zone)}"
        return (Change(code=fate.moved_by, text=told, at=fate.at),)
    return remedy(fate.code, fate.trace or {}, about)


def _by_itself(code: str, told: str, at: datetime | None) -> Change:
    return Change(code=code, text=f"nothing: it goes on by itself {told}", at=at)


def _step(journey: LoggedJourney, asked: Question) -> Step | None:
    plan = plan_of(asked.plans, journey.campaign, journey.revision)
    return step_of(plan, journey.step)


def _held_by(case: Case, journey: LoggedJourney, asked: Question) -> str:
    """The values that ``hold_while`` sees now."""
    plan = plan_of(asked.plans, journey.campaign, journey.revision)
    live = case.world.journeys.get(journey.id)
    if plan is None or plan.hold_while is None or live is None or asked.as_known:
        return ""
    view = View(case.world, live, plan, context_of(asked, asked.now, Supposed()))
    source = " ".join(plan.hold_while.source.split())
    actual = view.values(plan.hold_while)
    if len(actual) == 1 and source in actual:
        return f" ({source} is {value(actual[source])})"
    return f" ({source}: {told_values(actual)})"
