"""A file's lines become what a simulation needs of them, in several processes where that pays.

Reading a line, and packing what it tells, takes longer than all that is kept of it in one place:
where it stands in the order of arrival, and whom it may be about.
"""

from __future__ import annotations

import signal
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import islice
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from typing import Final, NamedTuple, NoReturn, Self

from engine.memory import collect_rarely
from engine.simulator.kin import Names
from engine.simulator.recorded import part_of
from engine.simulator.spool import Packed, packed
from triggers.catalog import Catalog
from triggers.event import Event
from triggers.sources.native import Refused, parse_line

_TOGETHER: Final = 500  # lines that are sent to a process at once
_FEW: Final = 4_000  # lines that one process reads before others would be there
_FOR_EVER: Final = timedelta.max  # under a virtual clock nothing is too early
Line = tuple[int, bytes]  # its number and itself


class Read(NamedTuple):
    """An event of the file's own, packed; ``names`` are what ``engine.simulator.kin.Kin`` takes."""

    packed: Packed
    names: tuple[int, ...]


Outcome = Read | Event | Refused


class Reader:
    """Reads lines of JSON that were there at ``now``. ``country`` is the shop's."""

    def __init__(self, catalog: Catalog, country: str | None, now: datetime) -> None:
        self._catalog, self._now = catalog, now
        self._names = Names(country)

    def read(self, line: Line) -> Outcome:
        """What one line tells; the event itself where it is no simple part of the history."""
        number, body = line
        event = parse_line(
            body, received_at=self._now, catalog=self._catalog, index=number, ahead=_FOR_EVER
        )
        if isinstance(event, Refused) or part_of(event) != "told":
            return event
        return Read(packed=packed(event, event.time), names=self._names(event))

    def read_all(self, lines: Iterable[Line], workers: int) -> Iterator[tuple[int, Outcome]]:
        """What all lines tell, in their order, with their numbers.

        Raises ``ReaderGone`` when one of the processes ends before its time.
        """
        lines = iter(lines)
        yield from self._read_some(islice(lines, _FEW))
        if workers < 2 or "fork" not in get_all_start_methods():
            yield from self._read_some(lines)
            return
        chunks = iter(lambda: list(islice(lines, _TOGETHER)), [])
        busy: deque[_Helper] = deque()
        with ExitStack() as stack:
            for chunk in islice(chunks, workers):
                busy.append(stack.enter_context(_Helper(self)))
                busy[-1].give(chunk)
            while busy:
                helper = busy.popleft()
                found = helper.take()
                following = next(chunks, None)
                if following is not None:
                    helper.give(following)
                    busy.append(helper)
                yield from found

    def _read_some(self, lines: Iterable[Line]) -> Iterator[tuple[int, Outcome]]:
        return ((line[0], self.read(line)) for line in lines)

    def serve(self, connection: Connection) -> None:
        """Read what the other process sends, until it ends or has nothing more."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that began it decides
        collect_rarely()
        try:
            while True:
                connection.send(list(self._read_some(connection.recv())))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            return


class ReaderGone(Exception):
    """A process that read lines has ended by itself."""


class _Helper:
    """A process that reads lines. One lot is with it at a time: were two, each side could wait for
    the other to take what it sends."""

    def __init__(self, reader: Reader) -> None:
        context = get_context("fork")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=reader.serve, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.kill()
        self._process.join()

    def give(self, lines: Sequence[Line]) -> None:
        """Have it read these. Raises ``ReaderGone``."""
        try:
            self._connection.send(lines)
        except (BrokenPipeError, ConnectionResetError):
            self._raise_gone()

    def take(self) -> list[tuple[int, Outcome]]:
        """What they tell. Raises ``ReaderGone``."""
        try:
            found: list[tuple[int, Outcome]] = self._connection.recv()
        except (EOFError, ConnectionResetError):
            self._raise_gone()
        return found

    def _raise_gone(self) -> NoReturn:
        self._process.join()
        raise ReaderGone(
            f"a process that reads events ended by itself (exit code {self._process.exitcode}); "
            "was there enough memory?"
        ) from None
