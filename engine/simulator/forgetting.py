"""What a simulation of months need not remember: journeys and messages that are long over.

Decisions look back as far as caps, gaps and goals reach, simulated customers do what they do with
a message within days, and what re-entry needs is kept by itself. What lies before all that would
only be counted at the end, so it is counted when it is let go.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from engine.core.customer import Line, Order
from engine.core.guards import GuardRules
from engine.core.world import Journey, JourneyStatus
from engine.programs.purchases import microseconds
from engine.simulator.memory import Memory
from engine.simulator.person import OPEN, Person, is_goal_open
from engine.simulator.unit import messages_since

_REACTIONS: Final = timedelta(days=30)  # more than simulated customers take for anything


def looks_back(rules: GuardRules) -> timedelta:
    """How far back anything in a simulation looks for what is over."""
    return messages_since(rules.look_back) + _REACTIONS


_NAMES: Final = tuple(one.name for one in fields(Line))
_values: Final = attrgetter(*_NAMES)


def forget(memory: Memory, before: datetime, count: Callable[[Journey], None]) -> None:
    """Let go of what was over before then; ``count`` is given each journey for the last time.

    Nothing may ask for such a message afterwards: not for histories that tell what was done with
    messages, or where somebody looks at all messages in the end.
    """
    for person in memory.people.values():
        for order in person.orders.values():
            if order.placed_at is not None and order.placed_at < before:
                _pack(order)
        for message_id in _messages(person, before):
            message = person.messages.pop(message_id)
            person.settled.pop(message_id, None)
            del memory.messages[message_id]
            if message.sent_at is not None:
                person.sent.append(microseconds(message.sent_at))
        told = {message.journey_id for message in person.messages.values()}
        for journey_id in [
            key
            for key, journey in person.journeys.items()
            if key not in told and _is_over(journey, before)
        ]:
            count(person.journeys.pop(journey_id))
            person.moving.pop(journey_id, None)
            del memory.journeys[journey_id]
        while person.recent and person.recent[0].id not in person.messages:
            person.recent.popleft()


def _pack(order: Order) -> None:
    if not isinstance(order.lines, PackedLines):
        order.lines = PackedLines(order.lines)


def _messages(person: Person, before: datetime) -> Sequence[str]:
    return [
        key
        for key, message in person.messages.items()
        if message.created_at < before
        and message.status not in OPEN
        and (message.sent_at is None or message.sent_at < before)
        and message.send_at < before
    ]


def _is_over(journey: Journey, before: datetime) -> bool:
    if journey.status is JourneyStatus.LIVE:
        return False
    return (journey.ended_at or journey.entered_at) < before and not is_goal_open(journey, before)


class PackedLines(Mapping[str, Line]):
    """The lines of an order that is history, in a quarter of the room; unpacked when looked at."""

    __slots__ = ("_packed",)

    def __init__(self, lines: Mapping[str, Line]) -> None:
        self._packed = pickle.dumps([_values(line) for line in lines.values()])

    def __getitem__(self, line_id: str) -> Line:
        return self._lines()[line_id]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines())

    def __len__(self) -> int:
        return len(self._lines())

    def _lines(self) -> dict[str, Line]:
        packed = pickle.loads(self._packed)  # noqa: S301 (nobody else has written it)
        return {values[0]: Line(**dict(zip(_NAMES, values, strict=True))) for values in packed}
