"""What a template or a campaign would say: to the sample customer, or to a real one.

Nothing is decided, counted or sent; links that a token would sign lead nowhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from config.policy import Policy
from config.topics import in_language
from engine.core.campaign import EventTrigger, Plan
from engine.core.customer import Order, Ticket
from engine.core.message import Channel, Content, Message, MessageStatus, Purpose
from engine.core.step_results import CALL_RESULTS, MESSAGE_RESULTS, WAIT_RESULTS
from engine.core.survey import SurveyKind
from engine.core.verbs import (
    AskReferral,
    AskReview,
    AskSurvey,
    AssignCall,
    AwardPoints,
    IssueCoupon,
    SendMessage,
    Split,
    Step,
    WaitFor,
)
from engine.core.world import World
from engine.ports.rendering import SCRIPT, Part, Renderer, Templates, Track
from engine.ports.storage import UnitOfWork
from engine.programs.scales import survey_nowhere
from engine.services.message_context import message_context
from engine.services.referral_links import SAMPLE_CODE, sample_referral
from engine.services.review_requests import review_values
from engine.services.suggestions import ROOT, Suggestions, newest_order
from engine.services.tracking import Tracks

_CHANNELS: tuple[Part, ...] = ("email", "sms", "voice", SCRIPT)
_NO_TOKEN = "preview"
_ANY_REVIEW = AskReview(index=0, id="preview", next=1, channel="email", template="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """One message as it would be. ``step`` is None for a template outside of a campaign."""

    template: str
    channel: Part
    step: str | None
    content: Content


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whom the previews are written to: ``values`` are the roots that templates read.

    ``worth`` is what a coupon of an offer is worth, in the reader's language.
    """

    values: Mapping[str, Any]
    locale: str | None
    base_url: str = "https://shop.example.com"
    worth: Mapping[str, str] = field(default_factory=dict)

    def survey(self, kind: SurveyKind) -> dict[str, Any]:
        """The template root of a question, in the reader's language."""
        return survey_nowhere(kind, self.locale, self.base_url)


def of_sample(
    sample: Mapping[str, Any], locale: str | None, policy: Policy | None = None
) -> Reader:
    """The sample customer, of whom everything is known, in a shop of this policy."""
    locale = locale or sample["customer"]["locale"]
    return Reader(values=sample, locale=locale, worth=_worth(policy, locale))


def of_customer(
    unit: UnitOfWork,
    world: World,
    policy: Policy,
    locale: str | None,
    base_url: str,
    now: datetime,
) -> Reader:
    """A real customer with their newest order and ticket, as they are now."""
    order = newest_order(world)
    ticket = max(world.tickets.values(), key=_opened, default=None)
    unsubscribe = f"{base_url}/u/{_NO_TOKEN}"
    message = _message(world, order, ticket, now)
    values = message_context(
        world,
        message,
        None,
        campaign_name="Preview",
        unsubscribe_url=unsubscribe,
        now=now,
        referral=sample_referral(policy, base_url, locale or world.customer.locale),
    )
    values[ROOT] = Suggestions(unit, [world]).root(world, order)
    if order is not None:
        page = f"{base_url}/v/{_NO_TOKEN}"
        values["review"] = review_values(world, message, _ANY_REVIEW, policy, page)
        values["trigger"] = {**values["trigger"], "type": "order.placed", "time": order.placed_at}
    locale = locale or world.customer.locale or policy.locale
    return Reader(values=values, locale=locale, base_url=base_url, worth=_worth(policy, locale))


def _as_they_are(channel: Channel, campaign: str, step: str) -> Track | None:
    return None


def template_previews(
    name: str,
    reader: Reader,
    templates: Templates,
    renderer: Renderer,
    tracks: Tracks = _as_they_are,
) -> Iterator[Rendered]:
    """A template on each channel that it has; ``tracks`` replace links.

    :raises RenderError: it is missing, faulty, or fails on these values.
    """
    info = templates.info(name)
    values = {**reader.values, "survey": reader.survey("csat")}
    for asked in info.step_names if info is not None else ():
        step, _, field = asked.partition(".")
        values[step] = {**values.get(step, {}), field: None}
    wanted = [one for one in _CHANNELS if info is None or one in info.channels] or ["email"]
    for channel in wanted:
        track = tracks(channel, name, _NO_TOKEN) if channel != SCRIPT else None
        content = renderer.render(name, channel, reader.locale, values, track)
        yield Rendered(template=name, channel=channel, step=None, content=content)


def campaign_previews(
    plan: Plan, reader: Reader, renderer: Renderer, tracks: Tracks = _as_they_are
) -> Iterator[Rendered]:
    """Each message step of a campaign, in the order of its file; ``tracks`` replace links.

    :raises RenderError: a template is missing, faulty, or fails on these values.
    """
    values = {**reader.values, "campaign": {"id": plan.id, "name": plan.name}}
    if isinstance(plan.trigger, EventTrigger) and values.get("trigger"):
        values["trigger"] = {**values["trigger"], "type": plan.trigger.event}
    if plan.purpose == "transactional":
        values["links"] = {"unsubscribe": None, "preferences": None}
    for step in plan.steps:
        values["survey"] = reader.survey(step.kind) if isinstance(step, AskSurvey) else None
        if isinstance(step, AssignCall):
            content = renderer.render(step.script, SCRIPT, reader.locale, values)
            yield Rendered(template=step.script, channel=SCRIPT, step=step.id, content=content)
        if isinstance(step, SendMessage):
            track = tracks(step.channel, plan.id, step.id)
            content = renderer.render(step.template, step.channel, reader.locale, values, track)
            yield Rendered(
                template=step.template, channel=step.channel, step=step.id, content=content
            )
        values[step.id] = _result(step, values["now"], reader.worth)


def _worth(policy: Policy | None, locale: str | None) -> dict[str, str]:
    if policy is None:
        return {}
    return {
        name: in_language(offer.value, locale, policy.locale)
        for name, offer in policy.offers.items()
    }


def _result(step: Step, now: datetime, worth: Mapping[str, str]) -> dict[str, Any]:
    """What later templates may ask of a step: sent, and nothing came of it yet."""
    match step:
        case AskSurvey():
            asked = {**dict.fromkeys(MESSAGE_RESULTS, False), "sent": True}
            return {**asked, "answered": False, "timed_out": False, "score": None, "comment": None}
        case AssignCall():
            called = {**dict.fromkeys(CALL_RESULTS, False), "assigned": True}
            return {**called, "outcome": None, "note": None}
        case AskReferral():
            asked = {**dict.fromkeys(MESSAGE_RESULTS, False), "sent": True}
            return {**asked, "code": SAMPLE_CODE}
        case AskReview():
            asked = {**dict.fromkeys(MESSAGE_RESULTS, False), "sent": True}
            return {**asked, "reviewed": False, "timed_out": False, "rating": None}
        case SendMessage():
            return {**dict.fromkeys(MESSAGE_RESULTS, False), "sent": True}
        case AwardPoints():
            return {"done": True, "points": int(step.points)}
        case WaitFor():
            return dict.fromkeys(WAIT_RESULTS, False)
        case IssueCoupon():
            value = worth.get(step.offer, f"({step.offer})")
            return {"issued": True, "redeemed": False, "code": "SAMPLE-CODE", "value": value,
                    "expires_at": now + timedelta(days=30)}  # fmt: skip
        case Split():
            return {"variant": step.variants[0].name}
        case _:
            return {}


def _message(world: World, order: Order | None, ticket: Ticket | None, now: datetime) -> Message:
    purpose: Purpose = "marketing"
    return Message(
        id=_NO_TOKEN,
        campaign=_NO_TOKEN,
        revision="",
        journey_id="",
        step="",
        purpose=purpose,
        channel="email",
        customer_id=world.customer.id,
        entry_key="",
        template="",
        status=MessageStatus.SCHEDULED,
        created_at=now,
        send_at=now,
        due_at=now,
        expires_at=now,
        order_id=order.id if order is not None else None,
        ticket_id=ticket.id if ticket is not None else None,
    )


def _opened(ticket: Ticket) -> tuple[float, str]:
    return (ticket.opened_at.timestamp() if ticket.opened_at else 0.0, ticket.id)
