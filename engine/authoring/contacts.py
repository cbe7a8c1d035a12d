"""Which message a step of a file sends."""

from __future__ import annotations

from dataclasses import dataclass

from engine.authoring.step_specs import AskSurveyStep, SendEmailStep, SendSmsStep, StepSpec
from engine.core.message import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A template on a channel."""

    template: str
    channel: Channel


def contact_of(spec: StepSpec) -> Contact | None:
    """The message that a step sends; None when it sends none."""
    match spec:
        case SendEmailStep():
            return Contact(template=spec.send_email.template, channel="email")
        case SendSmsStep():
            return Contact(template=spec.send_sms.template, channel="sms")
        case AskSurveyStep():
            ask = spec.ask_survey
            return Contact(template=ask.template, channel=ask.channel)
        case _:
            return None
