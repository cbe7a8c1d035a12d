"""A provider under guard: one hand-over has a result, closing has an end, come what may."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

import structlog

from engine.core.message import Outcome, Outgoing, SendResult
from engine.ports.faults import Fault, passing
from engine.ports.providers import Provider
from engine.providers.gate import Gate

_log = structlog.get_logger(__name__)


async def attempt(
    provider: Provider | None,
    outgoing: Outgoing,
    clock: Callable[[], datetime],
    gate: Gate | None = None,
) -> SendResult:
    """Hand the message over, once.

    A provider that raises has a defect, and nobody knows how far it came: the message is in
    doubt. Without a provider for its channel it is refused. While the ``gate`` is shut for it, it
    is given back.
    """
    if provider is None:
        return SendResult(
            message_id=outgoing.message_id,
            outcome=Outcome.REJECTED,
            at=clock(),
            error_code="no_provider",
            reason=f"No provider is set for {outgoing.channel}.",
        )
    if gate is not None and (wait := gate.admit(outgoing)) is not None:
        return given_back(outgoing, clock(), wait)
    result = await _send(provider, outgoing, clock)
    if gate is not None:
        gate.note(outgoing, result)
    return result


async def _send(
    provider: Provider, outgoing: Outgoing, clock: Callable[[], datetime]
) -> SendResult:
    try:
        passing(Fault.CALL_BEGINS)
        result = await provider.send(outgoing)
        passing(Fault.CALL_ANSWERED)
    except Exception as error:
        # The error's own text may hold what the message holds, so only its type is told.
        kind = type(error).__name__
        _log.error(
            "provider raised", provider=provider.name, message=outgoing.message_id, error=kind
        )
        return SendResult(
            message_id=outgoing.message_id,
            outcome=Outcome.UNKNOWN,
            at=clock(),
            error_code="defect",
            reason=f"The {provider.name} provider failed with {kind}.",
        )
    return result


async def close_all(providers: Iterable[Provider]) -> None:
    """Close each of them; one that fails to is told in the log and keeps no other open."""
    for provider in providers:
        try:
            await provider.close()
        except Exception as error:
            _log.error("provider not closed", provider=provider.name, error=type(error).__name__)


def given_back(outgoing: Outgoing, at: datetime, wait: float) -> SendResult:
    """The result of a message that came to a shut gate; ``wait`` in seconds."""
    return SendResult(
        message_id=outgoing.message_id,
        outcome=Outcome.RETRY,
        at=at,
        error_code="provider_paused",
        reason="The provider is left alone for a while.",
        retry_after=wait,
        handed_over=False,
    )


def not_handed_over(outgoing: Outgoing, at: datetime) -> SendResult:
    """The result of a message that was still waiting when sending stopped."""
    return SendResult(
        message_id=outgoing.message_id,
        outcome=Outcome.RETRY,
        at=at,
        error_code="stopped",
        reason="Sending stopped before this message was handed over.",
        retry_after=0.0,
        handed_over=False,
    )


def stopped_midway(outgoing: Outgoing, at: datetime) -> SendResult:
    """The result of a message that was being handed over when sending stopped."""
    return SendResult(
        message_id=outgoing.message_id,
        outcome=Outcome.UNKNOWN,
        at=at,
        error_code="stopped",
        reason="Sending stopped while this message was being handed over.",
    )
