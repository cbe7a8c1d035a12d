"""``call_webhook`` over real connections: where it may go, and what it says there."""

from __future__ import annotations

import base64
import hmac
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.destinations import Allowed, IpAddress
from engine.ports.calls import CallRefused
from engine.ports.stored import DueCall
from engine.providers import poster as module
from engine.providers.poster import HttpPoster, signing_key
from tests.config.test_destinations import within
from tests.fakes.certificates import Authority

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
KEYS = ["key-of-the-tests-0123456789abcdef", "older-key-of-the-tests-0123456789"]
LOOPBACK = Allowed.of(["127.0.0.1"])
NAME = "shop.example.com"


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


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[int]:
    Shop.got = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as port:
        yield port


class Dns:
    """A name server that gives its answers one after the other, then the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = [[ipaddress.ip_address(each) for each in answer] for answer in answers]
        self.asked: list[str] = []

    def __call__(self, host: str) -> Sequence[IpAddress]:
        self.asked.append(host)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            raise socket.gaierror("no such name")
        return answer


def due(url: str) -> DueCall:
    return DueCall(id="j1:tell", campaign="c", journey_id="j1", step="tell", url=url,
                   body=b'{"a": 1}', attempts=1)  # fmt: skip


def poster(allowed: Allowed = LOOPBACK, **more: Any) -> HttpPoster:
    return HttpPoster(keys=KEYS, now=lambda: NOW, allowed=lambda: allowed, **more)


def refusal(post: Callable[[DueCall], str | None], url: str) -> str:
    with pytest.raises(CallRefused) as refused:
        post(due(url))
    return refused.value.reason


def test_it_posts_json_with_its_key(port: int) -> None:
    assert poster().post(due(f"http://127.0.0.1:{port}/204")) is None
    ((path, headers, body),) = Shop.got
    assert (path, body) == ("/204", b'{"a": 1}')
    assert headers["Idempotency-Key"] == "j1:tell"
    assert headers["Content-Type"] == "application/json"
    assert headers["Host"] == f"127.0.0.1:{port}"


def test_receivers_can_verify_it_by_any_key(port: int) -> None:
    poster().post(due(f"http://127.0.0.1:{port}/204"))
    ((_, headers, body),) = Shop.got
    assert headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    signatures = headers["webhook-signature"].split(" ")
    for key, signature in zip(KEYS, signatures, strict=True):
        # As docs/explanation/web-safety.md has receivers derive and check it.
        derived = hmac.new(key.encode(), b"lagniappe.webhook", "sha256").digest()
        assert derived == signing_key(key)
        expected = base64.b64encode(hmac.new(derived, signed, "sha256").digest()).decode()
        assert signature == f"v1,{expected}"
    assert not any(key in str(headers) for key in KEYS)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 404, 500])
def test_redirects_are_not_followed_and_failures_are_told(port: int, status: int) -> None:
    assert poster().post(due(f"http://127.0.0.1:{port}/{status}")) == f"answered {status}"
    assert [path for path, *_ in Shop.got] == [f"/{status}"]


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0",
        "[::ffff:7f00:1]",
    ],
)
def test_this_machine_is_refused_however_it_is_written(port: int, host: str) -> None:
    assert refusal(poster(Allowed()).post, f"http://{host}:{port}/204") == "private_address"
    assert Shop.got == []


@given(address=within(), first=st.booleans())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
def test_a_name_with_one_special_address_is_refused(address: IpAddress, first: bool) -> None:
    answer = [str(address), "93.184.216.34"] if first else ["93.184.216.34", str(address)]
    post = poster(Allowed(), resolve=Dns(answer)).post
    assert refusal(post, f"http://{NAME}/") == "private_address"


def test_what_was_checked_is_what_is_connected_to(port: int) -> None:
    """A second answer of the DNS comes too late to matter: nobody asks for it."""
    dns = Dns(["127.0.0.1"], ["10.0.0.1"])
    assert poster(resolve=dns).post(due(f"http://{NAME}:{port}/204")) is None
    assert dns.asked == [NAME]
    ((_, headers, _),) = Shop.got
    assert headers["Host"] == f"{NAME}:{port}"


def test_each_new_connection_is_checked_anew(port: int) -> None:
    dns = Dns(["127.0.0.1"], ["127.0.0.2"])
    first, second = poster(resolve=dns), poster(resolve=dns)
    assert first.post(due(f"http://{NAME}:{port}/204")) is None
    assert refusal(second.post, f"http://{NAME}:{port}/204") == "private_address"
    assert len(Shop.got) == 1


def test_an_allowed_host_may_lead_anywhere_and_no_other(port: int) -> None:
    allowed, dns = Allowed.of([NAME]), Dns(["127.0.0.1"])
    post = poster(allowed, resolve=dns).post
    assert post(due(f"http://{NAME}:{port}/204")) is None
    assert post(due(f"http://{NAME.upper()}.:{port}/204")) is None
    assert refusal(post, f"http://x.{NAME}:{port}/204") == "private_address"


def test_the_next_address_is_tried_when_one_is_dead(port: int) -> None:
    allowed = Allowed.of(["127.0.0.0/8"])
    post = poster(allowed, resolve=Dns(["127.0.0.3", "127.0.0.1"])).post
    assert post(due(f"http://{NAME}:{port}/204")) is None


def test_tls_asks_for_the_name_and_believes_no_other(tmp_path: Path) -> None:
    authority, dns = Authority(tmp_path), Dns(["127.0.0.1"])
    with serving(authority.server()) as port:
        post = poster(resolve=dns, trust=authority.client()).post
        assert post(due(f"https://{NAME}:{port}/204")) is None
        assert post(due(f"https://other.example.com:{port}/204")) == "no answer: ConnectError"
        unknown = poster(resolve=dns).post
        assert unknown(due(f"https://{NAME}:{port}/204")) == "no answer: ConnectError"
    assert len(Shop.got) == 1


def test_proxies_of_the_environment_are_ignored(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert poster().post(due(f"http://127.0.0.1:{port}/204")) is None


@pytest.mark.parametrize("url", ["http://[::/", "ftp://x/", "nonsense", "", "http:///x", "file:///x",
                                 "http://good.example.com@127.0.0.1/", "http://a\x00b/",

                                 "http://0177.0.0.1/", "javascript:x"])  # fmt: skip
def test_what_is_no_address_is_refused(url: str) -> None:
    assert refusal(poster().post, url) == "invalid_address"


@pytest.mark.parametrize("number", [22, 25, 110, 587, 6667, 99999])
def test_other_protocols_ports_are_refused(number: int) -> None:
    assert refusal(poster().post, f"http://127.0.0.1:{number}/") == "forbidden_port"


def test_a_name_without_an_address_may_have_one_later() -> None:
    post = poster(resolve=Dns([])).post
    assert post(due(f"http://{NAME}/")) == "no answer: ConnectError"


@contextmanager
def answering(*pieces: bytes, pause: threading.Event | None = None) -> Iterator[int]:
    """A server that says these bytes to whoever comes, and then holds the line until the end."""
    is_over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def talk() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            try:
                for piece in pieces:
                    connection.sendall(piece)
                    if pause is not None:
                        pause.wait(0.02)
            except OSError:
                return
            is_over.wait(10)

    thread = threading.Thread(target=talk)
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        is_over.set()
        thread.join()
        listening.close()


def test_an_answer_without_end_is_not_read() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 65536
    with answering(endless) as port:
        assert poster().post(due(f"http://127.0.0.1:{port}/")) is None


def test_a_call_is_over_when_its_time_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """One byte now and then keeps every single wait short, and the whole must still end."""
    monkeypatch.setattr(module, "SECONDS", 0.2)
    drops = [bytes([each]) for each in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 200]
    with answering(*drops, pause=threading.Event()) as port:
        assert poster().post(due(f"http://127.0.0.1:{port}/")) == "no answer: ReadTimeout"


def test_a_resolver_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SECONDS", 0.05)
    is_over = threading.Event()

    def silent(host: str) -> Sequence[IpAddress]:
        is_over.wait(10)
        return []

    try:
        post = poster(resolve=silent).post
        assert post(due(f"http://{NAME}/")) == "no answer: ConnectTimeout"
    finally:
        is_over.set()
