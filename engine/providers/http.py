"""The HTTP side that providers share: one POST, and the send skeleton."""

from __future__ import annotations

import abc
import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from urllib.parse import urlsplit

from engine.core.message import Channel, Outcome, Outgoing, SendResult
from engine.core.receipt import Verdict
from engine.providers.classing import (
    Answer,
    NoAnswer,
    outcome_of,
    personal_data,
    plain_reason,
    retry_after,
)
from engine.providers.wire import Timeouts, Unconnected, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to post where; ``path`` is appended to the base URL."""

    path: str
    body: bytes
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What an accepting answer told beyond the acceptance."""

    provider_message_id: str | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a refusing answer told: the provider's own code, if it has one, and its words.

    ``verdict`` is what it says of the address itself.
    """

    error_code: str | None = None
    reason: str | None = None
    verdict: Verdict = Verdict.NOTHING


async def post(wire: Wire, request: Request) -> Answer | NoAnswer:
    """POST once; failures come back as ``NoAnswer``."""
    # An error's own text may quote hosts, headers or the peer's words; its type may not.
    try:
        return await wire.post(request.path, body=request.body, content_type=request.content_type)
    except Unconnected as error:
        kind = type(error.__cause__).__name__
        return NoAnswer(written=False, error_code="connect", reason=f"Could not connect ({kind}).")
    except TimeoutError:
        return NoAnswer(
            written=True, error_code="timeout", reason="No answer came within the time limit."
        )
    except Exception as error:
        return NoAnswer(
            written=True,
            error_code="broken",
            reason=f"The connection broke before the answer was complete ({type(error).__name__}).",
        )


class HttpProvider(abc.ABC):
    """The skeleton of a provider behind HTTP: build, post once, class, tell.

    A provider fills in how its request is built and how its answers are read. Nothing that
    identifies a customer and no credential gets into a result.
    """

    name: str
    channel: Channel

    def __init__(
        self,
        *,
        base_url: str,
        headers: Mapping[str, str],
        secrets: Sequence[str],
        clock: Callable[[], datetime],
        max_in_flight: int,
        timeouts: Timeouts,
    ) -> None:
        """Raises ``ValueError`` for a base URL that is not https, loopback aside."""
        self._base_url = checked_base_url(base_url)
        self._headers = dict(headers)
        self._secrets = tuple(secrets)
        self._clock = clock
        self._max_in_flight = max_in_flight
        self._timeouts = timeouts
        self._wire: Wire | None = None

    @abc.abstractmethod
    def request(self, outgoing: Outgoing) -> Request:
        """The request for a message. Raises ``ValueError`` if it cannot be expressed."""

    @abc.abstractmethod
    def accepted(self, answer: Answer) -> Accepted:
        """Reads a 2xx answer; one that makes no sense tells nothing, and is no error."""

    @abc.abstractmethod
    def refusal(self, answer: Answer) -> Refusal:
        """Reads any other answer, under the same rule."""

    def wait_hint(self, answer: Answer, now: datetime) -> float | None:
        """Seconds that the provider asks to wait before the next try."""
        return retry_after(answer.headers.get("retry-after"), now)

    async def open(self) -> None:
        """Make the connection pool; connections are made when first needed."""
        if self._wire is None:
            self._wire = Wire(
                self._base_url,
                max_in_flight=self._max_in_flight,
                timeouts=self._timeouts,
                headers=self._headers,
            )

    async def close(self) -> None:
        """Close the pool and its connections."""
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Post the message once; see ``engine.providers.classing`` for the classes."""
        if self._wire is None:
            raise RuntimeError(f"the {self.name} provider is not open")
        try:
            request = self.request(outgoing)
        except ValueError as error:
            return SendResult(
                message_id=outgoing.message_id,
                outcome=Outcome.REJECTED,
                at=self._clock(),
                error_code="unsendable",
                reason=f"The message cannot be written as a request ({type(error).__name__}).",
            )
        answer = await post(self._wire, request)
        return self._result(outgoing, answer)

    def _result(self, outgoing: Outgoing, answer: Answer | NoAnswer) -> SendResult:
        now = self._clock()
        outcome = outcome_of(answer)
        if isinstance(answer, NoAnswer):
            return SendResult(
                message_id=outgoing.message_id,
                outcome=outcome,
                at=now,
                error_code=answer.error_code,
                reason=answer.reason,
            )
        if outcome is Outcome.ACCEPTED:
            accepted = self.accepted(answer)
            return SendResult(
                message_id=outgoing.message_id,
                outcome=outcome,
                at=now,
                provider_message_id=accepted.provider_message_id,
                cost=accepted.cost,
            )
        refusal = self.refusal(answer)
        words = refusal.reason or f"The provider answered {answer.status}."
        private = (*self._secrets, *personal_data(outgoing))
        return SendResult(
            message_id=outgoing.message_id,
            outcome=outcome,
            at=now,
            error_code=refusal.error_code or f"http_{answer.status}",
            reason=plain_reason(words, private),
            verdict=refusal.verdict if outcome is Outcome.REJECTED else Verdict.NOTHING,
            retry_after=self.wait_hint(answer, now) if outcome is Outcome.RETRY else None,
        )


def checked_base_url(base_url: str) -> str:
    """The URL without a slash at its end.

    Raises ``ValueError`` unless it is https, or http on loopback: credentials travel with
    every request and must not cross a network in the clear.
    """
    parts = urlsplit(base_url)
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise ValueError("a base URL looks like https://api.example.com")
    if parts.username is not None or parts.password is not None:
        raise ValueError("a base URL holds no credentials; they have settings of their own")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ValueError(f"http://{host}: use https, plain http is for loopback only")
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
