"""Why: the deciding rule first, for every way in which a customer can pass a campaign by."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo, available_timezones

import pytest

from config.durations import Duration
from config.policy import Policy
from engine.core.campaign import (
    CampaignStatus,
    DateTrigger,
    Entry,
    EventTrigger,
    Plan,
    Plans,
    ScheduleTrigger,
    Stage,
)
from engine.core.context import Context
from engine.core.customer import Consent, Customer, Order
from engine.core.decision import EntryVerdict, VerdictCode
from engine.core.expression import Condition, compile_condition
from engine.core.facts import FIELDS, OPEN_PREFIXES
from engine.core.journey import next_due, on_event, on_handed_over, on_step
from engine.core.message import MessageStatus
from engine.core.transition import Transition
from engine.core.verbs import Delay, EventMatch, SendEmail
from engine.core.vocabulary import Vocabulary
from engine.core.world import World
from engine.ports.history import (
    History,
    LoggedEvent,
    LoggedJourney,
    LoggedMessage,
    MessageDetail,
    MessageFilter,
)
from engine.ports.history import Tail as LogTail
from engine.programs.program import Programs
from engine.services.case import Case, Outcome, Question
from engine.services.configuration import compile_rules
from engine.services.history import entry_of
from engine.services.message_log import follow
from engine.services.why import answer, answers
from tests.core.shop import Volume

NOW = datetime(2026, 3, 10, 16, tzinfo=UTC)
DAY = timedelta(days=1)
VOCABULARY = Vocabulary(fields=FIELDS, open_prefixes=OPEN_PREFIXES)
ZONES = {name: ZoneInfo(name) for name in available_timezones()}
POLICY = Policy.model_validate({
    "version": "1", "currency": "USD", "timezone": "America/Chicago",
    "brand": {"name": "B", "url": "https://shop.example.com", "postal_address": "1 Street, Town",
              "support": {"email": "help@example.com"}},
    "senders": {"email": {"from_name": "B", "from_email": "b@example.com"}},
    "caps": [{"channel": "any", "count": 1, "per": "7d"}],
})  # fmt: skip
RULES = compile_rules(POLICY, ZONES)


def condition(source: str) -> Condition:
    return compile_condition(source, VOCABULARY)


def plan(id: str = "review", **changes: Any) -> Plan:  # noqa: A002
    given: dict[str, Any] = {
        "id": id, "revision": "r1", "name": id.title(), "stage": Stage.ADVOCACY,
        "status": CampaignStatus.LIVE, "purpose": "marketing", "priority": 50,
        "trigger": EventTrigger(event="order.delivered"), "entry": Entry(key="order.id"),
        "steps": (
            Delay(index=0, id="pause", next=1, for_=Duration(days=2)),
            SendEmail(index=1, id="ask", next=2, template="t"),
        ),
    }  # fmt: skip
    return Plan(**{**given, **changes})


Row = TypeVar("Row")


def row(kind: type[Row], one: object) -> Row:
    """The row of a thing that the core keeps: the fields have the same names."""
    return kind(**{each.name: getattr(one, each.name) for each in fields(kind)})  # type: ignore[arg-type]


def happening(kind: str, at: datetime, verdicts: tuple[EntryVerdict, ...]) -> LoggedEvent:
    return LoggedEvent(seq=1, source="shop", id=f"{kind}:{at.isoformat()}", type=kind, time=at,
                       received_at=at, backfill=False, state="processed", customer_id="c1",
                       reason=None, verdicts=verdicts, body="{}")  # fmt: skip


class Shop:
    """One customer, moved on by the core itself, and what would be on record of it."""

    def __init__(self, *plans: Plan, held: dict[str, str] | None = None) -> None:
        self.plans = Plans.of(plans, held=held)
        self.world = World(
            customer=Customer(id="c1", created_at=NOW - 90 * DAY, email="ada@example.com",
                              orders_count=1, last_order_at=NOW - 12 * DAY),
            orders={"shop:1": Order(id="shop:1", customer_id="c1", known=True)},
            consents={("email", "ada@example.com"): Consent(
                channel="email", address="ada@example.com", status="subscribed", at=NOW,
                source="test",
            )},
        )  # fmt: skip
        self.events: list[LoggedEvent] = []

    def context(self, at: datetime) -> Context:
        return Context(now=at, rules=RULES, shared=Volume(), programs=Programs())

    def event(self, kind: str, at: datetime, *, enrol: bool = True) -> None:
        told = Transition(type=kind, time=at, id=f"{kind}:{at.isoformat()}", order_id="shop:1")
        verdicts = on_event(self.world, told, self.plans, self.context(at), enrol=enrol)
        self.events.append(happening(kind, at, tuple(verdicts)))

    def step(self, at: datetime) -> None:
        context = self.context(at)
        while (journey := next_due(self.world, at)) is not None:
            on_step(self.world, journey, self.plans, context)

    def send(self, at: datetime) -> None:
        for message in list(self.world.messages.values()):
            if message.status is MessageStatus.SCHEDULED:
                on_handed_over(self.world, message, self.plans, self.context(at))
                message.status, message.sent_at = MessageStatus.SENT, at
                message.provider, message.subject = "preview", "Hello"

    def case(self) -> Case:
        return Case(
            customer=self.world.customer,
            world=self.world,
            journeys=tuple(row(LoggedJourney, one) for one in self.world.journeys.values()),
            messages=tuple(row(LoggedMessage, one) for one in self.world.messages.values()),
            decisions=tuple(self.world.changes.decisions),
            events=tuple(self.events),
        )

    def question(self, now: datetime = NOW) -> Question:
        return Question(plans=self.plans, rules=RULES, now=now, zone=POLICY.zone)

    def why(self, campaign: str = "review") -> tuple[Outcome, str]:
        told = answer(self.case(), campaign, self.question())
        assert "None" not in told.text
        return told.outcome, told.text


def test_sent_tells_when_what_and_through_whom() -> None:
    shop = Shop(plan())
    shop.event("order.delivered", NOW - 5 * DAY)
    shop.step(NOW - 3 * DAY)
    shop.send(NOW - 3 * DAY)
    assert shop.why() == (
        Outcome.SENT,
        'sent 2026-03-07 10:00 CST through preview "Hello" (step ask, email)',
    )


def test_a_withheld_message_tells_its_guard_with_values() -> None:
    shop = Shop(plan())
    shop.world.consents.clear()
    shop.event("order.delivered", NOW - 5 * DAY)
    shop.step(NOW - 3 * DAY)
    outcome, text = shop.why()
    assert outcome is Outcome.NOT_SENT
    assert text.startswith(
        "not sent: no consent to marketing by email (it is none on record; wanted: subscribed)"
    )


def test_the_cap_is_told_with_its_count() -> None:
    shop = Shop(plan(), plan("other", priority=60))
    shop.event("order.delivered", NOW - 5 * DAY)
    shop.step(NOW - 3 * DAY)
    shop.send(NOW - 3 * DAY)
    assert shop.why("other")[0] is Outcome.SENT
    outcome, text = shop.why("review")
    assert outcome is Outcome.NOT_SENT
    assert "marketing cap 1 per 7d reached (1 in the last 7 days)" in text


def test_waiting_tells_the_step_and_the_due_time() -> None:
    shop = Shop(plan())
    shop.event("order.delivered", NOW - DAY)
    shop.step(NOW - DAY)
    assert shop.why() == (Outcome.WAITING, "waits at step pause until 2026-03-11 11:00 CDT")
    told = answer(shop.case(), "review", shop.question())
    assert told.due_at == NOW + DAY


def test_an_exit_tells_why_nothing_was_sent() -> None:
    shop = Shop(plan(exit_on=(EventMatch(event="order.refunded"),)))
    shop.event("order.delivered", NOW - DAY)
    shop.step(NOW - DAY)
    shop.event("order.refunded", NOW - timedelta(hours=2))
    outcome, text = shop.why()
    assert outcome is Outcome.EXITED
    assert text == (
        "the journey ended 2026-03-10 09:00 CDT: order.refunded happened; nothing was sent"
    )


def test_held_out_tells_the_share() -> None:
    shop = Shop(plan(holdout=100.0))
    shop.event("order.delivered", NOW - DAY)
    outcome, text = shop.why()
    assert outcome is Outcome.HELD_OUT
    assert text.startswith("held out: one of the 100%")


def test_a_held_campaign_stands_still() -> None:
    shop = Shop(plan())
    shop.event("order.delivered", NOW - 5 * DAY)
    shop.step(NOW - 5 * DAY)
    shop.plans = replace(shop.plans, held={"review": "volume_limit"})
    shop.step(NOW)
    outcome, text = shop.why()
    assert outcome is Outcome.WAITING
    assert text == "stands still at step pause: the campaign reached its volume_limit"


@pytest.mark.parametrize(("changes", "order", "words"), [
    ({"filter": condition("order.total >= 20")}, {"total": 12}, ("needs order.total >= 20, but "
     "order.total is 12")),
    ({"filter": condition("order.total >= 20")}, {}, "order.total has no value"),
    ({"profile_filter": condition("customer.open_tickets == 0")}, {}, "customer.open_tickets is 2"),
    ({}, {"is_test": True}, "the order is a test"),
    ({"entry": Entry(key="order.number")}, {}, "the entry key order.number has no value"),
    ({"status": CampaignStatus.PAUSED}, {}, "the campaign's file said paused"),
])  # fmt: skip
def test_a_refused_entry_tells_the_rule(
    changes: dict[str, Any], order: dict[str, Any], words: str
) -> None:
    shop = Shop(plan(**changes))
    shop.world.customer.open_tickets = 2
    for name, value in order.items():
        setattr(shop.world.orders["shop:1"], name, value)
    shop.event("order.delivered", NOW - DAY)
    outcome, text = shop.why()
    assert outcome is Outcome.NOT_ENTERED
    assert words in text
    assert "order.delivered" in text


def test_history_enrols_nobody_and_says_so() -> None:
    shop = Shop(plan())
    shop.event("order.delivered", NOW - DAY, enrol=False)
    outcome, text = shop.why()
    assert outcome is Outcome.NOT_ENTERED
    assert "--backfill" in text


def test_every_verdict_code_makes_an_answer() -> None:
    for code in VerdictCode:
        shop = Shop(plan())
        verdict = EntryVerdict(campaign="review", revision="r1", code=code,
                               transition="order.delivered")  # fmt: skip
        shop.events.append(happening("order.delivered", NOW, (verdict,)))
        assert shop.why()[0] is Outcome.NOT_ENTERED


def test_a_near_miss_names_the_event_it_had() -> None:
    shop = Shop(plan())
    shop.event("order.placed", NOW - 3 * DAY)
    shop.event("order.shipped", NOW - 2 * DAY)
    assert shop.why() == (
        Outcome.NEVER_TRIGGERED,
        (
            "never triggered: had order.shipped (2026-03-08 11:00 CDT) "
            "but the campaign starts on order.delivered"
        ),
    )


def test_events_of_another_kind_are_told_apart_from_none_at_all() -> None:
    shop = Shop(plan())
    assert shop.why()[1].endswith("and no event of this customer is on record")
    shop.event("ticket.opened", NOW - DAY)
    assert "nothing of the kind (newest: ticket.opened)" in shop.why()[1]


def test_an_event_before_the_campaign_was_there() -> None:
    shop = Shop()
    shop.event("order.delivered", NOW - DAY)
    shop.plans = Plans.of([plan()])
    assert "before the campaign was there to see it" in shop.why()[1]


def test_a_schedule_tells_what_the_segment_sees_now_and_the_next_look() -> None:
    segment = condition("customer.days_since_order >= 90")
    trigger = ScheduleTrigger(cron="0 9 * * *", zone=None, segment=segment)
    shop = Shop(plan("win-back", trigger=trigger, entry=Entry(key="customer.id")))
    assert shop.why("win-back") == (
        Outcome.NEVER_TRIGGERED,
        (
            "never triggered: segment not met now: needs customer.days_since_order >= 90, "
            "but customer.days_since_order is 12; the next look is 2026-03-11 09:00 CDT"
        ),
    )
    shop.world.customer.last_order_at = NOW - 100 * DAY
    assert "its segment is met now, but it has not fired since" in shop.why("win-back")[1]


def test_a_date_campaign_tells_its_day() -> None:
    trigger = DateTrigger(field="customer.birthday", offset_days=-7, at=time(10))
    shop = Shop(plan("birthday", trigger=trigger, entry=Entry(key="customer.id")))
    assert shop.why("birthday")[1] == "never triggered: customer.birthday is not known"
    shop.world.customer.birthday = datetime(1990, 4, 20).date()  # noqa: DTZ001
    assert shop.why("birthday")[1].endswith(
        "customer.birthday is 1990-04-20, so it fires 2026-04-13 10:00 CDT"
    )


def test_a_draft_and_a_hold_are_told() -> None:
    assert Shop(plan(status=CampaignStatus.DRAFT)).why()[1] == (
        "never triggered: the campaign is a draft"
    )
    held = Shop(plan(), held={"review": "paused"})
    assert held.why()[1].endswith("it stands still as well: paused by hand")


def test_all_campaigns_are_answered_the_telling_ones_first() -> None:
    shop = Shop(plan(), plan("thanks", trigger=EventTrigger(event="order.placed")))
    shop.event("order.delivered", NOW - DAY)
    shop.step(NOW - DAY)
    told = answers(shop.case(), shop.question())
    assert [(one.campaign, one.outcome) for one in told] == [
        ("review", Outcome.WAITING),
        ("thanks", Outcome.NEVER_TRIGGERED),
    ]


def test_facts_come_in_the_order_in_which_they_happened() -> None:
    shop = Shop(plan())
    shop.event("order.delivered", NOW - 5 * DAY)
    shop.event("order.delivered", NOW - 4 * DAY)
    shop.step(NOW - 3 * DAY)
    facts = answer(shop.case(), "review", shop.question()).facts
    assert [one.at for one in facts] == sorted(one.at for one in facts)
    assert [one.kind for one in facts] == ["entered", "verdict", "waited", "message"]


def test_a_log_entry_parts_the_message_from_its_journey() -> None:
    shop = Shop(plan())
    shop.event("order.delivered", NOW - 5 * DAY)
    shop.step(NOW - 3 * DAY)
    shop.send(NOW - 3 * DAY)
    case = shop.case()
    detail = MessageDetail(
        message=case.messages[0], packed=None, sample=None, decisions=tuple(case.decisions)
    )
    entry = entry_of(detail, None, shop.question())
    assert entry.text.startswith("sent 2026-03-07 10:00 CST")
    assert [one.kind for one in entry.own] == ["message", "sent"]
    assert [one.kind for one in entry.path] == ["entered", "waited", "completed"]


def test_following_tells_each_message_once_and_passes_none_over() -> None:
    shop = Shop(plan())
    shop.event("order.delivered", NOW - 5 * DAY)
    shop.step(NOW - 3 * DAY)
    (template,) = shop.case().messages
    rows = [
        replace(template, id=f"m{number:02}", created_at=NOW + timedelta(seconds=number))
        for number in range(20)
    ]
    stored = list(rows[:5])
    told: list[str] = []

    class Log:
        """A log in which rows appear in the order of their commits, not of their making."""

        def messages(self, wanted: MessageFilter) -> list[LoggedMessage]:
            stored.append(rows[5])  # committed after the tail was begun, before the page
            return sorted(stored, key=lambda one: one.cursor, reverse=True)[: wanted.limit]

        def start_tail(self, at: datetime) -> LogTail:
            return LogTail(at=at, seen=frozenset(one.id for one in stored))

        def tail(self, tail: LogTail, limit: int = 500) -> tuple[list[LoggedMessage], LogTail]:
            fresh = [one for one in stored if one.id not in tail.seen]
            return fresh, LogTail(at=tail.at, seen=tail.seen | {one.id for one in fresh})

    log = cast(History, Log())
    pages = follow(log, MessageFilter(limit=2, campaign="review"), NOW + timedelta(seconds=5))
    assert [one.id for one in next(pages)] == ["m04", "m05"]
    for batch in ([8, 7], [6], [19, 9], [], list(range(10, 19))):
        stored.extend(rows[number] for number in batch)
        stored.append(replace(rows[0], id=f"other-{batch}", campaign="another"))
        told += [one.id for one in next(pages)]
    assert sorted(told) == sorted(f"m{number:02}" for number in range(6, 20))
