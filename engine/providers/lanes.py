"""One queue for each sender under a rate limit, so that a slow one holds up no other."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from engine.core.message import Channel, Outgoing
from engine.providers.pacing import Rate, TokenBucket

HORIZON = 1.0  # seconds of waiting that a message may spend in a slot


class Lane:
    """The messages of one sender that wait for its rate limit, first come first served."""

    __slots__ = ("_bucket", "waiting")

    def __init__(self, bucket: TokenBucket) -> None:
        self.waiting: deque[Outgoing] = deque()
        self._bucket = bucket

    def release(self, now: float) -> tuple[list[Outgoing], float | None]:
        """Those that may go now, and the seconds until the next; ``None`` if none waits."""
        released: list[Outgoing] = []
        while self.waiting:
            wait = self._bucket.take(now)
            if wait > 0:
                return released, wait
            released.append(self.waiting.popleft())
        return released, None

    def room(self, now: float) -> int:
        """How many more would leave within the horizon."""
        return max(0, self._bucket.within(now, HORIZON) - len(self.waiting))


class Lanes:
    """The lane of each (channel, sender); channels without a limit have none.

    Times are in seconds from any fixed point. Not safe for threads by itself.
    """

    def __init__(self, limits: Mapping[Channel, Rate]) -> None:
        self._limits = dict(limits)
        self._lanes: dict[tuple[Channel, str], Lane] = {}

    def find(self, channel: Channel, sender: str, *, now: float) -> Lane | None:
        """The sender's lane, made when first asked for; ``None`` where no limit is set."""
        lane = self._lanes.get((channel, sender))
        if lane is None and (rate := self._limits.get(channel)) is not None:
            lane = self._lanes[channel, sender] = Lane(TokenBucket(rate, now=now))
        return lane

    def room(self, channel: Channel, sender: str, *, now: float, limit: int) -> int:
        """Room in the sender's lane; ``limit`` where there is no rate limit."""
        lane = self.find(channel, sender, now=now)
        return limit if lane is None else lane.room(now)

    def release_all(self, now: float) -> list[Outgoing]:
        """Those of every lane that may go now."""
        return [outgoing for lane in self._lanes.values() for outgoing in lane.release(now)[0]]

    def take_all(self) -> list[Outgoing]:
        """Empty every lane, limits aside."""
        taken = [outgoing for lane in self._lanes.values() for outgoing in lane.waiting]
        for lane in self._lanes.values():
            lane.waiting.clear()
        return taken
