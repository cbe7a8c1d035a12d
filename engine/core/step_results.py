"""What steps bring about, as later conditions and templates read it by the step's id."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

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
from engine.core.vocabulary import Field, FieldType

BOOL, INT, NUMBER = FieldType.BOOL, FieldType.INT, FieldType.NUMBER
STRING, TIMESTAMP = FieldType.STRING, FieldType.TIMESTAMP

MESSAGE_RESULTS = (
    "sent",
    "delivered",
    "opened",
    "clicked",
    "bounced",
    "failed",
    "skipped",
    "replied",
)
WAIT_RESULTS = ("happened", "timed_out")
CALL_RESULTS = ("assigned", "completed", "no_answer", "timed_out")
NULLABLE_RESULTS = frozenset(
    {"variant", "score", "comment", "code", "value", "expires_at", "outcome", "note", "points"}
    | {"rating"}
)


def step_fields(step: Step) -> Mapping[str, Field]:
    """What later conditions may ask of a step, by dotted name (``ask.clicked``)."""
    match step:
        case AskSurvey():
            return {
                **_message_fields(step.id),
                f"{step.id}.answered": Field(type=BOOL, doc=f"{step.id} was answered"),
                f"{step.id}.timed_out": Field(type=BOOL, doc="No answer came in time"),
                f"{step.id}.score": Field(type=INT, nullable=True, doc="The score given"),
                f"{step.id}.comment": Field(type=STRING, nullable=True, doc="What was written"),
            }
        case AssignCall():
            return {
                f"{step.id}.assigned": Field(type=BOOL, doc=f"{step.id} made a call task"),
                f"{step.id}.completed": Field(type=BOOL, doc="The customer was spoken to"),
                f"{step.id}.no_answer": Field(type=BOOL, doc="Nobody answered, in any attempt"),
                f"{step.id}.timed_out": Field(type=BOOL, doc="No outcome came in time"),
                f"{step.id}.outcome": Field(type=STRING, nullable=True, doc="What came of it"),
                f"{step.id}.note": Field(type=STRING, nullable=True, doc="What was noted"),
            }
        case AskReferral():
            doc = "The customer's code in the program"
            code = Field(type=STRING, nullable=True, doc=doc)
            return {**_message_fields(step.id), f"{step.id}.code": code}
        case AskReview():
            return {
                **_message_fields(step.id),
                f"{step.id}.reviewed": Field(
                    type=BOOL, doc=f"A review came that {step.id} asked for"
                ),
                f"{step.id}.timed_out": Field(type=BOOL, doc="No review came in time"),
                f"{step.id}.rating": Field(
                    type=NUMBER, nullable=True, doc="The newest one's stars"
                ),
            }
        case SendMessage():
            return _message_fields(step.id)
        case AwardPoints():
            return {
                f"{step.id}.done": Field(type=BOOL, doc=f"{step.id} gave points"),
                f"{step.id}.points": Field(type=INT, nullable=True, doc="The points given"),
            }
        case WaitFor():
            return {
                f"{step.id}.happened": Field(type=BOOL, doc=f"What {step.id} waited for came"),
                f"{step.id}.timed_out": Field(type=BOOL, doc="It did not come in time"),
            }
        case Split():
            doc = f"The variant that {step.id} assigned"
            return {f"{step.id}.variant": Field(type=STRING, nullable=True, doc=doc)}
        case IssueCoupon():
            return {
                f"{step.id}.issued": Field(type=BOOL, doc=f"{step.id} gave a coupon"),
                f"{step.id}.redeemed": Field(type=BOOL, doc="The coupon was used"),
                f"{step.id}.code": Field(type=STRING, nullable=True, doc="Its code"),
                f"{step.id}.value": Field(type=STRING, nullable=True, doc="What it is worth"),
                f"{step.id}.expires_at": Field(
                    type=TIMESTAMP, nullable=True, doc="Its last instant"
                ),
            }
        case _:
            return {}


def _message_fields(step: str) -> dict[str, Field]:
    return {
        f"{step}.{name}": Field(type=BOOL, doc=f"The message of {step}: {name}")
        for name in MESSAGE_RESULTS
    }


def result_value(name: str, value: object) -> object:
    """A step's result as it is read: journeys keep moments as RFC 3339 text."""
    is_moment = name.endswith("_at") and isinstance(value, str)
    return datetime.fromisoformat(str(value)) if is_moment else value
