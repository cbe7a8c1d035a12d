"""What a command takes with all processes that it begins: time, processor time, memory at once."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final

_EVERY: Final = 3.0  # seconds between two looks, each of which walks all their pages
_SOON: Final = 0.1  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """``megabytes`` is the most that was seen of all processes together.

    Memory that several of them share is counted once (proportional set sizes; Linux).
    """

    output: str
    seconds: float
    processor_seconds: float
    megabytes: float


def run(command: Sequence[str]) -> Taken:
    """Run a command to its end. Raises RuntimeError with what it complained of if it fails."""
    with TemporaryFile("w+") as output, TemporaryFile("w+") as errors:
        began, busy, most, looked = time.perf_counter(), _processor_seconds(), 0.0, 0.0
        with subprocess.Popen(command, stdout=output, stderr=errors) as process:
            while process.poll() is None:
                if time.perf_counter() - looked > _EVERY:
                    most = max(most, sum(map(_megabytes, _family(process.pid))))
                    looked = time.perf_counter()
                time.sleep(_SOON)
        seconds = time.perf_counter() - began
        for stream in (output, errors):
            stream.seek(0)
        if process.returncode:
            raise RuntimeError(errors.read())
        return Taken(
            output=output.read(),
            seconds=seconds,
            processor_seconds=_processor_seconds() - busy,
            megabytes=most,
        )


def _processor_seconds() -> float:
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime


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
