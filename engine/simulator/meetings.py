"""Turns in a simulation of several processes: the side of who began them.

What is said, and why nobody waits for ever, is told in ``engine.simulator.turns``.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import islice, takewhile

from engine.services.sweep import PAGE
from engine.simulator.spots import (
    Finish,
    Go,
    Key,
    Late,
    Limits,
    Looked,
    Portion,
    Spot,
    Stands,
    Stopped,
    Watch,
)

Word = Stands | Late | Looked | Stopped
_Waiting = tuple[Key, int, tuple[str, ...]]  # a customer: by what, whose, for which campaigns


@dataclass(slots=True)
class _Meeting:
    """Who has come to a spot, by number, and how far they are when they go by turns.

    ``tight``: the campaigns of which there is not enough for all.
    """

    spot: Spot
    standing: dict[int, Stands] = field(default_factory=dict)
    late: set[int] = field(default_factory=set)
    used: dict[int, Mapping[str, int]] = field(default_factory=dict)
    tight: set[str] = field(default_factory=set)
    held: set[str] = field(default_factory=set)
    queue: deque[_Waiting] = field(default_factory=deque)  # of the page
    end: Key = ("",)
    begun: set[int] = field(default_factory=set)  # who has had a portion of the page
    looking: set[int] = field(default_factory=set)


class Meetings:
    """All spots at which parts wait for each other.

    ``appointed``: those at which everybody stands still without being told. ``found`` are those
    where they went by turns; ``unsure``, with the campaigns, those at which somebody was late and
    there may not have been enough for all.
    """

    def __init__(
        self,
        limits: Limits,
        parts: int,
        send: Callable[[int, object], None],
        appointed: Collection[Spot] = (),
    ) -> None:
        self._limits, self._campaign = limits.limits, limits.campaign
        self._parts = parts
        self._send = send
        self._appointed = frozenset(appointed)
        self._meetings: dict[Spot, _Meeting] = {}
        self.found: set[Spot] = set()
        self.unsure: dict[Spot, set[str]] = {}

    def take(self, number: int, word: Word) -> None:
        """A part has said something."""
        meeting = self._meetings.get(word.spot)
        if meeting is None:
            meeting = self._call(word.spot, number)
        match word:
            case Stands():
                meeting.standing[number] = word
                meeting.used[number] = word.used
                self._gather(meeting)
            case Late():
                meeting.late.add(number)
                meeting.used[number] = word.used
                self._gather(meeting)
            case Looked():
                meeting.used[number] = word.used
                meeting.looking.discard(number)
                if not meeting.looking:
                    self._deal(meeting)
            case Stopped():
                meeting.held.add(word.campaign)
                if word.campaign == self._campaign(word.spot):  # nobody else is looked at
                    del meeting.standing[number]
                    self._release(meeting)

    def _call(self, spot: Spot, number: int) -> _Meeting:
        meeting = self._meetings[spot] = _Meeting(spot)
        if spot not in self._appointed:
            for other in range(self._parts):
                if other != number:
                    self._send(other, Watch(spot))
        return meeting

    def _gather(self, meeting: _Meeting) -> None:
        """Once everybody has come."""
        if len(meeting.standing) + len(meeting.late) < self._parts:
            return
        if not meeting.tight:
            wanted = Counter[str]()
            for each in meeting.standing.values():
                wanted.update(each.wanted)
            room = self._room(meeting)
            tight = {name for name, count in wanted.items() if count and count > room[name]}
            if not tight or meeting.late:
                if tight:
                    self.unsure[meeting.spot] = tight
                self._release(meeting)
                return
            self.found.add(meeting.spot)
            meeting.tight = tight
        self._turn_page(meeting)

    def _room(self, meeting: _Meeting) -> dict[str, int]:
        """How many messages there may still be, by campaign."""
        used = Counter[str]()
        for each in meeting.used.values():
            used.update(each)
        return {name: limit.count - used[name] for name, limit in self._limits.items()}

    def _turn_page(self, meeting: _Meeting) -> None:
        pages = (
            [
                (key, number, names)
                for key, names in one.wants
                if meeting.spot.is_fire or meeting.tight.intersection(names)
            ]
            for number, one in meeting.standing.items()
        )
        meeting.queue.extend(islice(merge(*pages), PAGE if meeting.spot.is_fire else None))
        if not meeting.queue:
            self._release(meeting)
            return
        meeting.end = meeting.queue[-1][0]
        self._deal(meeting)

    def _deal(self, meeting: _Meeting) -> None:
        """Give out the next portion of the page."""
        queue = meeting.queue
        if not queue:
            if meeting.spot.is_fire:
                self._finish(meeting)
            else:
                self._release(meeting)
            return
        tight = meeting.tight - meeting.held
        room = {name: left for name, left in self._room(meeting).items() if name in tight}
        portion = _for_sure(queue, dict(room))
        is_alone = not portion
        if is_alone:
            owner = queue[0][1]
            portion = list(takewhile(lambda each: each[1] == owner, queue))
        for _ in portion:
            queue.popleft()
        meeting.looking = {number for _, number, _ in portion}
        meeting.begun |= meeting.looking
        for number in sorted(meeting.looking):
            elsewhere = None
            if is_alone:
                used = meeting.used[number]
                elsewhere = {
                    name: self._limits[name].count - left - used.get(name, 0)
                    for name, left in room.items()
                }
            held = frozenset(meeting.held)
            self._send(number, Portion(meeting.end, portion[-1][0], elsewhere, held))

    def _finish(self, meeting: _Meeting) -> None:
        begun, meeting.begun = meeting.begun, set()
        for number in sorted(begun):
            del meeting.standing[number]
            self._send(number, Finish(frozenset(meeting.held)))

    def _release(self, meeting: _Meeting) -> None:
        del self._meetings[meeting.spot]
        held = frozenset(meeting.held)
        for number in sorted(meeting.standing):
            self._send(number, Finish(held) if number in meeting.begun else Go(held))


def _for_sure(queue: Collection[_Waiting], room: dict[str, int]) -> list[_Waiting]:
    """The first in a queue for whom there is surely enough; ``room`` is used up."""
    found = list[_Waiting]()
    for each in queue:
        for name in each[2]:
            if name in room:
                room[name] -= 1
                if room[name] < 0:
                    return found
        found.append(each)
    return found
