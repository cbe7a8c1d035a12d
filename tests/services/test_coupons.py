"""Coupons from a campaign to an order and back, on the real services and both databases."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.receipt import Receipt, ReceiptKind
from engine.providers.simulated import REFUSE, SILENCE, Script
from engine.storage.coupons import SqlCouponPools
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, TEMPLATES, House, campaign, email

CODES = {
    **TEMPLATES,
    "gift/subject.txt": "A thank-you",
    "gift/body.txt": "{{ gift.value }}: {{ gift.code }}, until {{ gift.expires_at | date }}."
    " {{ coupons.thanks.code | default('none') }} {{ customer.open_coupons }}\n"
    "{{ links.unsubscribe }}\n",
    "gift/body.html": "<html><body>{{ gift.code }} {{ links.unsubscribe }}</body></html>",
}
THANKS = {"value": "10 % off", "kind": "pool", "pool": "summer", "expires": "30d"}
GIVE = [{"id": "gift", "issue_coupon": "thanks"}, email(template="gift", coupon="gift")]


def shop(
    new_house: NewHouse,
    *campaigns: Any,
    codes: int = 0,
    script: Script | None = None,
    **offer: Any,
) -> House:
    campaigns = campaigns or (gift(),)
    store = {"offers": {"thanks": THANKS | offer}}
    house = new_house(*campaigns, store=store, templates=CODES, script=script)
    fill(house, *(f"SUN-{number:03}" for number in range(codes)))
    return house


def gift(name: str = "thank-you", event: str = "order.delivered", **more: Any) -> dict[str, Any]:
    return campaign(name, {"event": event}, GIVE, **{"purpose": "marketing", **more})


def fill(house: House, *codes: str) -> None:
    SqlCouponPools(house.app.storage.database).import_codes("summer", codes, house.clock.now())


def states(house: House) -> list[tuple[str, str]]:
    return [(row[0], row[1]) for row in house.rows("SELECT code, state FROM pool_codes ORDER BY 1")]


def statuses(house: House) -> list[str]:
    given = SqlCouponPools(house.app.storage.database).coupons()
    return sorted(one.coupon.status for one in given)


def test_a_code_goes_from_the_pool_to_the_mail_to_the_order(new_house: NewHouse) -> None:
    returned = campaign("well-used", {"event": "coupon.redeemed"}, [email()])
    house = shop(new_house, gift(), returned, codes=2)
    house.tell("order.delivered", order=1)
    (sent,) = house.received
    assert "10 % off: SUN-000, until April 1, 2026. SUN-000 1" in sent.content.text
    house.run(DAY)
    later = house.event("order.placed", order=2)
    later["order"] |= {"discount_codes": ["sun-000"], "discount": "8.00"}
    house.tell_all([later, {**later, "id": "again"}])
    assert states(house) == [("SUN-000", "redeemed"), ("SUN-001", "free")]
    (event,) = house.events("coupon.redeemed")
    assert [one.campaign for one in event.verdicts] == ["well-used"]
    assert [one.template for one in house.messages("well-used")] == ["note"]
    house.run(40 * DAY)
    assert house.events("coupon.expiring") == []


def test_an_empty_pool_drops_the_message_with_a_reason(new_house: NewHouse) -> None:
    house = shop(new_house, codes=1)
    house.tell("order.delivered", "ada", order=1)
    house.tell("order.delivered", "bob", order=2)
    told = {one.customer_id: (one.status.value, one.reason) for one in house.messages()}
    assert told == {
        house.id_of("ada"): ("sent", None), house.id_of("bob"): ("skipped", "no_coupon")
    }  # fmt: skip


def test_codes_of_dropped_and_refused_messages_come_back(new_house: NewHouse) -> None:
    house = shop(new_house, codes=1, script=Script(default=REFUSE))
    silent = {"consent": {"email": {"status": "unsubscribed"}}}
    house.tell("order.delivered", "ada", order=1, customer=silent)
    assert (states(house), statuses(house)) == ([("SUN-000", "free")], ["released"])
    house.tell("order.delivered", "bob", order=2)
    assert house.received
    assert states(house) == [("SUN-000", "free")]
    assert statuses(house) == ["released", "released"]


def test_a_refund_before_the_message_leaves_gives_the_code_back(new_house: NewHouse) -> None:
    quiet = {"email": {"from": "08:00", "until": "12:00"}}
    store = {"offers": {"thanks": THANKS}, "quiet_hours": quiet}
    house = new_house(gift(exit_on=["order.refunded"]), store=store, templates=CODES)
    fill(house, "SUN")
    house.tell("order.delivered", order=1)
    assert states(house) == [("SUN", "claimed")]
    house.tell("order.refunded", order=1)
    assert (states(house), statuses(house)) == ([("SUN", "free")], ["released"])
    assert house.message().status.value == "cancelled"


def test_a_code_in_doubt_does_not_come_back(new_house: NewHouse) -> None:
    house = shop(new_house, codes=1, script=Script(default=SILENCE))
    house.tell("order.delivered", order=1)
    house.app.settlement.resolve(house.message().id, "abandon")
    assert (states(house), statuses(house)) == ([("SUN-000", "claimed")], ["issued"])


def test_a_code_that_nobody_used_is_warned_of_and_expires(new_house: NewHouse) -> None:
    hurry = campaign("hurry", {"event": "coupon.expiring"}, [email()], purpose="marketing")
    house = shop(new_house, gift(), hurry, codes=1)
    house.tell("order.delivered", order=1)
    house.run(28 * DAY)
    (event,) = house.events("coupon.expiring")
    assert event.time == START + 27 * DAY - HOUR  # three days before, on the clock of Chicago
    assert len(house.messages("hurry")) == 1
    house.run(10 * DAY)
    assert (states(house), statuses(house)) == ([("SUN-000", "expired")], ["expired"])


def test_an_unused_code_serves_two_campaigns(new_house: NewHouse) -> None:
    again = gift("welcome-back", "order.placed")
    house = shop(new_house, gift(), again, codes=2, reuse=True)
    house.tell("order.delivered", order=1)
    house.tell("order.placed", order=2)
    assert [("SUN-000" in one.content.text) for one in house.received] == [True, True]
    assert states(house) == [("SUN-000", "claimed"), ("SUN-001", "free")]


def test_generated_codes_differ_by_journey_and_survive_a_restart(new_house: NewHouse) -> None:
    house = shop(new_house, kind="generated", pool=None, prefix="TEA")
    house.tell("order.delivered", "ada", order=1)
    house.restart()
    house.tell("order.delivered", "bob", order=2)
    given = SqlCouponPools(house.app.storage.database).coupons()
    codes = {one.coupon.code for one in given}
    assert len(codes) == 2
    assert all(code.startswith("TEA-") for code in codes)
    assert {one.content.text.split(": ")[1].split(",")[0] for one in house.received} == codes


def test_whose_code_somebody_else_uses_hears_of_it(new_house: NewHouse) -> None:
    house = shop(new_house, codes=1)
    house.tell("order.delivered", "ada", order=1)
    friend = house.event("order.placed", "bob", order=2)
    friend["order"]["discount_codes"] = ["sun-000"]
    house.tell_all([friend])
    house.tell_all([{**friend, "id": "told-again", "type": "order.paid"}])
    assert (states(house), statuses(house)) == ([("SUN-000", "redeemed")], ["redeemed"])
    (event,) = house.events("coupon.redeemed")
    assert event.customer_id == house.id_of("ada")


def test_a_code_for_everybody_is_used_by_nobody_else(new_house: NewHouse) -> None:
    house = shop(new_house, kind="fixed", pool=None, code="TEA")
    for key in ("ada", "bob"):
        house.tell("order.delivered", key, order=key)
    bought = house.event("order.placed", "bob", order=2)
    bought["order"]["discount_codes"] = ["tea"]
    house.tell_all([bought])
    assert statuses(house) == ["issued", "redeemed"]
    (event,) = house.events("coupon.redeemed")
    assert event.customer_id == house.id_of("bob")


def test_a_pool_that_runs_low_is_told_of_once(new_house: NewHouse) -> None:
    house = shop(new_house, codes=3, warn_at=2)
    assert house.app.pool_watch.run() == []
    house.tell("order.delivered", order=1)
    assert [house.app.pool_watch.run(), house.app.pool_watch.run()] == [["summer"], []]
    left = house.app.registry.get_sample_value(
        "lagniappe_coupon_pool_codes_left", {"pool": "summer"}
    )
    assert left == 2


def report(house: House, kind: str) -> None:
    """A receipt for the one message that was sent."""
    (message,) = [one for one in house.messages() if one.sent_at is not None]
    told = Receipt(provider="simulated", id=kind, kind=ReceiptKind(kind), at=house.clock.now(),
                   message_id=message.id, raw="{}")  # fmt: skip
    house.app.receive.take([told])
    house.app.worker.quiesce()


@pytest.mark.parametrize("kind", ["bounced", "failed"])
def test_a_code_whose_message_did_not_arrive_goes_back(new_house: NewHouse, kind: str) -> None:
    house = shop(new_house, codes=1)
    house.tell("order.delivered", order=1)
    assert house.journey().status == "completed"
    assert states(house) == [("SUN-000", "claimed")]
    house.run(HOUR)
    report(house, kind)
    assert states(house) == [("SUN-000", "free")]
    assert statuses(house) == ["released"]
    house.tell("order.delivered", "bob", order=2)
    assert states(house) == [("SUN-000", "claimed")]
    assert house.messages()[-1].status == "sent"


@pytest.mark.parametrize(
    ("kind", "offer"), [("bounced", {"when_undelivered": "keep"}), ("delivered", {})]
)
def test_a_code_that_may_be_known_stays(new_house: NewHouse, kind: str, offer: Any) -> None:
    house = shop(new_house, codes=1, **offer)
    house.tell("order.delivered", order=1)
    house.run(HOUR)
    report(house, kind)
    assert states(house) == [("SUN-000", "claimed")]
    assert statuses(house) == ["issued"]


def test_a_bounced_code_that_was_used_all_the_same_stays_used(new_house: NewHouse) -> None:
    house = shop(new_house, codes=1)
    house.tell("order.delivered", order=1)
    used = house.event("order.placed", order=2)
    used["order"] |= {"discount_codes": ["SUN-000"]}
    house.tell_all([used])
    report(house, "bounced")
    assert states(house) == [("SUN-000", "redeemed")]


def test_a_later_message_may_still_carry_what_bounced(new_house: NewHouse) -> None:
    again = [*GIVE, {"delay": "2d"}, email("again", template="gift", coupon="gift")]
    both = campaign("thank-you", {"event": "order.delivered"}, again, purpose="marketing")
    house = shop(new_house, both, codes=1)
    house.tell("order.delivered", order=1)
    house.run(HOUR)
    report(house, "bounced")
    assert states(house) == [("SUN-000", "claimed")]
    house.run(3 * DAY)
    assert [one.status for one in house.messages()] == ["bounced", "sent"]
    assert statuses(house) == ["issued"]


def test_somebody_erased_leaves_codes_behind(new_house: NewHouse) -> None:
    later = [GIVE[0], {"delay": "2d"}, GIVE[1]]
    waits = campaign("later", {"event": "order.paid"}, later, purpose="marketing")
    house = shop(new_house, gift(), waits, codes=3)
    house.tell("order.delivered", order=1)
    house.tell("order.paid", order=1)
    used = house.event("order.delivered", "bob", order=2)
    house.tell_all([used])
    assert [state for _, state in states(house)] == ["claimed"] * 3
    house.app.privacy.erase(house.id_of("ada"))
    assert states(house) == [("SUN-000", "expired"), ("SUN-001", "free"), ("SUN-002", "claimed")]
    assert len(statuses(house)) == 1
    spent = house.event("order.placed", "eve", order=3)  # whoever has it may use it; nobody hears
    spent["order"] |= {"discount_codes": ["SUN-000"]}
    house.tell_all([spent])
    assert states(house)[0] == ("SUN-000", "expired")
    house.tell("order.delivered", "eve", order=4)
    assert states(house)[1] == ("SUN-001", "claimed")
