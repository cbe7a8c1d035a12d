"""What steps that the shop's programs take are told."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from config.calling import QueueName
from config.durations import Duration
from config.offers import offer_id
from engine.authoring.fields import Given, Spec, TemplateName, Timeout, Word
from engine.core.verbs import CallPriority

_MOST = 10_000_000


def _exactly(value: Any) -> Any:
    """YAML reads 0.1 as a float, whose text is what was written."""
    return str(value) if isinstance(value, float) else value


Amount = Annotated[Decimal, BeforeValidator(_exactly), Field(gt=0, le=_MOST)]


class CallFields(Spec):
    """Whom to have called, by when, and what to say."""

    queue: QueueName = Field(description="A queue of calls: in config/store.yaml")
    within: Timeout = Field(
        Duration(days=1),
        description="Due after this much of the queue's working time: 1d is one working day",
        json_schema_extra={"default": "1d"},  # as it is written
    )
    script: TemplateName = Field(
        description="A folder of message_templates/ with script.txt: what to say"
    )
    priority: CallPriority = Field("normal", description="What is called first")
    assignee: Given[Word] = Field(None, description="Who calls; unless said, whoever claims it")
    timeout: Given[Timeout] = Field(
        None, description="Wait so long for the outcome; unless said, go on at once"
    )


class CouponFields(Spec):
    """What to give."""

    offer: Annotated[str, AfterValidator(offer_id)] = Field(
        description="One of the offers of config/store.yaml"
    )


class PointsFields(Spec):
    """How many points to give, and what for."""

    points: Amount = Field(description="So many points, or so many for each per")
    per: Given[Amount] = Field(
        None, description="For each so much of money spent on the goods of the journey's order"
    )
    reason: Word = Field("campaign", description="What they are for; customers may read it")
    multiplier: Amount = Field(
        Decimal(1), description="So many times as many; what is below a whole point is dropped"
    )
