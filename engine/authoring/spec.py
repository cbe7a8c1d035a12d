"""A campaign file as authors write it; ``engine.authoring.compile`` makes a plan of it.

Keys follow Klaviyo and GitHub Actions where they have a word. Scalars come as the text that stands
in the file (``config.yaml_source``); these models say what it means.
"""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator

from config.diagnostics import nearest
from config.durations import Duration, PercentField, RateField, SignedDurationField
from engine.authoring.fields import (
    AT_LEAST_ONE,
    CampaignId,
    Cel,
    Clock,
    Cron,
    DateName,
    DottedName,
    EventName,
    Given,
    Spec,
    Timeout,
    TopicName,
    Version,
    Word,
    Zone,
    problem,
)
from engine.authoring.step_fields import MatchSpec, short
from engine.authoring.step_specs import StepSpec
from engine.core.campaign import CampaignStatus, Stage
from triggers.schedule import CUSTOMER_ZONE

DATES = (
    "customer.birthday",
    "customer.created_at",
    "customer.first_order_at",
    "customer.last_order_at",
)
ATTRIBUTE = "customer.attributes."


class BaseTrigger(Spec):
    """What every trigger may have."""

    filter: Given[Cel] = Field(None, description="Asked once, at entry")
    max_age: Given[Timeout] = Field(None, description="A trigger older than this enrols nobody")


class EventTriggerSpec(BaseTrigger):
    """Starts when something happens."""

    event: EventName = Field(description="The event's type")


class ScheduleSpec(Spec):
    """When to start."""

    cron: Cron = Field(description="Minute, hour, day of month, month, day of week")
    timezone: Zone = Field(
        CUSTOMER_ZONE, description="customer (each customer's own), or a zone such as Europe/Vienna"
    )


class ScheduleTriggerSpec(BaseTrigger):
    """Starts for every customer of a segment, again and again."""

    schedule: ScheduleSpec = Field(description="When to start")
    segment: Cel = Field(description="For which customers; true for all")


class DateTriggerSpec(BaseTrigger):
    """Starts a number of days from a date of the customer, each year."""

    date: DateName = Field(description="customer.birthday, or another date of the customer")
    offset: SignedDurationField = Field(
        default_factory=Duration, description="Whole days; -7d: seven days before"
    )
    at: Clock = Field(
        default_factory=lambda: time(10),
        description="At this time on the customer's clock; unless said, 10:00",
    )

    @field_validator("date")
    @classmethod
    def _known_date(cls, value: str) -> str:
        if value in DATES or (value.startswith(ATTRIBUTE) and value.count(".") == 2):
            return value
        raise problem(
            "unknown-date",
            f'"{value}" is no date of the customer',
            f"one of {', '.join(DATES)}, {ATTRIBUTE}NAME",
            nearest(value, DATES),
        )

    @field_validator("offset")
    @classmethod
    def _whole_days(cls, value: Any) -> Any:
        if value.seconds or abs(value.days) > 365:
            raise problem("bad-offset", f"{value} is no offset", "whole days up to 365d, as in -7d")
        return value


TRIGGERS: dict[str, type[BaseTrigger]] = {
    "event": EventTriggerSpec,
    "schedule": ScheduleTriggerSpec,
    "date": DateTriggerSpec,
}


def _trigger_kind(value: Any) -> str | None:
    kinds = [kind for kind in TRIGGERS if isinstance(value, dict) and kind in value]
    return TRIGGERS[kinds[0]].__name__ if len(kinds) == 1 else None


def _as_event(value: Any) -> Any:
    return {"event": value} if isinstance(value, str) else value


_AnyTrigger = Annotated[
    Annotated[EventTriggerSpec, Tag("EventTriggerSpec")]
    | Annotated[ScheduleTriggerSpec, Tag("ScheduleTriggerSpec")]
    | Annotated[DateTriggerSpec, Tag("DateTriggerSpec")],
    Discriminator(_trigger_kind),
]


class AfterSpec(Spec):
    """Enter again, but not too soon."""

    after: Timeout = Field(description="Counted from the last entry")


def _re_entry(value: Any) -> Any:
    if isinstance(value, dict | AfterSpec) or value in ("never", "always"):
        return value
    shown = f'"{value}"' if isinstance(value, str) else "this"
    wanted = "never, always, or {after: 180d}"
    raise problem("unknown-value", f'"re_entry" cannot be {shown}', wanted)


class EntrySpec(Spec):
    """Who may enter, and how often."""

    key: Given[DottedName] = Field(
        None, description="One journey at a time for each value of this: order.id, customer.id, …"
    )
    re_entry: Annotated[Literal["never", "always"] | AfterSpec, BeforeValidator(_re_entry)] = Field(
        "never", description="Whether a key may enter again: never, always, or after some time"
    )


class GoalSpec(MatchSpec):
    """What the campaign is for: counted once, and it does not end the journey."""

    within: Timeout = Field(description="Counted from entry")


class CampaignSpec(Spec):
    """One campaign: what starts it, who may enter, and its steps."""

    version: Version = Field(description="The version of this grammar: 1")
    id: CampaignId = Field(description="Names the campaign for good; best the file's name")
    name: Given[Word] = Field(None, description="For people")
    stage: Stage = Field(description="Where in the customer's life it belongs; for reports")
    status: CampaignStatus = Field(
        description="draft: never runs; live; paused: its journeys stand still"
    )
    purpose: Literal["marketing", "transactional"] = Field(
        description="marketing: needs consent and counts for caps; transactional: about an order"
    )
    topic: Given[TopicName] = Field(
        None,
        description="What it is about, a topic of config/store.yaml that customers may decline; "
        "without one only the consent to the channel counts",
    )
    priority: Annotated[int, Field(ge=0, le=100)] = Field(
        50, description="Of two campaigns due at once the higher goes first"
    )
    trigger: Annotated[
        _AnyTrigger, BeforeValidator(_as_event, json_schema_input_type=str | _AnyTrigger)
    ] = Field(description="What starts it: event, schedule with segment, or date")
    profile_filter: Given[Cel] = Field(
        None, description="Asked at entry and before every message; failing it ends the journey"
    )
    hold_while: Given[Cel] = Field(
        None, description="While this holds, the journey waits before its next message"
    )
    entry: Given[Annotated[EntrySpec, short("key", EntrySpec, "order.id")]] = Field(
        None, description="One journey for each order, ticket or customer, and how often"
    )
    holdout: Given[PercentField] = Field(
        None, description="This share of customers gets nothing, for comparison"
    )
    exit_on: Given[
        tuple[Annotated[MatchSpec, short("event", MatchSpec, "order.refunded")], ...]
    ] = Field(
        None,
        description="Events that end the journey at once. Marketing about an order ends by itself "
        "on full refund, cancellation, return and dispute, unless this says otherwise",
    )
    goal: Given[GoalSpec] = Field(None, description="The event that the campaign hopes for")
    volume_limit: Given[RateField] = Field(
        None, description="Above it the campaign pauses itself and says so"
    )
    in_flight: Literal["finish", "migrate"] = Field(
        "finish", description="When the file changes: journeys under way finish, or move over"
    )
    steps: Annotated[tuple[StepSpec, ...], *AT_LEAST_ONE] = Field(
        description="What happens, in order"
    )


CampaignSpec.model_rebuild()
