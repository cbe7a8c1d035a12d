"""What this process and those that it begins take: time, processor time, memory of all at once."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_EVERY: Final = 3.0  # seconds between two looks, each of which walks all their pages


class Watched:
    """Looks at them while it is entered. ``megabytes`` is the most that was seen .

    Memory that several of them share is counted once (proportional set sizes; Linux).
    """

    def __init__(self) -> None:
        self.seconds = self.processor_seconds = self.megabytes = 0.0
        self._over = threading.Event()
        self._looking = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._began, self._busy = time.perf_counter(), _processor_seconds()
        self._looking.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.seconds = time.perf_counter() - self._began
        self.processor_seconds = _processor_seconds() - self._busy
        self._over.set()
        self._looking.join()

    def _look(self) -> None:
        while True:
            self.megabytes = max(self.megabytes, sum(map(_megabytes, _family(os.getpid()))))
            if self._over.wait(_EVERY):
                return


def _processor_seconds() -> float:
    own = os.times()
    return own.user + own.system + own.children_user + own.children_system


def _family(process: int) -> list[int]:
    """A process and all that come of it."""
    found = [process]
    try:
        for thread in Path(f"/proc/{process}/task").iterdir():
            for child in (thread / "children").read_text().split():
                found += _family(int(child))
    except OSError:  # it has ended meanwhile
        pass
    return found


def _megabytes(process: int) -> float:
    try:
        rows = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next(int(row.split()[1]) / 1024 for row in rows if row.startswith("Pss:"))
