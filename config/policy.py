"""What the shop decided once for all campaigns: ``config/store.yaml``.

Brand and senders, topics, quiet hours, caps, consent, lateness, rates, retries and retention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import time
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import phonenumbers
from babel.numbers import is_currency
from email_validator import EmailNotValidError, validate_email
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from config.calling import Calls, PhoneNumber
from config.destinations import Allowed
from config.diagnostics import Diagnostic, nearest
from config.durations import Duration, DurationField, Rate, RateField
from config.loyalty import Loyalty
from config.offers import Offers
from config.recommendations import Recommendations
from config.referrals import Referrals, problems_with_offers
from config.reviews import Community, Hashtag, Reviews
from config.texting import Texting
from config.topics import Topic, TopicId, locale_name
from config.validation import diagnose
from config.yaml_source import Document, Path, SourceError, field_path
from config.zones import Zone

Channel = Literal["email", "sms", "voice"]

_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
_E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)  # ITU-T E.164: 15 digits at most
_SENDER_POOL = re.compile(r"MG[0-9a-fA-F]{32}")  # Twilio's messaging service SID
_COLOR = re.compile(r"#[0-9A-Fa-f]{6}")
_WEB = re.compile(r"https?://[^\s/@]+(?:/\S*)?")


def _email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False).normalized
    except EmailNotValidError as error:
        raise ValueError(f"{value} is not an email address: {error}") from None


def _web_address(value: str) -> str:
    if not _WEB.fullmatch(value):
        raise ValueError(f"{value} is not a web address; write it with https://")
    return value.rstrip("/")


def _color(value: str) -> str:
    if not _COLOR.fullmatch(value):
        raise ValueError(f'{value} is not a colour; write it as in "#7a1f2b"')
    return value.lower()


def _currency(value: str) -> str:
    if not is_currency(value):
        raise ValueError(f"{value} is not a currency; write an ISO 4217 code such as USD")
    return value


def _country(value: str) -> str:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError(f"{value} is not a country; write an ISO 3166 code such as US")
    return value


def _sms_sender(value: str) -> str:
    if not (_E164.fullmatch(value) or _SENDER_POOL.fullmatch(value)):
        raise ValueError(
            f"{value} cannot send SMS; write a number such as +15045550123 "
            "or a Twilio messaging service (MG…)"
        )
    return value


def _time_of_day(value: Any) -> Any:
    if isinstance(value, time):
        return value
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f'{value} is not a time of day; write it as in "21:00"')
    return time(int(found[1]), int(found[2]))


def _none_word(value: Any) -> Any:
    return None if value == "none" else value


def _not_zero(value: Duration) -> Duration:
    if value.is_zero:
        raise ValueError("it must be longer than no time at all")
    return value


Word = Annotated[str, Field(min_length=1, max_length=200)]
Email = Annotated[str, AfterValidator(_email)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]
Span = Annotated[DurationField, AfterValidator(_not_zero)]


class Section(BaseModel):
    """A part of the file: frozen, and nothing in it that is not known."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_alias=True, validate_by_name=True
    )


class Support(Section):
    """Where customers get help."""

    email: Email
    phone: Word | None = None
    hours: Word | None = None


class Brand(Section):
    """Who writes; every template can use it."""

    name: Word
    url: WebAddress
    postal_address: Annotated[str, Field(min_length=10, max_length=500)]
    support: Support
    logo_url: WebAddress | None = None
    color: Annotated[str, AfterValidator(_color)] = "#1f3a5f"
    social: dict[str, WebAddress] = {}
    hashtag: Hashtag | None = None


class EmailSender(Section):
    """The From and Reply-To of every email."""

    from_name: Word
    from_email: Email
    reply_to: Email | None = None


class SmsSender(Section):
    """The number, or Twilio messaging service, that texts come from."""

    sender: Annotated[str, AfterValidator(_sms_sender)] = Field(alias="from")


class VoiceSender(Section):
    """The number that calls come from."""

    sender: PhoneNumber = Field(alias="from")


class Senders(Section):
    """One sender a channel; without ``sms`` no text can be sent, without ``voice`` no call made."""

    email: EmailSender
    sms: SmsSender | None = None
    voice: VoiceSender | None = None


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
_Quiet = Annotated[QuietHours | None, BeforeValidator(_none_word)]


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


class OnUnknown(Section):
    """When nobody can say whether a message went out."""

    after: DurationField = Duration(seconds=3600)
    do: Literal["hold", "resend", "abandon"] = "hold"


class Delivery(Section):
    """When an order counts as delivered though nobody says so; ``none``: never."""

    assume_delivered_after: Annotated[Span | None, BeforeValidator(_none_word)] = None
    by_country: dict[Annotated[str, AfterValidator(_country)], Span] = {}


class Retention(Section):
    """How long the content of messages, and events, are kept."""

    content: Span = Duration(days=400)
    events: Span = Duration(days=1100)


class Privacy(Section):
    """Whether what was sent is kept word for word."""

    store_content: bool = True


class Clicks(Section):
    """Who notices that a link was followed; None is the provider's own way where it has one.

    ``own``: links lead over our ``/c/``; ``provider``: it does so; ``off``: nobody. Text messages
    stay as they are unless they are to be tracked: the longer links can cost a segment.
    """

    email: Literal["own", "provider", "off"] | None = None
    sms: Literal["own", "off"] = "off"


def _for_each(value: Any) -> Any:
    """One word stands for every channel that knows it."""
    if isinstance(value, str):
        return {"email": value} if value == "provider" else {"email": value, "sms": value}
    return value


class Tracking(Section):
    """What is noticed of what people do with messages."""

    clicks: Annotated[Clicks, BeforeValidator(_for_each)] = Clicks()


def _destinations(value: tuple[str, ...]) -> tuple[str, ...]:
    Allowed.of(value)
    return value


class Webhooks(Section):
    """Addresses inside the shop's network that ``call_webhook`` may reach besides public ones.

    Networks (``10.1.0.0/16``), single addresses, and host names, wherever these lead.
    """

    allow: Annotated[tuple[Word, ...], AfterValidator(_destinations)] = ()

    @property
    def allowed(self) -> Allowed:
        """What ``allow`` says."""
        return Allowed.of(self.allow)


class Policy(Section):
    """The whole of ``config/store.yaml``."""

    version: Literal["1"]
    brand: Brand
    currency: Annotated[str, AfterValidator(_currency)]
    timezone: Zone
    locale: Annotated[str, AfterValidator(locale_name)] = "en-US"
    country: Annotated[str, AfterValidator(_country)] = "US"
    senders: Senders
    topics: dict[TopicId, Topic] = {}
    quiet_hours: QuietHoursByChannel = QuietHoursByChannel()
    caps: tuple[Cap, ...] = ()
    min_gap: DurationField | None = None
    surveys: Surveys = Surveys()
    offers: Offers = {}
    calls: Calls = Calls()
    referrals: Referrals = {}
    reviews: Reviews = Reviews()
    community: Community | None = None
    recommendations: Recommendations = Recommendations()
    consent: Consent = Consent()
    max_lateness: MaxLateness = MaxLateness()
    rate_limits: RateLimits = RateLimits()
    sms: Texting = Texting()
    retry: Retry = Retry()
    on_unknown: OnUnknown = OnUnknown()
    delivery: Delivery = Delivery()
    retention: Retention = Retention()
    privacy: Privacy = Privacy()
    webhooks: Webhooks = Webhooks()
    tracking: Tracking = Tracking()
    loyalty: Loyalty | None = None

    @property
    def zone(self) -> ZoneInfo:
        """The store's time zone, for customers whose own is not known."""
        return ZoneInfo(self.timezone)


POLICY_FILE = "config/store.yaml"


def load_policy(document: Document) -> Policy:
    """The policy of a ``store.yaml``; raises SourceError with every problem, each at its place."""
    try:
        policy = Policy.model_validate(document.data)
    except ValidationError as error:
        raise SourceError(diagnose(error, document, Policy)) from None
    unknown = (
        *_unknown_topics(policy, document),
        *_unknown_offers(policy, document),
        *_unkept_promises(policy, document),
    )
    if unknown:
        raise SourceError(unknown)
    return policy


def _unkept_promises(policy: Policy, document: Document) -> Iterator[Diagnostic]:
    """Referral programs that promise what there is not."""
    for below, offer, why in problems_with_offers(policy.referrals, policy.offers):
        path: Path = ("referrals", *below)
        fixed = [name for name, one in policy.offers.items() if one.kind == "fixed"]
        known = fixed if "friend" in below else list(policy.offers)
        yield Diagnostic(
            code="unknown-offer",
            message=why,
            at=document.position(path),
            path=field_path(path),
            expected=f"one of {', '.join(known)}" if known else "offers:",
            suggestion=nearest(offer, known),
        )


def _unknown_topics(policy: Policy, document: Document) -> Iterator[Diagnostic]:
    """Rules about topics that the file does not have would never apply."""
    named: list[tuple[Path, str]] = [
        (("caps", number, "topic"), cap.topic)
        for number, cap in enumerate(policy.caps)
        if cap.topic is not None
    ]
    if policy.surveys.min_gap is not None:
        written = document.has(("surveys", "topic"))
        named.append((("surveys", "topic") if written else ("surveys",), policy.surveys.topic))
    for path, topic in named:
        if topic not in policy.topics:
            yield Diagnostic(
                code="unknown-topic",
                message=f'there is no topic "{topic}"',
                at=document.position(path),
                path=field_path(path),
                expected=f"one of {', '.join(policy.topics)}" if policy.topics else "topics:",
                suggestion=nearest(topic, policy.topics),
            )


def _unknown_offers(policy: Policy, document: Document) -> Iterator[Diagnostic]:
    """A reward of an offer that the file does not have would take points for nothing."""
    rewards = policy.loyalty.redeem if policy.loyalty is not None else {}
    for offer in rewards:
        if offer not in policy.offers:
            path: Path = ("loyalty", "redeem", offer)
            yield Diagnostic(
                code="unknown-offer",
                message=f'there is no offer "{offer}"',
                at=document.position(path, key=True),
                path=field_path(path),
                expected=f"one of {', '.join(policy.offers)}" if policy.offers else "offers:",
                suggestion=nearest(offer, policy.offers),
            )
