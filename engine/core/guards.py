"""Guards: whether a message may go out now, later, or not at all.

They run when a step decides and again right before the hand-over. The order is fixed: what can
never be mended first (no address, suppressed, no consent, a topic declined, a pause), then what
time mends (quiet hours, the gap between messages, the caps), so the reason a person reads is the
one that decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.durations import Duration
from engine.core.customer import Customer
from engine.core.message import Channel, Message, Purpose
from engine.core.timing import NoCommonHour, QuietHours, quiet_until
from engine.core.value import value_class
from engine.core.whereabouts import Places, whereabouts, zones_of
from engine.core.world import Contact, World


@dataclass(frozen=True, slots=True)
class Allow:
    """It may go out now."""


@value_class(kw_only=False)
class Defer:
    """Not now: ask again at ``until``."""

    until: datetime
    code: str
    trace: dict[str, Any] = field(default_factory=dict)


@value_class(kw_only=False)
class Drop:
    """Not at all."""

    code: str
    trace: dict[str, Any] = field(default_factory=dict)


GuardVerdict = Allow | Defer | Drop
ALLOW = Allow()

# Many messages fall due at one moment, ten o'clock for instance, for customers of one country.
_quiet_until: Final = lru_cache(maxsize=256)(quiet_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapRule:
    """At most ``count`` messages within ``span``, of one ``channel`` and ``topic`` or of any."""

    channel: Channel | None  # None: any
    topic: str | None  # None: any
    purpose: Purpose
    count: int
    span: timedelta
    label: str  # as the policy writes it, "3 per 7d"

    def counts(self, contact: Contact | Message) -> bool:
        """Whether a marketing message is one of those that this cap counts."""
        return (self.channel is None or contact.channel == self.channel) and (
            self.topic is None or contact.topic == self.topic
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyRule:
    """A customer is asked again, in whichever campaign, only ``min_gap`` after the last survey."""

    topic: str
    min_gap: timedelta
    label: str  # as the policy writes it, "30d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """The quiet hours of one channel, and whether they defer or drop."""

    hours: QuietHours
    drops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRules:
    """The store's policy as guards use it: no look-up by name is left for the hot path.

    ``look_back`` follows: how far back contacts matter to any of these rules.
    """

    store_zone: ZoneInfo
    zones: Mapping[str, ZoneInfo]  # every zone by name
    quiet: Mapping[Channel, Quiet]
    caps: tuple[CapRule, ...]
    min_gap: timedelta | None
    max_lateness: Mapping[Channel, Duration]
    surveys: SurveyRule | None = None
    places: Places | None = None  # None: zones are not derived
    look_back: timedelta = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        spans = [cap.span for cap in self.caps]
        spans += [] if self.min_gap is None else [self.min_gap]
        spans += [] if self.surveys is None else [self.surveys.min_gap]
        object.__setattr__(self, "look_back", max(spans, default=timedelta()))

    def counts_for(self, contact: Contact) -> timedelta:
        """For how long after it went out a message may matter to any of these rules."""
        if contact.purpose != "marketing":
            return timedelta()
        spans = [cap.span for cap in self.caps if cap.counts(contact)]
        if self.min_gap is not None:
            spans.append(self.min_gap)
        if self.surveys is not None and contact.topic == self.surveys.topic:
            spans.append(self.surveys.min_gap)
        return max(spans, default=timedelta())


def zone_of(customer: Customer, rules: GuardRules) -> ZoneInfo:
    """The clock that the customer's delays, deadlines and schedules go by."""
    return zones_of(customer, rules)[0]


def address_of(customer: Customer, channel: Channel) -> str | None:
    """Where a channel reaches the customer."""
    return customer.email if channel == "email" else customer.phone


def consented(world: World, channel: Channel) -> bool:
    """Whether marketing to the customer's present address on this channel is consented to."""
    address = address_of(world.customer, channel)
    if address is None:
        return False
    consent = world.consents.get((channel, address))
    return consent is not None and consent.status == "subscribed"


def refused(
    world: World, channel: Channel, purpose: Purpose, topic: str | None, at: datetime
) -> Drop | None:
    """What no waiting mends: whether the address may not be written to, for this, at that time.

    Consent, topics and pauses are about marketing; a suppression may be about everything.
    """
    customer = world.customer
    address = customer.email if channel == "email" else customer.phone
    if address is None:
        return Drop("no_address", {"channel": channel})
    key = (channel, address)
    suppression = world.suppressions.get(key)
    if suppression is not None and (suppression.scope == "all" or purpose == "marketing"):
        return Drop("suppressed", {"reason": suppression.reason, "scope": suppression.scope})
    if purpose == "transactional":
        return None
    consent = world.consents.get(key)
    if consent is None or consent.status != "subscribed":
        status = consent.status if consent is not None else None
        return Drop("no_consent", {"channel": channel, "actual": status, "wanted": "subscribed"})
    wishes = world.preferences.get(key)
    if wishes is None:
        return None
    if topic is not None and topic in wishes.declined:
        return Drop("topic_declined", {"channel": channel, "topic": topic})
    if wishes.paused_until is not None and at < wishes.paused_until:
        return Drop(
            "customer_paused", {"channel": channel, "until": wishes.paused_until.isoformat()}
        )
    return None


def check(
    world: World, message: Message, now: datetime, rules: GuardRules, *, explain: bool = True
) -> GuardVerdict:
    """Ask every guard, the hardest first. The message's own slot never counts against it.

    Quiet hours, gap and caps bind marketing only: a parcel's news does not wait for the morning
    because a coupon went out before it. ``explain``: a deferral by quiet hours tells what the
    clock shows.
    """
    channel, purpose = message.channel, message.purpose
    refusal = refused(world, channel, purpose, message.topic, now)
    if refusal is not None:
        return refusal
    if purpose == "transactional":
        return ALLOW
    quiet = rules.quiet.get(channel)
    waits = ALLOW if quiet is None else _quiet(world.customer, quiet, now, rules, explain=explain)
    if isinstance(waits, Drop):
        return waits
    if rules.caps or rules.min_gap or rules.surveys:
        at = now if isinstance(waits, Allow) else waits.until
        verdict = _frequency(world.contacts, message, at, rules)
        # What finds no slot at the end of quiet hours must not take one from others meanwhile.
        if isinstance(waits, Allow) or isinstance(verdict, Drop):
            return verdict
    return waits


def _quiet(
    customer: Customer, quiet: Quiet, now: datetime, rules: GuardRules, *, explain: bool
) -> GuardVerdict:
    """Quiet hours, on every clock that the customer may live by."""
    try:
        until = _quiet_until(now, quiet.hours, zones_of(customer, rules))
    except NoCommonHour:
        where = whereabouts(customer, rules)
        zones = [zone.key for zone in where.zones]
        trace: dict[str, Any] = {"quiet": _text(quiet), "zones": zones, "from": where.basis}
        return Drop("no_common_hour", trace)
    if until is None:
        return ALLOW
    if not explain:
        return Drop("quiet_hours") if quiet.drops else Defer(until, "quiet_hours")
    where = whereabouts(customer, rules)
    local = [(now.astimezone(zone), zone) for zone in where.zones]
    shown, zone = next(each for each in local if quiet.hours.covers(each[0].time()))
    trace = {
        "local": f"{shown:%H:%M}",
        "zone": zone.key,
        "quiet": _text(quiet),
        "from": where.basis,
        "zones": len(where.zones),
    }
    return Drop("quiet_hours", trace) if quiet.drops else Defer(until, "quiet_hours", trace)


def _text(quiet: Quiet) -> str:
    return f"{quiet.hours.start:%H:%M}-{quiet.hours.end:%H:%M}"


def _frequency(
    contacts: Sequence[Contact], message: Message, now: datetime, rules: GuardRules
) -> GuardVerdict:
    own = message.id
    others = [one for one in contacts if one.message_id != own and one.purpose == "marketing"]
    if not others:
        return ALLOW
    surveys = rules.surveys
    if surveys is not None and message.topic == surveys.topic:
        told = (one.at for one in others if _is_survey(one, message, now, surveys))
        last = max(told, default=None)
        if last is not None:
            return Drop("survey_throttle", {"last": last.isoformat(), "gap": surveys.label})
    for cap in rules.caps:
        if len(others) < cap.count or not cap.counts(message):
            continue
        count = _taken(others, cap, now)
        if count >= cap.count:
            trace: dict[str, Any] = {"cap": cap.label, "actual": count, "wanted": f"< {cap.count}"}
            return Drop("cap", trace if cap.topic is None else {**trace, "topic": cap.topic})
    if rules.min_gap is not None:
        # A new message queues behind all others. One that has its slot goes before later slots:
        # messages that wait would otherwise put each other off until all are too late.
        since = now - rules.min_gap
        near = [contact.at for contact in others if contact.at > since]
        if near and any(one.message_id == own for one in contacts):
            near = [at for at in near if at <= now]
        if near:
            latest = max(near)
            return Defer(latest + rules.min_gap, "min_gap", {"last": latest.isoformat()})
    return ALLOW


def _taken(others: Sequence[Contact], cap: CapRule, now: datetime) -> int:
    """How many other marketing messages count when one is to go out at ``now``.

    A slot reserved for later counts as well: at any instant the span holds at most ``count``.
    """
    since = now - cap.span
    return len([one for one in others if one.at > since and cap.counts(one)])


def _is_survey(contact: Contact, me: Message, now: datetime, surveys: SurveyRule) -> bool:
    """Whether this is another survey too near; a reminder of the same journey is none."""
    return (
        contact.topic == surveys.topic
        and contact.journey_id != me.journey_id
        and contact.at > now - surveys.min_gap
    )
