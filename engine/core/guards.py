"""Guards: whether a message may go out now, later, or not at all.

They run when a step decides and again right before the hand-over. The order is fixed: what can
never be mended first (no address, suppressed, no consent, a topic declined, a pause), then what
time mends (quiet hours, the gap between messages, the caps), so the reason a person reads is the
one that decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from config.durations import Duration
from engine.core.customer import Customer
from engine.core.message import Channel, Purpose
from engine.core.timing import QuietHours, quiet_until
from engine.core.world import Contact, World


@dataclass(frozen=True, slots=True)
class Allow:
    """It may go out now."""


@dataclass(frozen=True, slots=True)
class Defer:
    """Not now: ask again at ``until``."""

    until: datetime
    code: str
    trace: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Drop:
    """Not at all."""

    code: str
    trace: dict[str, Any] = field(default_factory=dict)


GuardVerdict = Allow | Defer | Drop
ALLOW = Allow()


@dataclass(frozen=True, slots=True, kw_only=True)
class CapRule:
    """At most ``count`` messages of ``purpose`` on ``channel`` (None: any) within ``span``."""

    channel: Channel | None
    purpose: Purpose
    count: int
    span: timedelta
    label: str  # as the policy writes it, "3 per 7d"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """The quiet hours of one channel, and whether they defer or drop."""

    hours: QuietHours
    drops: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardRules:
    """The store's policy as guards use it: no look-up by name is left for the hot path."""

    store_zone: ZoneInfo
    zones: Mapping[str, ZoneInfo]  # every zone by name
    quiet: Mapping[Channel, Quiet]
    caps: tuple[CapRule, ...]
    min_gap: timedelta | None
    max_lateness: Mapping[Channel, Duration]


def zone_of(customer: Customer, rules: GuardRules) -> ZoneInfo:
    """The customer's own zone where it is known, else the store's."""
    if customer.timezone is None:
        return rules.store_zone
    return rules.zones.get(customer.timezone, rules.store_zone)


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
    address = address_of(world.customer, channel)
    if address is None:
        return Drop("no_address", {"channel": channel})
    key = (channel, address)
    suppression = world.suppressions.get(key)
    if suppression is not None and (suppression.scope == "all" or purpose == "marketing"):
        return Drop("suppressed", {"reason": suppression.reason, "scope": suppression.scope})
    if purpose == "transactional":
        return None
    if not consented(world, channel):
        consent = world.consents.get(key)
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
    world: World,
    *,
    channel: Channel,
    purpose: Purpose,
    topic: str | None = None,
    message_id: str,
    campaign: str,
    created_at: datetime,
    now: datetime,
    rules: GuardRules,
) -> GuardVerdict:
    """Ask every guard, the hardest first. The message's own slot never counts against it.

    Quiet hours, gap and caps bind marketing only: a parcel's news does not wait for the morning
    because a coupon went out before it.
    """
    refusal = refused(world, channel, purpose, topic, now)
    if refusal is not None:
        return refusal
    if purpose == "transactional":
        return ALLOW
    quiet = rules.quiet.get(channel)
    waits: Defer | None = None
    if quiet is not None:
        zone = zone_of(world.customer, rules)
        until = quiet_until(now, quiet.hours, (zone,))
        if until is not None:
            trace = {
                "local": now.astimezone(zone).strftime("%H:%M"),
                "zone": zone.key,
                "quiet": f"{quiet.hours.start:%H:%M}-{quiet.hours.end:%H:%M}",
            }
            if quiet.drops:
                return Drop("quiet_hours", trace)
            waits = Defer(until, "quiet_hours", trace)
    if rules.caps or rules.min_gap:
        contacts = [
            contact
            for contact in world.contacts
            if contact.message_id != message_id and contact.purpose == "marketing"
        ]
        if contacts:
            has_slot = any(contact.message_id == message_id for contact in world.contacts)
            at = now if waits is None else waits.until
            verdict = _frequency(contacts, channel, at, rules, has_slot)
            # What finds no slot at the end of quiet hours must not take one from others meanwhile.
            if waits is None or isinstance(verdict, Drop):
                return verdict
    return waits or ALLOW


def _frequency(
    contacts: list[Contact], channel: Channel, now: datetime, rules: GuardRules, has_slot: bool
) -> GuardVerdict:
    for cap in rules.caps:
        since = now - cap.span
        # A slot reserved for later counts as well: at any instant the span holds at most ``count``.
        count = sum(
            1
            for contact in contacts
            if contact.at > since and (cap.channel is None or contact.channel == cap.channel)
        )
        if count >= cap.count:
            return Drop("cap", {"cap": cap.label, "actual": count, "wanted": f"< {cap.count}"})
    if rules.min_gap is not None:
        # A new message queues behind all others. One that has its slot goes before later slots:
        # messages that wait would otherwise put each other off until all are too late.
        before = [contact.at for contact in contacts if contact.at <= now or not has_slot]
        latest = max(before, default=None)
        if latest is not None and latest + rules.min_gap > now:
            until = latest + rules.min_gap
            return Defer(until, "min_gap", {"last": latest.isoformat()})
    return ALLOW
