"""What the services count, whoever keeps the figures."""

from __future__ import annotations

from typing import Protocol


class Metrics(Protocol):
    """Running figures of one process. Every method is cheap and safe from any thread."""

    def events_accepted(self, count: int) -> None:
        """So many events are durable now."""
        ...

    def events_rejected(self, count: int) -> None:
        """So many events, or payloads, were refused or kept as not understood."""
        ...

    def messages(self, channel: str, status: str, count: int = 1) -> None:
        """So many messages reached a status of ``engine.core.message.MessageStatus``."""
        ...

    def text_received(self, intent: str) -> None:
        """A customer's text came in; ``intent`` is an ``engine.core.texts.Intent``."""
        ...

    def due_lag(self, seconds: float) -> None:
        """How late the most overdue step is; 0 when none is."""
        ...

    def in_flight(self, count: int) -> None:
        """Messages at a provider whose answer is still out."""
        ...

    def provider_paused(self, provider: str, paused: bool) -> None:
        """Whether a provider is left alone because of what it answered."""
        ...

    def sending_process(self, up: bool) -> None:
        """Whether the process that calls the providers is there."""
        ...

    def codes_left(self, pool: str, count: int) -> None:
        """Free codes of a coupon pool, counted up to one above its warning."""
        ...

    def batch(self, work: str, seconds: float, size: int) -> None:
        """One batch of a kind of ``work`` (accept, process, advance, dispatch) was done."""
        ...


class Uncounted:
    """``Metrics`` that keeps nothing: for commands and tests that nobody watches."""

    def events_accepted(self, count: int) -> None:
        """Keep nothing."""

    def events_rejected(self, count: int) -> None:
        """Keep nothing."""

    def messages(self, channel: str, status: str, count: int = 1) -> None:
        """Keep nothing."""

    def text_received(self, intent: str) -> None:
        """Keep nothing."""

    def due_lag(self, seconds: float) -> None:
        """Keep nothing."""

    def in_flight(self, count: int) -> None:
        """Keep nothing."""

    def provider_paused(self, provider: str, paused: bool) -> None:
        """Keep nothing."""

    def sending_process(self, up: bool) -> None:
        """Keep nothing."""

    def codes_left(self, pool: str, count: int) -> None:
        """Keep nothing."""

    def batch(self, work: str, seconds: float, size: int) -> None:
        """Keep nothing."""
