"""One simulation from its first event to its end, or to where somebody stopped it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from config.settings import Settings, load_settings
from engine.core.customer import Suppression
from engine.core.world import Changes
from engine.memory import uncollected
from engine.passage import live
from engine.ports.stored import Incoming
from engine.setup import read_policy
from engine.simulator.behaviour import UNMOVED, Behaviour
from engine.simulator.customers import Customers
from engine.simulator.figures import Figures, Tally
from engine.simulator.forgetting import Forgetting
from engine.simulator.house import doors_of, house_of
from engine.simulator.premises import Made, Trial, furnish
from engine.simulator.recorded import Recollection
from engine.simulator.sampling import Firsts, Shown
from engine.simulator.spool import Recorded
from engine.simulator.witness import Account, Witness

Progress = Callable[[datetime, int], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What is simulated: a workspace's campaigns over some time.

    What arrived before ``since`` is imported then, as history that enrols nobody; schedules, too,
    begin at that moment. ``settings`` are those of the workspace unless given. ``pools`` are the
    sizes of pools of coupon codes; one that is not named never runs dry.
    """

    workspace: Path
    environ: Mapping[str, str]
    trial: Trial
    since: datetime
    until: datetime
    behaviour: Behaviour | None = None  # None: customers do what the history tells, and no more
    seed: str = "1"
    settings: Settings | None = None
    pools: Mapping[str, int] = field(default_factory=dict)
    suppressed: Sequence[Suppression] = ()  # before ``since``
    made: Made | None = None  # of this workspace, under these changes
    recollection: Recollection | None = None  # None: every message is met as the behaviour says


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it. ``reached`` is where the clock stood at the end.

    ``account`` is there when each message was looked at.
    """

    figures: Figures
    reached: datetime
    complete: bool
    firsts: Firsts
    volumes: dict[tuple[str, datetime], int] = field(default_factory=dict)
    account: Account | None = None

    @property
    def samples(self) -> list[Shown]:
        """Some of the messages, for people to look at."""
        return self.firsts.samples()

    def add(self, other: Outcome) -> None:
        """Take in what came of other customers of the same shop over the same time."""
        self.figures.add(other.figures)
        self.reached = max(self.reached, other.reached)
        self.complete = self.complete and other.complete
        self.firsts.add(other.firsts)
        for window, count in other.volumes.items():
            self.volumes[window] = self.volumes.get(window, 0) + count
        if self.account is not None and other.account is not None:
            self.account.add(other.account)


class _Stopped(Exception):
    """Somebody wants it to end here."""


class Life:
    """A simulated shop whose past is about to be lived through.

    Without a ``witness`` what was over months ago is let go, unless it ``remembers``: that changes
    nothing but the memory that it takes. Raises ``SetupError``.
    """

    def __init__(
        self, setup: Setup, witness: Witness | None = None, *, remembers: bool = False
    ) -> None:
        behaviour = setup.behaviour or UNMOVED
        self.setup = setup
        self._witness = witness
        self._forgetting: Forgetting | None = None
        reacted = setup.recollection is not None and setup.recollection.tells
        self._forgets = not (remembers or reacted or witness is not None)
        self._tally = Tally(read_policy(setup.workspace, setup.trial.changes).zone)
        self.premises = premises = furnish(
            setup.workspace,
            setup.settings or load_settings(setup.workspace, setup.environ),
            self._tally,
            start=setup.since,
            trial=setup.trial,
            look=None if witness is None else witness.look,
            price=behaviour.price,
            made=setup.made,
            in_full=("sms",) if "sms" in behaviour.costs else (),  # which cost by their length
        )
        for pool, size in setup.pools.items():
            premises.memory.pools.limit(pool, size)
        premises.memory.permits.take(Changes(suppressions=tuple(setup.suppressed)))
        self._customers = Customers(
            doors_of(premises), behaviour, setup.seed, setup.recollection
        )  # fmt: skip
        self._tally.on_sent = self._customers.got
        if reacted:
            premises.memory.assigned = self._customers.assigned

    def live(
        self,
        history: Iterable[Recorded],
        progress: Progress,
        goes_on: Callable[[datetime], bool] = lambda moment: True,
    ) -> bool:
        """Live through it; whether to the end. ``goes_on`` as for ``engine.passage.live``."""
        complete, premises = True, self.premises
        forgetting = None
        if self._forgets:
            forgetting = Forgetting(
                premises.memory,
                premises.rules,
                premises.revisions.plans.revisions,
                self._tally.ended,
                self._tally.got,
                self._customers.expected,
                self.setup.since,
            )
            self._customers.on_over = forgetting.over
            self._forgetting = forgetting

        def tell(now: datetime, taken: int) -> None:
            if not progress(now, taken):
                raise _Stopped
            if forgetting is not None:
                forgetting.tidy(now)

        def passes(moment: datetime) -> bool:
            nonlocal complete
            complete = goes_on(moment)
            return complete

        try:
            with uncollected():
                live(
                    house_of(premises),
                    _arrivals(history, self.setup.since),
                    self.setup.until,
                    crowd=self._customers,
                    progress=tell,
                    goes_on=passes,
                )
        except _Stopped:
            complete = False
        return complete

    def use_time(self, is_time: Callable[[], bool]) -> None:
        """Do what is to be done some time, as long as there is time now."""
        if self._forgetting is not None:
            self._forgetting.visit_while(is_time, self.premises.clock.now())

    def outcome(self, complete: bool) -> Outcome:
        """What came of it; to be asked once."""
        premises, witness = self.premises, self._witness
        figures = self._tally.close(premises.memory)
        self._customers.settle(figures, premises.memory)
        return Outcome(
            figures=figures,
            reached=premises.clock.now(),
            complete=complete,
            firsts=premises.rendered.firsts,
            volumes=premises.memory.volumes,
            account=None
            if witness is None
            else witness.account(premises.memory, premises.revisions.plans.current),
        )


def simulate(
    setup: Setup,
    history: Iterable[Recorded],
    progress: Progress,
    witness: Witness | None = None,
    *,
    remembers: bool = False,
) -> Outcome:
    """Live through a history, sorted by arrival, in this process.

    ``progress`` is told the clock and how many events have come in, now and then; when it answers
    False the simulation ends, and the figures are those until then. ``witness`` looks at each
    message that goes out, and ``remembers`` is as for ``Life``. Raises ``SetupError``.
    """
    life = Life(setup, witness, remembers=remembers)
    return life.outcome(life.live(history, progress))


def _arrivals(history: Iterable[Recorded], since: datetime) -> Iterator[Incoming]:
    for each in history:
        yield Incoming(
            event=each.event(),
            received_at=max(each.at, since),
            backfill=each.at < since,
        )
