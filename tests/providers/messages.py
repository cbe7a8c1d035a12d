"""Messages and a clock for the providers' tests."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import uvloop

from engine.core.message import Channel, Content, Outgoing, SendResult, VoiceCall
from engine.ports.providers import Provider

NOW = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


def clock() -> datetime:
    """A clock that stands still."""
    return NOW


def email(
    message_id: str = "m-1", *, to: str = "jeanne.dupont@example.com", sender: str = "hi@shop.test"
) -> Outgoing:
    """A marketing email with all its parts."""
    return Outgoing(
        message_id=message_id,
        channel="email",
        purpose="marketing",
        campaign="review-request",
        to=to,
        to_name="Jeanne Dupont",
        sender=sender,
        sender_name="The Shop",
        reply_to="care@shop.test",
        content=Content(subject="How was it, Jeanne?", text="Tell us.", html="<p>Tell us.</p>"),
        unsubscribe_url="https://shop.test/u/abc123",
    )


def sms(
    message_id: str = "m-1", *, to: str = "+15005550006", sender: str = "+15005550001"
) -> Outgoing:
    """A text message."""
    return Outgoing(
        message_id=message_id,
        channel="sms",
        purpose="marketing",
        campaign="review-reminder",
        to=to,
        to_name="Jeanne Dupont",
        sender=sender,
        sender_name=None,
        reply_to=None,
        content=Content(text=f"How was it? {message_id}", segments=1),
    )


def voice(message_id: str = "m-1", *, to: str = "+15005550006", **call: Any) -> Outgoing:
    """A call."""
    content = Content(text=f"How was it? {message_id}", language="en")
    return replace(sms(message_id, to=to), channel="voice", content=content, call=VoiceCall(**call))


def message(channel: Channel, message_id: str = "m-1") -> Outgoing:
    """A message for the channel."""
    if channel == "voice":
        return voice(message_id)
    return email(message_id) if channel == "email" else sms(message_id)


def send(provider: Provider, outgoings: Sequence[Outgoing]) -> list[SendResult]:
    """Open the provider, send one message after another, close it; on the daemon's kind of loop."""

    async def run() -> list[SendResult]:
        await provider.open()
        try:
            return [await provider.send(outgoing) for outgoing in outgoings]
        finally:
            await provider.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())
