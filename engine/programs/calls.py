"""Follow-up calls: tasks that campaigns make for people, in the queues of the store's policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self
from zoneinfo import ZoneInfo

from config.calling import CallRetry, SupportLine
from config.calling import Calls as CallPolicy
from engine.core.book import Record
from engine.core.campaign import Plans
from engine.core.context import Context, Taken
from engine.core.ids import call_id
from engine.core.order_state import facts_of, is_fully_refunded
from engine.core.transition import Transition
from engine.core.verbs import AssignCall, Exit, ProgramStep
from engine.core.world import Journey, JourneyStatus, World
from engine.programs.call_tasks import BOOK, CallTask, cancel, read, record_of
from engine.programs.working_time import Team


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQueue:
    """Who works a queue, and what they do when nobody answers."""

    team: Team
    retry: CallRetry


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The program of ``assign_call``; see ``engine.programs.program.Program``."""

    queues: Mapping[str, CallQueue]

    @classmethod
    def of(cls, policy: CallPolicy, zone: ZoneInfo) -> Self:
        """The queues of a policy; ``zone`` is the store's."""
        return cls(
            queues={
                name: CallQueue(
                    team=Team(
                        hours=queue.hours,
                        zone=zone if queue.timezone is None else ZoneInfo(queue.timezone),
                    ),
                    retry=queue.retry,
                )
                for name, queue in policy.queues.items()
            }
        )

    @property
    def books(self) -> frozenset[str]:
        """The one book."""
        return frozenset({BOOK})

    @property
    def follows(self) -> frozenset[str]:
        """Nothing: tasks are made by campaigns and settled by people."""
        return frozenset()

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        """Nothing: tasks are made by campaigns and settled by people."""

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """Tasks are people's to look at; none falls due by itself."""
        world.write(replace(record, due_at=None))

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        """Make the step's task, due in the queue's working time from now."""
        if not isinstance(step, AssignCall):
            return None
        queue = self.queues.get(step.queue)
        if queue is None:
            return Taken(code="no_queue", done=False, trace={"queue": step.queue})
        key = call_id(journey.id, step.id)
        if (BOOK, key) in world.books:
            return Taken(code="call_known", done=False, trace={"call": key})
        due = queue.team.add(context.now, step.within)
        task = CallTask(
            id=key,
            at=context.now,
            queue=step.queue,
            due=due,
            priority=step.priority,
            script=step.script,
            campaign=journey.campaign,
            journey=journey.id,
            step=step.id,
            order_id=journey.order_id,
            ticket_id=journey.ticket_id,
            assignee=step.assignee,
            trigger={**journey.trigger, "entered_at": journey.entered_at.isoformat()},
            results=journey.results,
            causes=(*journey.trigger.get("causes", ()), journey.campaign),
        )
        world.write(record_of(task))
        trace = {"call": key, "queue": step.queue, "due": due.isoformat()}
        return Taken(code="call_assigned", results={"assigned": True}, trace=trace)

    def settle(self, world: World, plans: Plans, context: Context) -> None:
        """Withdraw the open tasks of journeys that something has ended early, or now would."""
        for record in world.books.of(BOOK):
            if record.data["state"] != "open":
                continue
            journey, task = world.journeys.get(record.data["journey"]), read(record)
            reason: str | None = None
            if journey is not None and journey.status is JourneyStatus.LIVE:
                continue
            if journey is None or _has_run_its_course(journey, plans):
                reason = _undone(task, world, plans)
            else:
                reason = journey.reason or "exit"
            if reason is not None:
                world.write(record_of(cancel(task, reason, context.now)))


def line_team(line: SupportLine, zone: ZoneInfo) -> Team:
    """When somebody is at the support line; ``zone`` is the store's."""
    own = zone if line.timezone is None else ZoneInfo(line.timezone)
    return Team(hours=line.hours, zone=own)


def _undone(task: CallTask, world: World, plans: Plans) -> str | None:
    """The ``exit_on`` event of the task's order that came after its journey had run its course."""
    order, plan = world.orders.get(task.order_id or ""), plans.current.get(task.campaign)
    if order is None or plan is None:
        return None
    told = task.trigger.get("entered_at")
    entered = task.at if told is None else datetime.fromisoformat(told)
    for match in plan.exit_on:
        if match.condition is not None or all(at <= entered for at in facts_of(order, match.event)):
            continue
        if match.event == "order.refunded" and plan.exit_on_full_refund_only:
            if is_fully_refunded(order):
                return match.event
            continue
        return match.event
    return None


def _has_run_its_course(journey: Journey, plans: Plans) -> bool:
    """Whether the last step or its own ``exit`` step ended the journey, and nothing else."""
    if journey.status is not JourneyStatus.EXITED:
        return True
    plan = plans.revisions.get((journey.campaign, journey.revision))
    steps = () if plan is None else plan.steps
    return any(isinstance(step, Exit) and step.reason == journey.reason for step in steps)
