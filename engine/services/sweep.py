"""Schedule and date triggers: at each fire, the customers of a zone are gone through in pages.

A fire is one row per (campaign, zone, local occurrence) with a cursor, so a sweep that is cut short
goes on where it stopped, and none happens twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from engine.core.campaign import (
    CampaignStatus,
    EventTrigger,
    Plan,
    Plans,
    ScheduleTrigger,
)
from engine.core.guards import GuardRules
from engine.ports.decisions import Decisions
from engine.ports.storage import Contended, UnitOfWork
from engine.ports.stored import ALL_ZONES, Occurrence
from engine.services.batch import Batch
from engine.services.fired import Fired, cron_of
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
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


Likely = Callable[[UnitOfWork, Fired, Occurrence, datetime], Sequence[str]]
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
        self._quiet: dict[str, _Quiet] = {}  # by campaign
        self._next: dict[str, _Next] = {}
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
        moments = (self._next_of(plan, zones, rules, now) for plan in self._scheduled())
        return min((each for each in moments if each is not None), default=None)

    def _next_of(
        self, plan: Plan, zones: Set[str | None], rules: GuardRules, now: datetime
    ) -> datetime | None:
        known = self._next.get(plan.id)
        if known is not None and known.since <= now < known.at and known.zones == zones:
            return known.at
        trigger = plan.trigger
        fixed = trigger.zone if isinstance(trigger, ScheduleTrigger) else None
        names: Collection[str | None] = [fixed] if fixed is not None else zones
        cron, fires = cron_of(plan), self._fires
        at = min((fires.next(cron, _zone(name, rules), now).at for name in names), default=None)
        if at is not None:
            self._next[plan.id] = _Next(since=now, at=at, zones=zones)
        return at

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
            self._quiet.clear()
            self._next.clear()
        return known[1]

    def _due(
        self,
        unit: UnitOfWork,
        plan: Plan,
        zones: Mapping[str | None, int],
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
        quiet = self._quiet.get(plan.id)
        if quiet is not None and now < quiet.until and quiet.is_so(zones, latest):
            return
        until: datetime | None = _NEVER  # None: something is to be done
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
                until = None
                continue
            if not state.done:
                yield state
                until = None
                continue
            following = self._fires.next(cron, zone, state.at).at
            if following > now:
                until = until and min(until, following)
                continue
            until = None
            fires = fires_between(cron, zone, state.at, now, _MAX_MISSED, self._fires.next)
            fires = [fire for fire in fires if now - fire.at <= _MISSED]
            if fires:
                occurrence = _occurrence(plan, zone_key, fires[-1])
                unit.begin_occurrence(occurrence)
                yield occurrence
        if until is not None:
            self._quiet[plan.id] = _Quiet(until=until, zones=zones.keys(), latest=latest)

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
            # What else falls due for those to whom nothing happens here comes in its own turn.
            moved = [
                world
                for each in customers[:looked_at]
                if (world := worlds.get(each)) is not None and world.changes.any
            ]
            unit.advance_occurrence(occurrence)
            outgoings = batch.finish(moved, now, one_step=one_step)
        self._handover.give(outgoings)
        return occurrence, looked_at


@dataclass(frozen=True, slots=True, kw_only=True)
class _Next:
    """In these zones a campaign fires first ``at`` that moment, since ``since``."""

    since: datetime
    at: datetime
    zones: Set[str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quiet:
    """A campaign has nothing to do ``until`` then, with these zones in use and these last fires."""

    until: datetime
    zones: Set[str | None]
    latest: Mapping[str | None, Occurrence]

    def is_so(
        self, zones: Mapping[str | None, int], latest: Mapping[str | None, Occurrence]
    ) -> bool:
        """Whether it still is about those."""
        return self.zones == zones.keys() and self.latest == latest


def _zone(name: str | None, rules: GuardRules) -> ZoneInfo:
    return rules.store_zone if name is None else rules.zones.get(name, rules.store_zone)


def _occurrence(plan: Plan, zone: str | None, fire: Fire) -> Occurrence:
    return Occurrence(campaign=plan.id, zone=zone, key=fire.key, at=fire.at, cursor="", done=False)
