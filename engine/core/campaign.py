"""A campaign as the engine runs it: a compiled, immutable plan.

``engine.authoring`` makes plans from YAML. The steps stand in one flat tuple; each names the index
of the step that follows it (``next``), so branches need no stack: a step whose ``next`` equals
``len(plan.steps)`` ends the journey.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Literal

from config.durations import Duration, Rate
from engine.core.expression import Condition
from engine.core.message import Purpose
from engine.core.verbs import Asking, EventMatch, SendMessage, Split, Step, WaitFor

OrderExit = ("order.refunded", "order.cancelled", "order.returned", "order.disputed")


class CampaignStatus(StrEnum):
    """What the file says: ``draft`` never runs, ``paused`` freezes its journeys."""

    DRAFT = "draft"
    LIVE = "live"
    PAUSED = "paused"


class Stage(StrEnum):
    """Where in the customer's life the campaign belongs (for reports; no rule depends on it)."""

    ONBOARDING = "onboarding"
    DELIVERY = "delivery"
    SUPPORT = "support"
    RETENTION = "retention"
    LOYALTY = "loyalty"
    ADVOCACY = "advocacy"
    WIN_BACK = "win_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTrigger:
    """Starts when this event's transition happens."""

    event: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleTrigger:
    """Starts for every customer of ``segment`` at each fire of ``cron``.

    ``zone`` is an IANA name, or None for "each customer's own zone".
    """

    cron: str
    zone: str | None
    segment: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class DateTrigger:
    """Starts ``offset`` days from a date of the customer (``customer.birthday``), each year."""

    field: str
    offset_days: int
    at: time


Trigger = EventTrigger | ScheduleTrigger | DateTrigger


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Who may enter and how often. ``key`` is a dotted field, for instance ``order.id``."""

    key: str
    re_entry: Literal["never", "always"] | Duration = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What the campaign is for; counted once, within ``within`` of entry."""

    match: EventMatch
    within: Duration


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What one type of event can do to a live journey of a plan."""

    exits: tuple[EventMatch, ...] = ()
    waits: tuple[WaitFor, ...] = ()
    is_goal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One revision of a campaign.

    ``revision`` is a hash of the source. ``reads`` is every dotted name that any condition of the
    plan needs, so that storage loads no more than that; ``step_index`` finds a step's index by its
    id. The fields after these follow from the others: ``watches`` by event type,
    ``entry_conditions`` (a segment, ``filter`` and ``profile_filter``, in the order in which they
    are asked), whether who enters depends on what the event says, and not only on its kind, time,
    order and ticket, the ``splits``, ``waits`` and ``asks`` (steps that wait for a response) among
    the steps, ``carriers`` (the message steps that carry the coupon of a step, by its id), whether
    some ``wait_for`` waits for a condition, and whether each journey belongs to one order.
    """

    id: str
    revision: str
    name: str
    stage: Stage
    status: CampaignStatus
    purpose: Purpose
    priority: int
    trigger: Trigger
    entry: Entry
    steps: tuple[Step, ...]
    filter: Condition | None = None
    profile_filter: Condition | None = None
    hold_while: Condition | None = None
    max_age: Duration | None = None
    topic: str | None = None  # of the store's topics; None: under channel consent only
    holdout: float = 0.0  # percent of customers
    exit_on: tuple[EventMatch, ...] = ()
    exit_on_full_refund_only: bool = False  # true when exit_on is the default of order campaigns
    goal: Goal | None = None
    volume_limit: Rate | None = None
    in_flight: Literal["finish", "migrate"] = "finish"
    reads: frozenset[str] = frozenset()
    step_index: Mapping[str, int] = field(default_factory=dict)  # step id -> index
    watches: Mapping[str, Watch] = field(init=False, repr=False, compare=False)
    entry_conditions: tuple[Condition, ...] = field(init=False, repr=False, compare=False)
    reads_event: bool = field(init=False, repr=False, compare=False)
    splits: tuple[Split, ...] = field(init=False, repr=False, compare=False)
    waits: tuple[WaitFor, ...] = field(init=False, repr=False, compare=False)
    asks: tuple[Asking, ...] = field(init=False, repr=False, compare=False)
    carriers: Mapping[str, tuple[SendMessage, ...]] = field(init=False, repr=False, compare=False)
    waits_for_condition: bool = field(init=False, repr=False, compare=False)
    is_order_keyed: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        waits = tuple(step for step in self.steps if isinstance(step, WaitFor))
        segment = self.trigger.segment if isinstance(self.trigger, ScheduleTrigger) else None
        asked = (segment, self.filter, self.profile_filter)
        conditions = tuple(one for one in asked if one is not None)
        derived: dict[str, object] = {
            "watches": _watches(self, waits),
            "entry_conditions": conditions,
            "reads_event": any(
                name.startswith(("trigger.", "event."))
                for name in (self.entry.key, *(name for one in conditions for name in one.names))
            ),
            "splits": tuple(step for step in self.steps if isinstance(step, Split)),
            "waits": waits,
            "asks": tuple(step for step in self.steps if isinstance(step, Asking)),
            "carriers": _carriers(self.steps),
            "waits_for_condition": any(step.until is not None for step in waits),
            "is_order_keyed": self.entry.key.startswith("order."),
        }
        if not self.step_index:
            derived["step_index"] = {step.id: step.index for step in self.steps}
        for name, value in derived.items():
            object.__setattr__(self, name, value)


def _carriers(steps: Sequence[Step]) -> dict[str, tuple[SendMessage, ...]]:
    found: dict[str, tuple[SendMessage, ...]] = {}
    for step in steps:
        if isinstance(step, SendMessage) and step.coupon is not None:
            found[step.coupon] = (*found.get(step.coupon, ()), step)
    return found


def _watches(plan: Plan, waits: Sequence[WaitFor]) -> dict[str, Watch]:
    matched = [wait for wait in waits if wait.match is not None]
    goal = None if plan.goal is None else plan.goal.match.event
    types = {match.event for match in plan.exit_on}
    types |= {wait.match.event for wait in matched if wait.match is not None}
    types |= set() if goal is None else {goal}
    return {
        event: Watch(
            exits=tuple(match for match in plan.exit_on if match.event == event),
            waits=tuple(wait for wait in matched if wait.match and wait.match.event == event),
            is_goal=event == goal,
        )
        for event in types
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Plans:
    """Every plan a batch of decisions may need.

    ``by_event``: the live plans an event may enrol, in (priority descending, id) order.
    ``revisions``: (campaign, revision) -> plan, for journeys on older revisions too.
    ``current``: campaign -> its newest good plan, live or paused.
    ``held``: campaigns that a brake or ``campaigns pause`` holds, with the reason.
    The rest follows: ``moving`` are the campaigns that do not stand still, ``watched`` the event
    types that any plan watches, ``unread`` those of ``by_event`` of which no plan reads more than
    that they happened.
    """

    by_event: Mapping[str, tuple[Plan, ...]]
    revisions: Mapping[tuple[str, str], Plan]
    current: Mapping[str, Plan]
    held: Mapping[str, str] = field(default_factory=dict)
    moving: frozenset[str] = field(init=False, repr=False, compare=False)
    watched: frozenset[str] = field(init=False, repr=False, compare=False)
    unread: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        moving = frozenset(
            campaign
            for campaign, plan in self.current.items()
            if plan.status is CampaignStatus.LIVE and campaign not in self.held
        )
        object.__setattr__(self, "moving", moving)
        watched = frozenset(kind for plan in self.revisions.values() for kind in plan.watches)
        object.__setattr__(self, "watched", watched)
        unread = frozenset(
            kind
            for kind, plans in self.by_event.items()
            if not any(plan.reads_event for plan in plans)
        )
        object.__setattr__(self, "unread", unread)

    @classmethod
    def of(
        cls,
        current: Iterable[Plan],
        older: Iterable[Plan] = (),
        held: Mapping[str, str] | None = None,
    ) -> Plans:
        """Plans with their indexes made. ``older``: revisions that journeys still run on.

        A paused campaign stays in ``by_event``, so that the events it lets pass are told as
        ``frozen``; a draft does not.
        """
        newest = {plan.id: plan for plan in current}
        by_event: dict[str, list[Plan]] = {}
        for plan in sorted(newest.values(), key=lambda plan: (-plan.priority, plan.id)):
            if isinstance(plan.trigger, EventTrigger) and plan.status is not CampaignStatus.DRAFT:
                by_event.setdefault(plan.trigger.event, []).append(plan)
        return cls(
            by_event={event: tuple(plans) for event, plans in by_event.items()},
            revisions={(plan.id, plan.revision): plan for plan in (*older, *newest.values())},
            current=newest,
            held=dict(held or {}),
        )

    def is_frozen(self, campaign: str) -> bool:
        """Whether the campaign's journeys stand still: held, paused, draft or its file missing."""
        return campaign not in self.moving
