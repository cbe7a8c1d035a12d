"""A provider whose credentials can be changed while it sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from engine.core.message import Channel, Outgoing, SendResult
from engine.ports.providers import Provider

_log = structlog.get_logger(__name__)


class Rotating:
    """Stands before a provider: what is under way ends as it began, the rest uses the new one."""

    def __init__(self, provider: Provider) -> None:
        self.name = provider.name
        self.channel: Channel = provider.channel
        self._present = provider
        self._next: Provider | None = None  # written by any thread, taken by the loop's
        self._under_way: dict[Provider, int] = {}
        self._is_open = False

    def rotate(self, provider: Provider) -> None:
        """Use another from the next message on; may be called from any thread.

        Raises ``ValueError`` for one of another name or channel: those need a restart.
        """
        if (provider.name, provider.channel) != (self.name, self.channel):
            raise ValueError(f"{self.name} cannot become {provider.name} while it sends")
        self._next = provider

    async def open(self) -> None:
        """Open the present one."""
        await self._present.open()
        self._is_open = True

    async def close(self) -> None:
        """Close the present one, and those that still had messages under way."""
        self._is_open = False
        for provider in {self._present: None, **self._under_way}:
            await provider.close()

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Send by the newest one."""
        if self._next is not None and self._is_open:
            await self._turn()
        provider = self._present
        self._under_way[provider] = self._under_way.get(provider, 0) + 1
        try:
            return await provider.send(outgoing)
        finally:
            self._under_way[provider] -= 1
            if not self._under_way[provider]:
                del self._under_way[provider]
                if provider is not self._present:
                    await _close(provider)

    async def _turn(self) -> None:
        provider, self._next = self._next, None
        if provider is None:
            return
        try:
            await provider.open()
        except Exception as error:
            _log.error("provider_not_rotated", provider=self.name, error=type(error).__name__)
            return
        former, self._present = self._present, provider
        _log.info("provider_rotated", provider=self.name)
        if former not in self._under_way:
            await _close(former)


def rotation_of(
    rotating: Mapping[Channel, Rotating], providers: Mapping[Channel, Provider]
) -> Callable[[], None]:
    """What puts each of the new providers in its predecessor's place."""

    def rotate() -> None:
        for channel, each in rotating.items():
            each.rotate(providers[channel])

    return rotate


async def _close(provider: Provider) -> None:
    try:
        await provider.close()
    except Exception as error:
        _log.error("provider not closed", provider=provider.name, error=type(error).__name__)
