"""A real SMTP server on loopback (aiosmtpd), told how to behave."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from typing import Any, Literal, Self, cast

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

Stage = Literal["mail", "rcpt", "data"]
ACCEPT = "250 2.0.0 Ok: queued"


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpBehaviour:
    """How one transaction goes: an answer at a stage, or a connection that breaks or hangs."""

    at: Stage = "data"
    answer: str | None = None
    cut: bool = False
    hang: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message that the server has read to its end."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    encrypted: bool
    user: str | None

    @property
    def mail(self) -> EmailMessage:
        """The message, parsed by the newer interface, which tells every defect."""
        parsed = email.message_from_bytes(self.content, policy=email.policy.SMTP)
        assert isinstance(parsed, EmailMessage)
        return parsed


class FakeSmtp:
    """Use it in ``with``; ``received`` holds every message whose content came in whole."""

    def __init__(
        self,
        *,
        user: str | None = None,
        password: str | None = None,
        tls: ssl.SSLContext | None = None,
        from_the_start: bool = False,
    ) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self.default: SmtpBehaviour | None = None
        self._script: deque[SmtpBehaviour] = deque()
        self._login = None if user is None else (user.encode(), (password or "").encode())
        self._released = asyncio.Event()
        self._tls = tls
        self._from_the_start = from_the_start
        self._transports: set[asyncio.Transport] = set()
        self._started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="fake smtp", daemon=True)
        self.port = 0

    def next(self, *behaviours: SmtpBehaviour) -> None:
        """Behave so in the next transactions, then by ``default`` again."""
        self._script.extend(behaviours)

    def drop_all(self) -> None:
        """End every connection, as a relay does with those idle for long."""

        def drop() -> None:
            for transport in list(self._transports):
                transport.close()

        self._loop.call_soon_threadsafe(drop)

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._released.set)
        self._thread.join()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        first = self._tls if self._from_the_start else None
        server = await self._loop.create_server(self._session, "127.0.0.1", 0, ssl=first)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._released.wait()
        server.close()
        for transport in self._transports:
            transport.close()

    def _session(self) -> SMTP:
        self.connections += 1
        return SMTP(
            self,
            hostname="relay.test",
            tls_context=None if self._from_the_start else self._tls,
            require_starttls=self._tls is not None and not self._from_the_start,
            auth_required=self._login is not None,
            auth_require_tls=False,
            authenticator=self._authenticate,
        )

    # What aiosmtpd asks of a handler.

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        self._transports.add(_transport(server))
        envelope.behaviour = self._script.popleft() if self._script else self.default
        if (answer := await self._behave(envelope, "mail", server)) is not None:
            return answer
        envelope.mail_from = address
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if (answer := await self._behave(envelope, "rcpt", server)) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        self.received.append(
            Received(
                sender=envelope.mail_from,
                recipients=tuple(envelope.rcpt_tos),
                content=envelope.content,
                encrypted=_transport(server).get_extra_info("sslcontext") is not None,
                user=None if session.auth_data is None else session.auth_data.login.decode(),
            )
        )
        return await self._behave(envelope, "data", server) or ACCEPT

    async def _behave(self, envelope: Any, stage: Stage, server: SMTP) -> str | None:
        behaviour: SmtpBehaviour | None = envelope.behaviour
        if behaviour is None or behaviour.at != stage:
            return None
        if behaviour.hang:
            await self._released.wait()
        if behaviour.cut:
            _transport(server).abort()
        return behaviour.answer

    def _authenticate(
        self, server: SMTP, session: Any, envelope: Any, mechanism: str, given: Any
    ) -> AuthResult:
        assert isinstance(given, LoginPassword)
        if (given.login, given.password) == self._login:
            return AuthResult(success=True, auth_data=given)
        return AuthResult(success=False, handled=False)


def _transport(server: SMTP) -> asyncio.Transport:
    return cast("asyncio.Transport", server.transport)
