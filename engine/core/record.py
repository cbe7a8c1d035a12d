"""Noting what was decided: one decision row, and the compact trace that explains it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from engine.core.context import Context
from engine.core.decision import Decision, DecisionKind
from engine.core.evaluate import Activation, Verdict, evaluate, is_met
from engine.core.expression import Condition
from engine.core.world import Journey, World


def decide(
    world: World,
    journey: Journey,
    kind: DecisionKind,
    context: Context,
    *,
    step: str = "",
    code: str = "",
    message_id: str | None = None,
    trace: dict[str, Any] | None = None,
) -> None:
    """Note one decision about a journey in the world's changes, if such are kept."""
    if kind not in context.keeping.decisions:
        return
    world.changes.decisions.append(
        Decision(
            kind,
            context.now,
            journey.customer_id,
            journey.campaign,
            journey.revision,
            journey.id,
            step,
            code,
            message_id,
            trace,
        )
    )


def why_not(condition: Condition, values: Activation, context: Context) -> dict[str, Any] | None:
    """None where the condition is met, else the trace of why it is not: empty if none is kept."""
    if not context.keeping.traces:
        return None if is_met(condition, values) else {}
    verdict = evaluate(condition, values)
    return None if verdict.met else trace_of(verdict)


def until(at: datetime, context: Context) -> dict[str, Any] | None:
    """The trace of something that lasts until then, if traces are kept."""
    return {"until": at.isoformat()} if context.keeping.traces else None


def trace_of(verdict: Verdict) -> dict[str, Any]:
    """Why a condition came out as it did: the clause by its index, the values that it saw."""
    trace: dict[str, Any] = {"verdict": verdict.code}
    if verdict.clause is not None:
        trace["clause"] = verdict.clause
    if verdict.values:
        trace["values"] = dict(verdict.values)
    if verdict.field is not None:
        trace["field"] = verdict.field
    return trace
