"""Referrals on the real services: invite, landing page, friend's order, window, reward."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from engine.programs.referral_records import CLAIMS, REFERRALS
from engine.services.referral_pages import Settled, UnknownCode, UnknownReferral
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, TEMPLATES, House, campaign, email, person

PROGRAM: dict[str, Any] = {
    "name": "Bring a friend",
    "text": "Coffee is better in company.",
    "shop_url": "https://shop.example.com/welcome?page=1",
    "reward": {"points": 500, "text": "500 points"},
    "friend": {"code": "WELCOME10", "text": "$10 off"},
    "min_order": 20,
    "return_window": "30d",
}
INVITE = {
    "id": "invite",
    "ask_referral": {"program": "friends", "template": "invite"},
}
PAGES = {
    **TEMPLATES,
    "invite/subject.txt": "{{ referral.name }}",
    "invite/body.txt": "{{ referral.code }} {{ referral.url }} {{ referral.whatsapp_url }}\n"
    "{{ links.unsubscribe }}",
    "invite/body.html": '<html><body><a href="{{ referral.url }}">{{ referral.reward }}</a>'
    '<a href="{{ links.unsubscribe }}">No more</a></body></html>',
    "paid/subject.txt": "Thanks",
    "paid/body.txt": "{{ trigger.data.points }} points for {{ trigger.data.code }}",
    "paid/body.html": "<html><body>Thanks</body></html>",
}


def shop(new_house: NewHouse, **program: Any) -> House:
    return new_house(
        campaign("ask", "order.delivered", [INVITE], purpose="marketing"),
        campaign("pay", "referral.converted", [email("thanks", "paid")]),
        store={"referrals": {"friends": {**PROGRAM, **program}}},
        templates=PAGES,
    )


def invite(house: House, key: str = "ada") -> str:
    """Have a customer invited; their code."""
    house.tell("order.placed", key, order=f"first-{key}")
    house.tell("order.paid", key, order=f"first-{key}")
    house.tell("order.delivered", key, order=f"first-{key}")
    sent = house.email.received[-1]
    return sent.content.text.split()[0]


def buys(
    house: House, key: str, code: str | None = None, order: str | None = None, **customer: Any
) -> str:
    """A friend's paid order; its number."""
    number = order or f"{key}-1"
    told: dict[str, Any] = {"discount_codes": [code]} if code else {}
    for kind in ("order.placed", "order.paid"):
        event = house.event(kind, key, order=number, customer=person(key) | customer)
        event["order"] |= told
        house.tell_all([event])
    return number


def referrals(house: House, key: str = "ada") -> list[Mapping[str, Any]]:
    with house.app.storage.deciding() as unit:
        unit.open_books({REFERRALS, CLAIMS})
        world = unit.load([house.id_of(key)], now=house.clock.now())[house.id_of(key)]
    return [{**one.data, "id": one.key} for one in world.book(REFERRALS)]


def only(house: House, key: str = "ada") -> Mapping[str, Any]:
    (found,) = referrals(house, key)
    return found


def codes(found: Mapping[str, Any]) -> list[str]:
    return [code for code, _ in found["reasons"]]


def test_from_the_invitation_to_the_reward(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    seen = house.app.referrals.read(code.lower())
    assert (seen.first_name, seen.code) == ("Ada", code)
    assert seen.shop_url.startswith("https://shop.example.com/welcome?page=1&ref=" + code)
    buys(house, "bob", code)
    assert (only(house)["status"], only(house)["via"]) == ("pending", "referral_codes")
    house.run(29 * DAY)
    assert house.events("referral.converted") == []
    house.run(2 * DAY)
    assert only(house)["status"] == "converted"
    (told,) = house.events("referral.converted")
    assert told.customer_id == house.id_of("ada")
    (message,) = house.messages("pay")
    assert message.status == "sent"
    assert house.email.received[-1].content.text.strip() == f"500 points for {code}"
    house.run(90 * DAY)
    assert len(house.events("referral.converted")) == 1


def test_a_friend_who_left_an_address_needs_no_code(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    house.app.referrals.claim(code, "b.o.b+shop@googlemail.com", "agreed")
    house.app.referrals.claim(code, "b.o.b+shop@googlemail.com", "agreed")
    assert "googlemail" not in str(house.rows("SELECT data FROM books"))
    assert house.rows("SELECT count(*) FROM consents WHERE address LIKE '%googlemail%'") == [(0,)]
    house.run(DAY)
    buys(house, "bob", email="bob@gmail.com")
    found = only(house)
    assert (found["status"], found["via"]) == ("pending", CLAIMS)
    house.run(31 * DAY)
    assert only(house)["status"] == "converted"


def test_the_address_is_remembered_for_the_attribution_window(new_house: NewHouse) -> None:
    house = shop(new_house, attribution_window="7d")
    code = invite(house)
    house.app.referrals.claim(code, "bob@example.com", "agreed")
    house.run(8 * DAY)
    buys(house, "bob")
    assert codes(only(house)) == ["claim_too_old"]


@pytest.mark.parametrize("undone", ["order.refunded", "order.cancelled", "order.returned"])
def test_what_is_undone_within_the_window_pays_nothing(new_house: NewHouse, undone: str) -> None:
    house = shop(new_house)
    number = buys(house, "bob", invite(house))
    house.run(10 * DAY)
    house.tell(undone, "bob", order=number)
    assert only(house)["status"] == "void"
    assert f"order_{undone.partition('.')[2]}" in codes(only(house))
    house.run(60 * DAY)
    assert house.events("referral.converted") == []
    assert only(house)["final"]


def test_after_the_window_a_refund_takes_nothing_back(new_house: NewHouse) -> None:
    house = shop(new_house)
    number = buys(house, "bob", invite(house))
    house.run(31 * DAY)
    house.tell("order.refunded", "bob", order=number)
    assert only(house)["status"] == "converted"


def test_a_known_customer_is_nobodys_friend(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    buys(house, "bob", order="old")
    house.run(HOUR)
    buys(house, "bob", code, order="new")
    assert codes(only(house)) == ["existing_customer"]


def test_nobody_refers_themselves(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    buys(house, "ada", code, order="second")
    assert codes(only(house))[0] == "same_customer"
    house.run(40 * DAY)
    assert house.events("referral.converted") == []


def test_two_who_turn_out_to_be_one_are_not_paid(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    friend = {"source": "till", "customer": {"id": "7", "email": "x@example.com"}}
    event = house.event("order.paid", "bob", order="b1", **friend)
    event["order"] |= {"discount_codes": [code]}
    house.tell_all([event])
    assert only(house)["status"] == "pending"
    joined = {"id": "7", "email": "ada@example.com", "email_verified": True}
    house.tell("customer.updated", "bob", source="till", customer=joined)
    house.run(40 * DAY)
    assert "same_customer" in codes(only(house))
    assert house.events("referral.converted") == []


def test_a_flagged_one_waits_for_a_person(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    buys(house, "bob", code, email="bob@mailinator.com")
    house.run(40 * DAY)
    found = only(house)
    assert (found["status"], codes(found)) == ("flagged", ["disposable_email"])
    left = house.app.referrals.decide(found["id"], "approve", None)
    assert left.record.data["status"] == "converted"
    house.app.worker.quiesce()
    assert len(house.events("referral.converted")) == 1
    with pytest.raises(Settled, match="converted already"):
        house.app.referrals.decide(found["id"], "reject", "late")


def test_an_early_approval_still_waits_for_the_window(new_house: NewHouse) -> None:
    house = shop(new_house)
    buys(house, "bob", invite(house), email="bob@mailinator.com")
    left = house.app.referrals.decide(only(house)["id"], "approve", None)
    assert left.record.data["status"] == "pending"
    house.run(31 * DAY)
    assert only(house)["status"] == "converted"


def test_a_rejected_one_is_never_paid(new_house: NewHouse) -> None:
    house = shop(new_house)
    buys(house, "bob", invite(house))
    left = house.app.referrals.decide(only(house)["id"], "reject", "a colleague")
    assert left.record.data["status"] == "rejected"
    assert left.record.data["decision"]["reason"] == "a colleague"
    house.run(60 * DAY)
    assert house.events("referral.converted") == []


def test_a_friend_counts_for_one_referrer_only(new_house: NewHouse) -> None:
    house = shop(new_house)
    first, second = invite(house, "ada"), invite(house, "eve")
    house.app.referrals.claim(first, "bob@example.com", "agreed")
    buys(house, "bob", second)
    assert referrals(house, "ada") == []
    house.run(HOUR)
    buys(house, "bob", first, order="bob-2")
    house.run(40 * DAY)
    assert only(house, "eve")["status"] == "converted"
    assert {"already_referred"} < {*codes(only(house, "ada")), "-"}
    assert len(house.events("referral.converted")) == 1


def test_a_friend_who_orders_again_by_the_code_pays_for_the_first_order(
    new_house: NewHouse,
) -> None:
    house = shop(new_house)
    code = invite(house)
    first = buys(house, "bob", code)
    house.run(5 * DAY)
    buys(house, "bob", code, order="bob-2")
    assert (only(house)["order"], only(house)["status"]) == (f"shop:{first}", "pending")
    house.run(26 * DAY)
    assert only(house)["status"] == "converted"
    assert len(house.events("referral.converted")) == 1


def test_a_friend_who_cancels_and_orders_again_is_no_new_one(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    first = buys(house, "bob", code)
    house.run(HOUR)
    house.tell("order.cancelled", "bob", order=first)
    buys(house, "bob", code, order="bob-2")
    house.run(70 * DAY)
    assert (only(house)["status"], codes(only(house))) == ("void", ["order_cancelled"])
    assert house.events("referral.converted") == []


def test_an_unpaid_order_pays_nothing_until_it_is_paid(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    event = house.event("order.placed", "bob", order="b1")
    event["order"] |= {"attributes": {"landing_site": f"/start?x=1&ref={code}"}}
    house.tell_all([event])
    house.run(35 * DAY)
    assert (only(house)["status"], codes(only(house))) == ("pending", ["not_paid"])
    house.tell("order.paid", "bob", order="b1")
    assert only(house)["status"] == "converted"


def test_the_window_begins_with_the_delivery(new_house: NewHouse) -> None:
    house = shop(new_house)
    number = buys(house, "bob", invite(house))
    house.run(10 * DAY)
    house.tell("order.delivered", "bob", order=number)
    house.run(25 * DAY)
    assert only(house)["status"] == "pending"
    house.run(6 * DAY)
    assert only(house)["status"] == "converted"


def test_an_erased_friend_is_paid_for_no_more(new_house: NewHouse) -> None:
    house = shop(new_house)
    buys(house, "bob", invite(house))
    house.app.privacy.erase(house.id_of("bob"))
    house.run(40 * DAY)
    assert codes(only(house)) == ["friend_erased"]


def test_history_brings_nobody_a_reward(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    event = house.event("order.paid", "bob", order="b1")
    event["order"] |= {"discount_codes": [code]}
    house.app.ingest.take([house.incoming(event, backfill=True)])
    house.run(timedelta(days=1))
    assert referrals(house) == []


def test_unknown_codes_and_ended_programs(new_house: NewHouse) -> None:
    house = shop(new_house)
    code = invite(house)
    for text in ("SUMMER10", "BBBBBBBBBB", "", "x" * 500):
        with pytest.raises(UnknownCode):
            house.app.referrals.read(text)
    with pytest.raises(UnknownReferral):
        house.app.referrals.show("nothing")
    buys(house, "bob", code)
    house.write_store({})
    house.reload()
    with pytest.raises(UnknownCode):
        house.app.referrals.read(code)


def test_a_view_is_an_observation(new_house: NewHouse) -> None:
    house = shop(new_house)
    invitation = house.app.referrals.read(invite(house))
    for agent in ("Mozilla/5.0 (X11) Gecko", "Slackbot 1.0", "Mozilla/5.0 (X11) Gecko"):
        house.app.referrals.observe(invitation, user_agent=agent, machine=False)
    told = house.rows("SELECT body FROM events WHERE type = 'referral.viewed' ORDER BY seq")
    assert ["true" in body for (body,) in told] == [False, True]
