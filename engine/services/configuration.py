"""What decisions follow from besides facts: plans, policy, and what is held, at one instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from config.policy import Policy
from engine.core.campaign import Plans
from engine.core.guards import CapRule, GuardRules, Quiet, SurveyRule
from engine.core.message import Channel
from engine.core.timing import QuietHours
from engine.programs.calls import Calls
from engine.programs.coupons import Coupons
from engine.programs.loyalty import LoyaltyProgram
from engine.programs.program import Program, Programs
from engine.programs.referrals import Referrals
from engine.programs.replenishing import Replenishing
from engine.programs.reviews import Reviews
from engine.programs.shopping_page import reminding_of
from engine.programs.surveys import Surveys
from triggers.places import Places

ZONES: Final = {name: ZoneInfo(name) for name in sorted(available_timezones())}
"""All time zones that this machine knows."""

# Of these something is noted even if no campaign hears of it.
_READ: Final = ("customer.", "message.", "order.", "preferences.", "ticket.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """One consistent state of the workspace; replaced as a whole on reload.

    ``unread`` follows: the types of events of which nothing but entry to campaigns comes, and that
    depends on nothing that they say.
    """

    plans: Plans
    policy: Policy
    rules: GuardRules
    programs: Programs
    unread: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        unread = frozenset(
            kind
            for kind in self.plans.unread
            if not self.programs.names(kind) and not kind.startswith(_READ)
        )
        object.__setattr__(self, "unread", unread)

    def holding(self, held: Mapping[str, str]) -> Configuration:
        """The same with these campaigns held."""
        if self.plans.held == held:
            return self
        return replace(self, plans=replace(self.plans, held=dict(held)))


def compile_programs(
    policy: Policy, keyed: Callable[[str], bytes], mailboxes: Callable[[str], Sequence[str]]
) -> Programs:
    """The programs that a policy sets up.

    ``keyed`` is a hash that nobody else can make, ``mailboxes`` what may be kept of a mailbox.
    """
    reminding = reminding_of(policy.recommendations, policy.zone)
    programs: list[Program] = [Surveys(), Reviews(), Replenishing(reminding)]
    if policy.offers:
        programs.append(Coupons(policy.offers, keyed, locale=policy.locale))
    if policy.calls.queues:
        programs.append(Calls.of(policy.calls, policy.zone))
    if policy.loyalty is not None:
        programs.append(LoyaltyProgram(policy.loyalty, str(policy.zone)))
    if policy.referrals:
        programs.append(Referrals(policy.referrals, keyed, mailboxes))
    return Programs(tuple(programs))


def compile_rules(policy: Policy, zones: Mapping[str, ZoneInfo]) -> GuardRules:
    """The guard rules of a policy. ``zones`` are all zones that customers may name."""
    channels: tuple[Channel, ...] = ("email", "sms", "voice")
    quiet: dict[Channel, Quiet] = {}
    for channel in channels:
        hours = policy.quiet_hours.of(channel)
        if hours is not None:
            quiet[channel] = Quiet(
                hours=QuietHours(start=hours.start, end=hours.until), drops=hours.then == "drop"
            )
    return GuardRules(
        store_zone=policy.zone,
        places=Places(policy.zone),
        zones=zones,
        quiet=quiet,
        caps=tuple(
            CapRule(
                channel=None if cap.channel == "any" else cap.channel,
                topic=cap.topic,
                purpose=cap.purpose,
                count=cap.count,
                span=cap.per.nominal,
                label=f"{cap.count} per {cap.per}",
            )
            for cap in policy.caps
        ),
        min_gap=policy.min_gap.nominal if policy.min_gap is not None else None,
        surveys=None
        if policy.surveys.min_gap is None
        else SurveyRule(
            topic=policy.surveys.topic,
            min_gap=policy.surveys.min_gap.nominal,
            label=str(policy.surveys.min_gap),
        ),
        max_lateness={
            "email": policy.max_lateness.email,
            "sms": policy.max_lateness.sms,
            "voice": policy.max_lateness.voice,
        },
    )
