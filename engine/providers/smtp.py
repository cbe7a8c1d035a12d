"""Email by SMTP (RFC 5321), for shops with a relay of their own.

A message is certainly not taken until its last line, the lone dot, is written (section 4.1.1.4).
Whatever breaks before may be tried again at once; whatever breaks after leaves doubt.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, cast
from urllib.parse import unquote, urlsplit

import aiosmtplib

from engine.core.message import Channel, Outcome, Outgoing, SendResult
from engine.providers.classing import personal_data, plain_reason
from engine.providers.mime import message_id, mime, plain_address

CONNECTIONS: Final = 20  # relays commonly allow one client some fifty (Postfix: 50)
_IDLE: Final = 30.0  # seconds that a connection is kept; servers wait for minutes (RFC 5321: 5)
# Transports end in the loop's next turns; one that is still at it when the loop closes complains.
_CLOSING: Final = 0.01  # seconds
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})\b")  # RFC 3463, section 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpTimeouts:
    """Seconds: until connected, for each answer, and for the answer to the whole message.

    RFC 5321 (section 4.5.3.2.6) advises ten minutes for the last: it is there that servers look at
    the content, and giving up leaves doubt. Two minutes are what a slot can be kept.
    """

    connect: float = 10.0
    command: float = 30.0
    content: float = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpServer:
    """Where to connect and as whom. ``encryption``: from the start, by STARTTLS, or none."""

    host: str
    port: int
    encryption: str  # "tls" | "starttls" | "none"
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def smtp_server(url: str) -> SmtpServer:
    """Reads ``smtp[s]://[USER:PASSWORD@]HOST[:PORT]``; user and password percent-encoded.

    ``smtps`` is encrypted from the start (port 465, RFC 8314); ``smtp`` requires STARTTLS (port
    587, RFC 3207), except on loopback, where nothing is encrypted (port 25). Raises
    ``ValueError``, which quotes nothing of the address.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(_FORM) from None
    if parts.scheme not in ("smtp", "smtps") or not host:
        raise ValueError(_FORM)
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{_FORM}, and nothing behind it")
    user, password = (_credential(value) for value in (parts.username, parts.password))
    if (user is None) is not (password is None):
        raise ValueError("write user and password, or neither")
    if parts.scheme == "smtps":
        encryption, default = "tls", 465
    elif _is_loopback(host):
        encryption, default = "none", 25
    else:
        encryption, default = "starttls", 587
    return SmtpServer(
        host=host, port=port or default, encryption=encryption, user=user, password=password
    )


_FORM: Final = "write smtp://USER:PASSWORD@HOST:PORT, or smtps:// for TLS from the start"


class _Connection:
    """One kept-alive connection, and when it was last used by the loop's clock."""

    __slots__ = ("client", "idle_since")

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        self.client = client
        self.idle_since = 0.0


class Smtp:
    """Sends one email a transaction, over as many connections as the relay may be asked for.

    The ``Message-ID`` holds our own id, so that a bounce can be matched by hand. No receipt
    follows: what the relay takes counts as sent, whatever becomes of it later.
    """

    name = "smtp"
    channel: Channel = "email"

    def __init__(
        self,
        *,
        url: str,
        clock: Callable[[], datetime],
        max_in_flight: int = 200,
        connections: int = CONNECTIONS,
        timeouts: SmtpTimeouts | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """``tls`` replaces the system's trust, for tests. Raises ``ValueError`` as the URL's."""
        self._server = smtp_server(url)
        self._clock = clock
        self._most = max(1, min(max_in_flight, connections))
        self._timeouts = timeouts or SmtpTimeouts()
        self._tls = tls
        self._idle: list[_Connection] = []
        self._permits: asyncio.Semaphore | None = None

    async def open(self) -> None:
        """Make the pool; connections are made when first needed."""
        if self._permits is None:
            self._permits = asyncio.Semaphore(self._most)
            if self._server.encryption != "none" and self._tls is None:
                self._tls = ssl.create_default_context()  # reads every authority: once is enough

    async def close(self) -> None:
        """Say goodbye on every connection that is idle, and close it."""
        self._permits = None
        idle, self._idle = self._idle, []
        await asyncio.gather(*(_leave(connection) for connection in idle))
        await asyncio.sleep(_CLOSING)

    async def send(self, outgoing: Outgoing) -> SendResult:
        """One transaction; on a kept connection that turns out to be dead, a second one."""
        permits = self._permits
        if permits is None:
            raise RuntimeError("the smtp provider is not open")
        try:
            sender, recipient = plain_address(outgoing.sender), plain_address(outgoing.to)
            content = mime(outgoing, self._clock())
            accepted_as = message_id(outgoing)
        except ValueError as error:
            words = f"The message cannot be written as an email ({type(error).__name__})."
            return self._failed(outgoing, Outcome.REJECTED, "unsendable", words)
        async with permits:
            while True:
                trouble, was_kept = await self._transact(sender, recipient, content)
                if trouble is None:
                    return SendResult(
                        message_id=outgoing.message_id,
                        outcome=Outcome.ACCEPTED,
                        at=self._clock(),
                        provider_message_id=accepted_as,
                    )
                if not (was_kept and trouble.is_stale):
                    private = (*self._secrets(), *personal_data(outgoing))
                    words = plain_reason(trouble.reason, private)
                    return self._failed(outgoing, trouble.outcome, trouble.code, words)

    async def _transact(
        self, sender: str, recipient: str, content: bytes
    ) -> tuple[_Trouble | None, bool]:
        """What went wrong, if anything, and whether the connection had been kept."""
        connection, was_kept = self._take_idle(), True
        if connection is None:
            was_kept = False
            try:
                connection = await self._connect()
            except Exception as error:
                return _trouble(error, written=False), was_kept
        client, written = connection.client, False
        size = [f"SIZE={len(content)}"] if client.supports_extension("size") else []
        try:
            await client.mail(sender, options=size)
            await client.rcpt(recipient)
            written = True
            await client.data(content, timeout=self._timeouts.content)
        except aiosmtplib.SMTPResponseException as error:
            await self._put_back(connection, reset=error.code not in (221, 421) and error.code > 0)
            return _trouble(error, written=written), was_kept
        except BaseException as error:
            client.close()
            if not isinstance(error, Exception):
                raise
            return _trouble(error, written=written), was_kept
        await self._put_back(connection)
        return None, was_kept

    def _take_idle(self) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()  # the one used last, so that spare ones grow old
            if connection.client.is_connected and now - connection.idle_since < _IDLE:
                return connection
            connection.client.close()
        return None

    async def _put_back(self, connection: _Connection, *, reset: bool | None = None) -> None:
        """Keep a connection for the next; ``reset`` ends a transaction that was broken off."""
        client = connection.client
        if reset is not None:
            try:
                if not reset:
                    raise ConnectionError
                await client.rset()
            except Exception:
                client.close()
                return
        if self._permits is None or not client.is_connected:
            client.close()  # the pool was closed meanwhile
            return
        connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)

    async def _connect(self) -> _Connection:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            local_hostname=_own_name(),
            timeout=self._timeouts.command,
            use_tls=server.encryption == "tls",
            start_tls=server.encryption == "starttls",
            tls_context=self._tls if server.encryption != "none" else None,
        )
        try:
            # The greeting, STARTTLS and the login are answers of their own.
            await asyncio.wait_for(client.connect(), 3 * self._timeouts.connect)
        except BaseException:
            client.close()
            raise
        return _Connection(client)

    def _secrets(self) -> tuple[str, ...]:
        return tuple(each for each in (self._server.user, self._server.password) if each)

    def _failed(self, outgoing: Outgoing, outcome: Outcome, code: str, reason: str) -> SendResult:
        return SendResult(
            message_id=outgoing.message_id,
            outcome=outcome,
            at=self._clock(),
            error_code=code,
            reason=reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """``is_stale``: the server ended the connection before it was told of a message."""

    outcome: Outcome
    code: str
    reason: str
    is_stale: bool = False


def _trouble(error: Exception, *, written: bool) -> _Trouble:
    """The class of a failure. ``written``: the content may have reached the server."""
    kind = type(error).__name__
    if isinstance(error, aiosmtplib.SMTPResponseException) and 400 <= error.code < 600:
        found = _ENHANCED.match(error.message.strip())
        words = error.message[found.end() :] if found else error.message
        return _Trouble(
            outcome=Outcome.RETRY if error.code < 500 else Outcome.REJECTED,
            code=found[1] if found else f"smtp_{error.code}",
            reason=_readable(words) or f"The server answered {error.code}.",
            is_stale=error.code == 421 and not written,
        )
    if not written:
        return _Trouble(
            outcome=Outcome.RETRY,
            code="connect",
            reason=f"Could not connect ({kind}).",
            is_stale=isinstance(error, ConnectionError),
        )
    if isinstance(error, TimeoutError):
        reason = "No answer came within the time limit."
        return _Trouble(outcome=Outcome.UNKNOWN, code="timeout", reason=reason)
    reason = f"The connection broke before the answer was complete ({kind})."
    return _Trouble(outcome=Outcome.UNKNOWN, code="broken", reason=reason)


async def _leave(connection: _Connection) -> None:
    client = connection.client
    transport = client.transport
    try:
        await client.execute_command(b"QUIT", timeout=1.0)
    except (OSError, aiosmtplib.SMTPException):
        pass
    finally:
        # All is said: waiting for the other side to end TLS, too, could outlast the loop.
        if transport is not None:
            cast("asyncio.WriteTransport", transport).abort()
        client.close()


def _own_name() -> str:
    name = socket.gethostname()
    return name if re.fullmatch(r"[A-Za-z0-9.-]+", name) else "localhost"


def _credential(value: str | None) -> str | None:
    return unquote(value) or None if value is not None else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _readable(words: str) -> str:
    # aiosmtplib gives bytes that are not UTF-8 as lone surrogates, which no database takes.
    return words.encode("utf-8", "replace").decode("utf-8").strip()
