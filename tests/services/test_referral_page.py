"""The landing page of a referral over HTTP: a visit changes nothing, only a POST leaves a mark."""

from __future__ import annotations

from typing import Any

import pytest

from tests.services.conftest import NewHouse
from tests.services.house import DAY, House
from tests.services.test_link_scanners import dump, hardened
from tests.services.test_referrals import buys, invite, only, shop
from tests.services.test_surveys import visit

AGREED: dict[str, Any] = {"email": "bob@example.com", "agreed": "1"}
BAD_CODES = ["BBBBBBBBBB", "SUMMER10", "x", "%00", "K7QFM2XD9T-", "a" * 300]


@pytest.fixture
def house(new_house: NewHouse) -> House:
    return shop(new_house)


@pytest.fixture
def code(house: House) -> str:
    return invite(house)


def claims(house: House) -> int:
    ((count,),) = house.rows("SELECT count(*) FROM books WHERE book = 'referral_claims'")
    return int(count)


def test_the_page_tells_who_invites_and_what_both_get(house: House, code: str) -> None:
    page = visit(house, f"/r/{code}")
    assert page.status_code == 200
    assert hardened(page)
    for told in ("Ada", "500 points", "$10 off", "WELCOME10", f"&amp;ref={code}"):
        assert told in page.text
    assert "ada@example.com" not in page.text
    assert 'method="post"' in page.text
    german = visit(house, f"/r/{code.lower()}", language="de")
    assert "lädt Sie zu Bellerive ein" in german.text
    assert 'lang="de"' in german.text


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_visit_leaves_an_observation_and_nothing_else(
    house: House, code: str, method: str
) -> None:
    before = dump(house)
    for _ in range(3):
        assert visit(house, f"/r/{code}", method).status_code == 200
    after = dump(house)
    assert {name for name in before if before[name] != after[name]} == {"events"}
    told = house.events("referral.viewed")
    assert len(told) == 1  # once a day
    assert claims(house) == 0


def test_a_posted_address_is_remembered_as_a_mark_alone(house: House, code: str) -> None:
    before = dump(house)
    page = visit(house, f"/r/{code}", "POST", **AGREED)
    assert page.status_code == 200
    assert hardened(page)
    assert "Thank you. Order with this address" in page.text
    assert "<form" not in page.text
    again = visit(house, f"/r/{code}", "POST", **AGREED | {"email": " Bob+x@Example.com "})
    assert again.text == page.text  # nobody learns whether an address was known
    assert claims(house) == 1
    after = dump(house)
    assert {name for name in before if before[name] != after[name]} == {"books", "events"}
    assert "bob@" not in str(after).lower()
    buys(house, "bob")
    house.run(31 * DAY)
    assert only(house)["status"] == "converted"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"email": "bob@example.com"}, "Please tick the box"),
        ({"email": "", "agreed": "1"}, "Please enter an email address"),
        ({"email": "bob", "agreed": "1"}, "Please enter an email address"),
        ({"email": "bob@" + "x" * 250 + ".com", "agreed": "1"}, "Please enter an email address"),
        ({"agreed": "1"}, "Please enter an email address"),
    ],
)
def test_what_cannot_be_remembered_is_told_and_changes_nothing(
    house: House, code: str, form: dict[str, str], said: str
) -> None:
    before = dump(house)
    page = visit(house, f"/r/{code}", "POST", **form)
    assert page.status_code == 422
    assert said in page.text
    assert "<form" in page.text
    assert dump(house) == before


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_a_code_of_nobodys_is_told_and_changes_nothing(house: House, method: str) -> None:
    invite(house)
    before = dump(house)
    form = AGREED if method == "POST" else {}
    for bad in BAD_CODES:
        page = visit(house, f"/r/{bad}", method, **form)
        assert page.status_code == 404, bad
        assert hardened(page)
        if method != "HEAD":
            assert "This invitation does not work" in page.text
            assert "help@example.com" in page.text
    assert dump(house) == before


def test_an_ended_program_and_an_erased_referrer_invite_nobody(house: House, code: str) -> None:
    assert visit(house, f"/r/{code}").status_code == 200
    house.app.privacy.erase(house.id_of("ada"))
    assert visit(house, f"/r/{code}").status_code == 404
    assert visit(house, f"/r/{code}", "POST", **AGREED).status_code == 404
    other = invite(house, "eve")
    assert visit(house, f"/r/{other}").status_code == 200
    house.write_store({})
    house.reload()
    assert visit(house, f"/r/{other}").status_code == 404


def test_too_large_a_form_is_refused(house: House, code: str) -> None:
    before = dump(house)
    page = visit(house, f"/r/{code}", "POST", **AGREED | {"more": "x" * 5000})
    assert page.status_code == 413
    assert dump(house) == before
    many = {f"f{number}": "1" for number in range(40)}
    assert visit(house, f"/r/{code}", "POST", **many | AGREED).status_code == 422
    assert claims(house) == 0
