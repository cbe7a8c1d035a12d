"""What people do with call tasks, a transaction each: claim, snooze, complete, note no answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.core.world import World
from engine.ports.clock import Clock
from engine.ports.rendering import SCRIPT, Renderer
from engine.ports.storage import Contended, Storage, UnitOfWork
from engine.programs import call_tasks
from engine.programs.call_tasks import BOOK, CallTask
from engine.programs.calls import CallQueue, Calls
from engine.services.batch import Batch
from engine.services.configuration import Configuration
from engine.services.handover import HandOver
from engine.services.message_context import customer_context, order_context, ticket_context
from engine.services.revisions import Revisions

_ATTEMPTS: Final = 20
CallChange = Callable[[CallTask, Mapping[str, CallQueue], datetime], CallTask]
"""What becomes of a task at a moment; the queues are those of the policy."""


class NoSuchCall(Exception):
    """No task, or more than one, has an id that begins so; ``found`` are their ids."""

    def __init__(self, named: str, found: Sequence[str]) -> None:
        super().__init__(named)
        self.named = named
        self.found = tuple(found)


class NoQueue(Exception):
    """The policy has no longer the queue of a task, so nobody knows its working hours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCall:
    """A task, and whom to call."""

    customer_id: str
    name: str | None
    phone: str | None
    task: CallTask


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedCall:
    """A task with all that who calls needs. ``order`` and ``ticket`` are as they are now."""

    listed: ListedCall
    customer: Mapping[str, Any]
    order: Mapping[str, Any] | None
    ticket: Mapping[str, Any] | None
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFilter:
    """Which tasks to list; None: any. ``due_before`` bounds the due time."""

    states: frozenset[str] | None = frozenset({"open"})
    queue: str | None = None
    assignee: str | None = None
    unassigned: bool = False
    due_before: datetime | None = None

    def takes(self, task: CallTask) -> bool:
        """Whether the task is one of these."""
        return (
            (self.states is None or task.state in self.states)
            and self.queue in (None, task.queue)
            and self.assignee in (None, task.assignee)
            and not (self.unassigned and task.assignee)
            and (self.due_before is None or task.due <= self.due_before)
        )


class CallDesk:
    """The use cases behind ``lagniappe calls``. Each change is one transaction, once."""

    def __init__(
        self,
        storage: Storage,
        revisions: Revisions,
        handover: HandOver,
        renderer: Renderer,
        clock: Clock,
    ) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover
        self._renderer = renderer
        self._clock = clock

    def open(self, named: str) -> OpenedCall:
        """A task with its script as it reads now.

        ``named`` is an id or its beginning. Raises NoSuchCall, or RenderError.
        """
        now = self._clock.now()
        listed = self._find(named)
        with self._storage.deciding(urgent=True) as unit:
            configuration = self._revisions.configuration(unit)
            world = _load(unit, listed.customer_id, now)
        task = listed.task
        plan = configuration.plans.current.get(task.campaign)
        values = _script_context(world, task, plan.name if plan else task.campaign, now)
        locale = configuration.policy.locale  # it is staff who read it
        content = self._renderer.render(task.script, SCRIPT, locale, values)
        return OpenedCall(
            listed=listed,
            customer=values["customer"],
            order=values["order"],
            ticket=values["ticket"],
            script=content.text,
        )

    def claim(self, named: str, who: str) -> CallTask:
        """``who`` will call. Raises NoSuchCall, Closed, Claimed, Contended."""
        return self._change(named, lambda task, _, now: call_tasks.claim(task, who, now))

    def hand_over(self, named: str, who: str | None) -> CallTask:
        """Give the task to ``who``, or with None back to its queue.

        Raises NoSuchCall, Closed, Contended.
        """
        return self._change(named, lambda task, _, now: call_tasks.hand_over(task, who, now))

    def snooze(self, named: str, until: datetime, who: str | None) -> CallTask:
        """Call later. Raises NoSuchCall, Closed, Contended."""
        return self._change(named, lambda task, _, now: call_tasks.snooze(task, until, who, now))

    def complete(self, named: str, outcome: str, note: str | None, who: str | None) -> CallTask:
        """The customer was spoken to. Raises NoSuchCall, Closed, Contended."""
        return self._change(
            named, lambda task, _, now: call_tasks.complete(task, outcome, note, who, now)
        )

    def no_answer(self, named: str, note: str | None, who: str | None) -> CallTask:
        """Nobody answered. Raises NoSuchCall, Closed, NoQueue, Contended."""

        def tried(task: CallTask, queues: Mapping[str, CallQueue], now: datetime) -> CallTask:
            queue = queues.get(task.queue)
            if queue is None:
                raise NoQueue(task.queue)
            return call_tasks.not_reached(task, queue.team, queue.retry, note, who, now)

        return self._change(named, tried)

    def _find(self, named: str) -> ListedCall:
        found = [one for one in listed_calls(self._storage, named) if one.task.id.startswith(named)]
        if len(found) != 1 or not named:
            raise NoSuchCall(named, [one.task.id for one in found])
        return found[0]

    def _change(
        self,
        named: str,
        change: CallChange,
    ) -> CallTask:
        for left in reversed(range(_ATTEMPTS)):
            now = self._clock.now()
            listed = self._find(named)
            try:
                with self._storage.deciding(urgent=True) as unit:
                    unit.lock([listed.customer_id])  # of two who change a task one comes first
                    batch = Batch(unit, self._revisions.configuration(unit), self._handover)
                    return change_call(batch, listed.customer_id, listed.task.id, change, now)
            except Contended:
                if not left:
                    raise
        raise AssertionError("the last attempt returns or raises")


def change_call(
    batch: Batch, customer_id: str, call: str, change: CallChange, now: datetime
) -> CallTask:
    """Change a task, tell campaigns what came of it, and commit.

    Raises what ``change`` does, and Contended when the customer has no such task, having been
    merged or erased meanwhile.
    """
    world = _load(batch.unit, customer_id, now)
    record = world.books.get((BOOK, call))
    if record is None:
        raise Contended
    task = change(call_tasks.read(record), _queues(batch.configuration), now)
    world.write(call_tasks.record_of(task))
    outcome = call_tasks.outcome_event(task)
    if outcome is not None:
        world.report(outcome)
    batch.keep([world], now)
    return task


def listed_calls(
    storage: Storage, named: str = "", wanted: CallFilter | None = None
) -> list[ListedCall]:
    """Tasks whose id begins so, the most pressing first, then by due time."""
    lines = storage.book(BOOK, named)
    found = [
        ListedCall(
            customer_id=line.customer_id,
            name=line.name,
            phone=line.phone,
            task=call_tasks.read(line.record),
        )
        for line in lines
    ]
    chosen = [one for one in found if wanted is None or wanted.takes(one.task)]
    rank = {name: place for place, name in enumerate(call_tasks.PRIORITIES)}
    return sorted(chosen, key=lambda one: (rank[one.task.priority], one.task.due, one.task.id))


def _queues(configuration: Configuration) -> Mapping[str, CallQueue]:
    programs = configuration.programs.programs
    return next((one.queues for one in programs if isinstance(one, Calls)), {})


def _load(unit: UnitOfWork, customer_id: str, now: datetime) -> World:
    unit.open_books({BOOK})
    world = unit.load([customer_id], now=now, complete=[customer_id]).get(customer_id)
    if world is None:
        raise Contended
    return world


def _script_context(world: World, task: CallTask, campaign: str, now: datetime) -> dict[str, Any]:
    """The roots of a script: the customer as they are now, the journey as it was."""
    order = world.orders.get(task.order_id) if task.order_id else None
    ticket = world.tickets.get(task.ticket_id) if task.ticket_id else None
    trigger = task.trigger
    entered = trigger.get("entered_at")
    context: dict[str, Any] = {
        "customer": customer_context(world, now),
        "order": order_context(order) if order else None,
        "ticket": ticket_context(ticket) if ticket else None,
        "trigger": {
            "id": trigger.get("id"),
            "type": trigger.get("type"),
            "time": datetime.fromisoformat(entered) if entered else None,
            "data": trigger.get("data", {}),
        },
        "campaign": {"id": task.campaign, "name": campaign},
        "links": {"unsubscribe": None, "preferences": None},
        "message": {"id": task.id},
        "now": now,
    }
    for step, result in task.results.items():
        context.setdefault(step, result)
    return context
