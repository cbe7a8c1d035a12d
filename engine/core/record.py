"""Noting what was decided: one decision row, and the compact trace that explains it."""

from __future__ import annotations

from typing import Any

from engine.core.context import Context
from engine.core.decision import Decision, DecisionKind
from engine.core.evaluate import Verdict
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
    """Note one decision about a journey in the world's changes."""
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
