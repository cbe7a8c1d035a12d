"""The program's processes: started with charges, killed, started again."""

from __future__ import annotations

import json
import math
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Literal

from engine.ports.faults import Action, Fault
from tests.chaos.life import PROGRAM, begin, run
from tests.e2e.processes import children

Role = Literal["all", "web", "worker"]
_WEB = (
    Fault.ACCEPT_WRITTEN, Fault.ACCEPT_COMMITTED, Fault.RECEIPTS_APPLIED, Fault.RECEIPTS_STORED,
)  # fmt: skip
# Not reached by a daemon within minutes; afterwards, by programs of their own.
LATER = (
    Fault.SETTLEMENT_ASKED, Fault.SETTLEMENT_DECIDED, Fault.RETENTION_PAGE, Fault.ERASURE_DECIDED,
    Fault.ERASURE_COMMITTED,
)  # fmt: skip
# Met by daemons, too; but what one has leased when it is killed waits for minutes.
LEASED = (Fault.OUTBOX_CLAIMED, Fault.OUTBOX_POSTED)
LIVE = tuple(fault for fault in Fault if fault not in LATER)
_RARE = frozenset(  # may come but once in a life
    {
        Fault.REVISION_PAGE,
        Fault.ORPHANS_FOUND,
        Fault.OUTBOX_CLAIMED,
        Fault.OUTBOX_POSTED,
        Fault.DRAINING,
    }
)
_ACTIONS: tuple[Action, ...] = ("kill", "raise")
# Told to end, a process has nothing to go on with.
ONLY_KILLS = frozenset({Fault.DRAINING})


@dataclass(slots=True)
class Wanted:
    """How often each fault has still to happen; shared by every process."""

    left: Counter[tuple[Fault, Action]]

    @classmethod
    def times(cls, faults: Sequence[Fault], kills: int, failures: int) -> Wanted:
        """So many of each."""
        left: Counter[tuple[Fault, Action]] = Counter()
        for fault in faults:
            left[fault, "kill"] = kills
            left[fault, "raise"] = 0 if fault in ONLY_KILLS else failures
        return cls(left)

    def charges(self, role: Role, chance: random.Random, passages: int) -> str:
        """What the next life is asked to do, for ``LAGNIAPPE_FAULTS``: every fault still wanted."""
        told = []
        for fault in {fault for fault, _ in self.left}:
            if role != "all" and (fault in _WEB) != (role == "web"):
                continue
            actions = [each for each in _ACTIONS if self.left[fault, each] > 0]
            if actions:
                passage = 1 if fault in _RARE else chance.randint(1, passages)
                told.append(f"{fault}:{chance.choice(actions)}:{passage}")
        return ",".join(sorted(told))

    def happened(self, fault: Fault, action: Action) -> None:
        """One less."""
        self.left[fault, action] -= 1

    def missing(self) -> list[str]:
        """What never happened often enough."""
        return sorted(f"{fault}:{action}" for (fault, action), n in self.left.items() if n > 0)

    def missing_of(self, faults: Container[Fault]) -> list[str]:
        """Of these."""
        return [each for each in self.missing() if Fault(each.partition(":")[0]) in faults]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was done to the processes."""

    faults: Counter[tuple[Fault, Action]] = field(default_factory=Counter)
    random_kills: int = 0
    checkpoint_kills: int = 0
    told_to_end: int = 0
    could_not_start: int = 0
    logs: list[Path] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """Processes that ended as by ``kill -9``."""
        at_points = sum(n for (_, action), n in self.faults.items() if action == "kill")
        return at_points + self.random_kills + self.checkpoint_kills


@dataclass(slots=True, kw_only=True)
class Post:
    """One place in the crew, held by one process after another."""

    role: Role
    workspace: Path
    environ: Mapping[str, str]
    wanted: Wanted
    tally: Tally
    chance: random.Random
    lives: tuple[float, float]  # seconds from when it is at work, the shortest and the longest
    passages: int
    process: ForkServerProcess | None = None
    _log: Path = field(default=Path(), init=False)
    _is_up: bool = field(default=False, init=False)
    _ends_at: float = field(default=0.0, init=False)
    _drains: bool = field(default=False, init=False)
    _signalled: bool = field(default=False, init=False)
    _again_at: float = field(default=0.0, init=False)
    _cut_at: float = field(default=0.0, init=False)

    def start(self, *, charged: bool) -> None:
        """Begin a life; ``charged``: with faults, and an end to come."""
        environ = dict(self.environ)
        if charged and (charges := self.wanted.charges(self.role, self.chance, self.passages)):
            environ["LAGNIAPPE_FAULTS"] = charges
        if len(self.tally.logs) % 4 == 3:
            environ["LAGNIAPPE_SENDER"] = "thread"
        wants_drain = self.wanted.left[Fault.DRAINING, "kill"] > 0
        self._drains = charged and (wants_drain or self.chance.random() < 0.2)
        self._log = self.workspace / f"{self.role}-{len(self.tally.logs)}.log"
        self.tally.logs.append(self._log)
        arguments = ("run",) if self.role == "all" else ("run", "--role", self.role)
        self.process = begin(
            PROGRAM, *arguments, folder=self.workspace, environ=environ, log=self._log
        )
        self._signalled = False
        self._cut_at = math.inf
        # One in ten is killed while it starts.
        self._is_up = charged and self.chance.random() < 0.1
        self._ends_at = time.monotonic() + (self.chance.uniform(0.1, 2.0) if self._is_up else 60.0)

    def look(self) -> None:
        """End the life whose time has come, and begin a new one where one has ended."""
        if self.process is None:
            if time.monotonic() >= self._again_at:
                self.start(charged=True)
            return
        if self.process.exitcode is not None:
            self._bury()
        elif not self._is_up:
            self._is_up = '"started"' in self._log.read_text()
            if self._is_up:
                life = self.chance.uniform(*self.lives)
                self._ends_at = time.monotonic() + life
                self._cut_at = self._ends_at - life * self.chance.uniform(0.3, 1.0)
        elif time.monotonic() >= self._cut_at:
            self._cut_at = math.inf
            self._kill_its_calls()
        elif time.monotonic() >= self._ends_at:
            if self._drains and not self._signalled:
                self._signalled = True
                self.process.terminate()
                self._ends_at += 40.0
            else:
                self.kill()

    def kill(self, *, at_checkpoint: bool = False) -> None:
        """``kill -9``, unless it has just ended by itself."""
        assert self.process is not None
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
            if at_checkpoint:
                self.tally.checkpoint_kills += 1
            elif not self._signalled:
                self.tally.random_kills += 1
        self._bury(counted=True)

    def _kill_its_calls(self) -> None:
        """``kill -9`` of the process that calls the providers; the other goes on."""
        assert self.process is not None
        for pid in children(self.process.pid or 0):
            os.kill(pid, signal.SIGKILL)
            self.tally.random_kills += 1

    def _bury(self, *, counted: bool = False) -> None:
        assert self.process is not None
        killed = self._note_faults()
        code = self.process.exitcode
        if not killed and not counted:
            if code in (0, -signal.SIGTERM) and self._signalled:
                self.tally.told_to_end += 1
            elif code in (1, 3):  # the database was not there
                self.tally.could_not_start += 1
                self._again_at = time.monotonic() + 0.5
            else:
                raise AssertionError(f"ended by itself with {code}:\n{self._log.read_text()}")
        self.process = None

    def _note_faults(self) -> bool:
        killed = False
        for told in log_lines(self._log):
            if told.get("event") == "fault":
                fault, action = Fault(told["point"]), told["action"]
                self.tally.faults[fault, action] += 1
                self.wanted.happened(fault, action)
                killed |= action == "kill"
        return killed

    def end(self) -> int | None:
        """SIGTERM and the exit code."""
        assert self.process is not None
        self.process.terminate()
        self.process.join(90)
        code = self.process.exitcode
        self.process = None
        return code


def log_lines(log: Path) -> Iterator[dict[str, Any]]:
    """What a process said, as far as it was written to its end."""
    for line in log.read_text(errors="replace").splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except ValueError:
                continue  # cut off by the kill


def run_charged(
    module: str,
    *arguments: str,
    folder: Path,
    environ: Mapping[str, str],
    tally: Tally,
    wanted: Wanted,
    charges: str,
) -> int | None:
    """A program that ends by itself, with charges; its exit code."""
    log = folder / f"{arguments[0]}-{len(tally.logs)}.log"
    told = {**environ, **({"LAGNIAPPE_FAULTS": charges} if charges else {})}
    code = run(module, *arguments, folder=folder, environ=told, log=log)
    for said in log_lines(log):
        if said.get("event") == "fault":
            tally.faults[Fault(said["point"]), said["action"]] += 1
            wanted.happened(Fault(said["point"]), said["action"])
    tally.logs.append(log)
    return code
