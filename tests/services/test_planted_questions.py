"""Why, asked of a shop in which every reason has been planted: the deciding rule comes first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from engine.cli.failure import Failure
from engine.cli.lookup import Named, subject
from engine.core.decision import DecisionKind
from engine.services.case import Outcome
from engine.services.forecast import forecast
from engine.services.why import answer, answers
from engine.storage import migrate
from tests.databases import NewDatabase
from tests.services.planted import Planted


class Q(NamedTuple):
    """One question, and what must be said: outcome, code, how the answer begins, what it takes."""

    customer: str
    campaign: str
    outcome: Outcome
    code: str
    begins: str
    takes: str = ""


SENT, NOT_SENT = Outcome.SENT, Outcome.NOT_SENT
WAITING, EXITED = Outcome.WAITING, Outcome.EXITED
REFUSED, NEVER = Outcome.NOT_ENTERED, Outcome.NEVER_TRIGGERED

QUESTIONS = (
    Q("sent", "review", SENT, "sent", 'sent 2026-03-08 09:00 CDT through simulated "For Sent"'),
    Q("control", "trial", Outcome.HELD_OUT, "held_out", "held out: one of the 100%",
      "nothing: who is held out follows from campaign and customer at entry, and stays"),
    Q("capped", "high", NOT_SENT, "cap",
      "not sent: marketing cap 2 per 7d reached (2 in the last 7 days)",
      "a slot of the cap 2 per 7d: the next is free 2026-03-12 10:00 CDT (taken by now 2026-03-05"),
    Q("gap", "low", WAITING, "min_gap",
      "waits until 2026-03-12 06:10 CDT: too soon after another marketing message",
      "nothing: it goes by itself 2026-03-12 08:00 CDT, as quiet_hours puts it off again at "
      "2026-03-12 06:10 CDT"),
    Q("night", "now", WAITING, "quiet_hours",
      "waits until 2026-03-11 18:00 CDT: quiet hours 21:00-08:00 (it was 00:00 in Asia",
      "nothing: it goes by itself when the quiet hours end 2026-03-11 18:00 CDT"),
    Q("never", "review", NOT_SENT, "no_consent",
      "not sent: no consent to marketing by email (it is none on record; wanted: subscribed)",
      "an opt-in to email marketing from never@example.com"),
    Q("withdrawn", "review", NOT_SENT, "no_consent",
      "not sent: no consent to marketing by email (it is unsubscribed; wanted: subscribed)",
      "a new opt-in to email marketing"),
    Q("bounced", "review", NOT_SENT, "suppressed",
      "not sent: the address is suppressed for every message (hard_bounce)", "another address"),
    Q("bounced", "now", NOT_SENT, "bounced", "bounced: ", "another address"),
    Q("complained", "review", NOT_SENT, "suppressed",
      "not sent: the address is suppressed for marketing (complaint)", "nothing from here"),
    Q("stopped", "text", NOT_SENT, "suppressed",
      "not sent: the address is suppressed for every message (stop)", "the customer texts START"),
    Q("small", "review", REFUSED, "filter",
      "did not enter: filter not met: needs order.total >= 20, but order.total is 12",
      "an order.delivered with order.total >= 20"),
    Q("gift", "review", REFUSED, "filter",
      "did not enter: filter not met: needs !order.is_gift, but order.is_gift is true",
      "an order.delivered with !order.is_gift"),
    Q("wrong", "review", NEVER, "wrong_event",
      "never triggered: had order.shipped (2026-03-05 09:00 CST) but the campaign starts on "
      "order.delivered", "order.delivered of order #wrong-1"),
    Q("other", "review", NEVER, "no_event",
      "never triggered: it starts on order.delivered; the customer had nothing of the kind",
      "order.delivered"),
    Q("old", "review", REFUSED, "too_old",
      "did not enter: told 5 days after it happened, beyond max_age of 3 days",
      "the event is told within 3 days"),
    Q("trying", "review", REFUSED, "test_order", "did not enter: the order is a test",
      "an order that is no test"),
    Q("refund", "review", EXITED, "order.refunded",
      "the journey ended 2026-03-06 09:00 CST: order.refunded happened; nothing was sent",
      "nothing for shop:refund-1"),
    Q("cancel", "review", EXITED, "order.cancelled",
      "the journey ended 2026-03-06 09:00 CST: order.cancelled happened", "nothing for shop:"),
    Q("return", "review", EXITED, "order.returned",
      "the journey ended 2026-03-06 09:00 CST: order.returned happened", "nothing for shop:"),
    Q("ticket", "review", EXITED, "ticket.opened",
      "the journey ended 2026-03-06 09:00 CST: ticket.opened happened", "nothing for shop:"),
    Q("filtered", "review", REFUSED, "profile_filter",
      "did not enter: profile_filter not met: needs customer.open_tickets == 0, but "
      "customer.open_tickets is 1", "a customer with customer.open_tickets == 0"),
    Q("dropout", "leaver", EXITED, "profile_filter",
      "the journey ended 2026-03-08 09:00 CDT: profile_filter is no longer met: needs "
      "customer.open_tickets == 0, but customer.open_tickets is 1",
      "a customer with customer.open_tickets == 0"),
    Q("hold", "review", WAITING, "hold_while",
      "held at step ask: hold_while is met (order.has_open_return is true)",
      "hold_while is no longer met: order.has_open_return"),
    Q("member", "club", REFUSED, "re_entry",
      "did not enter: entered before, 2026-03-05 09:00 CST, and re_entry is never",
      "nothing for this customer: re_entry is never"),
    Q("member", "club-back", REFUSED, "re_entry",
      "did not enter: entered before, 2026-03-05 09:00 CST, and re_entry is after 90 days",
      "an event from 2026-06-03 09:00 CDT on"),
    Q("waiting", "review", WAITING, "delay", "waits at step pause until 2026-03-14 10:00 CDT",
      "nothing: it goes on by itself"),
    Q("patient", "wait", WAITING, "wait_for",
      "waits at step until for review.submitted, until 2026-03-21 10:00 CDT at the latest",
      "review.submitted, or the time is up"),
    Q("halted", "halt-file", REFUSED, "frozen", "did not enter: the campaign's file said paused",
      "status: live in the file of halt-file"),
    Q("halted", "halt-hand", WAITING, "paused", "stands still at step pause: paused by hand",
      "lagniappe campaigns resume halt-hand"),
    Q("halted", "draft", NEVER, "draft", "never triggered: the campaign is a draft",
      "status: live in the file of draft"),
    Q("braked", "much", WAITING, "volume_limit",
      "stands still at step ask: the campaign reached its volume_limit",
      "lagniappe campaigns resume much, and a higher volume_limit (now 1/d)"),
    Q("late", "late", NOT_SENT, "too_late",
      "not sent: too late: due 2026-03-02 10:00 CST, to be sent by 2026-03-03 10:00 CST",
      "the daemon running when it falls due"),
    Q("stop-late", "stop-late", NOT_SENT, "too_late",
      "not sent: too late: due 2026-03-05 10:00 CST, to be sent by 2026-03-06 10:00 CST at the "
      "latest; the campaign stood still from 2026-03-05 09:00 CST until 2026-03-07 09:00 CST "
      "(paused by hand)",
      "the campaign running when it falls due, not standing still (paused by hand)"),
    Q("stop-file", "stop-file", NOT_SENT, "too_late",
      "not sent: too late: due 2026-03-05 10:00 CST, to be sent by 2026-03-06 10:00 CST at the "
      "latest; the campaign stood still from 2026-03-05 09:00 CST until 2026-03-07 09:00 CST "
      "(its file said status: paused)",
      "the campaign running when it falls due, not standing still (its file said status: paused)"),
    Q("stop-gone", "stop-gone", NOT_SENT, "too_late",
      "not sent: too late: due 2026-03-05 10:00 CST, to be sent by 2026-03-06 10:00 CST at the "
      "latest; the campaign stood still from 2026-03-05 09:00 CST until 2026-03-07 09:00 CST "
      "(its file was missing or broken)",
      "the campaign running when it falls due, not standing still (its file was missing"),
    Q("stop-slow", "stop-slow", SENT, "sent",
      "sent 2026-03-07 09:00 CST through simulated; the campaign stood still from 2026-03-05 "
      "09:00 CST until 2026-03-07 09:00 CST (paused by hand)"),
    Q("ranked", "low", NOT_SENT, "outranked",
      "not sent: high, of higher priority, took its place under the cap 2 per 7d",
      "a priority (10) not below that of high"),
    Q("asked", "survey-too", NOT_SENT, "survey_throttle",
      "not sent: one survey in 30 days (the last one: 2026-03-05 09:00 CST)",
      "30 days since the last survey: possible again 2026-04-04 10:00 CDT"),
    Q("giftless", "gift", NOT_SENT, "no_coupon",
      "not sent: the step gift has given no coupon for it: the pool summer has no code left",
      "more codes in the pool summer"),
    Q("nowhere", "review", NOT_SENT, "no_address", "not sent: the customer has no email address",
      "an email address"),
    Q("reader", "broken", WAITING, "render_error",
      "stands still at step ask: a template could not be rendered", "the template is mended"),
    Q("doubtful", "doubt", Outcome.IN_DOUBT, "unknown",
      "in doubt: handed over to simulated, but no clear answer came", "the provider reports it"),
    Q("refused", "doubt", NOT_SENT, "failed", "failed: simulated did not take it",
      "what the provider names is mended"),
    Q("pausing", "review", NOT_SENT, "customer_paused",
      "not sent: the customer has paused marketing by email, until 2026-04-05 10:00 CDT",
      "the customer's pause ends 2026-04-05 10:00 CDT"),
    Q("declining", "review", NOT_SENT, "topic_declined",
      "not sent: the customer has declined the topic reviews by email",
      "the customer takes up the topic reviews again"),
    Q("branched", "branch", Outcome.COMPLETED, "arm_2",
      "took else (needs customer.orders_count >= 5, but customer.orders_count is 0)",
      "at the branch fork: customer.orders_count >= 5"),
    Q("mover", "moved", WAITING, "delay", "waits at step long until 2026-03-25 09:00 CDT",
      "nothing: it goes on by itself"),
    Q("sent", "win-back", NEVER, "segment",
      "never triggered: segment not met now: needs customer.days_since_order >= 20, but "
      "customer.days_since_order is 6", "a look with customer.days_since_order >= 20"),
    Q("sent", "birthday", NEVER, "no_date", "never triggered: customer.birthday is not known",
      "an event that tells customer.birthday"),
)  # fmt: skip


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    home = tmp_path_factory.mktemp("planted")
    url = f"sqlite:///{home}/lagniappe.db"
    migrate.upgrade(url)
    shop = Planted(home, url)
    yield shop
    shop.house.close()


def ask(shop: Planted, q: Q) -> None:
    told = answer(shop.case(q.customer), q.campaign, shop.asked())
    assert (told.outcome, told.code) == (q.outcome, q.code), told.text
    assert told.text.startswith(q.begins)
    takes = [one.text for one in told.changes]
    assert [one for one in takes if one.startswith(q.takes)] or not q.takes, takes
    assert bool(takes) == bool(q.takes)


@pytest.mark.parametrize("q", QUESTIONS, ids=lambda q: f"{q.customer}:{q.campaign}")
def test_the_deciding_rule_comes_first(planted: Planted, q: Q) -> None:
    ask(planted, q)


def test_the_same_on_postgresql(postgresql_url: str, tmp_path: Path) -> None:
    shop = Planted(tmp_path, postgresql_url)
    try:
        for q in QUESTIONS[::3]:
            ask(shop, q)
        assert subject(shop.house.app, "#small-1").order_id == "shop:small-1"
        assert subject(shop.house.app, shop.former).customer_id == shop.house.id_of("work")
    finally:
        shop.house.close()


def test_everybody_has_an_answer_for_every_campaign(planted: Planted) -> None:
    asked = planted.asked()
    for (customer,) in planted.house.rows("SELECT id FROM customers ORDER BY id"):
        for told in answers(planted.case(customer), asked):
            assert told.code
            assert told.text
            assert "None" not in told.text
            quiet = told.outcome is SENT or told.code == "completed"
            assert told.changes or quiet, told.text


def test_what_is_said_to_go_by_itself_goes_then(planted: Planted) -> None:
    asked, promises = planted.asked(), 0
    for customer in _customers(planted):
        case = planted.case(customer)
        ahead = forecast(case, asked)
        sent = {(one.campaign, one.at) for one in ahead.coming if one.kind == "sent"}
        for told in answers(case, asked):
            for change in told.changes:
                if change.text.startswith("nothing: it goes by itself"):
                    promises += 1
                    assert (told.campaign, change.at) in sent, change.text
    assert promises >= 2


def test_every_unmet_condition_shows_what_was_wanted(planted: Planted) -> None:
    asked, conditions = planted.asked(), 0
    for customer in _customers(planted):
        for told in answers(planted.case(customer), asked):
            for fact in told.facts:
                if (fact.trace or {}).get("verdict") and fact.kind != "branched":
                    conditions += 1
                    assert fact.wanted
                    assert f"needs {fact.wanted}" in fact.text
    assert conditions >= 4


def test_a_campaign_that_looked_away_says_so(planted: Planted) -> None:
    told = answer(planted.case("sent"), "stop-look", planted.asked())
    assert (told.outcome, told.code) == (NEVER, "segment")
    assert told.text.endswith(
        "; the campaign stood still from 2026-03-05 09:00 CST until 2026-03-07 09:00 CST "
        "(paused by hand), and looked at nobody then"
    )
    newcomer = answer(planted.case("patient"), "stop-look", planted.asked())
    assert "stood still" not in newcomer.text


def test_a_migrated_journey_says_so(planted: Planted) -> None:
    told = answer(planted.case("mover"), "moved", planted.asked())
    assert [one.text for one in told.facts][-1].startswith("moved to a newer revision")


def test_a_merged_customer_is_found_by_the_former_id(planted: Planted) -> None:
    found = subject(planted.house.app, planted.former)
    assert found == Named(customer_id=planted.house.id_of("work"))


@pytest.mark.parametrize(
    "named", ["gone@example.com", "shop:gone", "nobody", "#gone-1", "shop:gone-1"]
)
def test_who_was_erased_or_never_there_is_not_found(planted: Planted, named: str) -> None:
    with pytest.raises(Failure, match=f"there is no customer {named}"):
        subject(planted.house.app, named)


@pytest.mark.parametrize("named", [
    "shop:small-1", "small-1", "#small-1", "small@example.com", "SMALL@Example.com", "shop:small",
])  # fmt: skip
def test_a_customer_is_found_by_any_name_of_theirs(planted: Planted, named: str) -> None:
    assert subject(planted.house.app, named).customer_id == planted.house.id_of("small")


def test_a_message_is_found_by_the_beginning_of_its_id(planted: Planted) -> None:
    message = next(one for one in planted.house.messages("review") if one.status == "sent")
    found = subject(planted.house.app, message.id[:13], messages=True)
    assert found == Named(customer_id=message.customer_id, message_id=message.id)
    with pytest.raises(Failure, match="no customer"):
        subject(planted.house.app, message.id)


def test_an_order_confines_the_answer_to_what_came_of_it(planted: Planted) -> None:
    planted_case = planted.case("again")
    assert answer(planted_case, "review", planted.asked()).outcome is SENT
    assert planted_case.of_order("shop:again-1").journeys
    assert not planted_case.of_order("shop:again-2").journeys


def test_looking_ahead_writes_nothing_and_is_what_then_happens(
    new_sqlite: NewDatabase, tmp_path: Path
) -> None:
    """The forecast of every customer against the daemon, left alone for 18 days."""
    shop = Planted(tmp_path, new_sqlite())
    try:
        before = _stored(shop)
        until = shop.house.clock.now() + timedelta(days=18)
        predicted = _predicted(shop, until)
        assert _stored(shop) == before
        assert predicted == _lived(shop, until)
        assert len(predicted) > 10
    finally:
        shop.house.close()


def _stored(shop: Planted) -> dict[str, list[tuple[Any, ...]]]:
    tables = ("journeys", "messages", "decisions", "books", "events", "volumes")
    return {name: shop.house.rows(f"SELECT * FROM {name}") for name in tables}


def _customers(shop: Planted) -> list[str]:
    return [row[0] for row in shop.house.rows("SELECT id FROM customers ORDER BY id")]


def _predicted(shop: Planted, until: datetime) -> set[tuple[Any, ...]]:
    asked, found = shop.asked(), set()
    for customer in _customers(shop):
        ahead = forecast(shop.case(customer), asked, steps=500, horizon=until - asked.now)
        assert [one.at for one in ahead.coming] == sorted(one.at for one in ahead.coming)
        found |= {
            (customer, one.campaign, one.step, one.at, one.kind, one.code)
            for one in ahead.coming
            if one.kind in ("sent", "dropped")
        }
    return found


def _lived(shop: Planted, until: datetime) -> set[tuple[Any, ...]]:
    house = shop.house
    start = house.clock.now()
    at: datetime | None = start
    while at is not None and at < until:
        house.sweep(at)
        at = house.app.worker.sweep.next_fire(at)
    house.run(until)
    return {
        (customer, one.campaign, one.step, one.at, one.kind.value, one.code)
        for customer in _customers(shop)
        for one in house.app.history.timeline(customer).decisions
        if one.kind in (DecisionKind.SENT, DecisionKind.DROPPED) and one.at > start
    }
