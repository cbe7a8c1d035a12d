"""What a provider's answer, or its silence, says about the message. Pure.

The rule, from the safest reading of HTTP for a request that must not be sent twice:

========================================================  ============
nothing of the request was written, or 429, or 503        ``RETRY``
2xx                                                       ``ACCEPTED``
another 4xx                                               ``REJECTED``
written, then a time-out, a broken connection, any other  ``UNKNOWN``
========================================================  ============

Neither SendGrid nor Twilio takes an idempotency key for messages, so what is ``UNKNOWN`` can
be settled by a receipt or by policy only. An answer whose body broke off counts as a broken
connection, whatever its status line says (RFC 9112, section 8: an incomplete message).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from engine.core.message import Outcome, Outgoing

REASON_LIMIT = 200  # characters; the log wants a sentence, not a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer; ``body`` may have been cut at the reading limit.

    Headers are asked for by their names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """No whole answer came. ``written``: part of the request may have reached the provider."""

    written: bool
    error_code: str
    reason: str


def outcome_of(answer: Answer | NoAnswer) -> Outcome:
    """The class of one attempt, by the table above."""
    if isinstance(answer, NoAnswer):
        return Outcome.UNKNOWN if answer.written else Outcome.RETRY
    status = answer.status
    if 200 <= status < 300:
        return Outcome.ACCEPTED
    if status in (429, 503):
        return Outcome.RETRY
    if 400 <= status < 500:
        return Outcome.REJECTED
    return Outcome.UNKNOWN


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait by a ``Retry-After`` header (RFC 9110, section 10.2.3), 0 or more.

    The header holds whole seconds or an HTTP date; ``None`` for anything else.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return float(text) if len(text) <= 9 else None
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if date.tzinfo is None:  # "-0000", the form without a zone: HTTP dates are in GMT
        date = date.replace(tzinfo=UTC)
    return max(0.0, (date - now).total_seconds())


_ADDRESS = re.compile(r"[^\s<>\"'(),;:]+@[^\s<>\"'(),;:]+")
_LINK = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)
_NUMBER = re.compile(r"\+?\d[\d\s().-]{5,}\d")
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")


def plain_reason(text: str, private: Iterable[str]) -> str:
    """A provider's words, fit for the log: one short line without personal data or secrets.

    Addresses, telephone numbers, links and every string of ``private`` (longer than three
    characters, whatever the case) are left out, since error texts quote what was refused.
    """
    for secret in sorted(private, key=len, reverse=True):
        if len(secret) > 3:
            text = re.sub(re.escape(secret), "[…]", text, flags=re.IGNORECASE)
    text = _LINK.sub("[link]", text)
    text = _ADDRESS.sub("[address]", text)
    text = _NUMBER.sub("[number]", text)
    text = _BLANKS.sub(" ", text).strip()
    return text if len(text) <= REASON_LIMIT else text[: REASON_LIMIT - 1] + "…"


def personal_data(outgoing: Outgoing) -> list[str]:
    """The strings of a message that no log line may hold."""
    local_part = outgoing.to.partition("@")[0]
    values = (
        outgoing.to,
        local_part,
        outgoing.to_name,
        outgoing.content.subject,
        outgoing.content.text,
        outgoing.unsubscribe_url,
    )
    return [value for value in values if value]
