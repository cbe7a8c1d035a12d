"""Before a simulation: the workspace as it would be tried, and the history that it is tried on."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.policy import Policy
from config.settings import Settings, load_settings
from engine.core.campaign import CampaignStatus, Plan
from engine.ports.clock import Clock, SystemClock
from engine.simulator.behaviour import Behaviour
from engine.simulator.figures import Tally
from engine.simulator.kin import Kin, name_of, share_of
from engine.simulator.premises import Trial, furnish
from engine.simulator.report import Frame
from engine.simulator.simulation import Recorded, Setup
from triggers.addresses import normalised
from triggers.catalog import Catalog
from triggers.event import Event
from triggers.sources.native import serialize


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """So many groups of customers, or such a share of them, between 0 and 1."""

    count: int | None = None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class _Told:
    at: datetime
    event: Event


class Prepared:
    """A workspace that is about to be tried; events are added in any order."""

    def __init__(
        self,
        workspace: Path,
        environ: Mapping[str, str],
        trial: Trial,
        seed: str,
        settings: Settings | None = None,
    ) -> None:
        self.clock: Clock = SystemClock()
        self._workspace, self._environ = workspace, dict(environ)
        self._trial, self._seed = trial, seed
        settings = settings or load_settings(workspace, environ)
        self._settings = settings
        self.database_url = settings.database_url
        premises = furnish(
            workspace,
            settings,
            Tally(UTC),
            start=self.clock.now(),
            trial=trial,
        )
        self.policy: Policy = premises.policy
        self.catalog: Catalog = premises.catalog
        self.plans: Mapping[str, Plan] = premises.revisions.plans.current
        self._told: list[_Told] = []

    @property
    def live(self) -> list[str]:
        """The campaigns that would act."""
        return [key for key, one in self.plans.items() if one.status is CampaignStatus.LIVE]

    def add(self, event: Event, at: datetime | None = None) -> None:
        """Take in an event that arrived at ``at``, when it happened unless given."""
        self._told.append(_Told(at or event.time, event))

    def setup(
        self,
        *,
        since: datetime | None,
        until: datetime | None,
        afterwards: timedelta,
        behaviour: Behaviour | None = None,
    ) -> Setup:
        """What is simulated: by default all of the history, and some time ``afterwards``."""
        moments = [each.at for each in self._told] or [self.clock.now()]
        return Setup(
            workspace=self._workspace,
            environ=self._environ,
            trial=self._trial,
            since=since or min(moments),
            until=until or max(moments) + afterwards,
            behaviour=behaviour,
            seed=self._seed,
            settings=self._settings,
        )

    def history(self, setup: Setup, sample: Sample) -> Sequence[Recorded]:
        """The events of a sample of customers, sorted as they arrive; none after the end."""
        told = [each for each in self._told if each.at < setup.until]
        told.sort(key=lambda one: (one.at, one.event.time, one.event.source, one.event.id))
        if sample != Sample():
            told = self._sampled(told, sample)
        return [Recorded(at=each.at, body=serialize(each.event)) for each in told]

    def _sampled(self, told: list[_Told], sample: Sample) -> list[_Told]:
        kin = Kin()
        for each in told:
            kin.add(self._normal(each.event))
        groups = kin.groups()
        places = {
            group: share_of(name_of(self._normal(told[group].event)), self._seed)
            for group in set(groups)
        }
        if sample.count is not None:
            chosen = set(sorted(places, key=lambda one: places[one])[: sample.count])
        else:
            chosen = {group for group, place in places.items() if place < sample.share}
        return [each for each, group in zip(told, groups, strict=True) if group in chosen]

    def _normal(self, event: Event) -> Event:
        if event.customer is None:
            return event
        return replace(event, customer=normalised(event.customer, self.policy.country))

    def frame(self, setup: Setup, behaviour: str) -> Frame:
        """What the report says of itself; ``behaviour`` is what it is called."""
        return Frame(
            since=setup.since,
            until=setup.until,
            currency=self.policy.currency,
            timezone=self.policy.zone.key,
            seed=self._seed,
            behaviour=behaviour,
            plans={key: self.plans[key] for key in self.live},
        )


def prepare(
    workspace: Path,
    environ: Mapping[str, str],
    *,
    only: Collection[str],
    drafts: bool,
    changes: Mapping[str, str],
    render: int | None,
    seed: str,
    settings: Settings | None = None,
) -> Prepared:
    """Read a workspace as it would be tried, under its own settings unless given.

    Raises ``SetupError`` or ``SettingsError``.
    """
    trial = Trial(only=tuple(only), drafts=drafts, changes=dict(changes), render=render)
    return Prepared(workspace, environ, trial, seed, settings)
