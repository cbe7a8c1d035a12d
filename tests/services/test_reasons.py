"""Every reason for a message not to go out comes up in a shop's life, and is explained."""

from __future__ import annotations

from typing import Any

from sqlalchemy import text

from engine.core.reasons import GUARDS, withheld
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.links import Purpose
from engine.services.unsubscribe import Choice, Unsubscribe
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, MINUTE, House, campaign, email

TOKYO = {"timezone": "Asia/Tokyo"}  # two at night when the shop's day begins
TICKET = {"id": "7", "status": "open"}
STORE: dict[str, Any] = {
    "quiet_hours": {"email": {"from": "20:00", "until": "09:30"}, "sms": "none"},
    "topics": {"offers": {"name": "Offers"}, "surveys": {"name": "Surveys"}},
    "caps": [{"topic": "offers", "count": 1, "per": "7d"}],
    "min_gap": "1h",
    "surveys": {"min_gap": "30d"},
    "offers": {
        "empty": {"value": "10 % off", "kind": "pool", "pool": "none"},
        "brief": {"value": "10 % off", "kind": "fixed", "code": "TEA", "expires": "1d"},
    },
}


def marketing(name: str, *, lateness: str = "2d", **more: Any) -> dict[str, Any]:
    return campaign(name, named(name), [email(max_lateness=lateness)], purpose="marketing", **more)


def named(name: str) -> dict[str, str]:
    """Starts with the orders that are called so."""
    return {"event": "order.placed", "filter": f'order.number.startsWith("#{name}-")'}


def giving(name: str, offer: str) -> dict[str, Any]:
    """A coupon and a mail that carries it, and another a day and a half later."""
    steps = [
        {"id": "coupon", "issue_coupon": offer},
        email(coupon="coupon"),
        {"delay": "36h"},
        email("again", coupon="coupon"),
    ]
    return campaign(name, named(name), steps, purpose="marketing")


CAMPAIGNS = [
    giving("voucher", "empty"),
    giving("brew", "brief"),
    marketing("plain"),
    marketing("other"),
    marketing("brief", lateness="1h"),
    marketing("offer", topic="offers", priority=10),
    marketing("gift", topic="offers", priority=90),
    marketing("survey", topic="surveys"),
    marketing("poll", topic="surveys"),
    marketing("held", hold_while="customer.open_tickets > 0"),
    marketing("few", volume_limit="1/d"),
    campaign(
        "stars",
        "order.delivered",
        [
            {"delay": "1h"},
            {"id": "ask", "ask_review": {"template": "note", "max_lateness": "2d"}},
            {"delay": "6h"},
            {"id": "again", "ask_review": {"template": "note", "max_lateness": "2d"}},
        ],
        purpose="marketing",
    ),
    campaign("text", named("text"), [{"id": "ask", "send_sms": {"template": "text"}}]),
]  # fmt: skip


def order(house: House, name: str, key: str, **facts: Any) -> None:
    house.tell("order.placed", key, order=f"{name}-{key}", **facts)


def delivered(house: House, key: str, number: str, *products: str) -> None:
    told = house.event("order.delivered", key, order=f"{key}-{number}")
    lines = [{"id": name, "product_id": name, "title": name, "quantity": 1} for name in products]
    told["order"]["lines"] = lines
    house.tell_all([told])


def live_a_day(house: House) -> None:
    house.run(2 * HOUR)  # eleven in Chicago
    delivered(house, "empty", "1")
    delivered(house, "fan", "1", "cup")
    order(house, "plain", "nomail", customer={"email": None})
    order(house, "text", "texted")
    order(house, "plain", "noconsent", customer={"consent": {}})
    order(house, "plain", "sleeper", customer=TOKYO)
    order(house, "plain", "anywhere", customer={"phone": "+18005550123"})
    order(house, "brief", "latecomer", customer=TOKYO)
    order(house, "offer", "rival", customer=TOKYO)
    order(house, "gift", "rival", customer=TOKYO)
    order(house, "voucher", "unlucky")
    for key in ("drinker", "forgetful"):
        order(house, "brew", key)
    used = house.event("order.placed", "drinker", order="tea")
    used["order"]["discount_codes"] = ["TEA"]
    house.tell_all([used])
    for key in ("few1", "few2"):
        order(house, "few", key)
    house.tell("ticket.opened", "asker", ticket=TICKET)
    order(house, "held", "asker")
    for first, then in (("plain", "other"), ("gift", "offer"), ("survey", "poll")):
        order(house, first, f"twice-{first}")
        order(house, then, f"twice-{first}")
    visit = Unsubscribe(house.app.storage, house.app.ingest, house.app.links, house.clock)
    for key in ("decliner", "pauser", "bouncer"):
        order(house, "plain", key)
        (message,) = (one for one in house.messages("plain") if one.entry_key.endswith(key))
        token = house.app.links.token(Purpose.UNSUBSCRIBE, message.id)
        if key == "decliner":
            visit.choose(token, Choice(topics={"offers": False}))
        elif key == "pauser":
            visit.pause(token, 30)
        else:
            house.app.receive.take([
                Receipt(provider="simulated", id="b", kind=ReceiptKind.BOUNCED,
                        message_id=message.id, at=house.clock.now(), verdict=Verdict.DEAD)
            ])  # fmt: skip
        house.clock.advance_to(house.clock.now() + MINUTE)
        house.app.worker.quiesce()
        house.run(2 * HOUR)
        order(house, "offer", key)
    delivered(house, "fan", "2", "pot")  # asked for only after the reminder for the cup is due
    order(house, "other", "paused", customer=TOKYO)
    order(house, "survey", "orphaned", customer=TOKYO)
    house.app.storage.hold("other", "paused", house.clock.now())
    # Nobody could tell that a message without its journey had not been called off.
    with house.app.storage.database.writing() as connection:
        orphaned = "DELETE FROM journeys WHERE campaign = 'survey' AND customer_id = :id"
        connection.execute(text(orphaned), {"id": house.id_of("orphaned")})
    house.run(2 * DAY)


def test_every_reason_comes_up_and_explains_itself(new_house: NewHouse) -> None:
    house = new_house(*CAMPAIGNS, store=STORE)
    live_a_day(house)
    seen = {one.reason for one in house.messages() if one.reason}
    for (customer,) in house.rows("SELECT id FROM customers"):
        for one in house.app.history.timeline(customer).decisions:
            if one.code in GUARDS:
                seen.add(one.code)
                told = withheld(one.code, one.trace)
                assert told
                if one.trace:
                    assert told != withheld(one.code, None) or one.code == "no_sender", one.code
    assert sorted(GUARDS.keys() - seen) == []
