"""Connections to checked addresses only: a name is resolved once, and that answer connected to.

Checking a URL, or a name that the client then resolves again, would leave a gap: a second answer of
the DNS can differ from the first ("DNS rebinding"). So the check stands where the connection is
made, and what is connected to is the very address that was checked. TLS still asks for the name.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import httpcore

from config.destinations import Allowed, IpAddress, is_web_port
from engine.ports.calls import CallRefused

Resolver = Callable[[str], Sequence[IpAddress]]
"""All addresses of a host, best first; raises OSError when it has none. May block."""


def system_resolver(host: str) -> Sequence[IpAddress]:
    """What the machine's own resolver says, which knows odd spellings of numbers as well."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = (ipaddress.ip_address(str(entry[4][0])) for entry in found)
    return list(dict.fromkeys(addresses))


class Deadline:
    """When all that one call does must be over; seconds of the monotonic clock."""

    def __init__(self) -> None:
        self._at = float("inf")

    def begin(self, seconds: float) -> None:
        """Start to count."""
        self._at = time.monotonic() + seconds

    def left(self, most: float | None, error: type[Exception]) -> float:
        """The seconds left, ``most`` at the most; raises ``error`` when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise error("the time for the call is over")
        return left if most is None else min(left, most)


class CheckedNetwork(httpcore.NetworkBackend):
    """httpcore's way to the network, with the check in it. Every wait ends at the ``deadline``."""

    def __init__(
        self, allowed: Callable[[], Allowed], deadline: Deadline, resolve: Resolver
    ) -> None:
        self._allowed = allowed
        self._deadline = deadline
        self._resolve = resolve
        self._network = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first of the host's addresses that answers.

        :raises CallRefused: the port, or one of the addresses, is not allowed.
        :raises httpcore.ConnectError: there is no address, or none answers.
        """
        if not is_web_port(port):
            raise CallRefused("forbidden_port")
        addresses = self._look_up(host, timeout)
        allowed = self._allowed()
        # One forbidden address among them is enough: an honest name does not mix the two.
        if not allowed.host(host) and not all(map(allowed.address, addresses)):
            raise CallRefused("private_address")
        for address in addresses[:-1]:
            try:
                return self._connect(address, port, timeout, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._connect(addresses[-1], port, timeout, socket_options)

    def _connect(
        self, address: IpAddress, port: int, timeout: float | None, options: Any
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        stream = self._network.connect_tcp(str(address), port, left, None, options)
        return _Stream(stream, self._deadline)

    def _look_up(self, host: str, timeout: float | None) -> Sequence[IpAddress]:
        """In a thread, because ``getaddrinfo`` takes no time-out."""
        found: list[Sequence[IpAddress]] = []

        def ask() -> None:
            try:
                found.append(self._resolve(host))
            except (OSError, UnicodeError, ValueError):
                found.append(())

        asking = threading.Thread(target=ask, name="resolver", daemon=True)
        asking.start()
        asking.join(self._deadline.left(timeout, httpcore.ConnectTimeout))
        if not found:
            raise httpcore.ConnectTimeout("the name was not resolved in time")
        if not found[0]:
            raise httpcore.ConnectError("the name has no address")
        return found[0]


class _Stream(httpcore.NetworkStream):
    """A connection whose waits end at the deadline: else a byte now and then would hold it open."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = self._deadline.left(timeout, httpcore.ReadTimeout)
        return self._stream.read(max_bytes, left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._deadline.left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = self._deadline.left(timeout, httpcore.ConnectTimeout)
        stream = self._stream.start_tls(ssl_context, server_hostname, left)
        return _Stream(stream, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
