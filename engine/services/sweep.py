"""Schedule and date triggers: at each fire, the customers of a zone are gone through in pages.

A fire is one row per (campaign, zone, local occurrence) with a cursor, so a sweep that is cut short
goes on where it stopped, and none happens twice.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from engine.core.campaign import (
    CampaignStatus,
    DateTrigger,
    EventTrigger,
    Plan,
    Plans,
    ScheduleTrigger,
)
from engine.core.context import Context
from engine.core.customer import Customer
from engine.core.decision import EntryVerdict
from engine.core.guards import GuardRules, zone_of
from engine.core.journey import enrol_by_schedule
from engine.core.transition import Transition
from engine.core.world import World
from engine.ports.decisions import Decisions
from engine.ports.storage import Contended, UnitOfWork
from engine.ports.stored import ALL_ZONES, Occurrence
from engine.services.batch import Batch
from engine.services.handover import HandOver
from engine.services.revisions import Revisions
from engine.services.turns import Alone, Turns
from triggers.schedule import KnownFires, fires_between
from triggers.schedule import Occurrence as Fire

log = structlog.get_logger(__name__)

PAGE: Final = 500
_TRIES = 20
# A fire that nobody was there for is made up for this long, then let go: greetings have a day.
_MISSED = timedelta(hours=24)
_MAX_MISSED = 2_000


Likely = Callable[[UnitOfWork, "Fired", Occurrence, datetime], Sequence[str]]
"""The customers whom a fire may enrol now: those beyond its cursor, by id, ``PAGE`` at most.

Fewer than that are the last.
"""


def everybody(
    unit: UnitOfWork, fired: Fired, occurrence: Occurrence, now: datetime
) -> Sequence[str]:
    """``Likely`` of storage: all customers of the zone, or those born on the day."""
    return unit.page_customers(occurrence.zone, occurrence.cursor, PAGE, fired.birthdays)


class Sweep:
    """Enrols by schedule.

    ``likely`` may leave out customers whom the fire would surely not enrol, where that can be told
    without loading them.
    """

    def __init__(
        self,
        storage: Decisions,
        revisions: Revisions,
        handover: HandOver,
        likely: Likely = everybody,
    ) -> None:
        self._likely = likely
        self._fires = KnownFires()
        self._met: set[str | None] = set()  # zones that were looked at, whoever lives there now
        self._known: tuple[Plans, list[Plan]] | None = None
        self._storage = storage
        self._revisions = revisions
        self._handover = handover
        self._turns: Turns = Alone()

    def share_by(self, turns: Turns) -> None:
        """Others sweep the same fires, each with customers of their own; ``turns`` tells when."""
        self._turns = turns

    def over(self, now: datetime) -> None:
        """Nothing more fires at this moment."""
        self._turns.over(now)

    def run(self, now: datetime) -> int:
        """Fire what is due and finish what was begun; how many customers were looked at.

        Raises the first campaign's error when all have had their turn.
        """
        plans = self._scheduled()
        if not plans:
            return 0
        with self._storage.deciding() as unit:
            configuration = self._revisions.configuration(unit)
            zones = unit.zones_in_use()
            self._met.update(zones)
            begun: list[tuple[Plan, Occurrence]] = []
            for plan in plans:
                if not configuration.plans.is_frozen(plan.id):
                    due = self._due(unit, plan, zones, configuration.rules, now)
                    begun.extend((plan, occurrence) for occurrence in due)
            unit.commit()
        looked_at, failure = 0, None
        for plan, occurrence in begun:
            try:
                looked_at += self._sweep(plan, occurrence, now)
            except Exception as error:  # one campaign's trouble must not cost others their hour
                log.error("sweep_failed", campaign=plan.id, error=type(error).__name__)
                failure = failure or error
        if failure is not None:
            raise failure
        return looked_at

    def next_fire(self, now: datetime) -> datetime | None:
        """When the next schedule fires, strictly after ``now``; None when there is none."""
        with self._storage.deciding() as unit:
            rules = self._revisions.configuration(unit).rules
            zones = self._met.union(unit.zones_in_use())
        moments: list[datetime] = []
        for plan in self._scheduled():
            trigger = plan.trigger
            fixed = trigger.zone if isinstance(trigger, ScheduleTrigger) else None
            names: Collection[str | None] = [fixed] if fixed is not None else zones
            cron, fires = cron_of(plan), self._fires
            moments.extend(fires.next(cron, _zone(name, rules), now).at for name in names)
        return min(moments, default=None)

    def has_new_zones(self) -> bool:
        """Whether customers live in a zone that no look has met yet."""
        if not self._scheduled():
            return False
        with self._storage.deciding() as unit:
            return not self._met.issuperset(unit.zones_in_use())

    def _scheduled(self) -> list[Plan]:
        """The live campaigns that a schedule or a date begins."""
        plans, known = self._revisions.plans, self._known
        if known is None or known[0] is not plans:
            live = [one for one in plans.current.values() if one.status is CampaignStatus.LIVE]
            found = [one for one in live if not isinstance(one.trigger, EventTrigger)]
            known = self._known = plans, found
        return known[1]

    def _due(
        self,
        unit: UnitOfWork,
        plan: Plan,
        zones: Collection[str | None],
        rules: GuardRules,
        now: datetime,
    ) -> Iterable[Occurrence]:
        """Fires to sweep now: begun and unfinished ones, and the latest new one of each zone.

        Of several that were missed only the latest is made up for. A campaign's first look at a
        zone fires nothing that lies in the past.
        """
        trigger = plan.trigger
        fixed = trigger.zone if isinstance(trigger, ScheduleTrigger) else None
        latest, cron = unit.occurrence_state(plan.id), cron_of(plan)
        # A zone that everybody has left fires on, or who comes there would be met by its last fire.
        known = dict.fromkeys((*zones, *(zone for zone in latest if zone != ALL_ZONES)))
        wanted: Collection[str | None] = [fixed] if fixed is not None else known
        for name in sorted(wanted, key=lambda name: name or ""):
            zone_key = ALL_ZONES if fixed is not None else name
            zone = _zone(name, rules)
            state = latest.get(zone_key)
            if state is None:
                start = Occurrence(
                    campaign=plan.id, zone=zone_key, key="", at=now, cursor="", done=True
                )
                unit.begin_occurrence(start)
                continue
            if not state.done:
                yield state
                continue
            fires = fires_between(cron, zone, state.at, now, _MAX_MISSED, self._fires.next)
            fires = [fire for fire in fires if now - fire.at <= _MISSED]
            if fires:
                occurrence = _occurrence(plan, zone_key, fires[-1])
                unit.begin_occurrence(occurrence)
                yield occurrence

    def _sweep(self, plan: Plan, occurrence: Occurrence, now: datetime) -> int:
        looked_at = 0
        tries = 0
        while not occurrence.done:
            try:
                page = self._page(plan, occurrence, now)
            except Contended:
                tries += 1
                if tries > _TRIES:
                    raise
                continue
            if page is None:
                break
            occurrence, count = page
            looked_at += count
            tries = 0
        log.info("swept", campaign=plan.id, zone=occurrence.zone, fire=occurrence.key,
                 customers=looked_at)  # fmt: skip
        return looked_at

    def _page(
        self, plan: Plan, occurrence: Occurrence, now: datetime
    ) -> tuple[Occurrence, int] | None:
        """Sweep one page; None when the campaign stands still, so the rest must wait."""
        turns = self._turns
        turns.come(plan, occurrence, now)
        with self._storage.deciding() as unit:
            configuration = self._revisions.configuration(unit)
            if configuration.plans.is_frozen(plan.id):
                return None
            fired = Fired.of(plan, occurrence.key, occurrence.at)

            def beyond(cursor: str) -> Sequence[str]:
                return self._likely(unit, fired, replace(occurrence, cursor=cursor), now)

            page = beyond(occurrence.cursor)
            customers = turns.meet(plan, page, beyond)
            if not page:
                occurrence = replace(occurrence, done=True)
                unit.advance_occurrence(occurrence)
                unit.commit()
                return occurrence, 0
            unit.lock(customers)
            batch = Batch(unit, configuration, self._handover)
            worlds = unit.load(customers, now=now, sends=True, past=True)
            context = batch.context(now)
            plans = batch.configuration.plans
            looked_at = 0
            one_step: set[str] = set()
            for customer_id in turns.in_turn(plan, customers, batch.braked):
                looked_at += 1
                world = worlds.get(customer_id)
                if world is None:
                    continue
                if fired.enrol(world, plans, context) is None:
                    continue
                if batch.take_due_steps(world, context) == 1:
                    one_step.add(customer_id)
            occurrence = replace(
                occurrence,
                cursor=customers[looked_at - 1] if looked_at else occurrence.cursor,
                done=len(page) < PAGE and looked_at == len(page),
            )
            seen = [worlds[each] for each in customers[:looked_at] if each in worlds]
            unit.advance_occurrence(occurrence)
            outgoings = batch.finish(seen, now, one_step=one_step)
        self._handover.give(outgoings)
        return occurrence, looked_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """One fire of a campaign's schedule, for any number of customers.

    ``day`` is the one that a date trigger's fire is about: its local date less the offset. It is
    the day that counts there: another offset or hour greets nobody twice.
    """

    plan: Plan
    key: str
    transition: Transition
    day: date | None

    @classmethod
    def of(cls, plan: Plan, key: str, at: datetime) -> Fired:
        """The fire of an occurrence, named by its key."""
        trigger, day = plan.trigger, None
        if isinstance(trigger, DateTrigger):
            day = date.fromisoformat(key[:10]) - timedelta(days=trigger.offset_days)
        told = Transition(type="schedule.fired", time=at, id=f"schedule:{plan.id}:{key}")
        entry_key = key if day is None else day.isoformat()
        return cls(plan=plan, key=entry_key, transition=told, day=day)

    @property
    def birthdays(self) -> set[str] | None:
        """The dates of birth, as ``MM-DD``, to which the fire is confined; None: it is not."""
        if self.day is None or self._field != "customer.birthday":
            return None
        return days_of_year(self.day)

    @property
    def _field(self) -> str:
        return self.plan.trigger.field if isinstance(self.plan.trigger, DateTrigger) else ""

    def is_for(self, customer: Customer, rules: GuardRules) -> bool:
        """Whether the day that the fire is about, if it is about one, is the customer's."""
        return self.day is None or _celebrates(customer, self._field, self.day, rules)

    def enrol(self, world: World, plans: Plans, context: Context) -> EntryVerdict | None:
        """Let the customer enter; None when the day is not theirs."""
        if not self.is_for(world.customer, context.rules):
            return None
        return enrol_by_schedule(world, self.plan, self.key, self.transition, plans, context)


def cron_of(plan: Plan) -> str:
    """The cron line that a schedule or date campaign fires by."""
    trigger = plan.trigger
    if isinstance(trigger, ScheduleTrigger):
        return trigger.cron
    assert isinstance(trigger, DateTrigger)
    return f"{trigger.at.minute} {trigger.at.hour} * * *"


def _zone(name: str | None, rules: GuardRules) -> ZoneInfo:
    return rules.store_zone if name is None else rules.zones.get(name, rules.store_zone)


def _occurrence(plan: Plan, zone: str | None, fire: Fire) -> Occurrence:
    return Occurrence(campaign=plan.id, zone=zone, key=fire.key, at=fire.at, cursor="", done=False)


def days_of_year(day: date) -> set[str]:
    """The dates of birth, as ``MM-DD``, that are celebrated on this day."""
    days = {f"{day:%m-%d}"}
    if f"{day:%m-%d}" == "02-28" and not isleap(day.year):
        days.add("02-29")  # in common years the day before, so that the day stays in its month
    return days


def _celebrates(customer: Customer, field: str, day: date, rules: GuardRules) -> bool:
    """Whether ``day`` is an anniversary of the customer's date, on the customer's own calendar.

    The day itself is none: a year must have passed.
    """
    value = value_of_date(customer, field, zone_of(customer, rules))
    return value is not None and value.year < day.year and f"{value:%m-%d}" in days_of_year(day)


def value_of_date(customer: Customer, field: str, zone: ZoneInfo) -> date | None:
    """The date that a date trigger counts from; None where it is empty or no date."""
    name = field.removeprefix("customer.")
    value = (
        customer.attributes.get(name.removeprefix("attributes."))
        if name.startswith("attributes.")
        else getattr(customer, name)
    )
    if isinstance(value, datetime):
        return value.astimezone(zone).date()
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(value[:10]) if isinstance(value, str) else None
    except ValueError:
        return None
