"""The real server on loopback: bounds of size and time, and an orderly end."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest
from starlette.types import ASGIApp

from engine.web import body, protocol
from engine.web.api import MOST
from engine.web.server import CannotListen, Server
from tests.web.site import AUTHORISED, TOKEN, RecordingStorage, Site, order_placed


@contextmanager
def serving(app: ASGIApp, *, grace: int = 5) -> Iterator[Server]:
    server = Server(app, "127.0.0.1", 0, grace=grace)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with Site().accepting() as running:
        yield running


@pytest.fixture(scope="module")
def server(site: Site) -> Iterator[Server]:
    with serving(site.app) as running:
        yield running


def exchange(server: Server, *parts: bytes) -> bytes:
    """Send raw bytes on one connection; everything that comes back until it closes."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        received = b""
        try:
            for part in parts:
                connection.sendall(part)
            while chunk := connection.recv(65536):
                received += chunk
        except ConnectionError:
            pass  # the server hung up while we were still sending
        return received


def head(length: int | None, *more: bytes) -> bytes:
    size = b"Transfer-Encoding: chunked" if length is None else b"Content-Length: %d" % length
    lines = (
        b"POST /v1/events HTTP/1.1",
        b"Host: site",
        b"Authorization: Bearer " + TOKEN.encode(),
        b"Content-Type: application/json",
        size,
        *more,
    )
    return b"\r\n".join(lines) + b"\r\n\r\n"


def test_events_arrive_over_a_kept_connection(server: Server, site: Site) -> None:
    before = len(site.storage.accepted)
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", headers=AUTHORISED) as client:
        for number in range(20):
            answer = client.post("/v1/events", json=order_placed(number))
            assert answer.status_code == 202
            assert "server" not in answer.headers
    assert len(site.storage.accepted) - before == 20


def test_a_head_request_has_no_body(server: Server) -> None:
    answer = httpx.head(f"http://127.0.0.1:{server.port}/u/nonsense")
    assert answer.status_code == 404
    assert answer.content == b""


def test_an_announced_body_that_is_too_large_is_refused_unread(server: Server) -> None:
    answer = exchange(server, head(MOST + 1))
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer.lower()
    assert b"larger than 5 MB" in answer


def test_a_streamed_body_is_refused_when_it_becomes_too_large(server: Server, site: Site) -> None:
    before = len(site.storage.accepted)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    answer = exchange(server, head(None), *([chunk] * (MOST // 0x10000 + 1)))
    # Hanging up while the client still sends may take the answer with it.
    assert answer == b"" or answer.startswith(b"HTTP/1.1 413 ")
    assert len(site.storage.accepted) == before


def test_the_largest_body_is_read(server: Server) -> None:
    content = json.dumps([order_placed()]).encode().ljust(MOST)
    headers = {**AUTHORISED, "Content-Type": "application/json"}
    url = f"http://127.0.0.1:{server.port}/v1/events"
    assert httpx.post(url, content=content, headers=headers, timeout=30).status_code == 202


@pytest.mark.parametrize(
    "parts",
    [
        [head(2, b"X-Long: " + b"x" * 70_000)],
        [head(2, *[b"X-%d: y" % number for number in range(10_000)])],
        [b"GET /healthz?", *([b"x" * 10_000] * 60)],
        [b"GET /healthz HTTP/1.1\r\nX-Endless: ", *([b"x" * 10_000] * 60)],
    ],
)
def test_a_head_that_is_too_long_is_refused(server: Server, parts: list[bytes]) -> None:
    answer = exchange(server, *parts)
    assert answer == b"" or answer[:13] in (b"HTTP/1.1 431 ", b"HTTP/1.1 400 ")
    assert httpx.get(f"http://127.0.0.1:{server.port}/healthz").status_code == 200


@pytest.mark.parametrize(
    "request_",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /u/%00%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX-\x00: y\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
        b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        head(None, b"Connection: close") + b"zz\r\n",
    ],
)
def test_nonsense_is_a_4xx(server: Server, request_: bytes) -> None:
    answer = exchange(server, request_)
    assert answer.startswith(b"HTTP/1.1 4")
    assert b"Traceback" not in answer


def test_a_head_that_is_too_slow_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.05)
    with serving(Site().app) as server:
        assert exchange(server, b"GET /healthz HTTP/1.1\r\nX-") == b""
        assert exchange(server) == b""
        whole = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        first_only = exchange(server, whole, b"GET /healthz HTTP/1.1\r\nX-")
        assert first_only.count(b"HTTP/1.1 200 ") == 1


def test_a_body_that_is_too_slow_is_a_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body.read_body, "__kwdefaults__", {"seconds": 0.05})
    with serving(Site().app) as server:
        answer = exchange(server, head(100) + b"{")
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_client_that_hangs_up_in_its_body_is_forgotten(server: Server, site: Site) -> None:
    before = len(site.storage.accepted)
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(head(100) + b"{")
    assert httpx.get(f"http://127.0.0.1:{server.port}/healthz").status_code == 200
    assert len(site.storage.accepted) == before


def test_stopping_lets_a_request_under_way_finish() -> None:
    storage = RecordingStorage()
    is_committing, may_pass = threading.Event(), threading.Event()

    def hold() -> None:
        is_committing.set()
        assert may_pass.wait(10)

    storage.before = hold
    with Site(storage=storage).accepting() as site, ThreadPoolExecutor() as pool:
        server = Server(site.app, "127.0.0.1", 0)
        server.start()
        url = f"http://127.0.0.1:{server.port}/v1/events"
        request = pool.submit(httpx.post, url, json=order_placed(), headers=AUTHORISED)
        assert is_committing.wait(10)
        stopping = pool.submit(server.stop)
        may_pass.set()
        assert request.result(timeout=10).status_code == 202
        stopping.result(timeout=10)
        with pytest.raises(httpx.ConnectError):
            httpx.get(url)


def test_stopping_at_once_is_possible() -> None:
    server = Server(Site().app, "127.0.0.1", 0)
    server.start()
    server.stop()
    server.stop()


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host", "x" * 300])
def test_an_address_that_is_not_ours_is_told(host: str) -> None:
    with pytest.raises(CannotListen, match="cannot listen on"):
        Server(Site().app, host, 8025).start()


def test_a_port_that_is_taken_is_told(server: Server) -> None:
    with pytest.raises(CannotListen, match=f":{server.port}: Address already in use"):
        Server(Site().app, "127.0.0.1", server.port).start()
