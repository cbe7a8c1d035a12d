"""What a referral pays: the how-to as it stands, typed into a shop, from invitation to reward."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from engine.core.points import BOOK, loyalty_page
from engine.programs.loyalty_ledger import read_ledger
from engine.programs.loyalty_text import told
from engine.storage.coupons import SqlCouponPools
from tests.cli.shop import Cli
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, TEMPLATES, House
from tests.services.test_referrals import buys

HOW_TO = Path(__file__).parents[2] / "docs/how-to/referrals.md"
LETTER = (
    '<body>{{ shop.postal_address }} <a href="{{ links.unsubscribe }}">No more</a></body>',
    "{{ referral.code }}\n{{ shop.postal_address }}\n{{ links.unsubscribe }}\n",
)
PAID_BY_COUPON = {"offer": "friend_thanks", "text": "5 off"}


def shop(new_house: NewHouse, **store: Any) -> House:
    """The program and both campaigns of the how-to; ``store`` has what it leaves to others."""
    page = HOW_TO.read_text(encoding="utf-8")
    policy, *campaigns = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    assert [one["id"] for one in campaigns] == ["invite-friends", "referral-thanks"]
    (letter,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    templates = {**TEMPLATES}
    for name in ("referral_invite", "referral_reminder"):
        html, text = LETTER
        templates |= {f"{name}/subject.txt": "Friends", f"{name}/body.txt": text}
        templates[f"{name}/body.html"] = html
    html = "<html><body>Thanks</body></html>"
    reward = store.pop("reward", None)
    if reward is not None:
        policy["referrals"]["friends"]["reward"] = reward
        campaigns[1]["purpose"] = "marketing"
        html, text = LETTER
        letter = f"{{{{ coupons.friend_thanks.code }}}}\n{text.partition('}}')[2]}"
    templates |= {
        "referral_thanks/subject.txt": "Thanks",
        "referral_thanks/body.txt": letter,
        "referral_thanks/body.html": html,
    }
    return new_house(*campaigns, store={**policy, **store}, templates=templates)


def code_of(house: House) -> str:
    """Ada's code: the campaign invites whoever has a second order delivered."""
    for number in (1, 2):
        for kind in ("order.placed", "order.paid", "order.delivered"):
            house.tell(kind, "ada", order=f"ada-{number}")
    house.run(8 * DAY)
    (invitation,) = (one for one in house.email.received if one.content.subject == "Friends")
    return invitation.content.text.split()[0]


def thanks(house: House) -> list[str]:
    return [one.content.text for one in house.email.received if one.content.subject == "Thanks"]


def points(house: House) -> tuple[int, list[str]]:
    """Ada's balance, and what has changed it."""
    with house.app.storage.deciding() as unit:
        unit.open_books({BOOK})
        world = unit.load([house.id_of("ada")], now=house.clock.now())[house.id_of("ada")]
    causes = [told(line) for line in read_ledger(world.book(BOOK))[1] if line.points]
    return int(loyalty_page(world).get("balance", 0)), causes


LOYALTY = {"orders": "none", "pending": "0s"}


def test_the_how_to_pays_the_referrer_in_points_once(new_house: NewHouse) -> None:
    house = shop(new_house, loyalty=LOYALTY)
    told = Cli(house.workspace).json("check")["diagnostics"]
    assert [one for one in told if not one["file"].startswith("message_templates/")] == []
    code = code_of(house)
    number = buys(house, "bob", code)
    house.run(29 * DAY)
    assert points(house) == (0, [])
    house.run(2 * DAY)
    assert points(house) == (500, ["a friend who bought (program friends)"])
    (letter,) = thanks(house)
    assert "500 points are yours. You have 500 now." in letter
    assert "brought-a-friend" in str(house.rows("SELECT tags FROM customers"))
    house.tell("order.refunded", "bob", order=number)
    house.run(90 * DAY)
    assert points(house)[0] == 500
    assert len(thanks(house)) == 1


def given_coupons(house: House) -> list[tuple[str, str]]:
    given = SqlCouponPools(house.app.storage.database).coupons()
    return sorted((one.coupon.status, one.coupon.code) for one in given)


def test_a_promised_coupon_is_given_by_itself(new_house: NewHouse) -> None:
    house = shop(new_house, reward=PAID_BY_COUPON, offers={"friend_thanks": {"value": "5 off"}})
    buys(house, "bob", code_of(house))
    house.run(31 * DAY)
    ((status, code),) = given_coupons(house)
    assert status == "issued"
    assert thanks(house)[0].startswith(f"{code}\n")
    house.run(30 * DAY)
    assert len(given_coupons(house)) == 1


def test_an_empty_pool_owes_the_promised_coupon(new_house: NewHouse) -> None:
    offer = {"value": "5 off", "kind": "pool", "pool": "five"}
    house = shop(new_house, reward=PAID_BY_COUPON, offers={"friend_thanks": offer})
    buys(house, "bob", code_of(house))
    house.run(31 * DAY)
    assert given_coupons(house) == [("owed", "")]
    assert thanks(house)[0].startswith("\n")  # a template that tells no code says nothing of one
    pools = SqlCouponPools(house.app.storage.database)
    pools.import_codes("five", ["FIVE-1", "FIVE-2"], house.clock.now())
    house.run(2 * HOUR)
    assert given_coupons(house) == [("issued", "FIVE-1"), ("released", "")]


def test_what_another_tool_tells_is_not_paid(new_house: NewHouse) -> None:
    house = shop(new_house, loyalty=LOYALTY)
    house.tell("order.paid", "ada", order=1)
    house.tell("referral.converted", "ada", data={"program": "friends", "points": 500})
    assert points(house) == (0, [])


def test_two_records_of_one_referrer_keep_both_rewards(new_house: NewHouse) -> None:
    """Whoever turns out to be the referrer too has what both had, each friend once."""
    house = shop(new_house, loyalty=LOYALTY)
    code = code_of(house)
    for friend in ("bob", "cem"):
        buys(house, friend, code)
        house.run(HOUR)
    house.tell("order.paid", "ada", order="till-1", source="till", customer={
        "id": "7", "email": "work@example.com"})  # fmt: skip
    house.run(31 * DAY)
    assert points(house)[0] == 1000
    joined = {"id": "7", "email": "ada@example.com", "email_verified": True}
    house.tell("customer.updated", "ada", source="till", customer=joined)
    house.run(31 * DAY)
    assert points(house)[0] == 1000
    assert len(house.events("referral.converted")) == 2
