"""Simulated customers at work: what they do goes in by the doors that real ones use.

Opens, clicks and complaints are receipts, answers come from the survey's page, an opt-out from the
link in the message, and a purchase is an order's events. A message that really went out is met with
what it was really met with, and a call that was really held comes to what it came to; how others
are follows from the behaviour.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from engine.core.asking import CALLED
from engine.core.book import Record
from engine.core.evaluate import is_met
from engine.core.facts import Facts
from engine.core.identity import IdentityKey
from engine.core.message import Message
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.core.survey import SurveyKind
from engine.core.verbs import AskSurvey
from engine.core.world import World
from engine.links import Links, Purpose
from engine.ports.decisions import Decisions
from engine.ports.stored import Incoming
from engine.programs.call_tasks import CallTask, Closed, complete, not_reached
from engine.programs.calls import CallQueue
from engine.services.batch import OWN_SOURCE, Batch
from engine.services.call_desk import NoQueue, change_call
from engine.services.handover import HandOver
from engine.services.ingest import Ingest
from engine.services.receive import Receive
from engine.services.replies import Replies
from engine.services.revisions import Revisions
from engine.services.surveys import Surveys
from engine.services.unsubscribe import UnknownMessage, Unsubscribe
from engine.simulator.behaviour import Behaviour, Deed, Habit, Manner, Reaction, habit, reactions
from engine.simulator.figures import Figures
from engine.simulator.memory import Memory
from engine.simulator.recorded import (
    NOTHING,
    Done,
    Recollection,
    receipt_of,
    shifted,
    text_of,
)
from triggers.event import CustomerFacts, Event, OrderFacts
from triggers.sources.native import serialize

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DOT: Final = timedelta(minutes=10)
_DELIVERED_AFTER: Final = timedelta(days=5)
_KINDS: Final = {
    "open": ReceiptKind.OPENED,
    "click": ReceiptKind.CLICKED,
    "complain": ReceiptKind.COMPLAINED,
}
_PROVIDER: Final = "simulation"
_FIRST_ORDER: Final = Decimal(50)  # what somebody buys of whom no order is known
# When, with which message, as its how manieth.
_Planned = tuple[datetime, str, int, Reaction | Done]
# All that a habit hangs on but the customer.
_Sort = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """By what customers come in."""

    storage: Decisions
    revisions: Revisions
    handover: HandOver
    ingest: Ingest
    receive: Receive
    replies: Replies
    surveys: Surveys
    unsubscribe: Unsubscribe
    links: Links


class Customers:
    """``engine.passage.Crowd``: everybody who got a message.

    ``on_over`` is told of each with which nobody does anything any more.
    """

    def __init__(
        self,
        doors: Doors,
        behaviour: Behaviour,
        seed: str,
        recollection: Recollection | None = None,
    ) -> None:
        self._doors = doors
        self._behaviour = behaviour
        self._seed = seed
        self._recollection = recollection or NOTHING
        self._planned: list[_Planned] = [
            (one.at, "", number, one) for number, one in enumerate(self._recollection.unasked)
        ]
        self._unsent = len(self._planned)  # how much was planned that is about no message
        self._callers: dict[str, str] = {}  # whom a call task that is done again is about
        heapq.heapify(self._planned)
        self._parcels: list[tuple[datetime, str, str]] = []  # order and customer
        self._fresh: list[Message] = []  # went out at this moment
        self._left: dict[str, int] = {}  # how much is still to be done with each message
        self.on_over: Callable[[Message], None] = lambda message: None
        self._again: set[str] = set()  # messages that really went out
        self._done: Counter[tuple[str, str]] = Counter()  # by (campaign, deed)
        self._replayed: Counter[tuple[str, str]] = Counter()
        self._worth = Decimal(0)
        self._habits: dict[_Sort, Habit] = {}

    def got(self, message: Message) -> None:
        """A message went out; what is done with it is planned when all of its moment is over."""
        self._fresh.append(message)

    def _plan(self, message: Message) -> None:
        sent = message.sent_at
        if sent is None:
            return
        if self._recollection.knows(message.id):
            self._again.add(message.id)
            again = self._recollection.again(message.id, sent)
            for place, (at, done) in enumerate(again):
                heapq.heappush(self._planned, (at, message.id, place, done))
            self._expect(message, len(again))
            return
        found = reactions(message.id, self._habit(message, sent), self._seed)
        for place, each in enumerate(found):
            at = _on_the_dot(sent + each.after)
            heapq.heappush(self._planned, (at, message.id, place, each))
        self._expect(message, len(found))

    def assigned(self, customer_id: str, record: Record) -> None:
        """A call task was made, has changed, or is another customer's now: it is closed as it
        really was, if it ever was."""
        call = record.key
        if not self._recollection.knows(call):
            return
        is_known = call in self._callers
        self._callers[call] = customer_id
        if is_known:
            return
        self._again.add(call)
        for at, done in self._recollection.again(call, record.at):
            heapq.heappush(self._planned, (at, "", self._unsent, done))
            self._unsent += 1

    def _expect(self, message: Message, more: int) -> None:
        """So much more is to be done with the message."""
        left = self._left.get(message.id, 0) + more
        if left:
            self._left[message.id] = left
        else:
            self._left.pop(message.id, None)
            self.on_over(message)

    def expected(self) -> set[str]:
        """The messages with which somebody is still to do something."""
        return {*self._left, *(each.id for each in self._fresh)}

    def next_at(self) -> datetime | None:
        """When the next of them does something."""
        if self._fresh:
            fresh, self._fresh = self._fresh, []
            for message in fresh:
                self._plan(message)
        planned, parcels = self._planned, self._parcels
        if not parcels:
            return planned[0][0] if planned else None
        return min(planned[0][0], parcels[0][0]) if planned else parcels[0][0]

    def act(self, now: datetime) -> None:
        """Let everybody do what they planned, by (time, message)."""
        planned, parcels = self._planned, self._parcels
        if planned and planned[0][0] <= now:
            acting: list[_Planned] = []
            while planned and planned[0][0] <= now:
                acting.append(heapq.heappop(planned))
            self._act(acting, now)
        while parcels and parcels[0][0] <= now:
            _, order, customer = heapq.heappop(parcels)
            self._tell("order.delivered", OrderFacts(id=order, partial=True), customer, now)

    def _act(self, acting: Sequence[_Planned], now: datetime) -> None:
        messages = self._messages({message_id for _, message_id, _, _ in acting if message_id})
        receipts: list[Receipt] = []
        for _, message_id, _, each in acting:
            message = messages[message_id] if message_id else None
            if isinstance(each, Done):
                receipt = self._repeat(each, message, now)
            else:
                assert message is not None
                receipt = self._react(each, message, now)
            if receipt is not None:
                receipts.append(receipt)
        if receipts:
            self._doors.receive.take(receipts)
        for _, message_id, _, _ in acting:
            if message_id:
                self._expect(messages[message_id], -1)

    def settle(self, figures: Figures, memory: Memory) -> None:
        """Tell what was done, and keep it apart from what the history told."""
        figures.done += self._done
        figures.replayed += self._replayed
        figures.left_out += sum(
            _is_known(one, memory)
            for message, done in self._recollection.done.items()
            if message not in self._again
            for one in done
        )
        figures.bought = sum(count for (_, deed), count in self._done.items() if deed == "buy")
        figures.bought_worth = self._worth
        figures.orders -= figures.bought
        figures.revenue -= self._worth

    def _react(self, each: Reaction, message: Message, now: datetime) -> Receipt | None:
        """Do it; a receipt is given back, so that those of one moment come in together."""
        self._done[message.campaign, each.deed] += 1
        match each.deed:
            case "open" | "click" | "complain":
                return _receipt(message.id, each.deed, now)
            case "answer":
                self._answer(message, each.score)
            case "unsubscribe":
                self._unsubscribe(message.id)
            case "buy":
                self._buy(message, now)
        return None

    def _repeat(self, done: Done, message: Message | None, now: datetime) -> Receipt | None:
        by = now - done.at
        if message is not None:
            self._replayed[message.campaign, done.deed or ""] += 1
            receipt = receipt_of(done, message, by)
            if receipt is not None:
                return receipt
        if done.call is not None:
            self._close(done, done.call, now)
            return None
        text = text_of(done)
        if text is not None and not self._is_known(text.sender):
            return None  # whoever it is is lived through elsewhere, or not at all
        if text is not None:
            self._doors.replies.take(text)
            return None
        self._take(shifted(done.event, by), now)
        return None

    def _close(self, done: Done, call: str, now: datetime) -> None:
        """Note what came of a call; nothing where the task has been withdrawn."""
        doors, told = self._doors, done.event.data

        def closed(task: CallTask, queues: Mapping[str, CallQueue], at: datetime) -> CallTask:
            note = told.get("note")
            if done.event.type == CALLED:
                return complete(task, str(told.get("outcome") or ""), note, None, at)
            queue = queues.get(task.queue)
            while task.is_open:
                if queue is None:
                    raise NoQueue(task.queue)
                task = not_reached(task, queue.team, queue.retry, note, None, at)
            return task

        try:
            with doors.storage.deciding() as unit:
                batch = Batch(unit, doors.revisions.configuration(unit), doors.handover)
                change_call(batch, self._callers[call], call, closed, now)
        except (Closed, NoQueue):
            return
        self._replayed[str(told.get("campaign") or ""), done.deed or ""] += 1

    def _is_known(self, number: str) -> bool:
        with self._doors.storage.deciding() as unit:
            return bool(unit.holders(number))

    def _messages(self, ids: Collection[str]) -> dict[str, Message]:
        with self._doors.storage.deciding() as unit:
            return unit.messages(ids)

    def _world(self, customer_id: str, now: datetime) -> World:
        with self._doors.storage.deciding() as unit:
            return unit.load([customer_id], now=now)[customer_id]

    def _habit(self, message: Message, sent: datetime) -> Habit:
        """How who gets this message meets such messages; what hangs on them alone is looked up."""
        sort = (message.campaign, message.revision, message.step, message.channel, message.purpose)
        known = self._habits.get(sort)
        if known is None:
            segment = self._segment(message, sent)
            manner = self._behaviour.manner(message.channel, message.campaign, segment)
            known = habit(manner, message.purpose, self._kind(message))
            if not self._behaviour.segments:
                self._habits[sort] = known
        return known

    def _segment(self, message: Message, now: datetime) -> Manner | None:
        if not self._behaviour.segments:
            return None
        values = Facts(self._world(message.customer_id, now), now=now)
        for each in self._behaviour.segments:
            if is_met(each.condition, values):
                return each.manner
        return None

    def _kind(self, message: Message) -> SurveyKind | None:
        plan = self._doors.revisions.plans.revisions.get((message.campaign, message.revision))
        index = None if plan is None else plan.step_index.get(message.step)
        step = None if plan is None or index is None else plan.steps[index]
        return step.kind if isinstance(step, AskSurvey) else None

    def _answer(self, message: Message, score: int | None) -> None:
        kind = self._kind(message)
        if kind is not None and score is not None:
            self._doors.surveys.answer(message.id, kind, score, how="page")

    def _unsubscribe(self, message_id: str) -> None:
        token = self._doors.links.token(Purpose.UNSUBSCRIBE, message_id)
        try:
            self._doors.unsubscribe.unsubscribe(token, "one-click")
        except UnknownMessage:  # their address is another one by now
            return

    def _buy(self, message: Message, now: datetime) -> None:
        customer = self._world(message.customer_id, now).customer
        worth = _FIRST_ORDER
        if customer.orders_count:
            worth = (customer.total_spent / customer.orders_count).quantize(Decimal("0.01"))
        order = f"simulated-{message.id}"
        currency = self._doors.revisions.policy.currency
        facts = OrderFacts(
            id=order, number=order[:19], total=worth, currency=currency, placed_at=now
        )
        self._worth += worth
        self._tell("order.placed", facts, customer.id, now)
        heapq.heappush(self._parcels, (now + _DELIVERED_AFTER, order, customer.id))

    def _tell(self, kind: str, order: OrderFacts, customer: str, now: datetime) -> None:
        event = Event(
            id=f"{kind}:{order.id}",
            source=OWN_SOURCE,
            type=kind,
            time=now,
            customer=CustomerFacts(id=customer),
            order=order,
        )
        self._take(event, now)

    def _take(self, event: Event, now: datetime) -> None:
        incoming = Incoming(event=event, body=serialize(event), received_at=now)
        self._doors.ingest.take([incoming])


def _on_the_dot(at: datetime) -> datetime:
    """The next full ten minutes: nothing hangs on when in them somebody opens a message, and what
    is done at one moment is taken in together."""
    return at + (_EPOCH - at) % _DOT


def _receipt(message_id: str, deed: Deed, now: datetime) -> Receipt:
    return Receipt(
        provider=_PROVIDER,
        id=f"{deed}:{message_id}",
        kind=_KINDS[deed],
        message_id=message_id,
        at=now,
        verdict=Verdict.REPORTED if deed == "complain" else Verdict.NOTHING,
    )


def _is_known(done: Done, memory: Memory) -> bool:
    """Whether whoever did it is among the customers who were simulated."""
    facts = done.event.customer
    if facts is None:
        return False
    if facts.id is None:
        return IdentityKey("phone", facts.phone or "") in memory.identities
    return memory.aliases.get(facts.id, facts.id) in memory.people
