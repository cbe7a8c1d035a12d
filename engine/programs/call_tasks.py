"""A call task: what a person is asked to do, and everything that may become of it.

A task is one record of the book ``calls``; its key, derived from journey and step, is its id. It is
open until it has an outcome, and never has two: whatever would change a closed one raises
``Closed``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from config.calling import CallRetry
from engine.core.book import Record
from engine.core.verbs import CallPriority
from engine.core.world import Emitted
from engine.programs.working_time import Team

BOOK: Final = "calls"
State = Literal["open", "completed", "no_answer", "cancelled"]
PRIORITIES: Final[tuple[CallPriority, ...]] = ("urgent", "high", "normal", "low")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTask:
    """One task. ``due`` moves when it is snoozed or nobody answers.

    ``trigger`` and ``results`` are the journey's when it was assigned, for the script; ``causes``
    are the campaigns that led here. ``history`` is what people did, oldest first: ``at`` (RFC
    3339), ``what``, ``who`` and ``note``.
    """

    id: str
    at: datetime
    queue: str
    due: datetime
    priority: CallPriority
    script: str
    campaign: str
    journey: str
    step: str
    state: State = "open"
    order_id: str | None = None
    ticket_id: str | None = None
    assignee: str | None = None
    attempts: int = 0
    outcome: str | None = None
    note: str | None = None
    closed_at: datetime | None = None
    trigger: Mapping[str, Any] = field(default_factory=dict)
    results: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    causes: tuple[str, ...] = ()
    history: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether somebody has still to call."""
        return self.state == "open"


class Closed(Exception):
    """The task has its outcome already."""

    def __init__(self, task: CallTask) -> None:
        super().__init__(f"the call {task.id} is {task.state.replace('_', ' ')} already")
        self.task = task


class Claimed(Exception):
    """Somebody else has claimed the task."""

    def __init__(self, task: CallTask) -> None:
        super().__init__(f"{task.assignee} has claimed the call {task.id} already")
        self.task = task


def read(record: Record) -> CallTask:
    """The task that a record holds."""
    data = dict(record.data)
    data["due"] = datetime.fromisoformat(data["due"])
    closed = data.get("closed_at")
    data["closed_at"] = None if closed is None else datetime.fromisoformat(closed)
    data["causes"] = tuple(data.get("causes", ()))
    data["history"] = tuple(data.get("history", ()))
    return CallTask(id=record.key, at=record.at, **data)


def record_of(task: CallTask) -> Record:
    """The record that keeps a task."""
    return Record(
        book=BOOK,
        key=task.id,
        at=task.at,
        data={
            "queue": task.queue,
            "due": task.due.isoformat(),
            "priority": task.priority,
            "script": task.script,
            "campaign": task.campaign,
            "journey": task.journey,
            "step": task.step,
            "state": task.state,
            "order_id": task.order_id,
            "ticket_id": task.ticket_id,
            "assignee": task.assignee,
            "attempts": task.attempts,
            "outcome": task.outcome,
            "note": task.note,
            "closed_at": None if task.closed_at is None else task.closed_at.isoformat(),
            "trigger": dict(task.trigger),
            "results": {step: dict(result) for step, result in task.results.items()},
            "causes": list(task.causes),
            "history": [dict(one) for one in task.history],
        },
    )


def claim(task: CallTask, who: str, now: datetime) -> CallTask:
    """``who`` will call. Raises Closed; Claimed when it is somebody else's."""
    _check_open(task)
    if task.assignee == who:
        return task
    if task.assignee is not None:
        raise Claimed(task)
    return _noted(replace(task, assignee=who), now, "claimed", who)


def hand_over(task: CallTask, who: str | None, now: datetime) -> CallTask:
    """Give a task to ``who``, whoever has it; None gives it back to its queue. Raises Closed."""
    _check_open(task)
    if task.assignee == who:
        return task
    what = "given back" if who is None else "assigned"
    return _noted(replace(task, assignee=who), now, what, who)


def snooze(task: CallTask, until: datetime, who: str | None, now: datetime) -> CallTask:
    """Call later. Raises Closed."""
    _check_open(task)
    return _noted(replace(task, due=until), now, "snoozed", who)


def complete(
    task: CallTask, outcome: str, note: str | None, who: str | None, now: datetime
) -> CallTask:
    """The customer was spoken to. Raises Closed."""
    _check_open(task)
    done = replace(
        task,
        state="completed",
        attempts=task.attempts + 1,
        outcome=outcome,
        note=note,
        closed_at=now,
        assignee=task.assignee or who,
    )
    return _noted(done, now, "completed", who, note)


def not_reached(
    task: CallTask, team: Team, retry: CallRetry, note: str | None, who: str | None, now: datetime
) -> CallTask:
    """Nobody answered: due again by the queue's rules, or given up. Raises Closed."""
    _check_open(task)
    tried = replace(task, attempts=task.attempts + 1, note=note or task.note)
    if tried.attempts >= retry.attempts:
        tried = replace(tried, state="no_answer", outcome="no_answer", closed_at=now)
    else:
        tried = replace(tried, due=team.add(now, retry.after))
    return _noted(tried, now, "no answer", who, note)


def cancel(task: CallTask, reason: str, now: datetime) -> CallTask:
    """Nobody needs to call any more, because of ``reason``. Raises Closed."""
    _check_open(task)
    gone = replace(task, state="cancelled", outcome=reason, closed_at=now)
    return _noted(gone, now, "cancelled", None)


def outcome_event(task: CallTask) -> Emitted | None:
    """What campaigns are told of a task that has ended; its id lets it be told once."""
    kind = {"completed": "call.completed", "no_answer": "call.no_answer"}.get(task.state)
    if kind is None or task.closed_at is None:
        return None
    data = {
        "call_id": task.id,
        "queue": task.queue,
        "campaign": task.campaign,
        "journey": task.journey,
        "step": task.step,
        "attempts": task.attempts,
        "outcome": task.outcome,
        "note": task.note,
    }
    return Emitted(
        id=f"call:{task.id}",
        type=kind,
        time=task.closed_at,
        data={name: value for name, value in data.items() if value is not None},
        causes=task.causes,
        order_id=task.order_id,
        ticket_id=task.ticket_id,
    )


def _check_open(task: CallTask) -> None:
    if not task.is_open:
        raise Closed(task)


def _noted(
    task: CallTask, now: datetime, what: str, who: str | None, note: str | None = None
) -> CallTask:
    line = {"at": now.isoformat(), "what": what, "who": who, "note": note}
    told = {name: value for name, value in line.items() if value is not None}
    return replace(task, history=(*task.history, told))
