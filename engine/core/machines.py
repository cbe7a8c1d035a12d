"""Telling machines from people among those who open messages and follow links.

No rule is certain, so each errs on the side of "machine": a marked open or click is kept as an
observation and moves no journey. Sources:

- Apple's Mail Privacy Protection loads every remote image when a message arrives, read or not,
  with a bare ``Mozilla/5.0`` (support.apple.com/guide/iphone/iphf084865c7); SendGrid marks such
  opens with ``sg_machine_open`` (twilio.com/docs/sendgrid/for-developers/tracking-events/event).
- Mail gateways follow links before they deliver: Microsoft Defender's Safe Links
  (learn.microsoft.com/defender-office-365/safe-links-about), Barracuda, Mimecast, Proofpoint and
  their like; those that say so in the ``User-Agent`` (RFC 9110, section 10.1.5) are known by it.
- Link previews of chat programs, and HTTP libraries, name themselves the same way.
- Nobody reads a message within seconds of its hand-over, or follows two of its links in one second.

Gmail's and Yahoo's image proxies are not among them: they load an image when somebody looks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from engine.core.receipt import Receipt, ReceiptKind

TOO_SOON: Final = timedelta(seconds=3)  # after the hand-over, for a person
TOGETHER: Final = timedelta(seconds=1)  # between two different links of one message

_APPLE: Final = "Mozilla/5.0"
_NAMED: Final = re.compile(
    r"bot\b|crawl|spider|scan(?:ner)?\b|preview|prefetch|headless|phantomjs|"
    r"barracuda|mimecast|proofpoint|bitdefender|symantec|messagelabs|fireeye|trendmicro|"
    r"sophos|fortinet|forcepoint|zscaler|cloudmark|existence discovery|safelinks|"
    r"facebookexternalhit|whatsapp|slackbot|telegrambot|skypeuripreview|"
    r"^(?:curl|wget|python|java|go-http-client|okhttp|ruby|php|node|axios|libwww)\b",
    re.IGNORECASE,
)
_OBSERVED: Final = frozenset({ReceiptKind.OPENED, ReceiptKind.CLICKED})


def is_machine_agent(user_agent: str | None) -> bool:
    """Whether a ``User-Agent`` is a machine's. None: not told, which says nothing."""
    if user_agent is None:
        return False
    agent = user_agent.strip()
    return not agent or agent == _APPLE or _NAMED.search(agent) is not None


def fetches_ahead(purpose: str) -> bool:
    """Whether a request's purpose, in its own words, is to have something before it is asked for.

    ``Sec-Purpose: prefetch`` (Fetch standard, section 3.8), with ``;prerender`` or ``;anonymous-
    client-ip`` behind it, and its forerunners ``Purpose``, ``X-Purpose: preview`` and ``X-Moz``.
    """
    return any(word in purpose.lower() for word in ("prefetch", "preview", "prerender"))


def mark(
    receipts: Sequence[Receipt], sent_at: datetime | None, known: Sequence[Receipt] = ()
) -> list[Receipt]:
    """One message's receipts, with those opens and clicks marked that a machine must have made.

    ``sent_at``: when the message was handed over, where that is known. ``known``: clicks of the
    message that were taken in before and may have moved a journey, so that they stay as they are.
    """
    clicks = [one for one in (*receipts, *known) if one.kind is ReceiptKind.CLICKED]
    return [
        replace(one, machine=True)
        if one.kind in _OBSERVED
        and not one.machine
        and (is_machine_agent(one.user_agent) or _too_soon(one, sent_at) or _together(one, clicks))
        else one
        for one in receipts
    ]


def _too_soon(receipt: Receipt, sent_at: datetime | None) -> bool:
    # Providers tell whole seconds, so an honest time may lie up to one second too early.
    return sent_at is not None and receipt.at - sent_at < TOO_SOON


def _together(receipt: Receipt, clicks: Sequence[Receipt]) -> bool:
    return receipt.kind is ReceiptKind.CLICKED and any(
        other.url != receipt.url and abs(other.at - receipt.at) <= TOGETHER for other in clicks
    )
