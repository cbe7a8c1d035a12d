"""A shop of one customer for tests of the decision core: short ways to write plans and events."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from config.durations import Duration, Rate, parse
from engine.core.campaign import CampaignStatus, Entry, EventTrigger, Goal, Plan, Plans, Stage
from engine.core.context import CodeState, Context, Shared, StepPrograms
from engine.core.customer import Consent, Customer, Order, Ticket
from engine.core.decision import DecisionKind, EntryVerdict
from engine.core.expression import Condition, compile_condition
from engine.core.facts import FIELDS, OPEN_PREFIXES
from engine.core.guards import Allow, GuardRules
from engine.core.journey import (
    before_sending,
    next_due,
    on_event,
    on_handed_over,
    on_step,
    on_withheld,
)
from engine.core.message import Message, MessageStatus
from engine.core.transition import Transition
from engine.core.verbs import EventMatch, Step
from engine.core.vocabulary import Field, FieldType, Vocabulary
from engine.core.world import Journey, JourneyStatus, Waiting, World
from engine.programs.program import Programs

T0 = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)  # a Monday
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
VIENNA = ZoneInfo("Europe/Vienna")
RULES = GuardRules(
    store_zone=VIENNA,
    zones={"Europe/Vienna": VIENNA, "America/New_York": ZoneInfo("America/New_York")},
    quiet={},
    caps=(),
    min_gap=None,
    max_lateness={
        "email": Duration(days=1),
        "sms": Duration(seconds=4 * 3600),
        "voice": Duration(seconds=3600),
    },
)
_RESULTS = {
    f"{step}.{name}": Field(type=FieldType.BOOL)
    for step in ("ask", "remind", "w")
    for name in ("sent", "clicked", "failed", "skipped", "happened", "timed_out")
}
_SPLIT = {"ab.variant": Field(type=FieldType.STRING, nullable=True)}
VOCABULARY = Vocabulary(
    fields={**FIELDS, **_RESULTS, **_SPLIT}, open_prefixes=frozenset(OPEN_PREFIXES)
)


def when(source: str) -> Condition:
    """A condition over everything that the tests' plans know."""
    return compile_condition(source, VOCABULARY)


def steps(*parts: Mapping[str, Any]) -> tuple[Step, ...]:
    """Steps in a row: each mapping holds ``kind`` and the fields of that class."""
    made = []
    for index, part in enumerate(parts):
        given = {"id": f"step_{index + 1}", "next": index + 1, **part}
        kind = given.pop("kind")
        made.append(kind(index=index, **given))
    return tuple(made)


def plan(*parts: Mapping[str, Any], **given: Any) -> Plan:
    """A live, order-keyed plan that starts at ``order.delivered`` unless told otherwise."""
    trigger = given.pop("on", "order.delivered")
    key = given.pop("key", "order.id")
    re_entry = given.pop("re_entry", "never")
    goal = given.pop("goal", None)
    base: dict[str, Any] = {
        "id": "review",
        "revision": "r1",
        "name": "Review",
        "stage": Stage.ADVOCACY,
        "status": CampaignStatus.LIVE,
        "purpose": "transactional",
        "priority": 50,
        "trigger": EventTrigger(event=trigger),
        "entry": Entry(key=key, re_entry=re_entry),
        "steps": steps(*parts),
    }
    if goal is not None:
        base["goal"] = Goal(match=EventMatch(event=goal), within=parse("30d"))
    return Plan(**(base | given))


def default_exits() -> dict[str, Any]:
    """What order campaigns exit on unless their author says otherwise."""
    events = ("order.refunded", "order.cancelled", "order.returned", "order.disputed")
    return {
        "exit_on": tuple(EventMatch(event=event) for event in events),
        "exit_on_full_refund_only": True,
    }


@dataclass
class Volume:
    """A volume limit that lets so many messages pass."""

    left: int = 1_000_000

    def take_volume(self, campaign: str, limit: Rate, now: datetime) -> bool:
        self.left -= 1
        return self.left >= 0

    def take_code(self, pool: str, claim: str) -> str | None:
        return None

    def settle_code(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        raise AssertionError("nobody has taken a code")


@dataclass
class Shop:
    """One world, its plans and its clock."""

    plans: Plans
    now: datetime = T0
    rules: GuardRules = RULES
    shared: Shared = field(default_factory=Volume)
    programs: StepPrograms = field(default_factory=Programs)
    braked: dict[str, str] = field(default_factory=dict)
    world: World = field(
        default_factory=lambda: World(
            customer=Customer(
                id="c-1", created_at=T0, email="ann@example.com", phone="+43660123456"
            )
        )
    )

    @classmethod
    def of(cls, *given: Plan, held: Mapping[str, str] | None = None, **more: Any) -> "Shop":
        return cls(plans=Plans.of(given, held=held), **more)

    @property
    def context(self) -> Context:
        return Context(
            now=self.now,
            rules=self.rules,
            shared=self.shared,
            programs=self.programs,
            braked=self.braked,
        )

    @property
    def journey(self) -> Journey:
        (only,) = self.world.journeys.values()
        return only

    @property
    def message(self) -> Message:
        (only,) = self.world.messages.values()
        return only

    def waiting(self) -> Waiting:
        return self.journey.waiting

    def status(self) -> JourneyStatus:
        return self.journey.status

    def order(self, order_id: str = "shopify:1", **given: Any) -> Order:
        base: dict[str, Any] = {"known": True, "total": Decimal(50), "placed_at": T0}
        order = Order(id=order_id, customer_id="c-1", **(base | given))
        self.world.orders[order_id] = order
        return order

    def ticket(self, ticket_id: str = "zendesk:1", **given: Any) -> Ticket:
        ticket = Ticket(id=ticket_id, customer_id="c-1", **given)
        self.world.tickets[ticket_id] = ticket
        return ticket

    def consent(self) -> None:
        email = self.world.customer.email or ""
        self.world.consents["email", email] = Consent(
            channel="email", address=email, status="subscribed", at=T0, source="test"
        )

    def tell(
        self,
        kind: str,
        /,
        *,
        at: datetime | None = None,
        order: str | None = "shopify:1",
        fact: str | None = None,
        enrol: bool = True,
        **data: Any,
    ) -> list[EntryVerdict]:
        """Tell an event; an order's fact is added to the order first, as projection does."""
        moment = self.now if at is None else at
        if order is not None and kind.startswith("order."):
            held = self.world.orders.get(order) or self.order(order)
            held.facts[fact or kind.partition(".")[2]] = moment
        event = transition(kind, moment, order=order, **data)
        return on_event(self.world, event, self.plans, self.context, enrol=enrol)

    def step(self, now: datetime | None = None) -> None:
        """Take every step due at ``now``."""
        self.now = self.now if now is None else now
        while (journey := next_due(self.world, self.now)) is not None:
            on_step(self.world, journey, self.plans, self.context)

    def send(self, message: Message | None = None) -> object:
        """Try to hand over one message now; the verdict."""
        message = message or self.message
        verdict = before_sending(self.world, message, self.plans, self.context)
        if isinstance(verdict, Allow):
            on_handed_over(self.world, message, self.plans, self.context)
        else:
            on_withheld(self.world, message, verdict, self.plans, self.context)
        return verdict

    def run_to(self, end: datetime) -> None:
        """Let time pass, from due moment to due moment: steps, then hand-overs."""
        while True:
            self.step()
            for message in sorted(self.waiting_messages(), key=lambda one: (one.send_at, one.id)):
                if message.send_at <= self.now and message.status is MessageStatus.SCHEDULED:
                    self.send(message)
            moments = [
                journey.due_at
                for journey in self.world.journeys.values()
                if journey.due_at is not None and not journey.parked
            ]
            moments += [message.send_at for message in self.waiting_messages()]
            following = min(moments, default=end)
            if following >= end:
                self.now = end
                return
            self.now = max(self.now, following)

    def waiting_messages(self) -> list[Message]:
        messages = self.world.messages.values()
        return [one for one in messages if one.status is MessageStatus.SCHEDULED]

    def sent_steps(self) -> list[str]:
        messages = self.world.messages.values()
        return [one.step for one in messages if one.status is MessageStatus.SENDING]

    def kinds(self) -> list[DecisionKind]:
        return [decision.kind for decision in self.world.changes.decisions]

    def codes(self, kind: DecisionKind) -> list[str]:
        return [one.code for one in self.world.changes.decisions if one.kind is kind]


def transition(
    kind: str, at: datetime, /, *, order: str | None = "shopify:1", **data: Any
) -> Transition:
    """A transition of the customer, of one order unless told otherwise."""
    ticket = data.pop("ticket", None)
    causes = data.pop("causes", ())
    return Transition(
        type=kind,
        time=at,
        id=f"{kind}:{order or 'c-1'}",
        order_id=order,
        ticket_id=ticket,
        data=data,
        causes=causes,
    )
