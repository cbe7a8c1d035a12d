"""Every public GET, fetched by link scanners, changes no consent, answer, customer or journey."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from engine.core.book import Record
from engine.core.receipt import Receipt, ReceiptKind
from engine.links import Links, Question
from engine.programs.referral_records import CODES
from engine.storage import tables
from engine.web_parts import WebParts
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, House, campaign, email
from tests.services.test_receive import BRANCH

TARGET = "https://shop.example.com/news?x=1"
PERSON = "Mozilla/5.0 (X11; Linux x86_64; rv:147.0) Gecko/20100101 Firefox/147.0"
STRICT = {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"}
SCANNERS: list[tuple[str, str, Mapping[str, str]]] = [
    ("GET", "Mozilla/5.0 (compatible; Barracuda Sentinel)", {}),
    ("GET", "Mozilla/5.0 (Windows NT 10.0) Mimecast URL Protect", {}),
    ("GET", "Mozilla/5.0 Proofpoint URL Defense", {}),
    ("GET", "Mozilla/5.0 (compatible; Googlebot/2.1)", {}),
    ("GET", "SkypeUriPreview Preview/0.5", {}),
    ("GET", "WhatsApp/2.23", {}),
    ("GET", "python-requests/2.32", {}),
    ("GET", "curl/8.5.0", {}),
    ("GET", "Mozilla/5.0", {}),
    ("GET", "", {}),
    ("HEAD", PERSON, {}),
    ("GET", PERSON, {"Sec-Purpose": "prefetch;prerender"}),
    ("GET", PERSON, {"Purpose": "prefetch"}),
    ("GET", PERSON, {"X-Moz": "prefetch"}),
    ("GET", PERSON, {"X-Purpose": "preview"}),
]
# How to fill each path's parameters: an address that is new must be added here.
Fill = Callable[[Links, str], Mapping[str, str]]
PARAMETERS: dict[str, Fill] = {
    "/u/{token}": lambda links, message: {"token": _token(links.unsubscribe(message))},
    "/s/{token}": lambda links, message: {
        "token": _token(links.survey(message, Question("nps", 9), START + 9 * DAY))
    },
    "/r/{code}": lambda links, message: {"code": CODE},
    "/v/{token}": lambda links, message: {
        "token": _token(links.review(message, datetime(2027, 1, 1, tzinfo=UTC)))
    },
    "/c/{token}": lambda links, message: {"token": _token(links.click(message, TARGET))},
}
CODE = "B7QFM2XD9T"
PROGRAM = {"name": "Friends", "text": "Come.", "shop_url": TARGET,
           "reward": {"points": 1, "text": "a point"}, "friend": {"text": "a coffee"}}  # fmt: skip
# What the database may gain: observations, and the events that tell of them.
OBSERVATIONS = {"receipts", "events"}
BESIDE = {"workers"}  # heartbeats


def _token(address: str) -> str:
    return address.rpartition("/")[2]


def public_paths(app: Starlette, links: Links, message: str) -> list[str]:
    """Every address that answers to GET, with real tokens of a live message."""
    paths = []
    for route in app.routes:
        assert isinstance(route, Route), route
        if "GET" in (route.methods or ()):
            filled = PARAMETERS[route.path](links, message) if "{" in route.path else {}
            paths.append(route.path.format(**filled))
    return paths


def hardened(answer: httpx.Response) -> bool:
    """Whether a page under a token says all that keeps it from being framed, kept or listed."""
    policy = answer.headers["content-security-policy"]
    return (
        {"default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"}
        <= set(policy.split("; "))
        and "unsafe" not in policy
        and answer.headers["cache-control"] == "no-store"
        and answer.headers["x-content-type-options"] == "nosniff"
        and "noindex" in answer.headers["x-robots-tag"]
        and answer.headers["referrer-policy"] in ("no-referrer", "strict-origin", "origin")
    )


def fetch(app: Any, method: str, paths: list[str], headers: Mapping[str, str]) -> list[int]:
    async def run() -> list[int]:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return [
                (await client.request(method, path, headers=headers)).status_code for path in paths
            ]

    return asyncio.run(run())


def dump(house: House) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    return {
        table.name: sorted(map(repr, house.rows(f'SELECT * FROM "{table.name}"')))
        for table in tables.metadata.sorted_tables
        if table.name not in BESIDE
    }


@pytest.fixture
def house(new_house: NewHouse) -> House:
    """A customer whose journey waits for a click on a message that has arrived."""
    house = new_house(
        campaign("news", "order.placed", BRANCH, purpose="marketing"),
        store={"referrals": {"friends": PROGRAM}},
    )
    house.tell("customer.subscribed", data={"channel": "email"}, customer={
        "id": "ada", "email": "ada@example.com",
        "consent": {"email": {"status": "subscribed"}}})  # fmt: skip
    house.tell("order.placed", order=1)
    house.clock.advance_to(house.clock.now() + HOUR)
    arrived = Receipt(provider="simulated", id="1", kind=ReceiptKind.DELIVERED,
                      message_id=house.message().id, at=house.clock.now())  # fmt: skip
    house.app.receive.take([arrived])
    house.app.worker.quiesce()
    assert house.journey().status == "live"
    with house.app.storage.deciding() as unit:
        world = unit.load([house.id_of("ada")], now=house.clock.now())[house.id_of("ada")]
        told = {"program": "friends"}
        world.write(Record(book=CODES, key=CODE, at=house.clock.now(), data=told))
        unit.save(world)
        unit.commit()
    return house


def tags(house: House) -> str:
    ((found,),) = house.rows("SELECT tags FROM customers")
    return str(found)


def test_scanners_change_nothing_but_marked_observations(house: House) -> None:
    message = house.message().id
    parts = WebParts(house.app, works=False)
    paths = public_paths(parts.asgi, house.app.links, message)  # type: ignore[arg-type]
    assert {path[:3] for path in paths} >= {"/u/", "/c/", "/s/", "/r/", "/v/"}
    before = dump(house)
    for method, agent, more in SCANNERS:
        answers = fetch(parts.asgi, method, paths, {"User-Agent": agent, **more})
        assert all(status in (200, 302, 503) for status in answers), (agent, answers)
        house.clock.advance_to(house.clock.now() + timedelta(minutes=2))
        house.app.worker.quiesce()
    after = dump(house)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == OBSERVATIONS
    assert set(before["events"]) <= set(after["events"])
    receipts = house.rows("SELECT machine, kind FROM receipts WHERE provider = 'lagniappe'")
    assert {(bool(machine), kind) for machine, kind in receipts} == {(True, "clicked")}
    assert len(receipts) == len(SCANNERS)
    told = house.events("message.clicked")
    assert len(told) == len(SCANNERS)
    assert house.message().clicked_at is None


def test_a_person_behind_them_moves_the_journey(house: House) -> None:
    message = house.message().id
    parts = WebParts(house.app, works=False)
    path = f"/c/{_token(house.app.links.click(message, TARGET))}"
    fetch(parts.asgi, "GET", [path], {"User-Agent": "curl/8.5.0"})
    house.app.worker.quiesce()
    assert house.journey().status == "live"
    for _ in range(3):  # of clicks within one minute one is kept
        assert fetch(parts.asgi, "GET", [path], {"User-Agent": PERSON}) == [302]
    house.app.worker.quiesce()
    assert house.journey().status == "completed"
    assert "clicker" in tags(house)
    assert house.message().clicked_at is not None
    kept = house.rows("SELECT machine, url FROM receipts WHERE provider = 'lagniappe'")
    assert sorted((bool(machine), url) for machine, url in kept) == [
        (False, TARGET),
        (True, TARGET),
    ]


def test_all_links_of_a_message_within_a_second_are_a_machines(house: House) -> None:
    """A scanner with a browser's name: what it follows after the first link is told from people."""
    message, links = house.message().id, house.app.links
    parts = WebParts(house.app, works=False)
    paths = [
        f"/c/{_token(links.click(message, f'https://shop.example.com/{page}'))}" for page in "abc"
    ]

    def follow(*some: str) -> None:
        fetch(parts.asgi, "GET", list(some), {"User-Agent": PERSON})
        house.app.worker.quiesce()

    def kept() -> list[tuple[str, bool]]:
        rows = house.rows(
            "SELECT url, machine FROM receipts WHERE provider = 'lagniappe' ORDER BY \"at\", url"
        )
        return [(url[-1], bool(machine)) for url, machine in rows]

    follow(*paths)
    assert kept() == [("a", False), ("b", True), ("c", True)]
    house.clock.advance_to(house.clock.now() + timedelta(seconds=1))
    follow(paths[1])  # within the minute it is one with what a machine did there
    house.clock.advance_to(house.clock.now() + timedelta(minutes=1))
    follow(paths[1])
    house.clock.advance_to(house.clock.now() + timedelta(seconds=2))
    follow(paths[2])
    assert [one for one in kept() if not one[1]] == [("a", False), ("b", False), ("c", False)]
    told = house.events("message.clicked")
    assert len(told) == len(kept())


def test_too_soon_is_a_machine(new_house: NewHouse) -> None:
    house = new_house(campaign("news", "order.placed", BRANCH))
    house.tell("order.placed", order=1)
    parts = WebParts(house.app, works=False)
    path = f"/c/{_token(house.app.links.click(house.message().id, TARGET))}"
    fetch(parts.asgi, "GET", [path], {"User-Agent": PERSON})
    assert house.rows("SELECT kind FROM receipts WHERE machine = true") == [("clicked",)]


def test_the_links_of_a_message_lead_over_ours_where_the_shop_says_so(
    new_house: NewHouse,
) -> None:
    store = {"tracking": {"clicks": "own"}}
    templates = {
        "note/subject.txt": "Note",
        "note/body.txt": f"{TARGET}\n{{{{ links.unsubscribe }}}}\n",
        "note/body.html": f'<html><body><a href="{TARGET}">News</a>'
        '<a href="{{ links.unsubscribe }}">No more</a></body></html>',
    }
    one = campaign("news", "order.placed", [email()], purpose="transactional")
    house = new_house(one, store=store, templates=templates)
    house.tell("order.placed", order=1)
    (outgoing,) = house.received
    links, content = house.app.links, outgoing.content
    expected = links.click(outgoing.message_id, TARGET)
    assert content.text.startswith(f"{expected}\n")
    assert f'href="{expected}"' in (content.html or "")
    assert TARGET not in content.text + (content.html or "")
    assert not outgoing.provider_clicks
    parts = WebParts(house.app, works=False)
    house.clock.advance_to(house.clock.now() + DAY)
    assert fetch(parts.asgi, "GET", [f"/c/{_token(expected)}"], {"User-Agent": PERSON}) == [302]
    assert house.message().clicked_at is not None


@pytest.mark.parametrize("spoil", [False, True])
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "POST"])
def test_every_page_under_a_token_is_hardened(house: House, method: str, spoil: bool) -> None:
    parts = WebParts(house.app, works=False)
    links, message = house.app.links, house.message().id
    paths = public_paths(parts.asgi, links, message)  # type: ignore[arg-type]
    under_token = [path + "x" * spoil for path in paths if path[2:3] == "/"]
    assert len(under_token) == len(PARAMETERS)

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app=parts.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return [await client.request(method, path) for path in under_token]

    for path, answer in zip(under_token, asyncio.run(run()), strict=True):
        assert hardened(answer), (path, answer.status_code, answer.headers)
