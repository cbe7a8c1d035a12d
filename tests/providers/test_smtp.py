"""SMTP against a real server: the conformance suite, and what only SMTP has."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import aiosmtplib
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.message import Outcome, SendResult
from engine.ports.providers import Provider
from engine.providers.smtp import Smtp, SmtpTimeouts, _trouble, smtp_server
from tests.fakes.certificates import Authority
from tests.fakes.smtp import FakeSmtp, SmtpBehaviour
from tests.providers.conformance import Fails
from tests.providers.messages import clock, email, send

# What aiosmtpd thinks of servers that take a password in the clear; ours listens on loopback.
pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")

USER, PASSWORD = "shop@relay.test", "p:a/s@s-word"
LOGIN = "shop%40relay.test:p%3Aa%2Fs%40s-word@"
QUICK = SmtpTimeouts(connect=5.0, command=0.2, content=0.2)


def at(fake: FakeSmtp, *, login: str = "", timeouts: SmtpTimeouts | None = None) -> Smtp:
    url = f"smtp://{login}127.0.0.1:{fake.port}"
    return Smtp(url=url, clock=clock, timeouts=timeouts)


def one(behaviour: SmtpBehaviour, timeouts: SmtpTimeouts | None = None) -> SendResult:
    with FakeSmtp() as fake:
        fake.next(behaviour)
        (result,) = send(at(fake, timeouts=timeouts), [email()])
    return result


class TestSmtp(Fails):
    hint = None

    @contextlib.contextmanager
    def provider(self) -> Iterator[Provider]:
        with FakeSmtp() as fake:
            yield at(fake)

    @contextlib.contextmanager
    def failing(self, failure: Outcome) -> Iterator[Provider]:
        answers = {Outcome.RETRY: "451 4.3.0 Later", Outcome.REJECTED: "550 5.1.1 Nobody"}
        with FakeSmtp() as fake:
            fake.default = SmtpBehaviour(
                answer=answers.get(failure), cut=failure is Outcome.UNKNOWN
            )
            yield at(fake)


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        ("421 4.3.2 Going down", Outcome.RETRY, "4.3.2"),
        ("450 4.2.0 Greylisted", Outcome.RETRY, "4.2.0"),
        ("452 Full", Outcome.RETRY, "smtp_452"),
        ("550 5.1.1 Nobody here", Outcome.REJECTED, "5.1.1"),
        ("554 Refused", Outcome.REJECTED, "smtp_554"),
    ],
)
def test_an_answer_is_classed_alike_at_every_stage(
    stage: str, answer: str, outcome: Outcome, code: str
) -> None:
    result = one(SmtpBehaviour(at=stage, answer=answer))  # type: ignore[arg-type]
    assert (result.outcome, result.error_code) == (outcome, code)
    assert result.reason == answer.split(code.removeprefix("smtp_"))[-1].strip()


@pytest.mark.parametrize("stage", ["mail", "rcpt"])
def test_broken_before_the_content_is_surely_not_sent(stage: str) -> None:
    result = one(SmtpBehaviour(at=stage, cut=True))  # type: ignore[arg-type]
    assert (result.outcome, result.error_code) == (Outcome.RETRY, "connect")
    silent = SmtpBehaviour(at=stage, hang=True)  # type: ignore[arg-type]
    assert one(silent, QUICK).outcome is Outcome.RETRY


def test_broken_after_the_content_leaves_doubt() -> None:
    result = one(SmtpBehaviour(cut=True))
    assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "broken")
    result = one(SmtpBehaviour(hang=True), QUICK)
    assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "timeout")


def test_an_answer_that_is_none_leaves_doubt_after_the_content() -> None:
    for nonsense in ("354 Go on", "299 What", "hello there"):
        assert one(SmtpBehaviour(answer=nonsense)).outcome is Outcome.UNKNOWN


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        provider = Smtp(url=f"smtp://127.0.0.1:{port}", clock=clock)
        (result,) = send(provider, [email()])
    assert (result.outcome, result.error_code) == (Outcome.RETRY, "connect")


def test_a_connection_is_kept_and_reset_after_a_refusal() -> None:
    with FakeSmtp() as fake:
        fake.next(SmtpBehaviour(at="rcpt", answer="550 5.1.1 Nobody"))
        results = send(at(fake), [email(f"m-{n}") for n in range(20)])
        assert fake.connections == 1
    assert [result.outcome for result in results] == [Outcome.REJECTED] + 19 * [Outcome.ACCEPTED]


def test_a_kept_connection_that_died_costs_nothing() -> None:
    async def run(fake: FakeSmtp) -> list[SendResult]:
        provider = at(fake)
        await provider.open()
        try:
            results = [await provider.send(email("m-1"))]
            fake.next(SmtpBehaviour(at="mail", cut=True))
            return [*results, await provider.send(email("m-2"))]
        finally:
            await provider.close()

    with FakeSmtp() as fake:
        results = asyncio.run(run(fake))
        assert [result.outcome for result in results] == 2 * [Outcome.ACCEPTED]
        assert (len(fake.received), fake.connections) == (2, 2)


def test_connections_are_as_many_as_allowed_and_no_more() -> None:
    async def run(fake: FakeSmtp) -> list[SendResult]:
        url = f"smtp://127.0.0.1:{fake.port}"
        provider = Smtp(url=url, clock=clock, connections=4)
        await provider.open()
        try:
            return await asyncio.gather(*(provider.send(email(f"m-{n}")) for n in range(60)))
        finally:
            await provider.close()

    with FakeSmtp() as fake:
        results = asyncio.run(run(fake))
        assert {result.outcome for result in results} == {Outcome.ACCEPTED}
        assert len({received.mail["Message-ID"] for received in fake.received}) == 60
        assert 1 <= fake.connections <= 4


def test_what_arrives() -> None:
    with FakeSmtp() as fake:
        (result,) = send(at(fake), [email()])
        (received,) = fake.received
    mail = received.mail
    assert (received.sender, received.recipients) == ("hi@shop.test", (email().to,))
    assert mail["Message-ID"] == "<m-1@shop.test>"
    assert result.provider_message_id == "m-1@shop.test"
    assert mail["Date"].datetime == clock()
    assert mail["From"] == "The Shop <hi@shop.test>"
    assert mail["To"] == "Jeanne Dupont <jeanne.dupont@example.com>"
    assert mail["Reply-To"] == "care@shop.test"
    assert mail["List-Unsubscribe"] == "<https://shop.test/u/abc123>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


LINES = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)


@given(to=st.lists(LINES, min_size=5, max_size=5))
def test_dots_and_line_ends_travel_unchanged(to: list[str]) -> None:
    text = "\n".join([".", *to, "..", ".x"])
    with FakeSmtp() as fake:
        outgoing = email()
        content = replace(outgoing.content, text=text, html=None)
        (result,) = send(at(fake), [replace(outgoing, content=content)])
        (received,) = fake.received
    assert result.outcome is Outcome.ACCEPTED
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    payload = received.mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert payload.decode().replace("\r\n", "\n").rstrip("\n") == unified.rstrip("\n")


def test_a_login() -> None:
    with FakeSmtp(user=USER, password=PASSWORD) as fake:
        (result,) = send(at(fake, login=LOGIN), [email()])
        assert result.outcome is Outcome.ACCEPTED
        assert fake.received[0].user == USER
        (refused,) = send(at(fake, login="shop:wrong@"), [email()])
        assert (refused.outcome, refused.error_code) == (Outcome.REJECTED, "5.7.8")
        assert len(fake.received) == 1


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_encryption(scheme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only beyond loopback is STARTTLS required, and no test goes there.
    monkeypatch.setattr("engine.providers.smtp._is_loopback", lambda host: False)
    authority = Authority(tmp_path)
    with FakeSmtp(tls=authority.server(), from_the_start=scheme == "smtps") as fake:
        url = f"{scheme}://127.0.0.1:{fake.port}"
        (result,) = send(Smtp(url=url, clock=clock, tls=authority.client()), [email()])
        assert result.outcome is Outcome.ACCEPTED
        assert fake.received[0].encrypted
        (refused,) = send(Smtp(url=url, clock=clock), [email()])  # nobody vouches for it
        assert (refused.outcome, refused.error_code) == (Outcome.RETRY, "connect")
        assert len(fake.received) == 1


def test_a_server_without_starttls_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.providers.smtp._is_loopback", lambda host: False)
    with FakeSmtp(user=USER, password=PASSWORD) as fake:
        (result,) = send(at(fake, login=LOGIN), [email()])
        assert (result.outcome, fake.received) == (Outcome.RETRY, [])


@pytest.mark.parametrize(
    ("url", "host", "port", "encryption"),
    [
        ("smtp://relay.test", "relay.test", 587, "starttls"),
        ("smtps://relay.test", "relay.test", 465, "tls"),
        ("smtp://relay.test:2525", "relay.test", 2525, "starttls"),
        ("smtp://localhost", "localhost", 25, "none"),
        ("smtp://[::1]:1025", "::1", 1025, "none"),
        ("smtps://localhost", "localhost", 465, "tls"),
    ],
)
def test_the_address(url: str, host: str, port: int, encryption: str) -> None:
    server = smtp_server(url)
    assert (server.host, server.port, server.encryption) == (host, port, encryption)


@pytest.mark.parametrize(
    "url",
    ["", "relay.test", "http://u:hush@relay.test", "smtp://", "smtp://u:hush@", "smtp://h:x",
     "smtp://u@relay.test", "smtp://u:hush@relay.test/x", "smtp://u:hush@relay.test?tls=no"],
)  # fmt: skip
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match="write ") as caught:
        smtp_server(url)
    assert "hush" not in str(caught.value)


def test_text_that_is_not_unicode_is_refused_here() -> None:
    with FakeSmtp() as fake:
        outgoing = email()
        broken = replace(outgoing, content=replace(outgoing.content, text="\ud800"))
        results = send(at(fake), [broken, email("m-\ud800"), email(to="jeanne"), email(to="a b@c")])
        assert fake.received == []
        assert fake.connections == 0
    assert {(each.outcome, each.error_code) for each in results} == {
        (Outcome.REJECTED, "unsendable")
    }


def test_credentials_and_personal_data_stay_in(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    outgoing = email()
    told = []
    with FakeSmtp(user=USER, password=PASSWORD) as fake:
        provider = at(fake, login=LOGIN)
        told.append(repr(provider) + repr(smtp_server(f"smtp://{LOGIN}127.0.0.1:{fake.port}")))
        for answer in (
            f"550 5.1.1 <{outgoing.to}> {outgoing.to_name} is unknown to {PASSWORD}",
            f"451 4.3.0 {outgoing.to.upper()} {outgoing.content.text} {USER}",
        ):
            fake.next(SmtpBehaviour(at="rcpt", answer=answer))
        told.append(repr(send(provider, [outgoing, outgoing])))
    # The server's own log, which is called mail.log, may say what it likes.
    told += [each.getMessage() for each in caplog.records if not each.name.startswith("mail")]
    for secret in (PASSWORD, outgoing.to, "Dupont", outgoing.content.text):
        assert secret.lower() not in "".join(told).lower()


def test_an_answer_that_is_not_utf_8_can_be_stored() -> None:
    trouble = _trouble(aiosmtplib.SMTPResponseException(554, "5.6.0 \udcff no"), written=False)
    assert (trouble.code, trouble.reason) == ("5.6.0", "? no")
