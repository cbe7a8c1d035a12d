"""What a simulation of months need not remember: journeys and messages that are long over.

Decisions look back as far as caps, gaps and goals reach, simulated customers do what they do with
a message within days, and what re-entry needs is kept by itself. What lies before all that would
only be counted at the end, so it is counted when it is let go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from engine.core.campaign import Plan
from engine.core.guards import GuardRules
from engine.core.message import Message
from engine.core.world import Contact, Journey, JourneyStatus
from engine.simulator.memory import Memory
from engine.simulator.person import NONE, OPEN, Person
from engine.simulator.press import Press
from engine.simulator.stowed import stow

MANY: Final = 50_000  # journeys and messages in a round
_ROOM: Final = 2  # that an order, or a line of one, takes in these
_ROUND: Final = timedelta(days=10)  # at least
_TURNS: Final = 64  # of a round, at most
_SETTLED: Final = timedelta(days=14)  # when most orders have arrived
_QUIET: Final = timedelta(days=10)  # since the last record, and the next may be long in coming


class Forgetting:
    """Lets go of what is over; ``count`` is given each journey for the last time, and ``got`` is
    told when somebody got a message.

    A journey that can come to nothing any more is let go of when it ends, unless a message of it
    may still change, and a message when the last has been done with it (``over``). Everybody of
    whom something is left is visited once in a round, which lasts until enough has come that it was
    worth it: ``many`` things, and a quarter of what was left. They are visited one after another
    all the time, for were all at once, most room would be taken just before. ``expected`` are the
    messages with which customers are still to do something. Nothing may ask afterwards for another
    that has gone out: not for histories that tell what was done with messages, or where somebody
    looks at all messages in the end.
    """

    def __init__(
        self,
        memory: Memory,
        rules: GuardRules,
        plans: Mapping[tuple[str, str], Plan],
        count: Callable[[Journey], None],
        got: Callable[[Person, datetime], None],
        expected: Callable[[], Collection[str]],
        begin: datetime,
        many: int = MANY,
    ) -> None:
        self._memory = memory
        self._rules = rules
        self._plans = plans  # by campaign and revision
        self._spans: dict[tuple[str, str, str | None], timedelta] = {}  # how long contacts count
        self._count = count
        self._got = got
        self._expected = expected
        self._many = many
        memory.let_go, memory.withheld = count, self.over
        self._began = begin  # the present round, of
        self._limit = many  # so many things to come meanwhile,
        self._next = float(many)  # of which so many by the next turn, and of
        self._round = 0  # so many customers,
        self._waiting: list[str] = []  # of whom these are still to be visited
        self._ordered = 0  # orders and lines that had come when it began
        self._entered = 0  # journeys likewise
        self._kept = 0  # messages that there were
        self._touched: set[str] = set()  # customers of whom something changed in the last round
        self._left: set[str] = set()  # of whom something was left in this one
        self._press = Press()  # of orders
        self._entries = Press()  # of points

    def tidy(self, now: datetime) -> None:
        """Visit those whose turn it is."""
        memory, waiting = self._memory, self._waiting
        come = memory.entered - self._entered + len(memory.messages) - self._kept
        come += _ROOM * (memory.ordered - self._ordered)
        if come < self._next:
            return
        passed = min(come / self._limit, (now - self._began) / _ROUND, 1.0)
        turn = len(waiting) - int(self._round * (1 - passed))
        if turn * _TURNS < self._round and passed < 1:
            return
        if turn > 0:
            expected = self._expected()
            for _ in range(turn):
                self._visit_next(now, expected)
        if passed == 1:
            self._begin(now)
        done = 1 - len(self._waiting) / self._round if self._round else 1.0
        self._next = self._limit * min(done + 1 / _TURNS, 1.0)

    def visit_while(self, is_time: Callable[[], bool], now: datetime) -> None:
        """Visit some before it is their turn, as long as there is time."""
        waiting = self._waiting
        if waiting and is_time():
            expected = self._expected()
            while waiting and is_time():
                self._visit_next(now, expected)

    def _begin(self, now: datetime) -> None:
        """Begin another round."""
        memory = self._memory
        people = memory.people
        self._kept = len(memory.messages)
        left = self._kept + sum(
            len(person.moving) + len(person.ended)
            for each in self._left
            if (person := people.get(each)) is not None
        )
        self._limit = max(self._many, left // 4)
        self._began, self._ordered, self._entered = now, memory.ordered, memory.entered
        self._touched, memory.touched = memory.touched, set()
        wanted, self._left = self._left | self._touched, set()
        self._waiting = [each for each in people if each in wanted]  # in the same order every time
        self._round = len(self._waiting)

    def _visit_next(self, now: datetime, expected: Collection[str]) -> None:
        each = self._waiting.pop()
        person = self._memory.people.get(each)
        if person is not None and self._visit(person, now, expected, each in self._touched):
            self._left.add(each)

    def _visit(
        self, person: Person, now: datetime, expected: Collection[str], is_touched: bool
    ) -> bool:
        """Let go of what is over; whether anything is left that will be."""
        if person.messages:
            self._forget_messages(person, expected)
        if person.moving or person.ended:
            self._forget_journeys(person, now, is_touched)
        if person.counted:
            still = person.open or ()
            person.keep_counted(
                lambda one: one.message_id in still or self._counts_until(one) > now
            )
        stow(person.books, now - _QUIET, self._entries)
        left = person.orders.pack(now - _SETTLED, person.customer.id, self._press)
        return left or bool(person.messages or person.moving or person.ended or person.counted)

    def over(self, message: Message) -> None:
        """Let go of a message that is withheld, or with which nobody does anything any more."""
        if message.status in OPEN:
            return
        person = self._memory.people[message.customer_id]
        if person.messages.pop(message.id, None) is not None:
            self._forget(person, message)
            if not person.messages:
                person.messages = NONE

    def _forget(self, person: Person, message: Message) -> None:
        del self._memory.messages[message.id]
        self._memory.receipts.pop(message.id, None)
        if message.sent_at is not None:
            self._got(person, message.sent_at)

    def _counts_until(self, contact: Contact) -> datetime:
        kind = contact.channel, contact.purpose, contact.topic
        if kind not in self._spans:
            self._spans[kind] = self._rules.counts_for(contact)
        return contact.at + self._spans[kind]

    def _forget_messages(self, person: Person, expected: Collection[str]) -> None:
        awaited = {journey.awaiting for journey in person.moving}
        left: dict[str, Message] = {}
        for key, message in person.messages.items():
            if message.status in OPEN or key in expected or key in awaited:
                left[key] = message
            else:
                self._forget(person, message)
        person.messages = left or NONE

    def _forget_journeys(self, person: Person, now: datetime, is_touched: bool) -> None:
        person.close(now)
        for key in [*person.ended]:
            if (over := person.let_go(key)) is not None:
                self._count(over)
        if is_touched:
            person.ended = {**person.ended} or NONE  # of its size
            for journey in person.moving:
                if journey.status is JourneyStatus.LIVE or person.awaits(journey.id):
                    continue
                journey.seen = NONE  # only steps to come wait for anything
                if journey.trigger and not self._asks(journey):
                    journey.trigger = NONE

    def _asks(self, journey: Journey) -> bool:
        """Whether the goal of a journey that has ended asks what it was begun by."""
        goal = self._plans[journey.campaign, journey.revision].goal
        condition = None if goal is None else goal.match.condition
        return condition is not None and any(
            name.startswith("trigger.") for name in condition.names
        )
