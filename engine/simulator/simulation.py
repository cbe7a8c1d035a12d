"""One simulation from its first event to its end, or to where somebody stopped it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from config.settings import Settings, load_settings
from engine.core.message import Outgoing
from engine.passage import live
from engine.ports.storage import Incoming
from engine.setup import read_policy
from engine.simulator.behaviour import UNMOVED, Behaviour
from engine.simulator.customers import Customers
from engine.simulator.figures import Figures, Tally
from engine.simulator.house import doors_of, house_of
from engine.simulator.premises import Trial, furnish
from engine.simulator.recorded import Recollection
from engine.simulator.spool import Recorded
from engine.simulator.witness import Account, Witness
from triggers.sources.native import deserialize

SHOWN: Final = 2  # sample messages of a campaign on a channel
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
    recollection: Recollection | None = None  # None: every message is met as the behaviour says


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message that was rendered, for people to look at."""

    campaign: str
    channel: str
    subject: str | None
    text: str


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What came of it. ``reached`` is where the clock stood at the end.

    ``account`` is there when each message was looked at.
    """

    figures: Figures
    reached: datetime
    complete: bool
    samples: list[Shown] = field(default_factory=list)
    volumes: dict[tuple[str, datetime], int] = field(default_factory=dict)
    account: Account | None = None


class _Stopped(Exception):
    """Somebody wants it to end here."""


def simulate(
    setup: Setup,
    history: Iterable[Recorded],
    progress: Progress,
    witness: Witness | None = None,
) -> Outcome:
    """Live through a history, sorted by arrival.

    ``progress`` is told the clock and how many events have come in, now and then; when it answers
    False the simulation ends, and the figures are those until then. ``witness`` looks at each
    message that goes out. Raises ``SetupError``.
    """
    samples: dict[tuple[str, str], list[Shown]] = {}
    settings = setup.settings or load_settings(setup.workspace, setup.environ)
    tally = Tally(read_policy(setup.workspace, setup.trial.changes).zone)

    def look(outgoing: Outgoing) -> None:
        _show(samples, outgoing)
        if witness is not None:
            witness.look(outgoing)

    premises = furnish(
        setup.workspace,
        settings,
        tally,
        start=setup.since,
        trial=setup.trial,
        look=look,
        price=(setup.behaviour or Behaviour()).price,
    )
    for pool, size in setup.pools.items():
        premises.memory.pools.limit(pool, size)
    customers = Customers(
        doors_of(premises), setup.behaviour or UNMOVED, setup.seed, setup.recollection
    )
    tally.on_sent = customers.got

    def tell(now: datetime, taken: int) -> None:
        if not progress(now, taken):
            raise _Stopped

    complete = True
    try:
        live(
            house_of(premises),
            _arrivals(history, setup.since),
            setup.until,
            crowd=customers,
            progress=tell,
        )
    except _Stopped:
        complete = False
    figures = tally.close(premises.memory)
    customers.settle(figures, premises.memory)
    return Outcome(
        figures=figures,
        reached=premises.clock.now(),
        complete=complete,
        samples=[each for _, found in sorted(samples.items()) for each in found],
        volumes=premises.memory.volumes,
        account=None
        if witness is None
        else witness.account(premises.memory, premises.revisions.plans.current),
    )


def _arrivals(history: Iterable[Recorded], since: datetime) -> Iterator[Incoming]:
    for each in history:
        yield Incoming(
            event=deserialize(each.body),
            body=each.body,
            received_at=max(each.at, since),
            backfill=each.at < since,
        )


def _show(samples: dict[tuple[str, str], list[Shown]], outgoing: Outgoing) -> None:
    found = samples.setdefault((outgoing.campaign, outgoing.channel), [])
    if len(found) < SHOWN:
        content = outgoing.content
        found.append(
            Shown(
                campaign=outgoing.campaign,
                channel=outgoing.channel,
                subject=content.subject,
                text=content.text,
            )
        )
