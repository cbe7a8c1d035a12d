"""Topics that are declined and pauses: what they stop, at once and later, and what they do not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from engine.links import Purpose
from engine.services.unsubscribe import Choice, Unsubscribe
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, TEXTING, House, campaign, email

TOPICS = {"offers": {"name": "Offers"}, "reviews": {"name": "Reviews"}}
QUIET = {"email": {"from": "20:00", "until": "10:00"}, "sms": "none"}
SHOP = {"topics": TOPICS, "quiet_hours": QUIET, "senders": TEXTING}
MARKETING: dict[str, Any] = {"purpose": "marketing", "exit_on": []}
HELLO = campaign("hello", "customer.created", [email("hello")], **MARKETING)
LATER = [{"id": "pause", "delay": "1d"}, email("late")]


def opened(new_house: NewHouse, *campaigns: Any) -> tuple[House, Unsubscribe, str]:
    """A shop whose customer has been welcomed, in the quiet hours since; the welcome's link."""
    house = new_house(HELLO, *campaigns, store=SHOP)
    house.run(2 * HOUR)
    house.tell("customer.created")
    (hello,) = house.messages("hello")
    assert hello.status == "sent"
    house.run(10 * HOUR)
    return house, page(house), house.app.links.token(Purpose.UNSUBSCRIBE, hello.id)


def page(house: House) -> Unsubscribe:
    app = house.app
    return Unsubscribe(app.storage, app.ingest, app.links, house.clock)


def offer(name: str, topic: str | None, *steps: Any, **more: Any) -> dict[str, Any]:
    about = {} if topic is None else {"topic": topic}
    return campaign(name, "order.placed", steps or [email()], **{**MARKETING, **about, **more})


def statuses(house: House) -> dict[str, tuple[str, str | None]]:
    return {
        f"{one.campaign}.{one.step}": (str(one.status), one.reason)
        for one in house.messages()
        if one.campaign != "hello"
    }


def test_a_declined_topic_stops_what_is_scheduled_and_what_comes(new_house: NewHouse) -> None:
    house, visit, token = opened(
        new_house,
        offer("offers", "offers", email(), *LATER),
        offer("reviews", "reviews"),
        offer("plain", None),
        campaign("news", "order.placed", [email(template="news")]),
    )
    house.tell("order.placed", order=1)
    assert {status for status, _ in statuses(house).values()} == {"scheduled", "sent"}
    view = visit.choose(token, Choice(topics={"offers": False, "reviews": True}))
    assert view.declined == {"offers"}
    # Before the worker has done anything more.
    assert statuses(house) == {
        "offers.ask": ("skipped", "topic_declined"),
        "reviews.ask": ("scheduled", "quiet_hours"),
        "plain.ask": ("scheduled", "quiet_hours"),
        "news.ask": ("sent", None),
    }
    house.run(3 * DAY)
    told = statuses(house)
    assert told["offers.late"] == ("skipped", "topic_declined")
    assert told["reviews.ask"][0] == told["plain.ask"][0] == "sent"
    (event,) = house.events("preferences.changed")
    assert event.source == "lagniappe"
    assert visit.choose(token, Choice(topics={"offers": True})).declined == frozenset()
    house.tell("order.placed", order=2)
    house.run(DAY)
    assert [one.status for one in house.messages("offers")][-1] == "sent"


def test_a_pause_stops_marketing_for_its_time(new_house: NewHouse) -> None:
    house, visit, token = opened(
        new_house,
        offer("offers", "offers"),
        campaign("news", "order.placed", [{"id": "wait", "delay": "2d"}, email(template="news")]),
        offer("after", None, {"id": "wait", "delay": "31d"}, email()),
        offer("text", None, {"id": "s", "send_sms": {"template": "text"}}),
    )
    house.tell("order.placed", order=1)
    until = visit.pause(token, 30).paused_until
    assert until == house.clock.now() + timedelta(days=30)
    assert statuses(house) == {
        "offers.ask": ("skipped", "customer_paused"),
        "text.s": ("sent", None),  # another channel
    }
    house.run(3 * DAY)
    house.tell("order.placed", order=2)
    told = house.messages("offers")[-1]
    assert (told.status, told.reason) == ("skipped", "customer_paused")
    detail = house.app.history.message(told.id)
    assert detail is not None
    (dropped,) = [one for one in detail.decisions if one.code == "customer_paused"]
    assert dropped.trace is not None
    assert dropped.trace["until"] == until.isoformat()
    house.run(40 * DAY)
    assert statuses(house)["news.ask"][0] == "sent"
    assert statuses(house)["after.ask"][0] == "sent"
    assert visit.read(token).paused_until is None
    house.tell("order.placed", order=3)
    house.run(DAY)
    assert [one.status for one in house.messages("offers")][-1] == "sent"


def test_a_message_for_after_the_pause_stays(new_house: NewHouse) -> None:
    house, visit, token = opened(new_house, offer("offers", None))
    house.tell("order.placed", order=1)
    (waiting,) = house.messages("offers")
    far = house.clock.now() + 60 * DAY
    with house.app.storage.deciding() as unit:
        (world,) = unit.load([waiting.customer_id], now=house.clock.now()).values()
        held = world.messages[waiting.id]
        held.send_at = held.due_at = far
        held.expires_at = far + DAY
        world.changes.messages.add(held.id)
        unit.save(world)
        unit.commit()
    visit.pause(token, 30)
    assert house.messages("offers")[0].status == "scheduled"
    visit.pause(token, 90)
    assert house.messages("offers")[0].status == "skipped"


def test_a_pause_can_be_ended_and_is_no_topic(new_house: NewHouse) -> None:
    house, visit, token = opened(new_house, offer("offers", "offers"))
    visit.choose(token, Choice(topics={"reviews": False}))
    visit.pause(token, 90)
    view = visit.pause(token, None)
    assert view.paused_until is None
    assert view.declined == {"reviews"}
    assert visit.pause(token, None) == view
    assert len(house.events("preferences.changed")) == 3
    house.tell("order.placed", order=1)
    house.run(DAY)
    assert house.messages("offers")[0].status == "sent"
    with pytest.raises(ValueError, match="31"):
        visit.pause(token, 31)


def test_an_opt_out_withholds_what_is_scheduled_at_once(new_house: NewHouse) -> None:
    house, visit, token = opened(new_house, offer("offers", "offers"))
    house.tell("order.placed", order=1)
    visit.unsubscribe(token, "one-click")
    assert statuses(house) == {"offers.ask": ("skipped", "no_consent")}
    assert all(one.status != "live" for one in house.journeys())


def test_other_channels_are_switched_off_here_and_on_only_by_undoing(new_house: NewHouse) -> None:
    house, visit, token = opened(new_house)
    (other,) = visit.read(token).others
    assert (other.channel, other.is_on) == ("sms", True)
    (off,) = visit.choose(token, Choice(channels={"sms": False})).others
    assert not off.is_on
    assert consents(house) == {"email": "subscribed", "sms": "unsubscribed"}
    assert visit.choose(token, Choice(channels={"sms": True})).others == (other,)
    house.run(HOUR)
    house.tell("customer.unsubscribed", data={"channel": "sms"}, customer={"consent": {}})
    assert consents(house)["sms"] == "unsubscribed"
    assert visit.read(token).others == ()
    visit.choose(token, Choice(channels={"sms": True, "email": False, "voice": True}))
    assert consents(house) == {"email": "subscribed", "sms": "unsubscribed"}


def consents(house: House) -> dict[str, str]:
    return {row[0]: row[1] for row in house.rows("SELECT channel, status FROM consents")}


def test_a_shop_cannot_say_what_a_customer_prefers(new_house: NewHouse) -> None:
    house, visit, token = opened(new_house)
    data = {"channel": "email", "address": "ada@example.com", "declined": ["offers"]}
    house.tell("preferences.changed", data=data)
    assert house.rows("SELECT * FROM preferences") == []
    assert visit.read(token).declined == frozenset()


def test_a_merge_never_widens(new_house: NewHouse) -> None:
    house, visit, token = opened(new_house, offer("offers", "offers"))
    visit.choose(token, Choice(topics={"offers": False}))
    # Another record of the same person: verified address, another source.
    house.tell("customer.created", "ada2", source="crm", customer={"email": "ada@example.com"})
    assert len(house.rows("SELECT id FROM customers")) == 1
    house.tell("order.placed", order=7)
    house.run(2 * DAY)
    assert statuses(house) == {"offers.ask": ("skipped", "topic_declined")}
    assert visit.read(token).declined == {"offers"}
