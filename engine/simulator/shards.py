"""A simulation in several processes, each with customers who have nothing to do with the others'.

What comes of it is exactly what one process would have told. Customers share little, and each of
these is seen to:

- The shop's nights are about everybody: every part hands over what has changed among its customers
  and gets the others' changes, so all live through a night together.
- A campaign that comes to its volume limit stops itself for everybody. Where a schedule enrols so
  many that it may, the parts find the one message too many together (``engine.simulator.turns``).
- Else parts count volumes and a pool's codes for themselves. If all together have used more than
  there is, the simulation is done again: at the fires of schedules where that may have happened
  everybody stands still this time. Where there are none, it is done in one process.
- A record or code that one part looked for and another one holds (a referrer, somebody who passed
  on a coupon): the same.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from engine.memory import about_to_fork
from engine.simulator.meetings import Meetings
from engine.simulator.shard import (
    Came,
    Failed,
    Night,
    Nightfall,
    Over,
    Pause,
    Paused,
    Shard,
    Sought,
    Told,
    Until,
    Used,
)
from engine.simulator.simulation import Life, Outcome, Progress, Setup
from engine.simulator.spool import History
from engine.simulator.spots import Braked, Late, Limits, Looked, Spot, Stands, Stopped
from engine.simulator.witness import Witness

_FEW: Final = 2_000  # events for which another process does not pay
_LISTEN: Final = 0.1  # seconds
_TRIES: Final = 4  # in several processes; a second one is rare


class PartFailed(Exception):
    """One of the processes could not go on; the others were ended. ``trace`` is for developers."""

    def __init__(self, error: str, trace: str = "") -> None:
        super().__init__(error)
        self.trace = trace


class _Shared(Exception):
    """Customers of two parts share something after all; what, in words.

    ``spots``: fires at which that could be seen to; none where one process must do it.
    """

    def __init__(self, reason: str, spots: frozenset[Spot] = frozenset()) -> None:
        super().__init__(reason)
        self.spots = spots


def workers_for(events: int) -> int:
    """How many processes pay: one for each processor that this process may use."""
    return 1 if events < _FEW else processors()


def processors() -> int:
    """How many this process may use, where processes can be forked."""
    if "fork" not in get_all_start_methods():
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def simulate_together(
    setup: Setup,
    history: History,
    groups: Callable[[], Sequence[int]],
    progress: Progress,
    *,
    workers: int,
    witness: Witness | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """As ``engine.simulator.simulation.simulate``, in up to so many processes.

    ``groups`` as for ``History.parts``. ``say`` is told, in words, when one process had to do it
    after all. Raises ``SetupError`` and ``PartFailed``.
    """
    life = Life(setup, witness)
    texts = setup.recollection is not None and setup.recollection.unasked
    if workers > 1 and texts:
        say("simulating in one process: nobody knows whose some texts are")
    elif workers > 1 and "fork" in get_all_start_methods():
        parts = [part for part in history.parts(groups(), workers) if len(part)]
        if len(parts) > 1:
            try:
                return _conducted(life, parts, progress)
            except _Shared as reason:
                say(f"simulating in one process: {reason}")
    return life.outcome(life.live(history, progress))


def _conducted(life: Life, parts: Sequence[History], progress: Progress) -> Outcome:
    """Raises ``_Shared`` where one process must do it, and ``PartFailed``."""
    appointed: frozenset[Spot] = frozenset()
    tries = 0
    with about_to_fork():
        while True:
            tries += 1
            try:
                return _Conductor(life, parts, progress, appointed).conduct()
            except _Shared as reason:
                if tries >= _TRIES or reason.spots <= appointed:
                    raise
                appointed |= reason.spots


@dataclass(slots=True)
class _Part:
    """What is known of one process."""

    number: int
    process: BaseProcess
    connection: Connection
    at: datetime
    taken: int = 0
    used: Used | None = None
    paused: bool = False
    night: bytes | None = None
    over: Over | None = None
    came: Came | None = None


class _Conductor:
    """The side of the process that begins the parts."""

    def __init__(
        self,
        life: Life,
        histories: Sequence[History],
        progress: Progress,
        appointed: Collection[Spot],
    ) -> None:
        self._life = life
        self._limits = Limits(life.premises.revisions.plans.current)
        self._meetings = Meetings(self._limits, len(histories), self._send, appointed)
        self._progress = progress
        self._stopping = False
        self._parts: list[_Part] = []
        context = get_context("fork")
        for history in histories:
            ours, theirs = context.Pipe()
            others = [each.connection for each in self._parts] + [ours]
            shard = Shard(life, theirs, others, len(histories), appointed)
            process = context.Process(target=shard.run, args=(history,), daemon=True)
            process.start()
            theirs.close()
            self._parts.append(_Part(len(self._parts), process, ours, life.setup.since))

    def conduct(self) -> Outcome:
        """Have all parts live through their histories together."""
        try:
            while any(each.came is None for each in self._parts):
                self._listen()
            return self._joined()
        finally:
            for each in self._parts:
                if each.came is None:
                    each.process.kill()
                each.process.join()
                each.connection.close()

    def _listen(self) -> None:
        by_connection = {one.connection: one for one in self._parts if one.came is None}
        for ready in wait(list(by_connection), _LISTEN):
            assert isinstance(ready, Connection)
            part = by_connection[ready]
            try:
                self._take(part, ready.recv())
            except (EOFError, ConnectionResetError):
                part.process.join()
                raise PartFailed(
                    f"a process of the simulation ended by itself (exit code "
                    f"{part.process.exitcode}); was there enough memory?"
                ) from None
        parts = self._parts
        at, taken = min(each.at for each in parts), sum(each.taken for each in parts)
        if not self._progress(at, taken) and not self._stopping:
            self._stopping = True
            for each in parts:
                if each.over is None:
                    each.connection.send(Pause())

    def _take(self, part: _Part, word: object) -> None:
        match word:
            case Told():
                part.at, part.taken = word.at, word.taken
            case Used():
                part.used = word
                self._look_at_limits()
            case Paused():
                part.at, part.paused = word.at, True
                self._go_on()
            case Nightfall():
                part.night = word.share
                self._share_night()
            case Over():
                part.over = word
                part.at = word.at
                self._go_on()
                self._share_questions()
            case Came():
                part.came = word
            case Stands() | Late() | Looked() | Stopped():
                self._meetings.take(part.number, word)
            case Braked():
                raise self._shared(
                    f"{word.campaign} stops itself, for all customers", word.campaign
                )
            case Failed():
                raise PartFailed(f"a process of the simulation failed: {word.error}", word.trace)
            case _:
                raise AssertionError(word)

    def _go_on(self) -> None:
        """When all stand still: as far as the foremost has come, and no further."""
        if not self._stopping or any(one.over is None and not one.paused for one in self._parts):
            return
        moment = max(one.at for one in self._parts)
        for one in self._parts:
            if one.paused:
                one.paused = False
                one.connection.send(Until(moment))

    def _share_night(self) -> None:
        nights = [one.night for one in self._parts]
        if None in nights:
            return
        for number, one in enumerate(self._parts):
            one.night = None
            others = [each for place, each in enumerate(nights) if place != number and each]
            one.connection.send(Night(others))

    def _share_questions(self) -> None:
        asked = [one.over for one in self._parts if one.over is not None]
        if len(asked) < len(self._parts):
            return
        for one in self._parts:
            others = [each for each in asked if each is not one.over]
            records = [each.records for each in others]
            codes = frozenset(code for each in others for code in each.codes)
            one.connection.send(Sought(records, codes))

    def _joined(self) -> Outcome:
        came = [each.came for each in self._parts if each.came is not None]
        if any(each.sought for each in came):
            raise _Shared("one customer's code or referral counts for another's")
        whole = came[0].outcome
        for each in came[1:]:
            whole.add(each.outcome)
        return whole

    def _look_at_limits(self) -> None:
        """End it as soon as the parts together have used more than there is."""
        codes: Counter[str] = Counter()
        volumes: Counter[tuple[str, datetime]] = Counter()
        for each in self._parts:
            if each.used is not None:
                codes.update(each.used.codes)
                volumes.update(each.used.volumes)
        for pool, size in self._life.setup.pools.items():
            if codes[pool] > size:
                raise _Shared(f"the codes of {pool} do not suffice for everybody")
        plans = self._life.premises.revisions.plans.current
        for (campaign, _), count in volumes.items():
            limit = plans[campaign].volume_limit
            if limit is not None and count > limit.count:
                raise self._shared(f"{campaign} comes to its volume_limit", campaign)

    def _shared(self, reason: str, campaign: str) -> _Shared:
        """A campaign's limit was not seen to in time."""
        meetings = self._meetings
        if not any(campaign in names for names in meetings.unsure.values()):
            return _Shared(reason)
        return _Shared(reason, frozenset(meetings.found.union(meetings.unsure)))

    def _send(self, number: int, word: object) -> None:
        self._parts[number].connection.send(word)
