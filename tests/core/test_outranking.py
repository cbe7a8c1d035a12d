"""Priorities: of campaigns that compete for a slot under a cap the higher wins."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from config.durations import Duration
from engine.core.decision import DecisionKind
from engine.core.guards import CapRule, GuardRules, Quiet, SurveyRule
from engine.core.message import Channel, Message, MessageStatus
from engine.core.timing import QuietHours
from engine.core.verbs import Delay, SendEmail
from engine.core.world import JourneyStatus
from tests.core.shop import DAY, HOUR, RULES, T0, Shop, plan

LATE = Duration(days=5)
MAIL = {"kind": SendEmail, "id": "ask", "template": "t", "max_lateness": LATE}
AFTER = {"kind": Delay, "for_": Duration(days=1)}
# At 10:00 UTC it is 11:00 in Vienna: quiet until noon, so that what is made waits an hour.
WAITING: dict[Channel, Quiet] = {
    "email": Quiet(hours=QuietHours(start=time(0), end=time(12)), drops=False),
}


def cap(count: int, **given: Any) -> CapRule:
    base: dict[str, Any] = {
        "channel": None, "topic": None, "purpose": "marketing", "count": count,
        "span": 7 * DAY, "label": f"{count} per 7d",
    }  # fmt: skip
    return CapRule(**base | given)


def shop(*names: tuple[str, int], rules: GuardRules, **given: Any) -> Shop:
    """One campaign a name, each on an event of its own, with a priority."""
    plans = [
        plan(MAIL, AFTER, id=name, priority=priority, purpose="marketing", key="trigger.id",
             on=f"order.{name}", **given)
        for name, priority in names
    ]  # fmt: skip
    made = Shop.of(*plans, rules=rules)
    made.consent()
    made.order()
    return made


def enter(made: Shop, name: str) -> Message:
    before = set(made.world.messages)
    made.tell(f"order.{name}")
    made.step()
    (key,) = set(made.world.messages) - before
    made.step()  # what gave way goes on
    return made.world.messages[key]


def test_the_higher_takes_the_slot_of_what_still_waits() -> None:
    one = shop(("low", 10), ("high", 90), rules=replace(RULES, caps=(cap(1),), quiet=WAITING))
    low = enter(one, "low")
    assert (low.status, low.reason) == (MessageStatus.SCHEDULED, "quiet_hours")
    high = enter(one, "high")
    assert high.status is MessageStatus.SCHEDULED
    assert (low.status, low.reason) == (MessageStatus.SKIPPED, "outranked")
    told = [each for each in one.world.changes.decisions if each.code == "outranked"]
    assert [(each.kind, each.message_id, each.trace) for each in told] == [
        (DecisionKind.DROPPED, low.id, {"by": "high", "message": high.id, "cap": "1 per 7d"})
    ]
    one.run_to(T0 + 3 * DAY)
    assert [each.id for each in one.world.messages.values() if each.attempts] == [high.id]
    statuses = {each.status for each in one.world.journeys.values()}
    assert statuses == {JourneyStatus.COMPLETED}, "both journeys went on"
    assert "already_made" not in {each.code for each in one.world.changes.decisions}


def test_the_first_keeps_its_slot_among_equals_and_against_lower() -> None:
    for second in (50, 10):
        one = shop(("first", 50), ("next", second),
                   rules=replace(RULES, caps=(cap(1),), quiet=WAITING))  # fmt: skip
        first, later = enter(one, "first"), enter(one, "next")
        assert first.status is MessageStatus.SCHEDULED
        assert (later.status, later.reason) == (MessageStatus.SKIPPED, "cap")


def test_what_is_handed_over_gives_nothing_back() -> None:
    one = shop(("low", 10), ("high", 90), rules=replace(RULES, caps=(cap(1),)))
    low = enter(one, "low")
    one.send(low)
    high = enter(one, "high")
    assert (low.status, high.reason) == (MessageStatus.SENDING, "cap")


def test_nobody_gives_way_for_a_message_that_would_not_go_out() -> None:
    rules = replace(RULES, caps=(cap(2), cap(1, span=30 * DAY)), quiet=WAITING)
    one = shop(("low", 10), ("peer", 90), ("high", 90), rules=rules)
    low = enter(one, "low")
    peer = enter(one, "peer")
    assert low.reason == "outranked"
    assert enter(one, "high").reason == "cap", "the peer's slot is not for taking"
    assert peer.status is MessageStatus.SCHEDULED


def test_no_more_give_way_than_must() -> None:
    rules = replace(RULES, caps=(cap(2),), quiet=WAITING)
    one = shop(("low", 10), ("lower", 5), ("high", 90), rules=rules)
    low, lower = enter(one, "low"), enter(one, "lower")
    high = enter(one, "high")
    assert lower.reason == "outranked"
    assert {low.status, high.status} == {MessageStatus.SCHEDULED}


def test_a_survey_gives_way_to_the_survey_that_matters_more() -> None:
    surveys = SurveyRule(topic="surveys", min_gap=30 * DAY, label="30d")
    rules = replace(RULES, surveys=surveys, quiet=WAITING)
    one = shop(("low", 10), ("high", 90), ("later", 10), rules=rules, topic="surveys")
    low, high = enter(one, "low"), enter(one, "high")
    assert (low.reason, high.status) == ("outranked", MessageStatus.SCHEDULED)
    one.run_to(T0 + 20 * DAY)
    assert high.attempts == 1
    assert enter(one, "later").reason == "survey_throttle"
    one.run_to(T0 + 31 * DAY)
    one.tell("order.later", fact="later:again", at=one.now)


def test_a_reminder_of_the_same_survey_is_no_other_survey() -> None:
    again = {**MAIL, "id": "remind"}
    surveys = SurveyRule(topic="surveys", min_gap=30 * DAY, label="30d")
    one = Shop.of(
        plan(MAIL, AFTER, again, purpose="marketing", topic="surveys"),
        rules=replace(RULES, surveys=surveys),
    )
    one.consent()
    one.tell("order.delivered")
    one.run_to(T0 + 5 * DAY)
    assert one.sent_steps() == ["ask", "remind"]


def test_caps_count_only_their_channel_and_topic() -> None:
    caps = (cap(1, channel="sms"), cap(1, topic="offers"))
    one = shop(("first", 50), ("next", 50), rules=replace(RULES, caps=caps))
    assert {enter(one, name).status for name in ("first", "next")} == {MessageStatus.SCHEDULED}
    two = shop(("first", 50), ("next", 50), rules=replace(RULES, caps=caps), topic="offers")
    assert [enter(two, name).reason for name in ("first", "next")] == [None, "cap"]
    assert [each.trace for each in two.world.changes.decisions if each.code == "cap"] == [
        {"cap": "1 per 7d", "actual": 1, "wanted": "< 1", "topic": "offers"}
    ]


NAMES = [(f"c{number}", number * 10) for number in range(6)]


@settings(deadline=None, max_examples=150)
@given(
    st.lists(
        st.tuples(st.sampled_from([name for name, _ in NAMES]), st.integers(0, 40)),
        max_size=8,
        unique_by=lambda each: each[0],
    ),
    st.integers(1, 3),
    st.booleans(),
    st.sampled_from([None, 20 * HOUR]),
)
def test_no_cap_is_exceeded_and_no_higher_gives_way(
    told: list[tuple[str, int]], count: int, quiet: bool, gap: timedelta | None
) -> None:
    rule = cap(count, span=2 * DAY)
    rules = replace(RULES, caps=(rule,), quiet=WAITING if quiet else {}, min_gap=gap)
    one = shop(*NAMES, rules=rules)
    for name, hours in told:
        one.run_to(one.now + hours * HOUR)
        one.tell(f"order.{name}")
        one.step()
        one.step()
    one.run_to(one.now + 12 * DAY)
    sent = sorted(contact.at for contact in one.world.contacts)
    for at in sent:
        assert sum(1 for other in sent if at - rule.span < other <= at) <= count
    priorities = {each.id: each.priority for each in one.world.journeys.values()}
    messages = one.world.messages
    for each in one.world.changes.decisions:
        if each.code == "outranked":
            assert each.trace is not None
            winner, loser = messages[each.trace["message"]], messages[each.message_id or ""]
            assert priorities[winner.journey_id] > priorities[loser.journey_id]
            assert loser.attempts == 0
    assert {each.status for each in one.world.journeys.values()} <= {JourneyStatus.COMPLETED}
