"""The ``calls`` part of ``config/store.yaml``: who follows up by telephone, and when."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from config.durations import Duration, DurationField
from config.working_hours import HoursField, parse_hours
from config.zones import Zone

_E164: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)  # ITU-T E.164: 15 digits at most
_QUEUE: Final = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")


def _number(value: str) -> str:
    if not _E164.fullmatch(value):
        raise ValueError(f'{value} is not a telephone number; write it as in "+15045550123"')
    return value


def _queue(value: str) -> str:
    if not _QUEUE.fullmatch(value) or len(value) > 64:
        raise ValueError(
            f"{value} cannot name a queue; write lower-case letters, digits and dashes, "
            "as in support"
        )
    return value


def _not_zero(value: Duration) -> Duration:
    if value.is_zero:
        raise ValueError("it must be longer than no time at all")
    return value


PhoneNumber = Annotated[str, AfterValidator(_number)]
QueueName = Annotated[str, AfterValidator(_queue)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CallRetry(_Part):
    """When nobody answers: how often to try, and how long to wait, in working hours."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 3
    after: Annotated[DurationField, AfterValidator(_not_zero)] = Duration(seconds=4 * 3600)


class Queue(_Part):
    """One team's call tasks; ``timezone`` unset is the store's."""

    hours: HoursField = parse_hours("Mon-Fri 09:00-17:00")
    timezone: Zone | None = None
    retry: CallRetry = CallRetry()


class SupportLine(_Part):
    """Where customers are put through to, while somebody is there."""

    number: PhoneNumber
    hours: HoursField = parse_hours("Mon-Fri 09:00-17:00")
    timezone: Zone | None = None


def _line(value: Any) -> Any:
    return {"number": value} if isinstance(value, str) else value


class TrackingNumber(_Part):
    """A number that one campaign names: calls to it are its doing."""

    campaign: Annotated[str, Field(min_length=1, max_length=64)]
    forward_to: PhoneNumber


class Calls(_Part):
    """Follow-up calls: queues by name, the support line, numbers that campaigns name."""

    queues: dict[QueueName, Queue] = {}
    support_line: Annotated[SupportLine | None, BeforeValidator(_line)] = None
    tracking_numbers: dict[PhoneNumber, TrackingNumber] = {}
