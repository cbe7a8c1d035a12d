"""Which plans are in force: the workspace's newest good ones, and those that journeys stand on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from config.policy import Policy
from config.yaml_source import SourceError
from engine.core.campaign import CampaignStatus, Plan, Plans
from engine.core.guards import GuardRules
from engine.core.journey import migrate
from engine.core.world import JourneyStatus
from engine.ports.decisions import Shelf
from engine.ports.faults import Fault, passing
from engine.ports.plans import CampaignSource, Compiled
from engine.ports.storage import UnitOfWork
from engine.ports.stored import Loaded
from engine.programs.program import Programs
from engine.services.batch import Batch
from engine.services.configuration import Configuration
from engine.services.handover import HandOver

log = structlog.get_logger(__name__)

_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The store's policy, and what guards and programs make of it."""

    policy: Policy
    rules: GuardRules
    programs: Programs


class Revisions:
    """Keeps the configuration in force and stores every campaign source by its hash.

    ``load_policies`` reads the policy; it raises when that is wrong, and then the last good one
    stays. ``runs_shop``: this process decides for the shop as long as it lives, so a campaign that
    it does not know is in force no more.
    """

    def __init__(
        self,
        storage: Shelf,
        source: CampaignSource,
        load_policies: Callable[[], Policies],
        *,
        runs_shop: bool = False,
    ) -> None:
        self._storage = storage
        self._source = source
        self._load_policies = load_policies
        self._runs_shop = runs_shop
        self._policies = load_policies()
        self._current: dict[str, Plan] = {}
        self._older: dict[tuple[str, str], Plan] = {}
        self._configuration: Configuration | None = None
        self._lifted: set[str] = set()  # holds that are gone, until their journeys were looked at
        self._lock = threading.Lock()

    @property
    def plans(self) -> Plans:
        """The plans in force."""
        return self._in_force().plans

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self._policies.policy

    def configuration(self, unit: UnitOfWork) -> Configuration:
        """What decisions in this unit of work follow from; holds are read anew each time."""
        held, before = unit.holds(), self._in_force()
        if held == before.plans.held:
            configuration = before
        else:
            self._lifted |= before.plans.held.keys() - held.keys()
            self._configuration = configuration = before.holding(held)
        unit.open_books(configuration.programs.books)
        unit.look_back(configuration.rules.look_back)
        return configuration

    def _in_force(self) -> Configuration:
        if self._configuration is None:
            raise RuntimeError("reload() must come first")
        return self._configuration

    def reload(self, now: datetime, *, looking: bool = False) -> None:
        """Take the workspace as it is now; each broken file leaves its last good revision.

        ``looking``: only to answer questions, so nothing is stored and nothing released.
        """
        with self._lock:
            try:
                self._policies = self._load_policies()
            except Exception as error:
                log.error("policy_rejected", error=str(error))
            compiled = self._source.load()
            if not looking:
                self._storage.store_revisions(
                    [_loaded(one) for one in compiled.values()], now, whole=self._runs_shop
                )
            self._current = {key: each.plan for key, each in compiled.items()}
            self._older = self._plans_in_use(now)
            self._configuration = Configuration(
                plans=Plans.of(self._current.values(), self._older.values()),
                policy=self._policies.policy,
                rules=self._policies.rules,
                programs=self._policies.programs,
            )
            if not looking:
                self._storage.look_again(self._policies.programs.editions, now)
                self._release(
                    self._storage.parked_campaigns() | self._storage.frozen_campaigns(), now
                )

    def release_lifted(self, now: datetime) -> None:
        """Let journeys go on that a decision put aside just when the hold was lifted.

        Holds are read anew, for where nothing is due nothing decides, and nobody else reads them.
        """
        held, before = self._storage.holds(), self._in_force()
        self._lifted |= before.plans.held.keys() - held.keys()
        self._configuration = before.holding(held)
        while self._lifted:
            self._release({self._lifted.pop()}, now)

    def _release(self, candidates: set[str], now: datetime) -> None:
        """Let campaigns go on that were paused, or their file missing, and are live again."""
        plans = self._in_force().holding(self._storage.holds()).plans
        for campaign in sorted(candidates):
            if not plans.is_frozen(campaign):
                self._storage.resume(campaign, now)

    def _plans_in_use(self, now: datetime) -> dict[tuple[str, str], Plan]:
        older: dict[tuple[str, str], Plan] = {}
        for campaign, revision in self._storage.live_revisions(now):
            current = self._current.get(campaign)
            if current is not None and current.revision == revision:
                continue
            key = (campaign, revision)
            if key not in self._older:
                stored = self._storage.revision_source(campaign, revision)
                if stored is None:
                    log.error("revision_missing", campaign=campaign, revision=revision)
                    continue
                try:
                    older[key] = self._source.compile_source(*stored)
                except SourceError as error:  # its journeys park; nothing else is harmed
                    log.error("revision_rejected", campaign=campaign, revision=revision,
                              error=str(error))  # fmt: skip
            else:
                older[key] = self._older[key]
        return older

    def migrate(self, handover: HandOver, now: datetime) -> int:
        """Move live journeys of ``in_flight: migrate`` campaigns to the newest revision."""
        moved = 0
        for plan in self._current.values():
            if plan.in_flight == "migrate" and plan.status is CampaignStatus.LIVE:
                moved += self._migrate(plan, handover, now)
        return moved

    def _migrate(self, plan: Plan, handover: HandOver, now: datetime) -> int:
        moved, after = 0, ""
        while True:
            with self._storage.deciding() as unit:
                customers = unit.customers_to_migrate(plan.id, plan.revision, after, _PAGE)
                if not customers:
                    return moved
                after = customers[-1]
                unit.lock(customers)
                batch = Batch(unit, self.configuration(unit), handover)
                context = batch.context(now)
                worlds = unit.load(customers, now=now, sends=True)
                for world in worlds.values():
                    for journey in list(world.journeys.values()):
                        if journey.campaign != plan.id or journey.status is not JourneyStatus.LIVE:
                            continue
                        old = self._older.get((plan.id, journey.revision))
                        if journey.revision != plan.revision:
                            migrate(world, journey, plan, context, plan_old=old)
                            moved += 1
                outgoings = batch.finish(worlds.values(), now)
            handover.give(outgoings)
            passing(Fault.REVISION_PAGE)


def _loaded(compiled: Compiled) -> Loaded:
    plan = compiled.plan
    return Loaded(
        campaign=plan.id,
        revision=plan.revision,
        status=plan.status.value,
        source=compiled.source,
        file=compiled.file,
    )
