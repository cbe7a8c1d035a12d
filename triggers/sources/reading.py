"""What every webhook source has in common: its shape, and the headers it reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from triggers.event import Event, Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one verified webhook says: Events, or why none could be made of it."""

    events: tuple[Event, ...] = ()
    rejected: Rejected | None = None


class Source(Protocol):
    """A platform whose webhooks Lagniappe reads; one file of ``triggers.sources`` each."""

    @property
    def name(self) -> str:
        """The last part of the webhook's path, and the ``source`` of its Events."""
        ...

    def read(
        self,
        headers: Mapping[str, str],
        body: bytes,
        *,
        secrets: Sequence[str],
        received_at: datetime,
    ) -> Reading:
        """Verify and read one webhook.

        ``secrets`` are all that are valid now, several during a rotation. Raises
        ``triggers.sources.signatures.SignatureError`` and nothing else.
        """
        ...


def header(headers: Mapping[str, str], name: str) -> str | None:
    """A header by name, whatever its case (RFC 9110, 5.1); None when absent or blank."""
    value = headers.get(name)
    if value is None:
        wanted = name.lower()
        value = next((text for key, text in headers.items() if key.lower() == wanted), None)
    return (value or "").strip() or None


def rejection(
    source: str, event_id: str | None, reason: str, body: bytes, received_at: datetime
) -> Reading:
    """A Reading that keeps the payload and says why no Event was made of it."""
    # PostgreSQL cannot store NUL in text.
    text = body.decode("utf-8", "replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return Reading(
        rejected=Rejected(
            source=source, id=event_id, reason=reason, body=text, received_at=received_at
        )
    )
