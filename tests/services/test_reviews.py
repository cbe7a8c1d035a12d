"""Reviews from request to answer: what is asked, by page and by web hook, and what comes of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from engine.web_parts import WebParts
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, TEMPLATES, House, campaign

PERSON = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}
SECRET = "hush-hush-of-the-review-platform"
ASKING = {
    "ask/subject.txt": "Your order {{ order.number }}",
    "ask/body.txt": "{% for one in review.products %}{{ one.title }}: {{ one.review_url }}\n"
    "{% for star in one.stars %}{{ star.url }} {% endfor %}{% endfor %}"
    "{{ links.unsubscribe }} {{ shop.postal_address }}",
    "ask/body.html": "<html><body>{% for one in review.products %}"
    '<a href="{{ one.review_url }}">{{ one.title }}</a>{% endfor %}'
    '<a href="{{ links.unsubscribe }}">No more</a> {{ shop.postal_address }}</body></html>',
}
STEPS: list[Any] = [
    {"id": "ask", "ask_review": {"template": "ask", "timeout": "5d"}},
    {"branch": [
        {"if": "ask.reviewed && ask.rating <= 2",
         "steps": [{"update_customer": {"add_tags": ["call"]}}]},
        {"if": "ask.reviewed", "steps": [{"update_customer": {"add_tags": ["reviewer"]}}]},
        {"else": {"steps": [{"update_customer": {"add_tags": ["silent"]}}]}},
    ]},
    {"delay": "2d"},
    {"id": "remind", "ask_review": {"template": "ask"}},
]  # fmt: skip
PRODUCTS = ("cup", "pot", "tray")


@pytest.fixture
def house(new_house: NewHouse) -> House:
    return new_house(
        campaign("reviews", "order.delivered", STEPS, purpose="marketing"),
        templates={**TEMPLATES, **ASKING},
        LAGNIAPPE_JUDGEME_SECRET=SECRET,
    )


def order(number: str = "1", *products: str, **more: Any) -> dict[str, Any]:
    lines = [
        {"id": f"l-{name}", "product_id": name, "title": name.title(), "quantity": 1, "price": "20"}
        for name in products or PRODUCTS
    ]
    return {"id": number, "number": f"#{number}", "total": "60.00", "currency": "USD",
            "lines": lines, **more}  # fmt: skip


def tell(house: House, kind: str, told: dict[str, Any], **more: Any) -> None:
    event = house.event(kind, **more)
    event["order"] = told
    event["id"] = f"{kind}:{told['id']}:{house.clock.now().isoformat()}"
    house.tell_all([event])


def said(house: House) -> list[str]:
    """The products that each message asks for."""
    return [" ".join(re.findall(r"(\w+): http", one.content.text)) for one in house.received]


def link(house: House, number: int = -1) -> str:
    found = re.search(r"/v/[\w.-]+", house.received[number].content.text)
    assert found is not None
    return found[0]


def visit(house: House, method: str, path: str, **form: str) -> httpx.Response:
    parts = WebParts(house.app, works=False)

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=parts.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            body = {"content": urlencode(form)} if method == "POST" else {}
            return await client.request(method, path, headers=PERSON, **body)  # type: ignore[arg-type]

    answer = asyncio.run(run())
    house.app.worker.quiesce()
    return answer


def judgeme(house: House, **review: Any) -> int:
    told = {"id": 1, "rating": 5, "created_at": house.clock.now().isoformat(), "verified": "buyer",
            "reviewer": {"email": "ada@example.com", "name": "Ada"}, **review}  # fmt: skip
    body = json.dumps({"event": "review/created", "review": told}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    parts = WebParts(house.app, works=False)
    parts.start()

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=parts.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.post(
                "/webhooks/judgeme", content=body, headers={"JUDGEME-HMAC-SHA256": signature}
            )

    answer = asyncio.run(run())
    parts.stop()
    house.app.worker.quiesce()
    return answer.status_code


def tags(house: House) -> Any:
    return json.loads(house.rows("SELECT tags FROM customers")[0][0])


def books(house: House) -> list[dict[str, Any]]:
    rows = house.rows("SELECT data FROM books WHERE book = 'reviews' ORDER BY \"key\"")
    return [json.loads(row[0]) for row in rows]


def test_of_three_products_one_refunded_and_one_reviewed_one_is_asked_for(house: House) -> None:
    told = order()
    tell(house, "order.paid", told)
    refund = {"id": "r1", "amount": "20.00", "lines": [{"line_id": "l-cup", "quantity": 1}]}
    tell(house, "order.refunded", {**told, "refunds": [refund]})
    assert judgeme(house, product_external_id="pot", rating=3) == 200
    house.run(HOUR)
    tell(house, "order.delivered", told)
    assert said(house) == ["Tray"]
    assert house.journey().status == "live"
    page = visit(house, "GET", link(house) + "?p=3&stars=4")
    assert page.status_code == 200
    assert "Tray" in page.text
    assert "Cup" not in page.text
    assert 'value="4" checked' in page.text
    assert len(books(house)) == 1  # looking is no review
    assert visit(house, "POST", link(house), stars_3="2", text_3="Wobbles.").status_code == 200
    assert "call" in tags(house)  # the next decision follows from the answer
    house.run(10 * DAY)
    assert said(house) == ["Tray"]  # the reminder has nothing left to ask
    last = house.messages("reviews")[-1]
    assert (last.step, last.status, last.reason) == ("remind", "skipped", "nothing_to_review")


def test_a_reminder_asks_only_for_what_was_not_reviewed_meanwhile(house: House) -> None:
    tell(house, "order.delivered", order())
    assert said(house) == ["Cup Pot Tray"]
    assert visit(house, "POST", link(house), stars_1="5").status_code == 200
    assert tags(house) == ["reviewer"]
    house.run(10 * DAY)
    assert said(house)[1:] == ["Pot Tray"]


def test_whoever_says_nothing_is_reminded_of_everything(house: House) -> None:
    tell(house, "order.delivered", order())
    house.run(10 * DAY)
    assert tags(house) == ["silent"]
    assert said(house) == ["Cup Pot Tray"] * 2


def test_the_page_takes_every_opinion_keeps_what_was_said_before_and_counts_once(
    house: House,
) -> None:
    tell(house, "order.delivered", order())
    path = link(house)
    for _ in range(2):
        answer = visit(house, "POST", path, stars_1="1", text_1="Cracked.\x07")
        assert answer.status_code == 200
        assert "Cracked." in answer.text
    assert len(house.events("review.submitted")) == 1
    house.run(HOUR)
    visit(house, "POST", path, stars_1="4", text_1="They sent another.", stars_2="3")
    cup, pot = sorted(books(house), key=lambda one: str(one["product_id"]))
    assert (cup["rating"], pot["rating"]) == (4, 3)
    assert [each["said"]["rating"] for each in cup["history"]] == [1, 4]
    assert cup["history"][0]["said"]["text"] == "Cracked."
    assert cup["order_id"] == "shop:1"
    assert (cup["campaign"], cup["step"]) == ("reviews", "ask")


@pytest.mark.parametrize("form", [{}, {"stars_1": "6"}, {"text_1": "words"}, {"stars_x": "5"}])
def test_a_post_without_stars_changes_nothing_and_says_so(
    house: House, form: dict[str, str]
) -> None:
    tell(house, "order.delivered", order())
    answer = visit(house, "POST", link(house), **form)
    assert answer.status_code == 400
    assert "at least one star" in answer.text
    assert books(house) == []


def test_what_the_page_does_not_show_cannot_be_reviewed_and_a_forged_link_is_none(
    house: House,
) -> None:
    tell(house, "order.delivered", order())
    path = link(house)
    assert visit(house, "POST", path, stars_9="5").status_code == 200
    assert books(house) == []
    forged = path[:-1] + ("A" if path[-1] != "A" else "B")
    assert visit(house, "GET", forged).status_code == 404
    assert visit(house, "POST", forged, stars_1="5").status_code == 404
    unsubscribe = re.search(r"/u/([\w.-]+)", house.received[0].content.text)
    assert unsubscribe is not None
    assert visit(house, "GET", f"/v/{unsubscribe[1]}").status_code == 404
    house.run(366 * DAY)
    assert visit(house, "GET", path).status_code == 404  # after link_lasts


def test_a_web_hook_answers_a_request_and_told_again_counts_once(house: House) -> None:
    tell(house, "order.delivered", order())
    house.run(DAY)
    for _ in range(3):
        assert judgeme(house, product_external_id="tray", rating=5) == 200
    assert tags(house) == ["reviewer"]
    assert len(books(house)) == 1
    assert judgeme(house, product_external_id="tray", rating=5, reviewer={}) == 200
    house.run(10 * DAY)
    assert said(house)[1:] == ["Cup Pot"]


def test_an_unproven_writer_of_the_same_address_is_not_the_customer(house: House) -> None:
    tell(house, "order.delivered", order())
    judgeme(house, product_external_id="tray", verified="nothing")
    house.run(10 * DAY)
    assert said(house)[1:] == ["Cup Pot Tray"]


def test_a_review_told_by_any_system_counts(house: House) -> None:
    tell(house, "order.delivered", order())
    house.tell("review.submitted", data={"product_id": "cup", "rating": 4, "review_id": "x-1"})
    house.run(HOUR)
    house.tell("review.submitted", data={"order_id": "shop:1", "rating": 4, "review_id": "x-2"})
    house.run(10 * DAY)
    assert len(said(house)) == 1  # a review of the order as a whole leaves nothing
