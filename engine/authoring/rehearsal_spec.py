"""A file of tests of a campaign as authors write it: a customer, a story, and what is expected.

Scalars come as the text that stands in the file (``config.yaml_source``); these models say what it
means. ``engine.rehearsal`` plays the stories.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field, model_validator

from config.diagnostics import nearest
from config.durations import DurationField
from engine.authoring.fields import (
    AT_LEAST_ONE,
    CampaignId,
    EventName,
    Given,
    Spec,
    TemplateName,
    Timeout,
    VariantName,
    Version,
    Word,
    problem,
)
from engine.authoring.rehearsal_fields import Facts, Moment, Named, StepName, Texts, Yes

# What a line of a story may say besides when, by what it does.
ACTS: Final[dict[str, frozenset[str]]] = {
    "event": frozenset(
        {"customer", "order", "ticket", "data", "id", "source", "by", "using", "backfill"}
    ),
    "deliver": frozenset({"by"}),
    "open": frozenset({"by"}),
    "click": frozenset({"link", "by"}),
    "bounce": frozenset({"by"}),
    "complain": frozenset({"by"}),
    "answer": frozenset({"score", "comment", "by"}),
    "reply": frozenset({"by"}),
    "decline": frozenset({"by"}),
    "call": frozenset({"outcome", "note", "by"}),
    "no_answer": frozenset({"note", "by"}),
}
CHANNELS: Final = ("email", "sms", "voice")
_NOTHING_MEANT: Final = "this expects nothing in particular"


class Line(Spec):
    """One line of a story: something happens, or time passes."""

    at: Given[Moment] = Field(None, description="When, on the customer's clock: 2026-03-02 10:00")
    after: Given[DurationField] = Field(
        None, description="When, counted from the line before: 3d. Without either: at once"
    )
    event: Given[EventName] = Field(None, description="An event of this type comes in")
    customer: Given[Facts] = Field(
        None, description="What the event tells of the customer, besides what is known"
    )
    order: Given[Named] = Field(None, description="Its order: an id, or facts as in /v1/events")
    ticket: Given[Named] = Field(None, description="Its ticket: an id, or facts as in /v1/events")
    data: Given[Facts] = Field(None, description="Its data")
    id: Given[Word] = Field(None, description="Its id; unless said, one of its own")
    source: Given[Word] = Field(None, description="Who tells it; unless said, shop")
    using: Given[StepName] = Field(
        None, description="The order uses the code that this step gave: a coupon, an invitation"
    )
    backfill: Yes = Field(False, description="It is told as history, which enrols nobody")
    by: Given[Word] = Field(None, description="One of others, instead of the customer")
    deliver: Given[StepName] = Field(
        None, description="The provider reports the message of this step as delivered"
    )
    open: Given[StepName] = Field(None, description="The message of this step is opened")
    click: Given[StepName] = Field(
        None, description="A link in the message of this step is followed"
    )
    link: Given[Word] = Field(None, description="With click: which link, by a part of its address")
    bounce: Given[StepName] = Field(
        None, description="The message of this step is returned: its address does not exist"
    )
    complain: Given[StepName] = Field(
        None, description="The message of this step is reported as spam"
    )
    answer: Given[StepName] = Field(None, description="The survey of this step is answered")
    score: Given[Annotated[int, Field(ge=0, le=10)]] = Field(
        None, description="With answer: the score given"
    )
    comment: Given[str] = Field(None, description="With answer: what is written besides")
    reply: Given[Word] = Field(None, description="The customer sends this text message")
    decline: Given[Texts] = Field(
        None, description="The customer wants no more of these topics: offers, or [offers, tips]"
    )
    call: Given[StepName] = Field(
        None, description="Who has the call task of this step has spoken to the customer"
    )
    outcome: Given[Word] = Field(None, description="With call: what came of it, as in reached")
    no_answer: Given[StepName] = Field(
        None, description="Who has the call task of this step has reached nobody"
    )
    note: Given[str] = Field(None, description="With call or no_answer: what was noted")

    @model_validator(mode="after")
    def _one_act(self) -> Line:
        acts = [name for name in ACTS if getattr(self, name) is not None]
        if len(acts) > 1:
            raise problem(
                "line-acts",
                f"one line does one thing, and this one has {' and '.join(acts)}",
                "a line for each",
            )
        if self.at is not None and self.after is not None:
            raise problem("line-when", "this line has both at and after", "one of the two")
        allowed = ACTS[acts[0]] if acts else frozenset[str]()
        of_acts = frozenset[str]().union(*ACTS.values())
        for name in sorted(self.model_fields_set & of_acts - allowed):
            owners = [act for act, words in ACTS.items() if name in words]
            what = f"a line with {acts[0]}" if acts else "a line in which only time passes"
            raise problem(
                "line-word",
                f'"{name}" does not belong to {what}',
                f"{' or '.join(owners)} beside it",
            )
        if not acts and self.at is None and self.after is None:
            raise problem("line-acts", "this line says nothing", f"one of {', '.join(ACTS)}")
        if self.answer is not None and self.score is None:
            raise problem("line-word", "an answer needs its score", "score, as in score: 9")
        if self.call is not None and self.outcome is None:
            raise problem(
                "line-word", "a call needs its outcome", "outcome, as in outcome: reached"
            )
        return self

    @property
    def act(self) -> str | None:
        """What the line does; None: only time passes."""
        return next((name for name in ACTS if getattr(self, name) is not None), None)


class SentSpec(Spec):
    """A message that goes out."""

    email: Given[TemplateName] = Field(None, description="An email of this template")
    sms: Given[TemplateName] = Field(None, description="A text message of this template")
    voice: Given[TemplateName] = Field(None, description="A call that says this template")
    step: Given[StepName] = Field(None, description="Sent by this step")
    at: Given[Moment] = Field(None, description="Sent at this moment, on the customer's clock")
    after: Given[DurationField] = Field(
        None, description="Sent so long after the message before; the first: after the story begins"
    )
    to: Given[Word] = Field(None, description="To one of others, instead of the customer")
    subject: Given[str] = Field(None, description="With exactly this subject")
    contains: Texts = Field((), description="With these words in its subject or text")
    lacks: Texts = Field((), description="Without these words")
    locale: Given[Word] = Field(None, description="In this language, as in de")

    @model_validator(mode="after")
    def _one_channel(self) -> SentSpec:
        told = [name for name in CHANNELS if getattr(self, name) is not None]
        if len(told) != 1:
            what = "names no message" if not told else f"names {' and '.join(told)}"
            raise problem("expected-message", f"this {what}", "email, sms or voice and a template")
        if self.at is not None and self.after is not None:
            raise problem("line-when", "this has both at and after", "one of the two")
        return self

    @property
    def channel(self) -> str:
        """email, sms or voice."""
        return next(name for name in CHANNELS if getattr(self, name) is not None)

    @property
    def template(self) -> str:
        """The template's name."""
        return str(getattr(self, self.channel))


class SkipSpec(Spec):
    """A step that was passed over, or a message that was withheld."""

    step: StepName = Field(description="The step's id, or its place: step_3_1_2")
    reason: Given[Word] = Field(
        None, description="if, no_consent, cap, too_late, …, or the event that withdrew it"
    )


class JourneySpec(Spec):
    """How a journey stands at the end of the story."""

    completed: Literal[True] | None = Field(None, description="It took its last step")
    held_out: Literal[True] | None = Field(None, description="The customer was held out")
    waiting: Given[StepName] = Field(None, description="It waits at this step")
    exited: Given[Word] = Field(
        None,
        description="It ended for this reason: an exit step's, an event's type, profile_filter",
    )
    refused: Given[Word] = Field(
        None, description="Nobody entered, for this reason: filter, too_old, re_entry, …"
    )


_STATES = ("completed", "held_out", "none", "waiting", "exited", "refused")
_BARE = frozenset({"completed", "held_out", "none"})


def _journey(value: Any) -> Any:
    if isinstance(value, str):
        if value in _BARE:
            return {} if value == "none" else {value: True}
        expected = "completed, held_out, none, or waiting, exited or refused with what"
        message = f'a journey cannot be "{value}"'
        if value in _STATES:
            message = f'"{value}" needs what: {value}: and a step or reason'
        raise problem("unknown-value", message, expected, nearest(value, _STATES))
    if isinstance(value, dict) and len(value) != 1:
        raise problem("journey-state", "a journey has one state", "as in {exited: order.refunded}")
    return value


_JourneyInput = Literal["completed", "held_out", "none"] | JourneySpec
JourneyField = Annotated[
    JourneySpec, BeforeValidator(_journey, json_schema_input_type=_JourneyInput)
]


class TaskSpec(Spec):
    """A call task."""

    queue: Given[Word] = Field(None, description="In this queue")
    step: Given[StepName] = Field(None, description="Assigned by this step")
    priority: Given[Literal["low", "normal", "high", "urgent"]] = Field(
        None, description="Of this priority"
    )


class CustomerSpec(Spec):
    """The customer at the end of the story."""

    tags: Texts = Field((), description="They have these tags")
    lacks_tags: Texts = Field((), description="They do not have these tags")
    attributes: Facts = Field({}, description="Their attributes have these values")

    @model_validator(mode="after")
    def _something(self) -> CustomerSpec:
        if not (self.tags or self.lacks_tags or self.attributes):
            raise problem("expects-nothing", _NOTHING_MEANT, "tags, lacks_tags or attributes")
        return self


class ExpectSpec(Spec):
    """What came of the campaign. What is left out is not looked at."""

    messages: Given[tuple[SentSpec, ...]] = Field(
        None, description="Exactly these are sent, in this order; [] for none"
    )
    skips: Annotated[tuple[SkipSpec, ...], *AT_LEAST_ONE] = Field(
        (), description="These steps are passed over, or their messages withheld"
    )
    journey: Given[JourneyField] = Field(
        None,
        description="How the one journey stands: completed, held_out, none, {waiting: STEP}, "
        "{exited: REASON} or {refused: REASON}",
    )
    journeys: Given[tuple[JourneyField, ...]] = Field(
        None, description="How all journeys stand, in the order in which they began"
    )
    goal: Given[Yes] = Field(None, description="Whether a journey reached the goal")
    coupons: Given[tuple[Word, ...]] = Field(
        None, description="Coupons of exactly these offers are given"
    )
    points: Given[Annotated[int, Field()]] = Field(
        None, description="So many points the campaign gives, in all"
    )
    tasks: Given[tuple[TaskSpec, ...]] = Field(
        None, description="Exactly these call tasks are assigned"
    )
    events: Given[tuple[EventName, ...]] = Field(
        None, description="Exactly these events are reported by emit_event"
    )
    customer: Given[CustomerSpec] = Field(None, description="The customer at the end")


_NOTHING = {"messages": [], "coupons": [], "points": "0", "tasks": [], "events": []}


def _expect(value: Any) -> Any:
    if isinstance(value, str):
        if value != "nothing":
            raise problem(
                "unknown-value", f'"expect" cannot be "{value}"', "nothing, or what came of it"
            )
        return dict(_NOTHING)
    if isinstance(value, dict) and not value:
        raise problem("expects-nothing", _NOTHING_MEANT, "nothing, or what")
    return value


class TestSpec(Spec):
    """One test: a story, and what comes of it."""

    __test__ = False  # for pytest, which takes the name for one of its own

    name: Word = Field(description="What it shows; -k picks tests by it")
    customer: Given[Facts] = Field(None, description="Laid over the file's customer")
    others: Given[dict[str, Facts]] = Field(
        None, description="Other customers by a name of yours; lines name them: by: friend"
    )
    with_: tuple[CampaignId, ...] = Field(
        (), alias="with", description="Other campaigns that run beside it"
    )
    holdout: Yes = Field(False, description="The customer is one of the held out")
    variants: dict[str, VariantName] = Field(
        {}, description="Which variant of a split the customer gets: {step: variant}"
    )
    pools: dict[str, Annotated[int, Field(ge=0, le=1000)]] = Field(
        {}, description="How many codes pools have; unless said, 20 each: {summer: 0}"
    )
    given: Annotated[tuple[Line, ...], *AT_LEAST_ONE] = Field(description="The story, line by line")
    until: Given[Timeout] = Field(
        None, description="How long time passes after the last line; unless said, 90d"
    )
    expect: Annotated[
        ExpectSpec,
        BeforeValidator(_expect, json_schema_input_type=Literal["nothing"] | ExpectSpec),
    ] = Field(description="nothing, or what came of it")


class TestsSpec(Spec):
    """The tests of one campaign."""

    __test__ = False

    version: Version = Field(description="The version of this grammar: 1")
    campaign: CampaignId = Field(description="The campaign that is tested")
    start: Given[Moment] = Field(
        None,
        description="When stories begin, on the customer's clock; unless said, Monday "
        "2026-03-02 10:00",
    )
    customer: Given[Facts] = Field(
        None, description="Who is in every test, as in /v1/events; consent as {email: subscribed}"
    )
    with_: tuple[CampaignId, ...] = Field(
        (), alias="with", description="Other campaigns that run beside it in every test"
    )
    tests: Annotated[tuple[TestSpec, ...], *AT_LEAST_ONE] = Field(description="The tests")
