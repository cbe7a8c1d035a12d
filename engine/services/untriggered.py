"""Why a campaign never began for a customer: what it starts on, and how near they came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import assert_never

from engine.core.campaign import CampaignStatus, DateTrigger, EventTrigger, Plan, ScheduleTrigger
from engine.core.evaluate import evaluate
from engine.core.expression import Condition
from engine.core.facts import bind
from engine.core.guards import GuardRules, zone_of
from engine.core.order_state import facts_of
from engine.core.reasons import ended, unmet, when
from engine.core.record import trace_of
from engine.core.world import World
from engine.services.sweep import value_of_date
from triggers.schedule import next_date_fire, next_fire

Had = Sequence[tuple[str, datetime]]  # types and times of the customer's events


def untriggered(
    plan: Plan,
    world: World,
    had: Had,
    held: Mapping[str, str],
    rules: GuardRules,
    now: datetime,
    zone: tzinfo,
) -> str:
    """The rule that keeps the customer out of a campaign that they have no journey in."""
    if plan.status is CampaignStatus.DRAFT:
        return "the campaign is a draft"
    still = ""
    if plan.id in held:
        still = f"; it stands still as well: {ended(held[plan.id])}"
    elif plan.status is CampaignStatus.PAUSED:
        still = "; it is paused as well"
    match plan.trigger:
        case EventTrigger():
            return _no_event(plan.trigger.event, world, had, zone) + still
        case ScheduleTrigger():
            return _no_fire(plan, plan.trigger, world, rules, now, zone) + still
        case DateTrigger():
            return _no_date(plan.trigger, world, rules, now, zone) + still
        case _:
            assert_never(plan.trigger)


def _no_event(wanted: str, world: World, had: Had, zone: tzinfo) -> str:
    told = [at for kind, at in had if kind == wanted]
    told += [at for order in world.orders.values() for at in facts_of(order, wanted)]
    if told:
        return (
            f"{wanted} happened ({when(max(told), zone)}) before the campaign was there to see it"
        )
    if not had:
        return f"it starts on {wanted}, and no event of this customer is on record"
    root = wanted.partition(".")[0]
    near = [(at, kind) for kind, at in had if kind.partition(".")[0] == root]
    if near:
        at, kind = max(near)
        return f"had {kind} ({when(at, zone)}) but the campaign starts on {wanted}"
    at, kind = max((at, kind) for kind, at in had)
    return f"it starts on {wanted}; the customer had nothing of the kind (newest: {kind})"


def _no_fire(
    plan: Plan,
    trigger: ScheduleTrigger,
    world: World,
    rules: GuardRules,
    now: datetime,
    zone: tzinfo,
) -> str:
    own = zone_of(world.customer, rules)
    place = own if trigger.zone is None else rules.zones.get(trigger.zone, rules.store_zone)
    fire = next_fire(trigger.cron, place, now)
    following = f"the next look is {when(fire.at, zone)}"
    values = bind(
        plan.entry_names, world, order=None, ticket=None, trigger={}, results={}, event=None,
        now=now, rules=rules,
    )  # fmt: skip
    conditions: tuple[tuple[str, Condition | None], ...] = (
        ("segment", trigger.segment),
        ("filter", plan.filter),
        ("profile_filter", plan.profile_filter),
    )
    for name, condition in conditions:
        if condition is None:
            continue
        verdict = evaluate(condition, values)
        if not verdict.met:
            return f"{name} not met now: {unmet(trace_of(verdict), condition)}; {following}"
    return f"its segment is met now, but it has not fired since; {following}"


def _no_date(
    trigger: DateTrigger, world: World, rules: GuardRules, now: datetime, zone: tzinfo
) -> str:
    own = zone_of(world.customer, rules)
    day = value_of_date(world.customer, trigger.field, own)
    if day is None:
        return f"{trigger.field} is not known"
    fire = next_date_fire(day, trigger.offset_days, trigger.at, own, now, yearly=True)
    following = "" if fire is None else f", so it fires {when(fire.at, zone)}"
    return f"its day has not come: {trigger.field} is {day:%Y-%m-%d}{following}"
