"""``POST /v1/events``: every answer says what was taken and why the rest was not."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.web.api import MOST
from tests.web.site import AUTHORISED, TOKEN, RecordingStorage, Site, order_placed
from triggers.sources.native import deserialize

Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def ask(site: Site, use: Ask) -> httpx.Response:
    async def run() -> httpx.Response:
        async with site.client() as client:
            return await use(client)

    return asyncio.run(run())


def post(
    body: object, *, headers: dict[str, str] | None = None, site: Site | None = None, **more: Any
) -> httpx.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json", **AUTHORISED, **(headers or {})}
    return ask(
        site or Site(),
        lambda client: client.post("/v1/events", content=content, headers=sent, **more),
    )


def stored_ids(site: Site) -> list[str]:
    return [deserialize(one.stored()).id for one in site.storage.accepted]


def test_one_event_is_taken() -> None:
    site = Site()
    answer = post(order_placed(), site=site)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 1, "rejected": 0}
    assert stored_ids(site) == ["placed-1"]
    (taken,) = site.storage.accepted
    assert taken.received_at == site.clock.now()
    assert not taken.backfill


def test_the_answer_waits_for_the_commit() -> None:
    storage = RecordingStorage()
    may_pass = threading.Event()
    storage.before = lambda: assert_(may_pass.wait(10))

    async def run() -> None:
        async with Site(storage=storage).client() as client:
            request = asyncio.create_task(
                client.post("/v1/events", json=order_placed(), headers=AUTHORISED)
            )
            done, _ = await asyncio.wait([request], timeout=0.05)
            assert not done
            may_pass.set()
            assert (await request).status_code == 202

    asyncio.run(run())


def assert_(held: bool) -> None:
    assert held


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", [order_placed(1), order_placed(2)]),
        ("application/json; charset=utf-8", [order_placed(1), order_placed(2)]),
        (
            "application/cloudevents-batch+json",
            [
                {
                    "specversion": "1.0",
                    "id": f"placed-{number}",
                    "source": "shop",
                    "type": "order.placed",
                    "time": "2026-03-02T09:00:00Z",
                    "data": {"order": {"id": str(number)}, "customer": {"id": "c-1"}},
                }
                for number in (1, 2)
            ],
        ),
    ],
)
def test_many_events_are_taken_in_order(media_type: str, body: object) -> None:
    site = Site()
    answer = post(body, headers={"Content-Type": media_type}, site=site)
    assert answer.status_code == 202
    assert answer.json() == {"accepted": 2, "rejected": 0}
    assert stored_ids(site) == ["placed-1", "placed-2"]


def test_a_cloud_event_is_taken() -> None:
    site = Site()
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "shop",
        "type": "survey.answered",
        "time": "2026-03-02T09:00:00Z",
        "data": {"customer": {"id": "c-1"}, "kind": "nps", "score": 9},
    }
    headers = {"Content-Type": "application/cloudevents+json"}
    assert post(event, headers=headers, site=site).status_code == 202
    assert stored_ids(site) == ["e-1"]


def test_each_bad_event_has_its_verdict_and_the_good_ones_stay() -> None:
    site = Site()
    bad_amount = order_placed(2, order={"id": "2", "total": "many"})
    bad_type = order_placed(3, type="order.paced")
    answer = post([order_placed(1), bad_amount, order_placed(4), bad_type], site=site)
    assert answer.status_code == 207
    told = answer.json()
    assert (told["accepted"], told["rejected"]) == (2, 2)
    assert [item["index"] for item in told["items"]] == [0, 1, 2, 3]
    assert [item["status"] for item in told["items"]] == [
        "accepted",
        "rejected",
        "accepted",
        "rejected",
    ]
    assert [item["id"] for item in told["items"]] == [f"placed-{n}" for n in (1, 2, 4, 3)]
    assert told["items"][1]["errors"][0]["path"] == "order.total"
    assert 'did you mean "order.placed"?' in told["items"][3]["errors"][0]["message"]
    assert stored_ids(site) == ["placed-1", "placed-4"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"null", "neither an event nor an array"),
        (b"[]", "empty"),
        (b'{"id": "\xff"}', "UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"id": "a\\u0000b", "source": "s"}', "NUL"),
        (json.dumps([order_placed()] * 1001).encode(), "at most 1000"),
        (json.dumps(order_placed(customer={"id": "1", "timezone": "Mars/One"})).encode(), "zone"),
        (json.dumps(order_placed(time="2027-01-01T00:00:00Z")).encode(), "wrong clock"),
    ],
)
def test_a_body_without_any_event_says_why(body: bytes, says: str) -> None:
    site = Site()
    answer = post(body, site=site)
    assert answer.status_code == 400
    told = answer.json()
    assert says in told["error"]["message"]
    assert told["accepted"] == 0
    assert not site.storage.accepted


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_bytes_get_an_answer(body: bytes) -> None:
    assert post(body).status_code in {202, 400}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3)
    ),
    max_leaves=10,
)
BROKEN = JSON | st.sampled_from(list(order_placed())).flatmap(
    lambda field: JSON.map(lambda value: {**order_placed(), field: value})
)


@given(st.lists(BROKEN | st.just("good"), min_size=1, max_size=8))
def test_bad_events_cost_no_good_one(drawn: list[object]) -> None:
    site = Site()
    batch = [
        order_placed(id=f"good-{index}") if value == "good" else value
        for index, value in enumerate(drawn)
    ]
    answer = post(batch, site=site)
    assert answer.status_code in {202, 207, 400}
    good = [f"good-{index}" for index, value in enumerate(drawn) if value == "good"]
    assert [one for one in stored_ids(site) if one in good] == good
    assert answer.json()["accepted"] == len(site.storage.accepted)
    assert answer.json()["accepted"] + answer.json()["rejected"] == len(batch)


@pytest.mark.parametrize(
    ("header", "challenge"),
    [
        (None, 'Bearer realm="lagniappe"'),
        ("Basic dXNlcjpwYXNz", 'Bearer realm="lagniappe"'),
        ("Bearer", 'Bearer realm="lagniappe", error="invalid_token"'),
        ("Bearer wrong", 'Bearer realm="lagniappe", error="invalid_token"'),
        (f"Bearer {TOKEN}x", 'Bearer realm="lagniappe", error="invalid_token"'),
        (f"Bearer {TOKEN[:-1]}", 'Bearer realm="lagniappe", error="invalid_token"'),
        ("Bearer t\xf6ken", 'Bearer realm="lagniappe", error="invalid_token"'),
    ],
)
def test_without_a_valid_token_nothing_is_read(header: str | None, challenge: str) -> None:
    site = Site()
    headers = {"Content-Type": "application/json"}
    if header is not None:
        headers["Authorization"] = header
    encoded = [(key.encode(), value.encode("latin-1")) for key, value in headers.items()]
    body = json.dumps(order_placed()).encode()
    answer = ask(site, lambda client: client.post("/v1/events", content=body, headers=encoded))
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == challenge
    assert TOKEN not in answer.text
    assert not site.storage.accepted


@pytest.mark.parametrize("token", ["older-token", TOKEN])
def test_every_token_of_a_rotation_passes(token: str) -> None:
    assert post(order_placed(), headers={"Authorization": f"bearer {token}"}).status_code == 202


def test_an_unset_token_refuses_and_names_the_setting() -> None:
    answer = post(order_placed(), site=Site(environment={}))
    assert answer.status_code == 403
    assert "LAGNIAPPE_API_TOKEN is not set" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
    ],
)
def test_other_media_are_refused_with_the_ones_that_are_read(headers: dict[str, str]) -> None:
    answer = post(order_placed(), headers=headers)
    assert answer.status_code == 415
    assert answer.json()["error"]["code"] == "unsupported_media_type"


def test_a_long_batch_is_read_as_a_short_one_is() -> None:
    site = Site()
    batch = [order_placed(number) for number in range(1000)]
    batch[500] = {"id": "broken"}
    answer = post(batch, site=site)
    assert answer.status_code == 207
    assert answer.json()["accepted"] == 999
    assert len(set(stored_ids(site))) == 999


def test_a_length_beyond_counting_is_too_large() -> None:
    for length in ("9" * 16, "9" * 5000, str(MOST + 1)):
        answer = post(order_placed(), headers={"Content-Length": length})
        assert answer.status_code == 413
        assert answer.headers["Connection"] == "close"


def test_a_database_that_fails_is_a_503_to_be_tried_again() -> None:
    site = Site()
    site.storage.fail_with = OSError("no space left on device")
    answer = post(order_placed(), site=site)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert "send them again" in answer.json()["error"]["message"]


def test_too_much_at_once_is_a_503_to_be_tried_again() -> None:
    storage = RecordingStorage()
    is_committing, may_pass = threading.Event(), threading.Event()

    def hold() -> None:
        is_committing.set()
        assert may_pass.wait(10)

    storage.before = hold

    async def run() -> list[int]:
        async with Site(storage=storage, capacity=2).client() as client:

            def send(number: int) -> asyncio.Task[httpx.Response]:
                return asyncio.create_task(
                    client.post("/v1/events", json=order_placed(number), headers=AUTHORISED)
                )

            first = send(0)
            assert await asyncio.to_thread(is_committing.wait, 10)
            others = [send(number) for number in range(1, 6)]
            await asyncio.wait(others, timeout=2, return_when=asyncio.FIRST_COMPLETED)
            may_pass.set()
            answers = await asyncio.gather(first, *others)
            assert all(a.headers["Retry-After"] == "1" for a in answers if a.status_code == 503)
            return [answer.status_code for answer in answers]

    statuses = asyncio.run(run())
    assert statuses.count(202) == 3
    assert statuses.count(503) == 3


def test_what_was_taken_and_refused_is_counted() -> None:
    site = Site()

    async def run(client: httpx.AsyncClient) -> httpx.Response:
        await client.post("/v1/events", json=[order_placed(), {}], headers=AUTHORISED)
        return await client.get("/metrics")

    figures = ask(site, run).text
    assert "lagniappe_events_accepted_total 1.0" in figures
    assert "lagniappe_events_rejected_total 1.0" in figures
    assert 'lagniappe_batch_size_count{work="accept"} 1.0' in figures
