"""``call_webhook``'s own provider: one signed POST of JSON to the shop's system."""

from __future__ import annotations

import base64
import hmac
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from typing import Final

import httpcore
import httpx

from config.destinations import Allowed
from engine.ports.calls import CallRefused
from engine.ports.stored import DueCall
from engine.providers.checked_network import CheckedNetwork, Deadline, Resolver, system_resolver

SECONDS: Final = 15.0  # for a whole call: name, connection, request and answer
_CONNECT: Final = 5.0
_ANSWER: Final = 10.0  # between two pieces of the answer
_MOST_READ: Final = 16 * 1024  # bytes of an answer's body, so that the connection can be kept
_PURPOSE: Final = b"lagniappe.webhook"  # the key signs links as well; neither passes for the other


class HttpPoster:
    """Posts JSON to public addresses, and to those that the shop allows.

    Redirects are not followed: an address that moved is the author's to mend. Proxies named in the
    environment are not used, since they would make the connection unchecked. Of the answer only its
    status counts; its body is not kept.

    Calls are signed as the Standard Webhooks specification has it (github.com/standard-webhooks):
    ``webhook-id``, ``webhook-timestamp`` (seconds since the epoch) and ``webhook-signature``, which
    holds ``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body``, once for each key.
    """

    def __init__(
        self,
        *,
        keys: Sequence[str],
        now: Callable[[], datetime],
        allowed: Callable[[], Allowed] = Allowed,
        resolve: Resolver = system_resolver,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._now = now
        self._one_at_a_time = threading.Lock()
        self._deadline = Deadline()
        self._network = CheckedNetwork(allowed, self._deadline, resolve)
        self._trust = trust
        self.change_keys(keys)

    @cached_property
    def _pool(self) -> httpcore.ConnectionPool:
        """Made at the first call: reading the system's certificates takes a twentieth of a second,
        and most processes call nobody."""
        return httpcore.ConnectionPool(
            ssl_context=self._trust or httpx.create_ssl_context(trust_env=False),
            network_backend=self._network,
            keepalive_expiry=5.0,
        )

    def change_keys(self, keys: Sequence[str]) -> None:
        """Sign with every one of these from now on, so that receivers can change theirs later."""
        self._keys = [signing_key(key) for key in keys]

    def post(self, call: DueCall) -> str | None:
        """None when it was taken (2xx), else why not. ``Idempotency-Key`` lets receivers dedupe.

        :raises CallRefused: the address is none, or not one that may be called.
        """
        url = _url(call.url)
        timeouts = {"connect": _CONNECT, "read": _ANSWER, "write": _ANSWER, "pool": _CONNECT}
        try:
            with self._one_at_a_time:
                self._deadline.begin(SECONDS)
                with self._pool.stream(
                    "POST",
                    httpcore.URL(
                        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                    ),
                    headers=self._headers(call, url),
                    content=call.body,
                    extensions={"timeout": timeouts},
                ) as answer:
                    status = answer.status
                    _skim(answer)
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            return f"no answer: {type(error).__name__}"
        return None if 200 <= status < 300 else f"answered {status}"

    def _headers(self, call: DueCall, url: httpx.URL) -> list[tuple[bytes, bytes]]:
        timestamp = str(int(self._now().timestamp()))
        signed = f"{call.id}.{timestamp}.".encode() + call.body
        signatures = (base64.b64encode(hmac.digest(key, signed, "sha256")) for key in self._keys)
        return [
            (b"Host", url.netloc),
            (b"Content-Type", b"application/json"),
            (b"Content-Length", str(len(call.body)).encode()),
            (b"Idempotency-Key", call.id.encode()),
            (b"User-Agent", b"Lagniappe"),
            (b"Accept-Encoding", b"identity"),
            (b"webhook-id", call.id.encode()),
            (b"webhook-timestamp", timestamp.encode()),
            (b"webhook-signature", b" ".join(b"v1," + each for each in signatures)),
        ]


def signing_key(secret_key: str) -> bytes:
    """The key of calls, which follows from one of ``LAGNIAPPE_SECRET_KEY``."""
    return hmac.digest(secret_key.encode(), _PURPOSE, "sha256")


def _url(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError):
        raise CallRefused("invalid_address") from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise CallRefused("invalid_address")
    return url


def _skim(answer: httpcore.Response) -> None:
    """Read a short body to its end; a connection with a long or broken one is closed."""
    size = 0
    with suppress(httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError):
        for part in answer.iter_stream():
            size += len(part)
            if size > _MOST_READ:
                return
