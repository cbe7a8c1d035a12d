"""Calls to the shop's systems: one a step, repeated until taken, always under the same key."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import pytest

from engine.ports.storage import DueCall
from engine.providers.poster import HttpPoster
from engine.services.outbox import MAX_ATTEMPTS, Outbox
from tests.services.conftest import NewHouse
from tests.services.house import MINUTE, House, campaign

CALL = {"id": "tell", "call_webhook": "https://shop.example.com/hook"}


class Receiver:
    """Keeps what it was given; answers with the next of ``answers``, or takes it."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.answers = list(answers)
        self.calls: list[DueCall] = []

    def post(self, call: DueCall) -> str | None:
        self.calls.append(call)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def called(new_house: NewHouse, orders: int = 1) -> House:
    house = new_house(campaign("tell", "order.placed", [CALL]))
    for number in range(orders):
        house.tell("order.placed", f"c{number}", order=number)
    return house


def outbox(house: House, receiver: Receiver) -> Outbox:
    return Outbox(house.app.storage, receiver, house.clock.now)


def states(house: House) -> list[tuple[Any, ...]]:
    return house.rows("SELECT status, attempts FROM webhook_calls ORDER BY id")


def test_one_call_for_each_journey_and_step(new_house: NewHouse) -> None:
    house, receiver = called(new_house, 3), Receiver()
    assert outbox(house, receiver).run() == 3
    assert outbox(house, receiver).run() == 0
    journeys = [house.journey(f"c{number}") for number in range(3)]
    assert {call.id for call in receiver.calls} == {f"{one.id}:tell" for one in journeys}
    assert {one.status for one in journeys} == {"completed"}
    told = {json.loads(call.body)["order"]["number"] for call in receiver.calls}
    assert told == {"#0", "#1", "#2"}
    assert states(house) == [("done", 1)] * 3


def test_waits_grow_until_it_gives_up(new_house: NewHouse) -> None:
    house = called(new_house)
    receiver = Receiver(*["answered 500"] * 20)
    box, times = outbox(house, receiver), list[datetime]()
    for _ in range(3 * 60):
        if box.run():
            times.append(house.clock.now())
        house.clock.advance_to(house.clock.now() + MINUTE / 2)
    waits = [later - earlier for earlier, later in pairwise(times)]
    assert waits == [timedelta(seconds=30 * 2**number) for number in range(MAX_ATTEMPTS - 1)]
    assert states(house) == [("failed", MAX_ATTEMPTS)]
    assert len({call.id for call in receiver.calls}) == 1


def test_taken_at_last(new_house: NewHouse) -> None:
    house, receiver = called(new_house), Receiver("answered 503", "no answer: ConnectError")
    for _ in range(4):
        outbox(house, receiver).run()
        house.clock.advance_to(house.clock.now() + MINUTE)
    assert [call.attempts for call in receiver.calls] == [1, 2, 3]
    assert states(house) == [("done", 3)]
    assert house.rows("SELECT reason FROM webhook_calls") == [(None,)]


def test_a_crash_between_call_and_record_repeats_under_the_same_key(
    new_house: NewHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, receiver = called(new_house), Receiver()
    with monkeypatch.context() as broken:

        def dies(*_: Any, **__: Any) -> None:
            raise RuntimeError("the process ends here")

        broken.setattr(house.app.storage, "record_webhook_call", dies)
        with pytest.raises(RuntimeError):
            outbox(house, receiver).run()
    assert outbox(house, receiver).run() == 0  # its lease runs
    house.clock.advance_to(house.clock.now() + 11 * MINUTE)
    assert outbox(house, receiver).run() == 1
    first, second = receiver.calls
    assert (first.id, first.body) == (second.id, second.body)
    assert states(house) == [("done", 2)]


def test_a_call_that_cannot_be_made_does_not_hold_up_the_others(new_house: NewHouse) -> None:
    house, receiver = called(new_house, 3), Receiver(RuntimeError("who knows"))
    assert outbox(house, receiver).run() == 3
    assert len(receiver.calls) == 3
    assert sorted(states(house)) == [("done", 1), ("done", 1), ("waiting", 1)]


class Shop(BaseHTTPRequestHandler):
    """A shop's system on loopback: answers as the path says."""

    got: list[tuple[str, dict[str, str], bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        type(self).got.append((self.path, dict(self.headers), body))
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def shop() -> Iterator[str]:
    Shop.got = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def due(url: str) -> DueCall:
    return DueCall(id="j1:tell", campaign="c", journey_id="j1", step="tell", url=url,
                   body=b'{"a": 1}', attempts=1)  # fmt: skip


def test_the_poster_posts_json_with_its_key(shop: str) -> None:
    poster = HttpPoster()
    assert poster.post(due(f"{shop}/204")) is None
    ((path, headers, body),) = Shop.got
    assert (path, body) == ("/204", b'{"a": 1}')
    assert headers["Idempotency-Key"] == "j1:tell"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 500])
def test_redirects_are_not_followed_and_failures_are_told(shop: str, status: int) -> None:
    assert HttpPoster().post(due(f"{shop}/{status}")) == f"answered {status}"
    assert [path for path, *_ in Shop.got] == [f"/{status}"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://[::/", "ftp://x/", "nonsense", ""])
def test_what_cannot_be_reached_is_told_in_words(url: str) -> None:
    reason = HttpPoster().post(due(url))
    assert reason is not None
    assert reason.startswith(("no answer: ", "the address is not valid"))
