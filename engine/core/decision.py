"""What was decided, and why: one row each, small enough to keep for every step.

A decision keeps codes and values only; sentences are made when somebody reads it
(``engine.core.trace``).
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from engine.core.value import value_class


class DecisionKind(StrEnum):
    """The closed set of things the engine decides about a journey."""

    ENTERED = "entered"
    HELD_OUT = "held_out"
    WAITED = "waited"  # a delay or wait_for began
    WOKE = "woke"  # a wait_for's event came
    TIMED_OUT = "timed_out"  # it did not
    STEP_SKIPPED = "step_skipped"  # its ``if`` was unmet
    BRANCHED = "branched"
    ASSIGNED = "assigned"  # a split
    MESSAGE = "message"  # a message was made, to be sent now
    DEFERRED = "deferred"  # a message was made or moved, to be sent later
    DROPPED = "dropped"  # a guard or lateness dropped the message
    SENT = "sent"  # it was handed over
    HELD = "held"  # hold_while is met
    RELEASED = "released"
    UPDATED = "updated"
    EMITTED = "emitted"
    CALLED = "called"
    DONE = "done"  # one of the shop's programs took its step
    GOAL = "goal"
    EXITED = "exited"
    COMPLETED = "completed"
    CANCELLED = "cancelled"  # a scheduled message was withdrawn
    TOO_LATE = "too_late"  # an exit came after the hand-over
    SETTLED = "settled"  # a message in doubt was sent, is sent again, or given up
    MIGRATED = "migrated"


@value_class(kw_only=False)  # made by place: by name it takes thrice as long
class Decision:
    """One decision about one journey.

    ``code`` names the rule (``profile_filter``, ``cap``, ``quiet_hours``, ``no_consent``, …);
    ``trace`` holds its actual and wanted values, JSON-able.
    """

    kind: DecisionKind
    at: datetime
    customer_id: str
    campaign: str
    revision: str
    journey_id: str
    step: str = ""
    code: str = ""
    message_id: str | None = None
    trace: dict[str, Any] | None = None


class VerdictCode(StrEnum):
    """Why an event did or did not enrol the customer in one campaign."""

    ENTERED = "entered"
    HELD_OUT = "held_out"
    FILTER = "filter"
    PROFILE_FILTER = "profile_filter"
    TOO_OLD = "too_old"  # max_age
    NO_KEY = "no_key"  # the entry key has no value
    ALREADY_IN = "already_in"  # a live journey has this key
    RE_ENTRY = "re_entry"
    EXIT_ALREADY = "exit_already"  # an exit_on fact of the order has happened
    FROZEN = "frozen"  # paused, held or draft
    BACKFILL = "backfill"  # history: enrols nobody
    TEST_ORDER = "test_order"
    CHAIN_TOO_LONG = "chain_too_long"  # emit_event beyond 8 causes


@value_class
class EntryVerdict:
    """One campaign's verdict on one event, kept on the event's row."""

    campaign: str
    revision: str
    code: VerdictCode
    transition: str  # the transition's type, for instance "order.delivered"
    journey_id: str | None = None
    trace: dict[str, Any] | None = None
