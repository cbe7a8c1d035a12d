"""The steps of a plan: one frozen class a verb.

Each names the index of the step that follows it (``next``) in the plan's flat tuple.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from decimal import Decimal
from typing import Any, Literal

from config.durations import Duration
from engine.core.expression import Condition
from engine.core.message import Channel, VoiceCall
from engine.core.survey import SurveyKind


@dataclass(frozen=True, slots=True, kw_only=True)
class EventMatch:
    """Which later events count: same customer and, unless ``match`` is "customer", same object."""

    event: str
    match: Literal["object", "customer"] = "object"
    condition: Condition | None = None  # over ``event.*``; None: any


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    index: int
    id: str  # the author's, or derived from the place ("step_3", "step_3_1_2")
    next: int
    name: str | None = None
    condition: Condition | None = None  # ``if``: unmet skips the step


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay(_Step):
    """Wait ``for_``, then until the next ``until`` on one of ``days`` (0 = Monday)."""

    for_: Duration | None = None
    until: time | None = None
    days: frozenset[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitFor(_Step):
    """Wait for an event or a condition, at most ``timeout`` from the step's start."""

    timeout: Duration
    match: EventMatch | None = None
    until: Condition | None = None
    since: Literal["entry", "now"] = "entry"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One arm of a branch; ``condition`` None is ``else``. ``target`` is a step index."""

    condition: Condition | None
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch(_Step):
    """The first arm whose condition is met; none met goes to ``next``."""

    arms: tuple[Arm, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One arm of a split, with its share of customers in (0, 100]."""

    name: str
    weight: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Split(_Step):
    """Assigns by hash of (campaign, step, customer), kept for the journey."""

    variants: tuple[Variant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SendMessage(_Step):
    """Contact on one channel. Subclasses say which, and what the contact is for."""

    channel: Channel
    template: str
    max_lateness: Duration | None = None  # None: the policy's for the channel
    coupon: str | None = None  # the step whose coupon it carries: without one it is not sent


@dataclass(frozen=True, slots=True, kw_only=True)
class SendEmail(SendMessage):
    """Send an email."""

    channel: Channel = field(default="email", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class SendSms(SendMessage):
    """Send an SMS."""

    channel: Channel = field(default="sms", init=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceCall(SendMessage):
    """Call the customer and say something."""

    channel: Channel = field(default="voice", init=False)
    call: VoiceCall


@dataclass(frozen=True, slots=True, kw_only=True)
class AskSurvey(SendMessage):
    """Ask for a score and wait for it, at most ``timeout`` from when the question was sent."""

    kind: SurveyKind
    timeout: Duration
    call: VoiceCall | None = None  # when it is asked by telephone


@dataclass(frozen=True, slots=True, kw_only=True)
class AskReview(SendMessage):
    """Ask for reviews of what the order brought; with ``timeout``, wait for the first of them.

    ``products``: ``each`` product is asked for until it has its review; ``order``: one review of
    any of them is enough. ``site`` names one of the policy's review sites; None is our own page.
    """

    products: Literal["each", "order"] = "each"
    site: str | None = None
    timeout: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateCustomer(_Step):
    """Change the customer's tags and attributes."""

    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmitEvent(_Step):
    """Report an event of our own, which other campaigns may start from."""

    event: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallWebhook(_Step):
    """POST the journey's facts to an address of the shop's; retried, never waited for."""

    url: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit(_Step):
    """End the journey here."""

    reason: str = "exit"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramStep(_Step):
    """A step that one of the shop's programs takes. Subclasses say which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueCoupon(ProgramStep):
    """Give the customer a code of an offer of the shop's policy."""

    offer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramMessage(SendMessage, ProgramStep):
    """A message for which a program of the shop has something ready. Subclasses say which."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskReferral(ProgramMessage):
    """Invite the customer to bring friends, with the code that is theirs in the program."""

    program: str


CallPriority = Literal["low", "normal", "high", "urgent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignCall(ProgramStep):
    """A task for a person: to call the customer, ``within`` so much of the team's working time.

    ``script`` is a template. With ``timeout`` the journey waits so long for the outcome.
    """

    queue: str
    within: Duration
    script: str
    priority: CallPriority = "normal"
    assignee: str | None = None
    timeout: Duration | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AwardPoints(ProgramStep):
    """Give loyalty points: so many, or so many for each ``per`` of the journey's order.

    ``multiplier`` multiplies them; what is left below a whole point is dropped.
    """

    points: Decimal
    reason: str
    per: Decimal | None = None
    multiplier: Decimal = Decimal(1)


# A step that waits for a response: the customer's, or a caller's.
Asking = AskSurvey | AskReview | AssignCall
Step = (
    Delay | WaitFor | Branch | Split | SendEmail | SendSms | PlaceCall | AskSurvey | AskReview
    | UpdateCustomer | EmitEvent | CallWebhook | Exit | ProgramStep
)  # fmt: skip
