"""What the daemon and its sending process tell each other: frames of pickled values.

Both ends run the same code and the socket has no name, so that nobody else can write to it. The
fields of a message travel as plain tuples: pickling the objects themselves takes three times as
long (11 µs against 4 for an email of 14 KB).
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from operator import attrgetter
from typing import Any, Final, Protocol

from engine.core.message import Channel, Content, Outcome, Outgoing, SendResult
from engine.core.receipt import Verdict
from engine.ports.providers import Provider

_HEAD: Final = struct.Struct("<IB")


class Recipe(Protocol):
    """Makes the providers, in the process that is to call them; it can be pickled."""

    def __call__(self, *, clock: Callable[[], datetime]) -> Mapping[Channel, Provider]:
        """The provider of each channel, none of them open."""
        ...


class Kind(IntEnum):
    """What a frame is about."""

    BEGIN = 0  # Beginning
    SEND = 1  # messages to hand over
    ROTATE = 2  # a Recipe with new credentials
    STOP = 3  # end at once, in order
    OPENED = 4  # the providers are open
    FAILED = 5  # the exception that kept them from it
    RESULTS = 6  # what became of hand-overs


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """What a sending process needs to know. It goes over the socket, for it holds secrets."""

    recipe: Recipe
    log_format: str
    log_level: str
    faults: str | None = None  # those of a test, see ``engine.ports.faults``


def frame(kind: Kind, value: object = None) -> bytes:
    """A value as it travels."""
    body = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return _HEAD.pack(len(body), kind) + body


class Frames:
    """Puts together what arrives in pieces."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Kind, Any]]:
        """The frames that are whole now."""
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            length, kind = _HEAD.unpack_from(self._buffer)
            end = _HEAD.size + length
            if len(self._buffer) < end:
                return
            with memoryview(self._buffer) as view:
                value = pickle.loads(view[_HEAD.size : end])  # noqa: S301 - our own socket
            del self._buffer[:end]
            yield Kind(kind), value


_OUTGOING: Final = (
    "message_id", "channel", "purpose", "campaign", "to", "to_name", "sender", "sender_name",
    "reply_to", "unsubscribe_url", "provider_clicks", "call",
)  # fmt: skip
_CONTENT: Final = ("subject", "html", "text", "segments", "language")
_fields = attrgetter(*_OUTGOING, *(f"content.{name}" for name in _CONTENT))


def packed(outgoings: Iterable[Outgoing]) -> bytes:
    """The frame of messages to hand over."""
    return frame(Kind.SEND, [_fields(outgoing) for outgoing in outgoings])


def unpacked(rows: Iterable[Sequence[Any]]) -> Iterator[Outgoing]:
    """The messages of such a frame."""
    count = len(_OUTGOING)
    for row in rows:
        content = Content(**dict(zip(_CONTENT, row[count:], strict=True)))
        yield Outgoing(**dict(zip(_OUTGOING, row[:count], strict=True)), content=content)


def told(results: Iterable[SendResult]) -> bytes:
    """The frame of what became of hand-overs."""
    rows = [
        (
            each.message_id,
            each.outcome.value,
            each.provider_message_id,
            each.cost,
            None
            if each.outcome is Outcome.ACCEPTED
            else (
                each.error_code,
                each.reason,
                each.retry_after,
                each.verdict.value,
                each.handed_over,
            ),
        )
        for each in results
    ]
    return frame(Kind.RESULTS, rows)


def heard(rows: Iterable[Sequence[Any]], at: datetime) -> Iterator[SendResult]:
    """The results of such a frame, which came ``at`` this time."""
    for message_id, outcome, provider_message_id, cost, trouble in rows:
        code, reason, retry_after, verdict, handed_over = trouble or _WELL
        yield SendResult(
            message_id=message_id,
            outcome=Outcome(outcome),
            at=at,
            provider_message_id=provider_message_id,
            error_code=code,
            reason=reason,
            retry_after=retry_after,
            cost=cost,
            verdict=Verdict(verdict),
            handed_over=handed_over,
        )


_WELL: Final = (None, None, None, Verdict.NOTHING.value, True)
