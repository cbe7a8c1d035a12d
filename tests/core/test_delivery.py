"""The table of delivery takes receipts late, twice and in any order."""

from __future__ import annotations

from copy import copy
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.core import delivery
from engine.core.message import Message, MessageStatus
from engine.core.receipt import Receipt, ReceiptKind

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ANY_TIME = st.integers(-100, 100_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
WORDS = st.none() | st.sampled_from(["550", "452", "mailbox full", "no such user"])


def message(status: MessageStatus = MessageStatus.SENT, **given: Any) -> Message:
    plain: dict[str, Any] = {
        "id": "m", "campaign": "review", "revision": "r1", "journey_id": "j", "step": "ask",
        "purpose": "marketing", "channel": "email", "customer_id": "c", "entry_key": "o:1",
        "template": "t", "status": status, "created_at": NOW, "send_at": NOW, "due_at": NOW,
        "expires_at": NOW, "attempts": 1, "sent_at": NOW,
    }  # fmt: skip
    return Message(**{**plain, **given})


def receipt(kind: ReceiptKind, seconds: int = 5, **given: Any) -> Receipt:
    plain: dict[str, Any] = {
        "provider": "sendgrid", "id": f"{kind}:{seconds}", "kind": kind, "message_id": "m",
        "at": NOW + timedelta(seconds=seconds),
    }  # fmt: skip
    return Receipt(**{**plain, **given})


RECEIPTS = st.builds(
    Receipt,
    provider=st.just("sendgrid"),
    id=st.text(max_size=3),
    kind=st.sampled_from(ReceiptKind),
    message_id=st.just("m"),
    at=ANY_TIME,
    provider_message_id=st.none() | st.sampled_from(["a", "b"]),
    error_code=WORDS,
    reason=WORDS,
    machine=st.booleans(),
)
MESSAGES = st.builds(
    message,
    st.sampled_from(MessageStatus),
    attempts=st.integers(0, 3),
    sent_at=st.none() | ANY_TIME,
    reason=WORDS,
    error_code=WORDS,
)


def after(start: Message, receipts: list[Receipt]) -> dict[str, Any]:
    row = copy(start)
    for one in receipts:
        delivery.apply(row, one)
    return asdict(row)


@given(start=MESSAGES, data=st.data())
def test_no_order_and_no_doubling_changes_the_row(start: Message, data: st.DataObject) -> None:
    receipts = data.draw(st.lists(RECEIPTS, max_size=6))
    shuffled = data.draw(st.permutations([*receipts, *data.draw(st.permutations(receipts))]))
    assert after(start, receipts) == after(start, list(shuffled))


@given(start=MESSAGES, one=RECEIPTS)
@example(start=message(MessageStatus.BOUNCED), one=receipt(ReceiptKind.DELIVERED))
def test_nothing_goes_backwards(start: Message, one: Receipt) -> None:
    row = copy(start)
    changed = delivery.apply(row, one)
    assert changed == (asdict(row) != asdict(start))
    if not start.attempts:
        assert not changed
        return
    weights = [
        {MessageStatus.SENT: 1, MessageStatus.FAILED: 2, MessageStatus.DELIVERED: 3,
         MessageStatus.BOUNCED: 4}.get(each.status, 0)
        for each in (start, row)
    ]  # fmt: skip
    assert weights[0] <= weights[1]
    assert weights[1] > 0  # whatever is reported of it, the provider had it
    for name in ("sent_at", "delivered_at", "opened_at", "clicked_at"):
        before, now = getattr(start, name), getattr(row, name)
        assert before is None or now <= before
        assert now is None or now >= min(NOW, before or NOW)


@pytest.mark.parametrize("status", MessageStatus)
@pytest.mark.parametrize("kind", ReceiptKind)
def test_any_receipt_ends_doubt(status: MessageStatus, kind: ReceiptKind) -> None:
    row = message(status)
    delivery.apply(row, receipt(kind))
    assert not delivery.is_in_doubt(row)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        (["delivered", "sent"], "delivered"),
        (["opened", "delivered"], "delivered"),
        (["clicked"], "delivered"),
        (["complained", "queued"], "delivered"),
        (["bounced", "delivered"], "bounced"),
        (["delivered", "bounced"], "bounced"),
        (["dropped", "queued"], "failed"),
        (["deferred", "deferred", "delivered"], "delivered"),
        (["deferred"], "sent"),
        (["other"], "sent"),
    ],
)
def test_what_each_sequence_comes_to(told: list[str], status: str) -> None:
    row = message(MessageStatus.UNKNOWN, reason="timeout", error_code="timeout")
    for number, kind in enumerate(told):
        delivery.apply(row, receipt(ReceiptKind(kind), number))
    assert row.status == status
    assert (row.reason, row.error_code) == (None, None)


def test_a_failure_says_why_and_a_success_forgets_it() -> None:
    row = message()
    delivery.apply(row, receipt(ReceiptKind.DROPPED, reason="spam content", error_code="x"))
    assert (row.status, row.reason, row.error_code) == ("failed", "spam content", "x")
    delivery.apply(row, receipt(ReceiptKind.DELIVERED))
    assert (row.status, row.reason, row.error_code) == ("delivered", None, None)


@pytest.mark.parametrize("kind", [ReceiptKind.OPENED, ReceiptKind.CLICKED])
def test_a_machine_shows_arrival_and_nothing_more(kind: ReceiptKind) -> None:
    row = message()
    delivery.apply(row, receipt(kind, machine=True))
    assert (row.status, row.opened_at, row.clicked_at) == ("delivered", None, None)
    delivery.apply(row, receipt(kind, 60))
    assert (row.opened_at or row.clicked_at) == NOW + timedelta(seconds=60)
    assert row.delivered_at == NOW + timedelta(seconds=5)
