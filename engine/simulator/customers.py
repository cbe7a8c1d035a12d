"""Simulated customers at work: what they do goes in by the doors that real ones use.

Opens, clicks and complaints are receipts, answers come from the survey's page, an opt-out from the
link in the message, and a purchase is an order's events.
"""

from __future__ import annotations

import heapq
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from engine.core.evaluate import evaluate
from engine.core.facts import bind
from engine.core.message import Message
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.core.survey import SurveyKind
from engine.core.verbs import AskSurvey
from engine.links import Purpose
from engine.ports.storage import Incoming
from engine.services.batch import OWN_SOURCE
from engine.services.unsubscribe import UnknownMessage
from engine.simulator.behaviour import Behaviour, Deed, Manner, Reaction, reactions
from engine.simulator.figures import Figures
from engine.simulator.premises import Premises
from triggers.event import CustomerFacts, Event, OrderFacts
from triggers.sources.native import serialize

_DELIVERED_AFTER: Final = timedelta(days=5)
_KINDS: Final = {
    "open": ReceiptKind.OPENED,
    "click": ReceiptKind.CLICKED,
    "complain": ReceiptKind.COMPLAINED,
}
_PROVIDER: Final = "simulation"
_FIRST_ORDER: Final = Decimal(50)  # what somebody buys of whom no order is known
_Planned = tuple[datetime, str, Deed, int | None]


class Customers:
    """``engine.passage.Crowd``: everybody who got a message."""

    def __init__(self, premises: Premises, behaviour: Behaviour, seed: str) -> None:
        self._premises = premises
        self._behaviour = behaviour
        self._seed = seed
        self._planned: list[_Planned] = []
        self._parcels: list[tuple[datetime, str, str]] = []  # order and customer
        self._done: Counter[tuple[str, str]] = Counter()  # by (campaign, deed)
        self._worth = Decimal(0)

    def got(self, message: Message) -> None:
        """A message went out; plan what is done with it."""
        sent = message.sent_at
        if sent is None:
            return
        manner = self._behaviour.manner(message, self._segment(message, sent))
        for each in reactions(message, manner, self._kind(message), self._seed):
            self._plan(message.id, sent, each)

    def _plan(self, message_id: str, sent: datetime, each: Reaction) -> None:
        heapq.heappush(self._planned, (sent + each.after, message_id, each.deed, each.score))

    def next_at(self) -> datetime | None:
        """When the next of them does something."""
        heads = [heap[0][0] for heap in (self._planned, self._parcels) if heap]
        return min(heads, default=None)

    def act(self, now: datetime) -> None:
        """Let everybody do what they planned, by (time, message)."""
        receipts: list[Receipt] = []
        while self._planned and self._planned[0][0] <= now:
            _, message_id, deed, score = heapq.heappop(self._planned)
            message = self._premises.memory.messages[message_id]
            self._done[message.campaign, deed] += 1
            match deed:
                case "open" | "click" | "complain":
                    receipts.append(_receipt(message_id, deed, now))
                case "answer":
                    self._answer(message, score)
                case "unsubscribe":
                    self._unsubscribe(message_id)
                case "buy":
                    self._buy(message, now)
        if receipts:
            self._premises.receive.take(receipts)
        while self._parcels and self._parcels[0][0] <= now:
            _, order, customer = heapq.heappop(self._parcels)
            self._tell("order.delivered", OrderFacts(id=order, partial=True), customer, now)

    def settle(self, figures: Figures) -> None:
        """Tell what was done, and keep it apart from what the history told."""
        figures.done += self._done
        figures.bought = sum(count for (_, deed), count in self._done.items() if deed == "buy")
        figures.bought_worth = self._worth
        figures.orders -= figures.bought
        figures.revenue -= self._worth

    def _segment(self, message: Message, now: datetime) -> Manner | None:
        if not self._behaviour.segments:
            return None
        premises = self._premises
        person = premises.memory.people[message.customer_id]
        premises.memory.turn_page(person)
        world = person.world(now=now, since=now, complete=False, books=None, message_ids=())
        premises.memory.permits.fill(world)
        for each in self._behaviour.segments:
            values = bind(
                each.condition.names, world, order=None, ticket=None, trigger={}, results={},
                event=None, now=now, rules=premises.rules,
            )  # fmt: skip
            if evaluate(each.condition, values).met:
                return each.manner
        return None

    def _kind(self, message: Message) -> SurveyKind | None:
        plan = self._premises.revisions.plans.revisions.get((message.campaign, message.revision))
        index = None if plan is None else plan.step_index.get(message.step)
        step = None if plan is None or index is None else plan.steps[index]
        return step.kind if isinstance(step, AskSurvey) else None

    def _answer(self, message: Message, score: int | None) -> None:
        kind = self._kind(message)
        if kind is not None and score is not None:
            self._premises.surveys.answer(message.id, kind, score, how="page")

    def _unsubscribe(self, message_id: str) -> None:
        token = self._premises.links.token(Purpose.UNSUBSCRIBE, message_id)
        try:
            self._premises.unsubscribe.unsubscribe(token, "one-click")
        except UnknownMessage:  # their address is another one by now
            return

    def _buy(self, message: Message, now: datetime) -> None:
        customer = self._premises.memory.people[message.customer_id].customer
        worth = _FIRST_ORDER
        if customer.orders_count:
            worth = (customer.total_spent / customer.orders_count).quantize(Decimal("0.01"))
        order = f"simulated-{message.id}"
        currency = self._premises.policy.currency
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
        self._premises.ingest.take([Incoming(event=event, body=serialize(event), received_at=now)])


def _receipt(message_id: str, deed: Deed, now: datetime) -> Receipt:
    return Receipt(
        provider=_PROVIDER,
        id=f"{deed}:{message_id}",
        kind=_KINDS[deed],
        message_id=message_id,
        at=now,
        verdict=Verdict.REPORTED if deed == "complain" else Verdict.NOTHING,
    )
