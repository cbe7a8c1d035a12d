"""What the shop decided once for all campaigns: ``config/store.yaml``.

Brand and senders, topics, quiet hours, caps, consent, lateness, rates, retries and retention.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from config.calling import Calls
from config.destinations import Allowed
from config.diagnostics import Diagnostic, nearest
from config.durations import Duration, DurationField
from config.limits import (
    Cap,
    Consent,
    MaxLateness,
    QuietHoursByChannel,
    RateLimits,
    Retry,
    Surveys,
)
from config.loyalty import Loyalty
from config.offers import Offers
from config.recommendations import Recommendations
from config.referrals import Referrals, problems_with_offers
from config.reviews import Community, Reviews
from config.senders import Brand, Senders
from config.store_fields import Country, Currency, Section, Span, Word, none_word
from config.texting import Texting
from config.topics import Topic, TopicId, locale_name
from config.utm import LinkTags, Utm, link_tags
from config.validation import diagnose
from config.yaml_source import Document, Path, SourceError, field_path
from config.zones import Zone


class OnUnknown(Section):
    """When nobody can say whether a message went out."""

    after: DurationField = Duration(seconds=3600)
    do: Literal["hold", "resend", "abandon"] = "hold"


class Delivery(Section):
    """When an order counts as delivered though nobody says so; ``none``: never."""

    assume_delivered_after: Annotated[Span | None, BeforeValidator(none_word)] = None
    by_country: dict[Country, Span] = Field(default_factory=dict)


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
    currency: Currency
    timezone: Zone
    locale: Annotated[str, AfterValidator(locale_name)] = "en-US"
    country: Country = "US"
    senders: Senders
    topics: dict[TopicId, Topic] = Field(default_factory=dict)
    quiet_hours: QuietHoursByChannel = QuietHoursByChannel()
    caps: tuple[Cap, ...] = ()
    min_gap: DurationField | None = None
    surveys: Surveys = Surveys()
    offers: Offers = Field(default_factory=dict)
    calls: Calls = Calls()
    referrals: Referrals = Field(default_factory=dict)
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
    utm: Utm | None = None
    loyalty: Loyalty | None = None

    @property
    def link_tags(self) -> LinkTags | None:
        """What tells the shop's web analytics where a visit began; None: nothing."""
        return link_tags(self.utm, self.brand.url)

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
