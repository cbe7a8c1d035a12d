"""What becomes of the journeys that live now when another version of the workspace is loaded.

The database is only read: journeys are moved in memory, by the daemon's own rule, and forgotten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from config.settings import Settings
from engine.core.book import Place
from engine.core.campaign import CampaignStatus, Plan, Plans
from engine.core.context import Context
from engine.core.journey import migrate
from engine.core.world import Journey, JourneyStatus, Waiting
from engine.ports.storage import UnitOfWork
from engine.ports.stored import Loaded
from engine.services.batch import SharedInUnit
from engine.services.revisions import Revisions
from engine.simulator.figures import Tally
from engine.simulator.premises import furnish
from engine.simulator.witness import Standing
from engine.storage.standing import live_journeys
from engine.storage.store import SqlStorage

_PAGE: Final = 500
Kind = Literal["finish", "stay", "move", "complete", "exit", "stand", "resume"]
_TEXTS: Final[Mapping[Kind, str]] = {
    "finish": "finish by the version they began on",
    "stay": "stay there, then by the new version",
    "move": "go on at {to}",
    "complete": "end, since no later step is left",
    "exit": "end, by {to}",
    "stand": "stand still: not live any more",
    "resume": "go on: live again",
}


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Fate:
    """What so many journeys of a campaign that stand at ``step`` do then.

    ``to`` is the step where a moved one goes on, or what ends one that exits.
    """

    campaign: str
    step: str
    kind: Kind
    to: str | None
    journeys: int

    @property
    def text(self) -> str:
        """In words."""
        return _TEXTS[self.kind].format(to=self.to)


class _Untouched:
    """``engine.ports.decisions.Shelf`` over a database, of which nothing is written."""

    def __init__(self, storage: SqlStorage) -> None:
        self._storage = storage

    @contextmanager
    def deciding(self, *, urgent: bool = False) -> Iterator[UnitOfWork]:
        """A unit of work, never committed."""
        with self._storage.deciding(urgent=urgent) as unit:
            yield unit

    def store_revisions(
        self, loaded: Collection[Loaded], at: datetime, *, whole: bool = False
    ) -> None:
        """Nothing is kept."""

    def look_again(self, editions: Mapping[Place, str], now: datetime) -> None:
        """Nothing is written."""

    def live_revisions(self, now: datetime | None = None) -> set[tuple[str, str]]:
        """The database's."""
        return self._storage.live_revisions(now)

    def revision_source(self, campaign: str, revision: str) -> tuple[str, str] | None:
        """The database's."""
        return self._storage.revision_source(campaign, revision)

    def holds(self) -> dict[str, str]:
        """The database's."""
        return self._storage.holds()

    def resume(self, campaign: str, now: datetime) -> int:
        """Nothing is lifted."""
        return 0

    def parked_campaigns(self) -> set[str]:
        """None that would have to be resumed."""
        return set()

    def frozen_campaigns(self) -> set[str]:
        """None that would have to be resumed."""
        return set()


def fates(
    workspace: Path,
    settings: Settings,
    storage: SqlStorage,
    before: Mapping[str, Standing],
    after: Mapping[str, Standing],
    now: datetime,
) -> list[Fate]:
    """What the journeys of campaigns that differ between the versions do when the second is loaded.

    ``workspace`` holds the second version. Journeys of a campaign that a person or its own brake
    has stopped move as well, and stand still as before.
    """
    touched = {each for each in before.keys() | after.keys() if before.get(each) != after.get(each)}
    premises = furnish(workspace, settings, Tally(UTC), start=now)
    revisions = Revisions(_Untouched(storage), premises.source, lambda: premises.policies)
    revisions.reload(now)
    plans, counts = revisions.plans, Counter[tuple[str, str, Kind, str | None]]()
    held = storage.holds()
    for campaign, revision, step, count in live_journeys(storage.database):
        if campaign not in touched:
            continue
        plan, former = plans.current.get(campaign), before.get(campaign)
        was_live = former is not None and former.live
        if plan is None or plan.status is not CampaignStatus.LIVE:
            if was_live:
                counts[campaign, step, "stand", None] += count
        elif plan.revision != revision and plan.in_flight == "migrate":
            continue  # these are moved
        elif not was_live:  # a file that is back as it was has its journeys on it already
            if campaign not in held:
                counts[campaign, step, "resume", None] += count
        elif plan.revision != revision:
            counts[campaign, step, "finish", None] += count
    for campaign in sorted(touched & plans.current.keys()):
        plan = plans.current[campaign]
        if plan.in_flight == "migrate" and plan.status is CampaignStatus.LIVE:
            counts += _moved(plan, revisions, plans, storage, now)
    return sorted(
        (
            Fate(campaign=campaign, step=step, kind=kind, to=to, journeys=count)
            for (campaign, step, kind, to), count in counts.items()
        ),
        key=lambda one: (one.campaign, one.step, one.kind, one.to or ""),
    )


def _moved(
    plan: Plan, revisions: Revisions, plans: Plans, storage: SqlStorage, now: datetime
) -> Counter[tuple[str, str, Kind, str | None]]:
    """As ``Revisions.migrate`` goes through them."""
    counts: Counter[tuple[str, str, Kind, str | None]] = Counter()
    after = ""
    while True:
        with storage.deciding() as unit:
            customers = unit.customers_to_migrate(plan.id, plan.revision, after, _PAGE)
            if not customers:
                return counts
            after = customers[-1]
            configuration = revisions.configuration(unit)
            context = Context(
                now=now,
                rules=configuration.rules,
                shared=SharedInUnit(unit),
                programs=configuration.programs,
                braked={},
            )
            for world in unit.load(customers, now=now, sends=True).values():
                for journey in list(world.journeys.values()):
                    if (
                        journey.campaign == plan.id
                        and journey.status is JourneyStatus.LIVE
                        and journey.revision != plan.revision
                    ):
                        step = journey.step
                        old = plans.revisions.get((plan.id, journey.revision))
                        migrate(world, journey, plan, context, plan_old=old)
                        counts[plan.id, step, *_end(journey, step)] += 1


def _end(journey: Journey, step: str) -> tuple[Kind, str | None]:
    match journey.status:
        case JourneyStatus.COMPLETED:
            return "complete", None
        case JourneyStatus.EXITED:
            return "exit", journey.reason
        case _:
            # One that moves stands ready; one that waits stays, if by another name.
            stays = journey.step == step or journey.waiting is not Waiting.READY
            return ("stay", None) if stays else ("move", journey.step)
