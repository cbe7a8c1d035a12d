"""Which message a step of a file sends, and which template it needs."""

from __future__ import annotations

from dataclasses import dataclass

from engine.authoring.step_specs import (
    AskReferralStep,
    AskReviewStep,
    AskSurveyStep,
    AssignCallStep,
    PlaceCallStep,
    SendEmailStep,
    SendSmsStep,
    StepSpec,
)
from engine.core.message import Channel
from engine.ports.rendering import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A template on a channel."""

    template: str
    channel: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """A template's part that a step needs; ``key`` is where the step names the template."""

    template: str
    part: Part
    key: str = "template"


def needed_by(spec: StepSpec) -> Needed | None:
    """What a step has rendered: its message, or what a caller says."""
    if isinstance(spec, AssignCallStep):
        return Needed(template=spec.assign_call.script, part="script", key="script")
    contact = contact_of(spec)
    return None if contact is None else Needed(template=contact.template, part=contact.channel)


def contact_of(spec: StepSpec) -> Contact | None:
    """The message that a step sends; None when it sends none."""
    match spec:
        case SendEmailStep():
            return Contact(template=spec.send_email.template, channel="email")
        case SendSmsStep():
            return Contact(template=spec.send_sms.template, channel="sms")
        case PlaceCallStep():
            return Contact(template=spec.place_call.template, channel="voice")
        case AskSurveyStep():
            ask = spec.ask_survey
            return Contact(template=ask.template, channel=ask.channel)
        case AskReferralStep():
            invite = spec.ask_referral
            return Contact(template=invite.template, channel=invite.channel)
        case AskReviewStep():
            review = spec.ask_review
            return Contact(template=review.template, channel=review.channel)
        case _:
            return None


def coupon_of(spec: StepSpec) -> str | None:
    """The step whose coupon a message carries; None for other steps."""
    match spec:
        case SendEmailStep():
            return spec.send_email.coupon
        case SendSmsStep():
            return spec.send_sms.coupon
        case AskSurveyStep():
            return spec.ask_survey.coupon
        case _:
            return None
