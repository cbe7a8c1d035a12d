"""What every provider must do. A provider's test derives from the classes that fit it."""

from __future__ import annotations

import abc
import asyncio
import contextlib
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from engine.core.message import Outcome, Outgoing, SendResult
from engine.ports.providers import Provider
from engine.providers.wire import MAX_ANSWER, Timeouts
from tests.fakes.http_fake import Behaviour, FakeApi
from tests.providers.messages import NOW, message, send

QUICK = Timeouts(connect=5.0, total=0.15)


class Accepts(abc.ABC):
    """For every provider."""

    @abc.abstractmethod
    def provider(self) -> AbstractContextManager[Provider]:
        """A provider for which all is well."""

    def test_a_message_is_accepted(self) -> None:
        with self.provider() as provider:
            outgoings = [message(provider.channel, f"m-{number}") for number in range(3)]
            results = send(provider, outgoings)
        assert [result.message_id for result in results] == ["m-0", "m-1", "m-2"]
        assert {result.outcome for result in results} == {Outcome.ACCEPTED}
        assert {result.at for result in results} == {NOW}
        assert len({result.provider_message_id for result in results} - {None}) == 3
        assert {result.error_code for result in results} == {None}

    def test_it_can_be_opened_twice_and_closed_twice_and_opened_again(self) -> None:
        async def run(provider: Provider) -> list[SendResult]:
            results = []
            for number in range(2):
                await provider.open()
                await provider.open()
                outgoing = message(provider.channel, f"m-{number}")
                results.append(await provider.send(outgoing))
                await provider.close()
                await provider.close()
            return results

        with self.provider() as provider:
            results = asyncio.run(run(provider))
        assert {result.outcome for result in results} == {Outcome.ACCEPTED}


class Fails(Accepts):
    """For providers that can fail: each failure has its class."""

    hint: float | None = 17.0  # what ``failing`` hints at; None where the protocol has no hints

    @abc.abstractmethod
    def failing(self, failure: Outcome) -> AbstractContextManager[Provider]:
        """A provider that fails each call; a ``RETRY`` with a hint to wait 17 seconds."""

    @pytest.mark.parametrize("failure", [Outcome.RETRY, Outcome.REJECTED, Outcome.UNKNOWN])
    def test_a_failure_is_classed_and_explained(self, failure: Outcome) -> None:
        with self.failing(failure) as provider:
            (result,) = send(provider, [message(provider.channel)])
        assert result.outcome is failure
        assert result.error_code
        assert result.reason
        assert result.provider_message_id is None
        assert result.retry_after == (self.hint if failure is Outcome.RETRY else None)


class OverHttp(Fails):
    """For providers behind HTTP, against their fake."""

    secrets: tuple[str, ...]

    @abc.abstractmethod
    def fake(self) -> FakeApi:
        """The fake, not started, that knows the provider's credentials."""

    @abc.abstractmethod
    def at(
        self, base_url: str, timeouts: Timeouts | None = None, *, wrong_key: bool = False
    ) -> Provider:
        """The provider, pointed at an address."""

    @abc.abstractmethod
    def impossible(self) -> Outgoing:
        """A message that the API refuses."""

    @contextlib.contextmanager
    def provider(self) -> Iterator[Provider]:
        with self.fake() as fake:
            yield self.at(fake.base_url)

    @contextlib.contextmanager
    def failing(self, failure: Outcome) -> Iterator[Provider]:
        status = {Outcome.RETRY: 503, Outcome.REJECTED: 400, Outcome.UNKNOWN: 500}[failure]
        with self.fake() as fake:
            fake.default = Behaviour(status=status, headers={"Retry-After": "17"})
            yield self.at(fake.base_url)

    def one(self, behaviour: Behaviour, timeouts: Timeouts | None = None) -> SendResult:
        """The result of one message under a behaviour; asserts that it was posted once."""
        with self.fake() as fake:
            fake.next(behaviour)
            provider = self.at(fake.base_url, timeouts)
            (result,) = send(provider, [message(provider.channel)])
            assert len(fake.received) == 1
        return result

    @pytest.mark.parametrize("status", [429, 503])
    def test_told_to_come_back_later(self, status: int) -> None:
        result = self.one(Behaviour(status=status, headers={"Retry-After": "17"}))
        assert (result.outcome, result.retry_after) == (Outcome.RETRY, 17.0)

    def test_told_to_come_back_at_a_date(self) -> None:
        date = "Sat, 14 Mar 2026 15:10:26 GMT"  # a minute after the clock of these tests
        result = self.one(Behaviour(status=429, headers={"Retry-After": date}))
        assert (result.outcome, result.retry_after) == (Outcome.RETRY, 60.0)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 408, 413, 422, 451])
    def test_other_client_errors_are_permanent(self, status: int) -> None:
        result = self.one(Behaviour(status=status, body=b""))
        assert (result.outcome, result.error_code) == (Outcome.REJECTED, f"http_{status}")

    @pytest.mark.parametrize("status", [500, 501, 502, 504, 520, 599])
    def test_other_server_errors_leave_doubt(self, status: int) -> None:
        result = self.one(Behaviour(status=status, accept=True))
        assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, f"http_{status}")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, status: int) -> None:
        result = self.one(Behaviour(status=status, headers={"Location": "/elsewhere"}))
        assert result.outcome is Outcome.UNKNOWN

    def test_closed_before_the_answer(self) -> None:
        result = self.one(Behaviour(close="before_answer"))
        assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "broken")

    def test_closed_in_the_middle_of_the_answer(self) -> None:
        result = self.one(Behaviour(close="mid_answer", body=b"{"))
        assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "broken")

    def test_taken_and_never_answered(self) -> None:
        result = self.one(Behaviour(hang=True), QUICK)
        assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "timeout")

    def test_nobody_listens(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
            provider = self.at(f"http://127.0.0.1:{port}")
            (result,) = send(provider, [message(provider.channel)])
        assert (result.outcome, result.error_code) == (Outcome.RETRY, "connect")

    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"sid": 7}', b"[" * 50_000, b"x" * 300_000],
        ids=["empty", "cut", "list", "null", "binary", "types", "deep", "huge"],
    )
    def test_an_accepting_answer_may_make_no_sense(self, body: bytes) -> None:
        assert len(body) < MAX_ANSWER or body.startswith(b"x")
        assert self.one(Behaviour(body=body)).outcome is Outcome.ACCEPTED

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"errors": []}', b"[" * 50_000])
    def test_a_refusing_answer_may_make_no_sense(self, body: bytes) -> None:
        result = self.one(Behaviour(status=400, body=body))
        assert (result.outcome, result.error_code) == (Outcome.REJECTED, "http_400")

    def test_a_wrong_key_is_refused(self) -> None:
        with self.fake() as fake:
            provider = self.at(fake.base_url, wrong_key=True)
            (result,) = send(provider, [message(provider.channel)])
        assert result.outcome is Outcome.REJECTED

    def test_text_that_is_not_unicode_is_refused_here(self) -> None:
        with self.fake() as fake:
            provider = self.at(fake.base_url)
            (result,) = send(provider, [message(provider.channel, "m-\ud800")])
            assert fake.received == []
        assert (result.outcome, result.error_code) == (Outcome.REJECTED, "unsendable")

    def test_credentials_and_personal_data_stay_in(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        echoes: list[Callable[[Outgoing], str]] = [
            lambda outgoing: f"refused {outgoing.to} {outgoing.to_name} {self.secrets}",
            lambda outgoing: f"{outgoing.to.upper()} {outgoing.content.text} {self.secrets[-1]}",
        ]
        told = []
        with self.fake() as fake:
            provider = self.at(fake.base_url)
            told.append(repr(provider) + str(provider))
            outgoing = message(provider.channel)
            for echo in echoes:
                fake.next(Behaviour(status=400, body=self.error_body(echo(outgoing))))
            told.append(repr(send(provider, [outgoing, outgoing, self.impossible()])))
        told.append(caplog.text)
        for secret in (*self.secrets, outgoing.to, "Dupont", outgoing.content.text):
            assert secret.lower() not in "".join(told).lower()

    @abc.abstractmethod
    def error_body(self, words: str) -> bytes:
        """An error of the API with these words."""
