"""Why a campaign never began for a customer: what it starts on, and how near they came."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from engine.core.campaign import CampaignStatus, DateTrigger, EventTrigger, Plan, ScheduleTrigger
from engine.core.customer import Order, Ticket
from engine.core.evaluate import every_unmet
from engine.core.expression import Condition
from engine.core.facts import Facts
from engine.core.guards import zone_of
from engine.core.order_state import facts_of
from engine.core.projection import order_key, ticket_key
from engine.core.reasons import ended
from engine.core.record import trace_of
from engine.core.remedies import Change
from engine.core.wording import unmet, wanted_clause, when
from engine.ports.history import LoggedEvent
from engine.services.case import Case, Question, told
from engine.services.fired import value_of_date
from engine.services.stops import Stop, stops_of
from triggers.schedule import next_date_fire, next_fire


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The rule that keeps a customer out of a campaign that they have no journey in."""

    code: str
    text: str
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Object:
    """What an event was about."""

    order: Order | None = None
    ticket: Ticket | None = None

    @property
    def name(self) -> str:
        """The order by its number, else its id; empty when it was about none."""
        return "" if self.order is None else (self.order.number or self.order.id)

    def after(self, event: str, now: datetime) -> _Object:
        """The order as it would be had ``event`` happened to it just now."""
        root, _, fact = event.partition(".")
        if self.order is None or root != "order":
            return self
        return replace(self, order=replace(self.order, facts={**self.order.facts, fact: now}))


def untriggered(plan: Plan, case: Case, asked: Question) -> Missing:
    """What the campaign starts on that the customer has not had, or does not meet."""
    if plan.status is CampaignStatus.DRAFT:
        change = Change(code="draft", text=f"status: live in the file of {plan.id}")
        return Missing(code="draft", text="the campaign is a draft", changes=(change,))
    match plan.trigger:
        case EventTrigger():
            missing = _no_event(plan, plan.trigger.event, case, asked)
        case ScheduleTrigger():
            missing = _no_fire(plan, plan.trigger, case, asked)
        case DateTrigger():
            missing = _no_date(plan.trigger, case, asked)
        case _:
            assert_never(plan.trigger)
    missing = replace(missing, text=missing.text + _looked_away(plan, case, asked))
    if plan.id in asked.plans.held:
        still = f"; it stands still as well: {ended(asked.plans.held[plan.id])}"
        resume = Change(code="held", text=f"lagniappe campaigns resume {plan.id}")
    elif plan.status is CampaignStatus.PAUSED:
        still = "; it is paused as well"
        resume = Change(code="paused", text=f"status: live in the file of {plan.id}")
    else:
        return missing
    return replace(missing, text=missing.text + still, changes=(*missing.changes, resume))


def _looked_away(plan: Plan, case: Case, asked: Question) -> str:
    """The last time that a campaign which looks for its customers stood still and did not look."""
    if isinstance(plan.trigger, EventTrigger):
        return ""
    known_since = min((one.received_at for one in case.events), default=asked.now)
    over = [one for one in stops_of(plan.id, asked) if one.until and one.until > known_since]
    return f"; {over[-1].text(asked.zone)}, and looked at nobody then" if over else ""


def _no_event(plan: Plan, wanted: str, case: Case, asked: Question) -> Missing:
    zone, world = asked.zone, case.world
    had = [(one.type, one.time) for one in case.events]
    happened = [at for kind, at in had if kind == wanted]
    happened += [
        at for order in world.orders.values() for at in facts_of(order, wanted) if at <= asked.now
    ]
    if happened:
        about = _newest_object(case, wanted)
        refused = _refused(plan, case, about, asked)
        stop = _unseen_in(plan, wanted, case, asked)
        code = "before_campaign" if stop is None else stop.code
        unseen = "before the campaign was there to see it"
        if stop is not None:
            unseen = f"unseen: {stop.text(zone)}"
        text = f"{wanted} happened ({when(max(happened), zone)}) {unseen}"
        if refused:
            text += f"; its {refused[0]} would not have been met either: {refused[1]}"
        return _missing(code, text, plan, f"another {wanted}", refused)
    start = f"{wanted}"
    if not had:
        text = f"it starts on {wanted}, and no event of this customer is on record"
        return _missing("no_event", text, plan, start, None)
    root = wanted.partition(".")[0]
    near = [(at, kind) for kind, at in had if kind.partition(".")[0] == root]
    if not near:
        at, kind = max((at, kind) for kind, at in had)
        text = f"it starts on {wanted}; the customer had nothing of the kind (newest: {kind})"
        return _missing("no_event", text, plan, start, None)
    at, kind = max(near)
    about = _newest_object(case, kind)
    refused = _refused(plan, case, about.after(wanted, asked.now), asked)
    text = f"had {kind} ({when(at, zone)}) but the campaign starts on {wanted}"
    if refused:
        text += f"; its {refused[0]} would not be met either: {refused[1]}"
    of = f" of order {about.name}" if about.name and root == "order" else ""
    return _missing("wrong_event", text, plan, f"{start}{of}", refused)


def _unseen_in(plan: Plan, wanted: str, case: Case, asked: Question) -> Stop | None:
    """The time in which the campaign was a draft, or without its file, when it was told the newest
    event of the type that it starts on."""
    told_at = [one.received_at for one in case.events if one.type == wanted]
    if not told_at:
        return None
    at = max(told_at)
    met = (one for one in stops_of(plan.id, asked) if one.since <= at)
    return next((one for one in met if one.until is None or at < one.until), None)


def _missing(
    code: str, text: str, plan: Plan, start: str, refused: tuple[str, str, str] | None
) -> Missing:
    clause = refused[2] if refused else ""
    if not clause and plan.filter is not None:
        clause = " ".join(plan.filter.source.split())
    needs = f", with {clause}" if clause else ""
    return Missing(code=code, text=text, changes=(Change(code=code, text=f"{start}{needs}"),))


def _newest_object(case: Case, kind: str) -> _Object:
    """What the newest event of a type was about."""
    for one in sorted(case.events, key=lambda one: (one.time, one.seq), reverse=True):
        if one.type == kind:
            return _object_of(case, one)
    return _Object()


def _object_of(case: Case, logged: LoggedEvent) -> _Object:
    event = told(logged)
    if event is None:
        return _Object()
    ticket = case.world.tickets.get(ticket_key(event) or "")
    order_id = order_key(event) or (ticket.order_id if ticket is not None else None)
    return _Object(order=case.world.orders.get(order_id or ""), ticket=ticket)


def _refused(
    plan: Plan, case: Case, about: _Object, asked: Question
) -> tuple[str, str, str] | None:
    """The entry condition that is unmet as things stand: its name, why, and all that is wanted.

    What only the event itself could tell is left open.
    """
    if asked.as_known or (about.order is None and about.ticket is None):
        return None
    return _all_unmet(plan, case, about, asked)


def _all_unmet(
    plan: Plan, case: Case, about: _Object, asked: Question
) -> tuple[str, str, str] | None:
    found = list(_unmet(plan, case, about, asked))
    if not found:
        return None
    first = found[0][0]
    why = "; ".join(why for name, why, _ in found if name == first)
    wanted = dict.fromkeys(wanted for _, _, wanted in found if wanted)
    return first, why, " && ".join(wanted)


def _unmet(
    plan: Plan, case: Case, about: _Object, asked: Question
) -> Iterator[tuple[str, str, str]]:
    values = Facts(case.world, now=asked.now, order=about.order, ticket=about.ticket)
    trigger = plan.trigger
    conditions: tuple[tuple[str, Condition | None], ...] = (
        ("segment", trigger.segment if isinstance(trigger, ScheduleTrigger) else None),
        ("filter", plan.filter),
        ("profile_filter", plan.profile_filter),
    )
    for name, condition in conditions:
        if condition is None:
            continue
        for verdict in every_unmet(condition, values):
            if not (verdict.field or "").startswith("trigger."):
                trace = trace_of(verdict)
                yield name, unmet(trace, condition), wanted_clause(trace, condition)


def _no_fire(plan: Plan, trigger: ScheduleTrigger, case: Case, asked: Question) -> Missing:
    own = zone_of(case.world.customer, asked.rules)
    place = (
        own if trigger.zone is None else asked.rules.zones.get(trigger.zone, asked.rules.store_zone)
    )
    fire = next_fire(trigger.cron, place, asked.now)
    following = f"the next look is {when(fire.at, asked.zone)}"
    if asked.as_known:
        text = (
            "no look at its segment had let the customer in by then, and what it saw is not on "
            f"record; {following}"
        )
        return Missing(code="not_fired", text=text)
    refused = _all_unmet(plan, case, _Object(), asked)
    if refused is not None:
        name, why, wanted = refused
        change = Change(code=name, text=f"a look with {wanted or f'its {name} met'}")
        return Missing(code=name, text=f"{name} not met now: {why}; {following}",
                       changes=(change,))  # fmt: skip
    change = Change(code="not_fired", text=f"nothing: {following}", at=fire.at)
    text = f"its segment is met now, but it has not fired since; {following}"
    return Missing(code="not_fired", text=text, changes=(change,))


def _no_date(trigger: DateTrigger, case: Case, asked: Question) -> Missing:
    own = zone_of(case.world.customer, asked.rules)
    day = value_of_date(case.world.customer, trigger.field, own)
    if day is None:
        change = Change(code="no_date", text=f"an event that tells {trigger.field}")
        return Missing(code="no_date", text=f"{trigger.field} is not known", changes=(change,))
    fire = next_date_fire(day, trigger.offset_days, trigger.at, own, asked.now, yearly=True)
    at: datetime | None = None if fire is None else fire.at
    following = "" if at is None else f", so it fires {when(at, asked.zone)}"
    text = f"its day has not come: {trigger.field} is {day:%Y-%m-%d}{following}"
    change = Change(code="not_yet", text=f"nothing: its day comes{following}", at=at)
    return Missing(code="not_yet", text=text, changes=(change,))
