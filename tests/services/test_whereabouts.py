"""The customer's own clock, from what their shop told: quiet hours, sweeps, delays, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.core.message import MessageStatus
from tests.databases import NewDatabase
from tests.services.house import DAY, HOUR, START, House, campaign, email

NIGHT = {"email": {"from": "21:00", "until": "08:00"}, "sms": "none"}
ASK = campaign("ask", "order.placed", [email(max_lateness="2d")], purpose="marketing")


def house(new_database: NewDatabase, tmp_path: Path, *more: Any, **store: Any) -> House:
    return House(tmp_path, new_database(), ASK, *more, store={"quiet_hours": NIGHT, **store})


def test_each_customer_sleeps_on_the_clocks_of_their_address(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    shop = house(new_database, tmp_path)
    told = {  # nine in the morning in Chicago, three in the afternoon in UTC
        "none": ({"phone": None}, START),
        "phone": ({"phone": "+13235550123"}, START + HOUR),  # Los Angeles: seven
        "given": ({"timezone": "Asia/Tokyo"}, datetime(2026, 3, 2, 23, tzinfo=UTC)),
        "state": ({"country": "US", "region": "CA"}, START + HOUR),
        "split": ({"country": "US", "region": "OR"}, START + HOUR),  # eight in the east, seven
        "zip": ({"country": "US", "region": "ID", "postal_code": "83702"}, START),
        "city": ({"country": "AU", "region": "NSW", "postal_code": "2000"},
                 datetime(2026, 3, 2, 21, tzinfo=UTC)),
    }  # fmt: skip
    for key, (facts, _) in told.items():
        shop.tell("order.placed", key, order=key, customer=facts)
    shop.run(2 * DAY)
    sent = {one.entry_key.removeprefix("shop:"): one.sent_at for one in shop.messages()}
    assert sent == {key: at for key, (_, at) in told.items()}
    shop.close()


def test_why_tells_the_zone_and_from_what(new_database: NewDatabase, tmp_path: Path) -> None:
    shop = house(new_database, tmp_path)
    shop.tell("order.placed", order=1, customer={"country": "US", "region": "OR"})
    message = shop.message()
    assert (message.status, message.reason) == (MessageStatus.SCHEDULED, "quiet_hours")
    (decision,) = [
        one for one in shop.app.history.timeline(shop.id_of("ada")).decisions if one.message_id
    ]
    assert decision.trace is not None
    assert decision.trace["from"] == "address US-OR"
    assert (decision.trace["zone"], decision.trace["zones"]) == ("America/Los_Angeles", 2)
    shop.close()


def test_no_hour_suits_zones_too_far_apart(new_database: NewDatabase, tmp_path: Path) -> None:
    night = {"email": {"from": "18:00", "until": "09:30"}, "sms": "none"}
    shop = house(new_database, tmp_path, quiet_hours=night)
    shop.tell("order.placed", order=1, customer={"country": "RU"})
    assert (shop.message().status, shop.message().reason) == (
        MessageStatus.SKIPPED, "no_common_hour",
    )  # fmt: skip
    shop.close()


def test_schedules_fire_in_the_derived_zone_and_follow_a_move(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    daily = campaign(
        "daily",
        {"schedule": {"cron": "0 10 * * *", "timezone": "customer"}, "segment": "true"},
        [email()],
        entry={"key": "customer.id", "re_entry": "always"},
    )
    shop = house(new_database, tmp_path, daily)
    shop.tell("customer.created", "ann", customer={"country": "AT"})
    shop.tell("customer.created", "bob", customer={"phone": "+13235550123"})
    shop.tell("customer.created", "cyd", customer={"phone": None})
    zones = dict(shop.rows("SELECT first_name, zone FROM customers"))
    assert zones == {"Ann": "Europe/Vienna", "Bob": "America/Los_Angeles", "Cyd": None}
    shop.sweep()
    shop.sweep(datetime(2026, 3, 2, 23, tzinfo=UTC))
    # Ten in Vienna is 09:00 UTC, in Chicago 16:00, in Los Angeles 18:00.
    for at in (9, 16, 18):
        shop.sweep(datetime(2026, 3, 3, at, tzinfo=UTC))
        assert shop.messages("daily")[-1].created_at == shop.clock.now()
    assert [one.customer_id for one in shop.messages("daily")][-3:] == [
        shop.id_of(key) for key in ("ann", "cyd", "bob")
    ]
    shop.tell("customer.updated", "ann", customer={"country": "JP"})
    assert dict(shop.rows("SELECT first_name, zone FROM customers"))["Ann"] == "Asia/Tokyo"
    shop.close()


def test_a_delay_goes_by_the_stores_clock_where_that_is_possible(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    wait = campaign("wait", "order.placed", [{"delay": {"until": "10:00"}}, email()])
    shop = House(tmp_path, new_database(), wait)
    for key, facts in {"us": {"country": "US"}, "au": {"country": "AU"}}.items():
        shop.tell("order.placed", key, order=key, customer=facts)
    due = {one.entry_key.removeprefix("shop:"): one.due_at
           for key in ("us", "au") for one in shop.journeys(key)}  # fmt: skip
    assert due["us"] == START + HOUR, "ten in Chicago"
    assert due["au"] == datetime(2026, 3, 3, 2, tzinfo=UTC), "ten in Perth, the last of them"
    shop.close()


def test_contacts_are_remembered_as_long_as_a_cap_needs(
    new_database: NewDatabase, tmp_path: Path
) -> None:
    again = {**ASK, "entry": {"key": "order.id", "re_entry": "always"}}
    shop = House(
        tmp_path, new_database(), again, store={"caps": [{"count": 1, "per": "180d"}]}
    )  # fmt: skip
    for number, days in enumerate((0, 100, 79, 2)):
        shop.run(timedelta(days=days))
        shop.tell("order.placed", order=number)
    reasons = [(one.status, one.reason) for one in shop.messages()]
    assert reasons == [
        (MessageStatus.SENT, None),
        (MessageStatus.SKIPPED, "cap"),
        (MessageStatus.SKIPPED, "cap"),
        (MessageStatus.SENT, None),
    ]
    shop.close()
