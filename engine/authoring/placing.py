"""A ``place_call`` step of a file to a step of a plan."""

from __future__ import annotations

from typing import Any, Final

from config.durations import Duration
from engine.authoring.step_fields import PlaceFields
from engine.core.message import VoiceCall
from engine.core.verbs import AskSurvey, PlaceCall

_ANSWERED_IN: Final = Duration(seconds=3600)  # keys are pressed during the call


def placed_call(place: PlaceFields, common: dict[str, Any]) -> PlaceCall | AskSurvey:
    """A call; one that asks for a score is a survey whose question is spoken."""
    call = VoiceCall(
        recording=place.recording,
        survey=place.survey,
        transfer=place.transfer,
        on_machine=place.on_machine,
    )
    message = {
        "template": place.template,
        "max_lateness": place.max_lateness,
        "coupon": place.coupon,
        "call": call,
        **common,
    }
    if place.survey is None:
        return PlaceCall(**message)
    timeout = place.timeout or _ANSWERED_IN
    return AskSurvey(kind=place.survey, channel="voice", timeout=timeout, **message)
