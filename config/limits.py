"""When and how often customers may be written to, as ``config/store.yaml`` says it."""

from __future__ import annotations

from datetime import time
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator

from config.durations import Duration, DurationField, Rate, RateField
from config.store_fields import Channel, Section, Span, TimeOfDay, none_word
from config.topics import TopicId


class QuietHours(Section):
    """Hours on the customer's clock without marketing; ``start`` after ``until`` spans midnight."""

    start: TimeOfDay = Field(alias="from")
    until: TimeOfDay
    then: Literal["defer", "drop"] = "defer"

    @field_validator("until")
    @classmethod
    def _not_all_day(cls, until: time, info: Any) -> time:
        if info.data.get("start") == until:
            raise ValueError("it is the same as from, which would leave no hour to send in")
        return until


_NIGHT = QuietHours.model_validate({"from": "20:00", "until": "09:00"})
_Quiet = Annotated[QuietHours | None, BeforeValidator(none_word)]


class QuietHoursByChannel(Section):
    """``none`` for a channel without quiet hours."""

    email: _Quiet = None
    sms: _Quiet = _NIGHT
    voice: _Quiet = _NIGHT

    def of(self, channel: Channel) -> QuietHours | None:
        """The quiet hours of ``channel``."""
        quiet: QuietHours | None = getattr(self, channel)
        return quiet


class Cap(Section):
    """At most ``count`` messages in any span of ``per``, for one customer."""

    channel: Literal["email", "sms", "voice", "any"] = "any"
    topic: TopicId | None = None
    purpose: Literal["marketing"] = "marketing"
    count: Annotated[int, Field(ge=1, le=1000)]
    per: Span


class Surveys(Section):
    """However many campaigns ask: one survey, then none for ``min_gap``."""

    topic: TopicId = "surveys"
    min_gap: Span | None = None


class ConsentRule(Section):
    """What marketing on a channel needs: a recorded, current opt-in."""

    require: Literal["subscribed"] = "subscribed"


class Consent(Section):
    """The rule of each channel."""

    email: ConsentRule = ConsentRule()
    sms: ConsentRule = ConsentRule()
    voice: ConsentRule = ConsentRule()


class MaxLateness(Section):
    """How overdue a message may be and still go out, unless its step says otherwise."""

    email: DurationField = Duration(seconds=24 * 3600)
    sms: DurationField = Duration(seconds=4 * 3600)
    voice: DurationField = Duration(seconds=4 * 3600)


class RateLimits(Section):
    """What one sender hands to its provider at most.

    SendGrid takes 10,000 requests a second, so a mail server of one's own is what email's rate is
    for. Twilio queues what exceeds a number's own rate (one segment a second for a US long code)
    for some hours, https://www.twilio.com/docs/errors/30001: what waits there can no longer be
    taken back, so a busy number deserves a lower rate.
    """

    email: RateField = Rate(count=1000, unit="s")
    sms: RateField = Rate(count=10, unit="s")
    voice: RateField = Rate(count=1, unit="s")


class Retry(Section):
    """Attempts for one message; the wait doubles from ``first`` up to ``most``."""

    attempts: Annotated[int, Field(ge=1, le=20)] = 6
    first: Span = Duration(seconds=30)
    most: Span = Duration(seconds=3600)

    @field_validator("most")
    @classmethod
    def _not_below_first(cls, most: Duration, info: Any) -> Duration:
        first = info.data.get("first")
        if first is not None and most.nominal_seconds < first.nominal_seconds:
            raise ValueError(f"{most} is shorter than first ({first})")
        return most
