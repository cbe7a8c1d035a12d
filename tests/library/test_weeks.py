"""The sample shop's weeks through the whole library: what a reader of ``lagniappe demo`` sees."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from engine.core import ids
from engine.core.campaign import Plans
from engine.core.customer import Customer
from engine.core.decision import DecisionKind, VerdictCode
from engine.core.journey import enrol_by_schedule
from engine.core.message import MessageStatus
from engine.core.projection import project
from engine.core.transition import Transition
from engine.core.verbs import AskSurvey
from engine.core.world import Waiting, World
from engine.demo_shop import demo_events
from engine.demo_shop.people import PLACES
from engine.services.configuration import compile_rules
from tests.library.test_campaigns import messages
from tests.library.walk import Walk, campaigns, live, plan, policy, programs
from triggers.event import CustomerFacts, Event

START = datetime(2026, 3, 2, tzinfo=UTC)
END = START + timedelta(weeks=6)
LATER = END + timedelta(weeks=5)  # until what was begun in these weeks is over
# What is answered, and what became of a call, at random; None: nobody was there.
SCORES = {"nps": (3, 8, 10), "csat": (1, 3, 5), "ces": (2, 6)}
OUTCOMES = ("resolved", "unhappy", None)
# What starts from the nightly count, later than six weeks show, or from a pool that is empty yet.
OF_OTHER_WEEKS = {
    "cross_sell",
    "replenish",
    "thanks_anniversary",
    "thanks_vip",
    "win_back_offer",
}
ZONES = {place.zone: ZoneInfo(place.zone) for place in PLACES}


def played(events: list[Event], email: str) -> Walk:
    """One customer's six weeks: their events, and each morning the win-back's hour and the calls.

    What was begun is then followed to its end.
    """
    rules = compile_rules(policy(), ZONES)
    plans = Plans.of(plan(name) for name in campaigns())
    person = CustomerFacts(email=email)
    walk = Walk(plans=plans, rules=rules, programs=programs(), person=person)
    customer = Customer(id=ids.customer_id("email", email), created_at=events[0].time)
    walk.world = World(customer=customer, complete=True)
    zone = ZONES.get(next((one.customer.timezone for one in events if one.customer), "") or "")
    agenda: list[tuple[datetime, int, Event | None]] = [
        (event.time, number, event) for number, event in enumerate(events)
    ]
    for day in range(42 + 35):
        local = datetime(2026, 3, 2, 10, tzinfo=zone or walk.rules.store_zone) + timedelta(days=day)
        if local >= START:
            agenda.append((local.astimezone(UTC), -1, None))
    walk.now = events[0].time
    for moment, _, event in sorted(agenda, key=lambda one: one[:2]):
        walk.run_to(max(moment, walk.now))
        if event is None:
            if moment < END:
                _fire(walk, moment)
            _respond(walk)
            continue
        for transition in project(walk.world, event):
            enrol = event.time >= START
            walk.hears(transition, enrol=enrol)
    walk.run_to(LATER)
    return walk


def _respond(walk: Walk) -> None:
    """The team makes its calls, and some answer what they were asked and nobody has yet told."""
    for task in walk.tasks():
        if task.is_open:
            walk.is_called(walk.now, OUTCOMES[_dice("call", task.id, len(OUTCOMES))])
    for journey in list(walk.world.journeys.values()):
        step = next((one for one in walk.plans.current[journey.campaign].asks
                     if one.id == journey.step), None)  # fmt: skip
        if isinstance(step, AskSurvey) and journey.waiting is Waiting.EVENT:
            scores = SCORES[step.kind]
            score = scores[_dice("answer", journey.id, len(scores))]
            walk.answers(step.kind, score, walk.now, journey=journey.id, step=step.id)


def _dice(salt: str, about: str, sides: int) -> int:
    return int(ids.share("demo", salt, about) * sides / 100)


def _fire(walk: Walk, moment: datetime) -> VerdictCode:
    occurrence = Transition(type="schedule.fired", time=moment, id=f"win-back:{moment}")
    args = (walk.world, plan("win-back"), str(moment), occurrence, walk.plans, walk.context)
    return enrol_by_schedule(*args).code


@cache
def six_weeks() -> Mapping[str, Walk]:
    by_customer: dict[str, list[Event]] = defaultdict(list)
    for event in demo_events(START):
        assert event.customer is not None
        assert event.customer.email is not None
        by_customer[event.customer.email].append(event)
    return {email: played(events, email) for email, events in by_customer.items()}


def test_every_message_of_the_library_is_sent_to_somebody() -> None:
    sent = Counter(
        (template, channel) for walk in six_weeks().values() for _, channel, template in walk.sent
    )
    written = {template for name in live() for template, _ in messages(plan(name))}
    assert written - {template for template, _ in sent} == OF_OTHER_WEEKS
    assert {channel for _, channel in sent} == {"email", "sms"}
    assert all(sooner >= START for walk in six_weeks().values() for sooner, _, _ in walk.sent)


def test_every_reason_to_stay_silent_comes_up() -> None:
    reasons = Counter(
        message.reason
        for walk in six_weeks().values()
        for message in walk.world.messages.values()
        if message.status in (MessageStatus.SKIPPED, MessageStatus.CANCELLED)
    )
    assert reasons["no_consent"] > 20
    kinds = Counter(
        (one.kind, one.code)
        for walk in six_weeks().values()
        for one in walk.world.changes.decisions
    )
    assert kinds[DecisionKind.EXITED, "order.refunded"]
    assert kinds[DecisionKind.EXITED, "no reminder needed"]
    assert kinds[DecisionKind.EXITED, "ticket.opened"]
    assert kinds[DecisionKind.HELD, "hold_while"]
    assert sum(count for (kind, _), count in kinds.items() if kind is DecisionKind.HELD_OUT)
    assert sum(count for (kind, _), count in kinds.items() if kind is DecisionKind.GOAL)


def test_marketing_keeps_to_consent_and_caps() -> None:
    most = 3  # in seven days, as config/store.yaml says
    for walk in six_weeks().values():
        contacts = walk.world.contacts
        moments = sorted(one.at for one in contacts if one.purpose == "marketing")
        assert all(later - sooner >= timedelta(hours=20) for sooner, later in pairwise(moments))
        for moment in moments:
            week = [one for one in moments if moment <= one < moment + timedelta(days=7)]
            assert len(week) <= most
        allowed = {
            channel
            for (channel, _), consent in walk.world.consents.items()
            if consent.status in ("subscribed", "unsubscribed")
        }
        for message in walk.world.messages.values():
            if message.purpose == "marketing" and message.status is MessageStatus.SENT:
                assert message.channel in allowed
