"""What a simulation of months need not remember: journeys and messages that are long over.

Decisions look back as far as caps, gaps and goals reach, simulated customers do what they do with
a message within days, and what re-entry needs is kept by itself. What lies before all that would
only be counted at the end, so it is counted when it is let go.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from engine.core.guards import GuardRules
from engine.core.world import Journey, JourneyStatus
from engine.programs.purchases import microseconds
from engine.simulator.agenda import Agenda
from engine.simulator.memory import Memory
from engine.simulator.person import OPEN, Person
from engine.simulator.stowed import stow
from engine.simulator.unit import messages_since

_ROUND: Final = timedelta(days=10)  # between two looks for whom to visit
_MONTH: Final = timedelta(days=30)  # more than simulated customers take for anything


class Forgetting:
    """Lets go of what is over; ``count`` is given each journey for the last time.

    A customer is visited a month after something was kept of them, and again when more is over.
    Nothing may ask afterwards for a message of before: not for histories that tell what was done
    with messages, or where somebody looks at all messages in the end.
    """

    def __init__(
        self, memory: Memory, rules: GuardRules, count: Callable[[Journey], None], begin: datetime
    ) -> None:
        self._memory = memory
        self._counted_for = messages_since(rules.look_back)
        self._count = count
        self._last = begin
        self._visits: Agenda[str] = Agenda()

    def tidy(self, now: datetime) -> None:
        """Visit whom it is time to, now and then."""
        if now - self._last < _ROUND:
            return
        self._last = now
        memory, visits = self._memory, self._visits
        for customer_id in memory.touched:
            known = visits.at(customer_id)
            if known is None or known > now + _MONTH:
                visits.put(customer_id, now + _MONTH)
        memory.touched.clear()
        for customer_id in visits.due(now, len(memory.people)):
            person = memory.people.get(customer_id)
            again = None if person is None else self._visit(person, now)
            visits.put(customer_id, None if again is None else max(again, now + _MONTH))

    def _visit(self, person: Person, now: datetime) -> datetime | None:
        """Let go of what is over; when the rest will be over.

        What lives is touched when it ends, and whoever is touched is visited sooner.
        """
        memory, before = self._memory, now - _MONTH
        later: list[datetime] = []
        for message in list(person.messages.values()):
            if message.status in OPEN:
                continue
            last = max(message.created_at, message.send_at, message.sent_at or message.send_at)
            if last >= before:
                later.append(last + _MONTH)
                continue
            del person.messages[message.id], memory.messages[message.id]
            memory.clicks.pop(message.id, None)
            if message.sent_at is not None:
                person.sent.append(microseconds(message.sent_at))
        told = {message.journey_id for message in person.messages.values()}
        for journey in list(person.journeys.values()):
            if journey.status is JourneyStatus.LIVE or journey.id in told:
                continue
            last = _over_at(journey)
            if last >= before:
                later.append(last + _MONTH)
                continue
            self._count(journey)
            del person.journeys[journey.id], memory.journeys[journey.id]
            person.moving.pop(journey.id, None)
        since = now - self._counted_for
        for key, counted in list(person.counted.items()):
            if counted.made_at < since:
                del person.counted[key]
        if person.counted:
            later.append(counted.made_at + self._counted_for)
        stow(person.books, before)
        if person.orders.pack(before, {each.order_id for each in person.moving.values()}):
            later.append(now)
        return max(later, default=None)


def _over_at(journey: Journey) -> datetime:
    """When nothing more could come of a journey that has ended."""
    ended = journey.ended_at or journey.entered_at
    if journey.goal_at is None and journey.goal_until is not None:
        return max(ended, journey.goal_until)
    return ended
