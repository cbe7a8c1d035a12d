"""How long messages would wait for their sender's rate limit, reckoned from when they were sent.

In a simulation a provider takes every message at once. Afterwards the very same bucket that paces
the daemon (``engine.providers.pacing``) is filled and drained by the times at which they went: the
first in line leaves first. What the wait itself changes is not followed up: a message that waits
into quiet hours, beyond its ``max_lateness`` or past a refund would not go out then.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from engine.providers.pacing import Rate

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICRO: Final = timedelta(microseconds=1)
_ROUNDING: Final = 10.0  # microseconds: less than that is no wait but arithmetic
Sender = tuple[str, str]  # a channel, and an address or number of ours on it


class Departures:
    """When the messages of each sender were handed over; eight bytes a message."""

    def __init__(self) -> None:
        self._times: dict[Sender, array[int]] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Departures) and self._sorted() == other._sorted()

    __hash__ = None  # type: ignore[assignment]

    def note(self, channel: str, sender: str, at: datetime) -> None:
        """A message was handed over."""
        times = self._times.get((channel, sender))
        if times is None:
            times = self._times[channel, sender] = array("q")
        times.append((at - _EPOCH) // _MICRO)

    def join(self, other: Departures) -> None:
        """Take in those of other customers of the same shop."""
        for sender, times in other._times.items():
            self._times.setdefault(sender, array("q")).extend(times)

    def __iter__(self) -> Iterator[tuple[Sender, list[int]]]:
        """Each sender with its moments, in microseconds since the epoch and in order."""
        yield from self._sorted().items()

    def _sorted(self) -> dict[Sender, list[int]]:
        return {sender: sorted(times) for sender, times in sorted(self._times.items())}


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A line of messages at one sender: from when the first had to wait until the last had left."""

    since: datetime
    until: datetime
    messages: int
    longest: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """One sender: how many messages it was given, how many had to wait, and its worst queue."""

    channel: str
    sender: str
    messages: int
    waited: int
    worst: Queue | None


def backlogs(departures: Departures, limits: Mapping[str, Rate]) -> list[Backlog]:
    """Every sender on a channel that has a limit."""
    return [
        _backlog(channel, sender, times, limits[channel])
        for (channel, sender), times in departures
        if channel in limits
    ]


def _backlog(channel: str, sender: str, times: list[int], rate: Rate) -> Backlog:
    worst: Queue | None = None
    waited = 0
    for since, until, messages, longest in _queues(times, rate):
        waited += messages
        if worst is None or longest * _MICRO > worst.longest:
            worst = Queue(
                since=_EPOCH + since * _MICRO,
                until=_EPOCH + until * _MICRO,
                messages=messages,
                longest=longest * _MICRO,
            )
    return Backlog(
        channel=channel, sender=sender, messages=len(times), waited=waited, worst=worst
    )  # fmt: skip


def _queues(times: list[int], rate: Rate) -> Iterator[tuple[int, float, int, float]]:
    """Since, until, messages and longest wait of each line, in microseconds.

    A token bucket in its other form, the generic cell rate algorithm (ITU-T I.371, annex A): the
    bucket of ``burst`` tokens is full again at ``full``, one token takes ``step`` to refill.
    """
    if not times:
        return
    base, step = times[0], 1_000_000 / rate.per_second
    room, full = step * (rate.burst - 1), 0.0
    since, messages, longest, left = 0, 0, 0.0, 0.0
    for time in times:
        at = time - base
        left_at = max(float(at), full - room)
        full = max(full, left_at) + step
        wait = left_at - at
        if wait > _ROUNDING:
            if not messages:
                since = time
            messages, longest, left = messages + 1, max(longest, wait), left_at
        elif messages:
            yield since, base + left, messages, longest
            messages, longest = 0, 0.0
    if messages:
        yield since, base + left, messages, longest
