"""The shared HTTP side where the network itself misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from engine.core.message import Outcome, SendResult
from engine.providers.http import checked_base_url
from engine.providers.sendgrid import SendGrid
from engine.providers.wire import MAX_ANSWER, Timeouts, Wire
from tests.fakes.sendgrid import FakeSendGrid
from tests.providers.messages import NOW, clock, email, send

ACCEPTED = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


def provider(base_url: str, timeouts: Timeouts | None = None) -> SendGrid:
    return SendGrid(api_key="k-secret", base_url=base_url, clock=clock, timeouts=timeouts)


def read_request(connection: socket.socket) -> bytes:
    """One whole request; nothing if the peer left."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + body


@contextlib.contextmanager
def server(serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """A bare server that gives each connection to ``serve``, one at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


def test_a_post_is_not_sent_again_on_a_stale_connection() -> None:
    requests: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(ACCEPTED)
        requests.append(read_request(connection))  # read in full, then no answer

    with server(serve) as address:
        first, second = send(provider(f"http://{address}"), [email("m-1"), email("m-2")])
    assert first.outcome is Outcome.ACCEPTED
    assert (second.outcome, second.error_code) == (Outcome.UNKNOWN, "broken")
    assert len(requests) == 2
    assert b"m-2" in requests[1]


def test_an_idle_connection_that_the_server_closed_is_replaced() -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(ACCEPTED)

    async def run(base_url: str) -> list[SendResult]:
        carrier = provider(base_url)
        await carrier.open()
        results = []
        for number in range(3):
            results.append(await carrier.send(email(f"m-{number}")))
            await asyncio.sleep(0.02)  # for the end of the connection to arrive
        await carrier.close()
        return results

    with server(serve) as address:
        results = asyncio.run(run(f"http://{address}"))
    assert {result.outcome for result in results} == {Outcome.ACCEPTED}


def test_connections_are_kept() -> None:
    connections = []

    def serve(connection: socket.socket) -> None:
        connections.append(connection)
        while read_request(connection):
            connection.sendall(ACCEPTED)

    with server(serve) as address:
        send(provider(f"http://{address}"), [email(f"m-{number}") for number in range(5)])
    assert len(connections) == 1


def test_a_request_broken_off_while_it_is_written_leaves_doubt() -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(10)
        reset = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)

    with server(serve) as address:
        (result,) = send(provider(f"http://{address}"), [email()])
    assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "broken")


@pytest.mark.parametrize(
    "garbage", [b"hello\r\n\r\n", b"HTTP/1.1 2O2 Accepted\r\n\r\n", b"\x00" * 100]
)
def test_an_answer_that_is_not_http_leaves_doubt(garbage: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(garbage)

    with server(serve) as address:
        (result,) = send(provider(f"http://{address}"), [email()])
    assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "broken")


def answers(*parts: bytes) -> Callable[[socket.socket], None]:
    """Serves each request on a connection with these parts, each in a packet of its own."""

    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(OSError):  # the peer may have enough
            while read_request(connection):
                for part in parts:
                    connection.sendall(part)
                    time.sleep(0.002)

    return serve


@pytest.mark.parametrize(
    "parts",
    [
        [bytes([byte]) for byte in ACCEPTED.replace(b"Content", b"X-MESSAGE-ID:m1\r\nContent")],
        [b"HTTP/1.1 100 Continue\r\n\r\n",
         b"HTTP/1.1 202 A\r\nx-message-id:  m1 \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
         b"0\r\n\r\n"],
        [b"HTTP/1.1 103 Early Hints\r\nX-Message-Id: no\r\n\r\n"
         + ACCEPTED.replace(b"Content", b"X-Message-Id: m1\r\nX-Message-Id: m2\r\nContent")],
    ],
)  # fmt: skip
def test_answers_are_read_in_whatever_pieces_they_come(parts: list[bytes]) -> None:
    with server(answers(*parts)) as address:
        results = send(provider(f"http://{address}"), [email("m-1"), email("m-2")])
    assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 2
    assert [result.provider_message_id for result in results] == ["m1"] * 2


@pytest.mark.parametrize(
    "last",
    [
        b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 202 Accepted\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\n\r\nall until the end",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99_999,
        ACCEPTED + b"HTTP/1.1 500 Nobody asked\r\nContent-Length: 0\r\n\r\n",
        ACCEPTED + b"nobody asked",
    ],
)
def test_a_connection_that_is_done_with_is_not_used_again(last: bytes) -> None:
    connections = []

    def serve(connection: socket.socket) -> None:
        connections.append(connection)
        read_request(connection)
        connection.sendall(last)

    with server(serve) as address:
        results = send(provider(f"http://{address}"), [email("m-1"), email("m-2")])
    assert [result.outcome for result in results] == [Outcome.ACCEPTED] * 2
    assert len(connections) == 2


@pytest.mark.parametrize(
    "endless",
    [
        b"HTTP/1.1 202 Accepted\r\nX: " + b"x" * 200_000,
        b"HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        b"HTTP/1.1 202 Accepted\r\nContent-Length: 10\r\n\r\nabc",
        b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc",
    ],
)
def test_half_an_answer_leaves_doubt(endless: bytes) -> None:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(endless)

    with server(serve) as address:
        (result,) = send(provider(f"http://{address}"), [email("m-1")])
    assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "broken")


def test_no_more_of_an_answer_is_kept_than_is_needed() -> None:
    async def run(base_url: str) -> int:
        wire = Wire(base_url, max_in_flight=1, timeouts=Timeouts(), headers={})
        answer = await wire.post("/", body=b"{}", content_type="application/json")
        await wire.close()
        return len(answer.body)

    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999\r\n\r\n"
    with server(answers(head + b"x" * 999_999)) as address:
        assert asyncio.run(run(f"http://{address}")) == MAX_ANSWER


def test_no_more_connections_than_calls_may_be_under_way() -> None:
    connections = []

    def serve(connection: socket.socket) -> None:
        connections.append(connection)
        while read_request(connection):
            connection.sendall(ACCEPTED)

    async def run(base_url: str) -> None:
        wire = Wire(base_url, max_in_flight=1, timeouts=Timeouts(), headers={})
        calls = (wire.post("/", body=b"{}", content_type="text/plain") for _ in range(20))
        await asyncio.gather(*calls)
        await wire.close()

    with server(serve) as address:
        asyncio.run(run(f"http://{address}"))
    assert len(connections) == 1


def test_what_is_idle_for_long_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.providers.wire._IDLE", 0.05)
    ended = threading.Event()

    def serve(connection: socket.socket) -> None:
        while read_request(connection):
            connection.sendall(ACCEPTED)
        ended.set()

    async def run(base_url: str) -> bool:
        wire = Wire(base_url, max_in_flight=9, timeouts=Timeouts(), headers={})
        await wire.post("/", body=b"{}", content_type="text/plain")
        is_ended = await asyncio.to_thread(ended.wait, 5.0)
        await wire.close()
        return is_ended

    with server(serve) as address:
        assert asyncio.run(run(f"http://{address}"))


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "\x00", "a\u2028b"])
def test_a_header_is_one_header(value: str) -> None:
    async def make() -> None:
        Wire("https://a.example", max_in_flight=1, timeouts=Timeouts(), headers={"X": value})

    with pytest.raises(ValueError, match="no header may hold"):
        asyncio.run(make())


def test_a_name_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[Wire]()

    async def fail(wire: Wire) -> None:
        asked.append(wire)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(Wire, "_resolve", fail)
    results = send(provider("https://mail.example"), [email("m-1"), email("m-2")])
    for result in results:
        assert (result.outcome, result.error_code) == (Outcome.RETRY, "connect")
    assert len(asked) == 2  # a failure is not kept


def test_tls_spoken_to_a_plain_server() -> None:
    with server(lambda connection: connection.sendall(b"HTTP/1.1 400 Bad\r\n\r\n")) as address:
        (result,) = send(provider(f"https://{address}"), [email()])
    assert (result.outcome, result.error_code) == (Outcome.RETRY, "connect")


@pytest.mark.parametrize(
    "timeouts", [Timeouts(connect=0.1, total=5.0), Timeouts(connect=5.0, total=0.1)]
)
def test_a_handshake_that_never_ends(timeouts: Timeouts) -> None:
    def serve(connection: socket.socket) -> None:
        while connection.recv(65536):
            pass

    with server(serve) as address:
        (result,) = send(provider(f"https://{address}", timeouts), [email()])
    assert (result.outcome, result.error_code) == (Outcome.RETRY, "connect")


@pytest.fixture
def own_certificate(tmp_path: Path) -> ssl.SSLContext:
    """A server's certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=3650))
        .not_valid_after(NOW + timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context


def test_a_certificate_that_nobody_vouches_for(own_certificate: ssl.SSLContext) -> None:
    with FakeSendGrid(api_key="k-secret", tls=own_certificate) as fake:
        (result,) = send(provider(fake.base_url), [email()])
        assert fake.received == []
    assert (result.outcome, result.error_code) == (Outcome.RETRY, "connect")
    assert "SSLCertVerificationError" in (result.reason or "")


def test_a_proxy_in_the_environment_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with FakeSendGrid(api_key="k-secret") as fake:
        (result,) = send(provider(fake.base_url), [email()])
    assert result.outcome is Outcome.ACCEPTED


def test_an_unopened_provider_says_so() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        asyncio.run(provider("https://mail.example").send(email()))


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080", "http://localhost:1/", "http://[::1]:9", "https://mail.example"],
)
def test_fit_addresses(url: str) -> None:
    assert checked_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    "url",
    ["", "mail.example", "http://mail.example", "http://10.0.0.1", "ftp://127.0.0.1",
     "https://user:pass@mail.example", "https://mail.example?x=1", "https://"],
)  # fmt: skip
def test_unfit_addresses(url: str) -> None:
    with pytest.raises(ValueError, match=r"base URL|use https") as caught:
        checked_base_url(url)
    assert "pass@" not in str(caught.value)
