"""Entering customers by hand whose trigger lies in the past."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.core.message import MessageStatus
from engine.core.world import JourneyStatus
from engine.services.enrolment import Enrolment, NotEnrollable, Survey, Terms
from engine.simulator.enrolling import Foreseen, foresee
from engine.storage.past import SqlPast
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, House, campaign, email

WEEK = timedelta(days=7)
SHOP = [f"c{number:02}" for number in range(12)]


def review(**more: Any) -> dict[str, Any]:
    shape: dict[str, Any] = {
        "entry": {"key": "order.id", "re_entry": "never"},
        "exit_on": ["order.refunded", "review.submitted"],
        "goal": {"event": "review.submitted", "within": "30d"},
    }
    steps = [email("first"), {"id": "week", "delay": "7d"}, email("second")]
    trigger = more.pop("trigger", {"event": "order.delivered", "max_age": "3d"})
    return campaign("review", trigger, more.pop("steps", steps), **(shape | more))


def with_a_past(new_house: NewHouse, *campaigns: Any, **more: Any) -> House:
    """Twelve customers had an order delivered, a day after another; then the campaign goes live."""
    house = new_house(**more)
    for number, key in enumerate(SHOP):
        house.tell("order.placed", key, order=1000 + number)
        house.tell("order.delivered", key, order=1000 + number)
        house.run(DAY)
    for one in campaigns:
        house.put(one)
    house.reload()
    return house


def enrolment(house: House) -> Enrolment:
    app = house.app
    return Enrolment(app.storage, app.revisions, app.handover, SqlPast(app.storage.database))


def terms(house: House, **more: Any) -> Terms:
    now = house.clock.now()
    known: dict[str, Any] = {
        "campaign": "review", "since": START - DAY, "until": now, "start": now, "over": WEEK
    }  # fmt: skip
    return Terms(**(known | more))


def shown(house: House, wanted: Terms) -> tuple[Survey, Foreseen]:
    survey = enrolment(house).survey(wanted)
    past = SqlPast(house.app.storage.database)
    return survey, foresee(house.app, house.workspace, past, wanted, survey)


def entered(house: House, wanted: Terms) -> Counter[str]:
    """Survey and do it; who entered, and who did not by reason."""
    survey = enrolment(house).survey(wanted)
    done = enrolment(house).carry_out(wanted, survey.picks, house.clock.now)
    found = Counter(one.code for one in survey.refused) + done.refused
    found["entered"], found["held_out"] = done.entered, done.held_out
    return +found


def outline(messages: Sequence[Any]) -> list[tuple[Any, ...]]:
    return sorted(
        (one.id, one.step, one.status.value, one.reason, one.sent_at, one.journey_id)
        for one in messages
    )


def test_what_was_shown_is_what_then_happens(new_house: NewHouse) -> None:
    caps = {"caps": [{"channel": "any", "count": 1, "per": "5d"}]}
    other = campaign("hello", {"event": "order.paid"}, [email("hello")], purpose="marketing")
    house = with_a_past(new_house, review(purpose="marketing", holdout="30%"), other, store=caps)
    for key in SHOP[:3]:  # whose cap is used up
        house.tell("order.paid", key, order=1000 + SHOP.index(key))
    house.tell("order.refunded", "c04", order=1004)
    wanted = terms(house)
    before = house.rows("SELECT count(*) FROM journeys WHERE campaign = 'review'")
    survey, seen = shown(house, wanted)
    assert house.rows("SELECT count(*) FROM journeys WHERE campaign = 'review'") == before
    enrolment(house).carry_out(wanted, survey.picks, house.clock.now)
    house.run(timedelta(days=60))
    assert seen.messages
    assert {one.status for one in seen.messages} == {MessageStatus.SENT, MessageStatus.SKIPPED}
    assert outline(house.messages("review")) == outline(seen.messages)
    ends = {one.id: (one.status, one.ended_at, one.goal_until) for one in seen.journeys}
    real = [one for key in SHOP for one in house.journeys(key) if one.campaign == "review"]
    assert {one.id: (one.status, one.ended_at, one.goal_until) for one in real} == ends
    assert JourneyStatus.HOLDOUT in {one.status for one in real}
    told = {one.message_id: one.content for one in house.received}
    for example in seen.examples:
        for message, content in example.messages:
            if message.status is MessageStatus.SENT:
                assert content is not None
                assert content.subject == told[message.id].subject


def test_other_journeys_of_the_same_customers_are_not_shown(new_house: NewHouse) -> None:
    """One that waits since an earlier order, and one by a delivery that is assumed meanwhile."""
    assumed = {"delivery": {"assume_delivered_after": "10d"}}
    own = review(steps=[{"id": "late", "delay": "3d"}, email("first")])
    house = new_house(store=assumed)
    house.put(own)
    house.reload()
    for order in (1, 2, 3):
        house.tell("order.placed", "c01", order=order)
    house.tell("order.delivered", "c01", order=1)
    house.run(DAY)
    house.put(review(status="paused"))
    house.reload()
    house.tell("order.delivered", "c01", order=2)
    house.tell("order.shipped", "c01", order=3)
    house.run(HOUR)
    house.put(own)
    house.reload()
    wanted = terms(house)
    survey, seen = shown(house, wanted)
    assert [one.trigger.order_id for one in survey.picks] == ["shop:2"]
    assert [one.entry_key for one in seen.journeys] == ["shop:2"]
    assert [one.order_id for one in seen.messages] == ["shop:2"]
    (example,) = seen.examples
    assert [message.order_id for message, _ in example.messages] == ["shop:2"]


def test_entries_are_spread_by_the_customer_and_begin_now(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review())
    wanted = terms(house)
    picks = {one.customer_id: one.starts_at for one in enrolment(house).survey(wanted).picks}
    assert len(picks) == len(SHOP)
    assert len(set(picks.values())) == len(SHOP)
    assert all(wanted.start <= at < wanted.start + WEEK for at in picks.values())
    fewer = enrolment(house).survey(terms(house, limit=5))
    assert all(picks[one.customer_id] == one.starts_at for one in fewer.picks)
    assert {one.customer_id for one in fewer.picks} == {house.id_of(key) for key in SHOP[-5:]}
    enrolment(house).carry_out(wanted, fewer.picks, house.clock.now)
    house.run(HOUR)
    for one in fewer.picks:
        (first,) = [each for key in SHOP for each in house.journeys(key)
                    if each.customer_id == one.customer_id]  # fmt: skip
        assert first.entered_at == wanted.start
        trigger = first.trigger["time"]
        assert datetime.fromisoformat(trigger) == one.trigger.time < wanted.start


def test_so_many_a_day_are_never_exceeded(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review())
    survey = enrolment(house).survey(terms(house, per_day=4))
    starts = [one.starts_at for one in survey.picks]
    assert len(starts) == len(SHOP)
    for at in starts:
        assert sum(at <= other < at + DAY for other in starts) <= 4


def test_a_campaign_that_would_stop_itself_is_told(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review(volume_limit="3/d"))
    calm, hasty = terms(house, per_day=1), terms(house, over=HOUR)
    assert shown(house, calm)[1].stopped is None
    survey, seen = shown(house, hasty)
    assert seen.stopped is not None
    enrolment(house).carry_out(hasty, survey.picks, house.clock.now)
    house.run(DAY)
    assert house.holds() == {"review": seen.stopped}


def test_twice_enters_nobody_twice(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review(entry={"key": "order.id", "re_entry": "always"}))
    wanted = terms(house)
    assert entered(house, wanted) == Counter(entered=12)
    assert entered(house, wanted) == Counter(already_in=12)
    house.run(timedelta(days=30))  # every journey has ended by now
    sent = len(house.messages("review"))
    assert sent == 24
    again = terms(house, since=wanted.since, until=wanted.until)
    assert entered(house, again) == Counter(already_in=12)
    house.run(timedelta(days=30))
    assert len(house.messages("review")) == sent


def test_a_limit_means_the_same_customers_again(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review())
    wanted = terms(house, limit=5)
    assert entered(house, wanted) == Counter(entered=5, limit=7)
    assert entered(house, wanted) == Counter(already_in=5, limit=7)
    assert entered(house, terms(house, limit=8)) == Counter(entered=3, already_in=5, limit=4)


def test_cut_short_between_pages_it_is_finished_by_the_next_run(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.services.enrolment._PAGE", 5)
    house = with_a_past(new_house, review())
    wanted = terms(house, per_day=3)
    whole = {one.customer_id: one.starts_at for one in enrolment(house).survey(wanted).picks}

    def cut(done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enrolment(house).carry_out(
            wanted, enrolment(house).survey(wanted).picks, house.clock.now, cut
        )
    assert house.rows("SELECT count(*) FROM journeys") == [(5,)]
    house.restart()
    assert entered(house, wanted) == Counter(entered=7, already_in=5)
    starts = {row[0]: row[1] for row in house.rows("SELECT customer_id, due_at FROM journeys")}
    assert {key: round(at.timestamp() * 1_000_000) for key, at in whole.items()} == starts
    house.run(timedelta(days=30))
    assert Counter(one.step for one in house.messages("review")) == {"first": 12, "second": 12}


def test_who_would_have_left_since_does_not_enter(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review(trigger={
        "event": "order.delivered", "filter": "order.total >= 20"
    }))  # fmt: skip
    house.tell("order.refunded", "c01", order=1001)
    house.tell("review.submitted", "c02", data={"rating": 5})
    house.tell("order.updated", "c03", order=1003, data={})
    small = house.event("order.updated", "c05", order=1005)
    small["order"]["total"] = "5.00"
    house.tell_all([small])
    house.tell("order.cancelled", "c06", order=1006)  # no exit of this campaign
    survey = enrolment(house).survey(terms(house))
    assert {one.customer_id: one.code for one in survey.refused} == {
        house.id_of("c01"): "exit_already",
        house.id_of("c02"): "exit_already",
        house.id_of("c05"): "filter",
    }
    assert len(survey.picks) == 9


def test_what_happens_before_their_start_still_takes_them_out(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review())
    wanted = terms(house)
    survey = enrolment(house).survey(wanted)
    enrolment(house).carry_out(wanted, survey.picks, house.clock.now)
    last = max(survey.picks, key=lambda one: one.starts_at).customer_id
    key = next(key for key in SHOP if house.id_of(key) == last)
    late = house.event("review.submitted", key, data={"rating": 4})
    late["time"] = (house.clock.now() - HOUR).isoformat()  # written before, told only now
    house.tell_all([late])
    assert house.journey(key).status is JourneyStatus.EXITED
    house.run(timedelta(days=30))
    assert not [one for one in house.messages("review") if one.customer_id == last]


def test_only_the_newest_of_a_customers_orders_counts(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review())
    house.remove("review")
    house.reload()
    house.tell("order.delivered", "c00", order=2000)
    house.run(DAY)
    house.put(review())
    house.reload()
    (pick,) = [one for one in enrolment(house).survey(terms(house)).picks
               if one.customer_id == house.id_of("c00")]  # fmt: skip
    assert pick.trigger.order_id == "shop:2000"
    assert entered(house, terms(house)) == Counter(entered=12)
    assert entered(house, terms(house)) == Counter(already_in=12)


def test_who_has_entered_for_one_order_does_not_enter_for_an_older_one(
    new_house: NewHouse,
) -> None:
    house = new_house()
    for order in (1, 2):
        house.tell("order.placed", order=order)
        house.tell("order.delivered", order=order)
        house.run(5 * DAY)
    house.put(review(trigger={"event": "order.delivered", "filter": "order.total > 50"}))
    house.reload()
    assert entered(house, terms(house)) == {"entered": 1}
    assert [one.entry_key for one in house.journeys()] == ["shop:2"]
    # the newer order's time is not asked for
    assert entered(house, terms(house, until=START + 3 * DAY)) == {"already_in": 1}
    # the newer order does not pass the filter any more
    cheaper = {"id": "2", "number": "#2", "total": "10.00", "currency": "USD"}
    house.tell_all([house.event("order.updated") | {"order": cheaper}])
    house.run(30 * DAY)
    assert entered(house, terms(house)) == {"already_in": 1}
    house.tell("order.placed", order=3)
    house.put(review(status="paused"))
    house.reload()
    house.tell("order.delivered", order=3)
    house.put(review())
    house.reload()
    house.run(DAY)
    assert entered(house, terms(house)) == {"entered": 1}, "a newer one counts"


@pytest.mark.parametrize("kind", ["customer.created", "customer.subscribed", "ticket.solved"])
def test_what_changed_counts_whichever_report_told_it(new_house: NewHouse, kind: str) -> None:
    house = new_house()
    ticket = {"id": "t1", "status": "open"}
    house.tell("order.placed", order=1)  # the first that is heard of ada, and of her consent
    house.tell("ticket.updated", ticket=ticket)
    house.run(DAY)
    house.tell("ticket.updated", ticket=ticket | {"status": "solved"})
    house.run(5 * DAY)
    # told again, it is no news
    house.tell("customer.created")
    house.tell("customer.subscribed", data={"channel": "email"})
    house.tell("ticket.solved", ticket=ticket | {"status": "solved"})
    house.put(campaign("review", {"event": kind}, [email()], entry={"key": "customer.id"}))
    house.reload()
    assert entered(house, terms(house, since=START + 2 * DAY)) == {}
    assert entered(house, terms(house)) == {"entered": 1}


def test_who_has_withdrawn_since_does_not_enter_whoever_told_it(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review(exit_on=["customer.unsubscribed"]))
    no = {"consent": {"email": {"status": "unsubscribed"}}}
    house.tell("customer.updated", SHOP[0], customer=no)
    found = entered(house, terms(house))
    assert found == {"entered": len(SHOP) - 1, "exit_already": 1}


def test_a_wait_counts_what_came_since_the_trigger(new_house: NewHouse) -> None:
    steps = [
        {"id": "parcel", "wait_for": {"event": "order.delivered", "timeout": "14d"}},
        email("arrived") | {"if": "parcel.happened"},
    ]
    house = with_a_past(
        new_house,
        review(trigger={"event": "order.placed"}, steps=steps, exit_on=["order.refunded"]),
    )
    assert entered(house, terms(house)) == Counter(entered=12)
    house.run(WEEK)
    assert len(house.messages("review")) == 12


def test_why_tells_of_it(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review())
    entered(house, terms(house))
    decisions = house.app.history.timeline(house.id_of("c00")).decisions
    (first,) = [one for one in decisions if one.kind.value == "entered"]
    assert first.code == "by_hand"
    assert first.trace is not None
    assert first.trace["event"] == "order.delivered"
    assert first.trace["happened"] == START.isoformat()


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"status": "draft"}, "status: draft"),
        ({"status": "paused"}, "status: paused"),
        ({"trigger": {"schedule": {"cron": "0 9 * * *"}, "segment": "customer.orders_count > 0"},
          "entry": {"key": "customer.id"}, "exit_on": []}, "schedule or a date"),
    ],
)  # fmt: skip
def test_a_campaign_that_cannot_take_them_says_so(
    new_house: NewHouse, shape: dict[str, Any], words: str
) -> None:
    house = new_house(review(**shape))
    with pytest.raises(NotEnrollable, match=words):
        enrolment(house).survey(terms(house, until=START + DAY))


def test_a_held_campaign_names_the_way_out(new_house: NewHouse) -> None:
    house = with_a_past(new_house, review())
    wanted = terms(house)
    picks = enrolment(house).survey(wanted).picks
    house.app.storage.hold("review", "paused", house.clock.now())
    with pytest.raises(NotEnrollable, match="campaigns resume review"):
        enrolment(house).carry_out(wanted, picks, house.clock.now)
