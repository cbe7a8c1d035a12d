"""Before a simulation: the workspace as it would be tried, and the history that it is tried on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.policy import Policy
from config.settings import Settings, load_settings
from engine.core.campaign import CampaignStatus, Plan
from engine.core.customer import Suppression
from engine.memory import collect_rarely, give_back_large_blocks
from engine.ports.clock import Clock, SystemClock
from engine.simulator.behaviour import Behaviour
from engine.simulator.figures import Tally
from engine.simulator.kin import Kin, Names, name_of, share_of
from engine.simulator.premises import Trial, furnish
from engine.simulator.reading import Line, Read, Reader
from engine.simulator.recorded import Done, Recollection, divide, part_of
from engine.simulator.report import Frame
from engine.simulator.simulation import Setup
from engine.simulator.spool import History, Spool, packed
from triggers.catalog import Catalog
from triggers.event import Event
from triggers.sources.native import Refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """So many groups of customers, or such a share of them, between 0 and 1."""

    count: int | None = None
    share: float = 1.0


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
        self._made = premises.made
        self.policy: Policy = premises.policy
        self.catalog: Catalog = premises.catalog
        self.plans: Mapping[str, Plan] = premises.revisions.plans.current
        self._spool, self._kin = Spool(), Kin()
        self._names = Names(self.policy.country)
        self._groups: Sequence[int] | None = None
        self._reactions: list[Done] = []
        self._sent: dict[str, datetime] = {}
        self._previewed: dict[str, datetime] = {}
        self.suppressed: list[Suppression] = []  # addresses as they stand in the end

    @property
    def live(self) -> list[str]:
        """The campaigns that would act."""
        return [key for key, one in self.plans.items() if one.status is CampaignStatus.LIVE]

    @property
    def campaigns(self) -> Collection[str]:
        """All campaigns of the workspace, those among them that are not tried."""
        return self._made.loader.load().keys()

    def add(self, event: Event, at: datetime | None = None) -> None:
        """Take in an event that arrived at ``at``, when it happened unless given.

        One of our own that the simulation will tell by itself is passed over. Raises OSError when
        there is no room for it on the disk.
        """
        match part_of(event):
            case "told":
                self._keep(event, at or event.time)
            case "reaction":
                self._place(event)
                self._reactions.append(Done(at=at or event.time, event=event))
            case "echo":
                pass

    def read(self, lines: Iterable[Line], workers: int) -> Iterator[tuple[int, Refused]]:
        """Take in what lines of JSON tell, in up to so many processes; those that tell nothing.

        Raises OSError when there is no room for them on the disk, and ``ReaderGone``.
        """
        collect_rarely()  # much is made, most of it stays, and none of it is in cycles
        give_back_large_blocks()
        reader = Reader(self.catalog, self.policy.country, self.clock.now())
        for number, found in reader.read_all(lines, workers):
            if isinstance(found, Read):
                self._spool.add(found.packed, self._related(found.names))
            elif isinstance(found, Refused):
                yield number, found
            else:
                self.add(found)

    def _keep(self, event: Event, at: datetime) -> None:
        self._spool.add(packed(event, at), self._place(event))

    def _place(self, event: Event) -> int:
        return self._related(self._names(event))

    def _related(self, names: Iterable[int]) -> int:
        assert self._groups is None, "it has been told who belongs together"
        return self._kin.add(names)

    def went_out(self, key: str, at: datetime, *, previewed: bool) -> None:
        """Take note of when a message really went out (``previewed``: to nobody), or somebody was
        really asked for a call."""
        (self._previewed if previewed else self._sent)[key] = at

    def seal(self) -> None:
        """Have all events on the disk. Raises OSError when there is no room for them."""
        self._spool.seal()

    def setup(
        self,
        *,
        since: datetime | None,
        until: datetime | None,
        afterwards: timedelta,
        behaviour: Behaviour | None = None,
    ) -> Setup:
        """What is simulated: by default all of the history, and some time ``afterwards``.

        Raises OSError when there is no room on the disk.
        """
        first, last = self._spool.span() or (self.clock.now(), self.clock.now())
        recollection = self._recollect(since or first)
        as_recorded = behaviour is not None and behaviour.as_recorded
        return Setup(
            workspace=self._workspace,
            environ=self._environ,
            trial=self._trial,
            since=since or first,
            until=until or last + afterwards,
            behaviour=behaviour,
            seed=self._seed,
            settings=self._settings,
            made=self._made,
            recollection=recollection if as_recorded else None,
            suppressed=[one for one in self.suppressed if one.at < (since or first)],
        )

    def _recollect(self, since: datetime) -> Recollection:
        """What was done with messages since; what was with those of before is history."""
        former, recollection = divide(self._reactions, self._sent, self._previewed, since)
        for one in former:
            self._keep(one.event, one.at)
        gone = {id(one) for one in former}
        self._reactions = [one for one in self._reactions if id(one) not in gone]
        return recollection

    def history(self, setup: Setup, sample: Sample) -> History:
        """The events of a sample of customers, sorted as they arrive; none after the end."""
        history = History(self._spool, self._spool.order(setup.until))
        return history if sample == Sample() else self._sampled(history, sample)

    def groups(self) -> Sequence[int]:
        """Which events have nothing to do with one another: the group of each place.

        Nothing can be added afterwards: the names by which that is known are let go.
        """
        if self._groups is None:
            for twins in self._spool.twins():
                self._kin.join(twins)
            self._groups = self._kin.groups()
            self._kin, self._names = Kin(), Names(self.policy.country)
        return self._groups

    def _sampled(self, history: History, sample: Sample) -> History:
        groups, places = self.groups(), self._spool.places()
        firsts: dict[int, int] = {}
        for number in history.numbers:
            firsts.setdefault(groups[places[number]], number)
        shares = {
            group: share_of(self._name(history, number), self._seed)
            for group, number in firsts.items()
        }
        if sample.count is not None:
            chosen = set(sorted(shares, key=lambda one: shares[one])[: sample.count])
        else:
            chosen = {group for group, share in shares.items() if share < sample.share}
        return history.where(lambda number: groups[places[number]] in chosen)

    def _name(self, history: History, number: int) -> str:
        return name_of(history.spool.recorded(number).event(), self.policy.country)

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
            rates=dict(self.policy.rate_limits),
            pools=setup.pools,
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
