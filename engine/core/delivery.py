"""The table of delivery: what a receipt makes of a message's row.

Receipts come late, twice and in any order, so nothing here depends on their order. Each status has
a rank and a receipt never lowers it; times are the earliest that were told. Any sequence of the
same receipts, whatever their order and however often each is told, ends in the same row.

Some receipts prove more than they say: what was opened has arrived, what was delivered had been
sent. A bounce outranks a delivery, because a server may take a message and return it later
(SendGrid's "asynchronous bounce"), never the other way round.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from types import MappingProxyType
from typing import Final

from engine.core.message import Message, MessageStatus
from engine.core.receipt import Receipt, ReceiptKind

ABANDONED: Final = "abandoned"  # the reason of a message given up while in doubt

_RANK: Final[Mapping[MessageStatus, int]] = MappingProxyType(
    {
        MessageStatus.SCHEDULED: 0,
        MessageStatus.SENDING: 0,
        MessageStatus.UNKNOWN: 0,
        MessageStatus.SKIPPED: 0,
        MessageStatus.CANCELLED: 0,
        MessageStatus.SENT: 1,
        MessageStatus.FAILED: 2,
        MessageStatus.DELIVERED: 3,
        MessageStatus.BOUNCED: 4,
    }
)

# The least that each kind proves.
PROVES: Final[Mapping[ReceiptKind, MessageStatus]] = MappingProxyType(
    {
        ReceiptKind.QUEUED: MessageStatus.SENT,
        ReceiptKind.DEFERRED: MessageStatus.SENT,
        ReceiptKind.SENT: MessageStatus.SENT,
        ReceiptKind.OTHER: MessageStatus.SENT,
        ReceiptKind.DROPPED: MessageStatus.FAILED,
        ReceiptKind.FAILED: MessageStatus.FAILED,
        ReceiptKind.DELIVERED: MessageStatus.DELIVERED,
        ReceiptKind.OPENED: MessageStatus.DELIVERED,
        ReceiptKind.CLICKED: MessageStatus.DELIVERED,
        ReceiptKind.UNSUBSCRIBED: MessageStatus.DELIVERED,
        ReceiptKind.COMPLAINED: MessageStatus.DELIVERED,
        ReceiptKind.BOUNCED: MessageStatus.BOUNCED,
    }
)

# What a receipt may change.
_row: Final = attrgetter(
    "status",
    "reason",
    "error_code",
    "sent_at",
    "delivered_at",
    "opened_at",
    "clicked_at",
    "provider_message_id",
    "owner",
)
_FAILURES: Final = frozenset({MessageStatus.FAILED, MessageStatus.BOUNCED})


def can_have_receipts(message: Message) -> bool:
    """Whether the message was ever handed over; of another nobody can truly report anything."""
    return message.attempts > 0


def is_in_doubt(message: Message) -> bool:
    """Whether it is open that the provider has a message which was handed over."""
    return can_have_receipts(message) and _RANK[message.status] == 0


def apply(message: Message, receipt: Receipt) -> bool:
    """Take one receipt into its message's row; whether the row changed.

    A machine's open or click shows that the message arrived, but nobody has read it: it sets
    neither ``opened_at`` nor ``clicked_at``.
    """
    if not can_have_receipts(message):
        return False
    before = _row(message)
    at = max(receipt.at, message.created_at)  # the provider's clock may be behind ours
    proven = PROVES[receipt.kind]
    rank, present = _RANK[proven], _RANK[message.status]
    if rank > present:
        message.status = proven
        message.owner = None
        message.reason = receipt.reason if proven in _FAILURES else None
        message.error_code = receipt.error_code if proven in _FAILURES else None
    elif rank == present and proven in _FAILURES:
        # Of two reports of one failure the same words must stay, whichever comes first.
        told = (receipt.error_code or "", receipt.reason or "")
        if told > (message.error_code or "", message.reason or ""):
            message.error_code, message.reason = receipt.error_code, receipt.reason
    message.sent_at = _earlier(message.sent_at, at)
    if proven is MessageStatus.DELIVERED:
        message.delivered_at = _earlier(message.delivered_at, at)
    if not receipt.machine:
        if receipt.kind is ReceiptKind.OPENED:
            message.opened_at = _earlier(message.opened_at, at)
        elif receipt.kind is ReceiptKind.CLICKED:
            message.clicked_at = _earlier(message.clicked_at, at)
    if receipt.provider_message_id is not None:
        # A message that was sent again has two; the same one must stay, whichever is told first.
        known = message.provider_message_id or receipt.provider_message_id
        message.provider_message_id = min(known, receipt.provider_message_id)
    return bool(_row(message) != before)


def _earlier(known: datetime | None, told: datetime) -> datetime:
    return told if known is None else min(known, told)
