"""One of the processes that live through a part of the customers each, and what it tells.

The processes are forked when the workspace is compiled, so that nothing is compiled twice. Each is
connected to the one that began them, and ends with it.
"""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from typing import Final, NoReturn

from engine.large_pages import LargePages, large_pages
from engine.memory import give_back_large_blocks, never_collect
from engine.simulator.marks import Marks
from engine.simulator.simulation import Life, Outcome
from engine.simulator.spool import Recorded
from engine.simulator.spots import Limits, Spot, Watch
from engine.simulator.turns import PartTurns

_EVERY: Final = 0.05  # seconds between two words of where one stands
_USED_EVERY: Final = 1.0  # seconds between two words of what was used up


@dataclass(frozen=True, slots=True)
class Told:
    """Where a part stands: its clock, and how many events have come in."""

    at: datetime
    taken: int


@dataclass(frozen=True, slots=True)
class Used:
    """What a part has used of what all share: messages by campaign and window of its volume limit,
    and how many codes of each pool were ever out at once."""

    volumes: Mapping[tuple[str, datetime], int]
    codes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Paused:
    """A part stands still at this moment until it hears how far it may go."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Nightfall:
    """A part's share of a night: what has changed among its customers."""

    share: bytes


@dataclass(frozen=True, slots=True)
class Over:
    """A part has come to its end at this moment, having looked for what others may hold: records
    by the marks of their keys, by book, and codes."""

    at: datetime
    records: Mapping[str, Marks]
    codes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Came:
    """What came of a part; ``sought``: whether it holds what another part looked for."""

    outcome: Outcome
    sought: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """A part could not go on."""

    error: str
    trace: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Stand still, and say where."""


@dataclass(frozen=True, slots=True)
class Until:
    """Go as far as this moment."""

    moment: datetime


@dataclass(frozen=True, slots=True)
class Night:
    """The shares of the others, part by part."""

    others: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Sought:
    """What the others looked for."""

    records: Sequence[Mapping[str, Marks]]
    codes: frozenset[str]


class Shard:
    """The part's side, and ``engine.simulator.turns.Post``.

    ``others``: ends of connections that are not its own. ``parts``: how many there are.
    ``appointed``: the fires at which all parts stand still.
    """

    def __init__(
        self,
        life: Life,
        connection: Connection,
        others: Iterable[Connection],
        parts: int,
        appointed: Iterable[Spot],
    ) -> None:
        self._life = life
        self._connection = connection
        self._others = others
        self._limit: datetime | None = None
        self._is_paused = False
        self._told = self._told_used = 0.0
        self._pages: LargePages | None = None
        premises = life.premises
        self._turns = PartTurns(
            premises.memory,
            Limits(premises.revisions.plans.current),
            self,
            start=life.setup.since,
            parts=parts,
            watched=appointed,
        )

    def run(self, history: Iterable[Recorded]) -> None:
        """Live through a part of the history, until everything is told or nobody listens."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that began it decides
        for each in self._others:
            each.close()
        never_collect()
        give_back_large_blocks()
        self._pages = large_pages()
        try:
            self._live(history)
        except (EOFError, BrokenPipeError, ConnectionResetError):
            _vanish()
        except BaseException as error:
            self.send(Failed(type(error).__name__, traceback.format_exc()))

    def _live(self, history: Iterable[Recorded]) -> None:
        self._life.premises.stocktaking.share_by(self._swap)
        self._life.premises.sweep.share_by(self._turns)
        self._life.premises.advance.share_by(self._turns)
        complete = self._life.live(history, self._tell, self._may_pass)
        memory = self._life.premises.memory
        self._turns.tell_braked()
        self._tell_used()
        self._turns.end()
        now = self._life.premises.clock.now()
        self.send(Over(now, memory.asked, frozenset(memory.asked_codes)))
        answer = self.hear()
        assert isinstance(answer, Sought)
        sought = any(memory.was_asked_for(each) for each in answer.records) or any(
            memory.coupons.of(code) for code in answer.codes
        )
        self.send(Came(self._life.outcome(complete), sought))

    def send(self, word: object) -> None:
        """Say something."""
        self._connection.send(word)

    def hear(self) -> object:
        """Wait for the next word that only who waits for it understands, and go on with it."""
        while self._heed(word := self._connection.recv()):
            pass
        self._stand_while_paused()
        return word

    def listen(self) -> None:
        """Take in what was said meanwhile."""
        while self._connection.poll():
            word = self._connection.recv()
            assert self._heed(word), word
            self._stand_while_paused()

    def _tell(self, now: datetime, taken: int) -> bool:
        if (moment := time.monotonic()) - self._told > _EVERY:
            self._told = moment
            self._turns.tell_braked()
            self.send(Told(now, taken))
            if moment - self._told_used > _USED_EVERY:
                self._told_used = moment
                self._tell_used()
                if self._pages is not None:
                    self._pages.gather()
            self.listen()
        return True

    def _tell_used(self) -> None:
        memory = self._life.premises.memory
        self.send(Used(dict(memory.volumes), memory.pools.most_out()))

    def _may_pass(self, moment: datetime) -> bool:
        self._turns.pass_on(moment)
        return self._limit is None or moment <= self._limit

    def _swap(self, share: bytes) -> Sequence[bytes]:
        self.send(Nightfall(share))
        self._life.use_time(lambda: not self._connection.poll())
        answer = self.hear()
        assert isinstance(answer, Night)
        return answer.others

    def _heed(self, word: object) -> bool:
        """Do what is done whatever is waited for; whether it is that."""
        match word:
            case Pause():
                self._is_paused = True
                self.send(Paused(self._life.premises.clock.now()))
            case Until():
                self._is_paused = False
                self._limit = word.moment
            case Watch():
                self._turns.watch(word.spot)
            case _:
                return False
        return True

    def _stand_while_paused(self) -> None:
        while self._is_paused:
            word = self._connection.recv()
            assert self._heed(word), word


def _vanish() -> NoReturn:
    """End without a word: the process that began this one is gone."""
    os._exit(1)
