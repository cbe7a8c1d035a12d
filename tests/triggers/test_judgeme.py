"""Judge.me's webhooks: signature, shape, versions of one review, junk."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triggers.junk import mutated
from triggers.event import Event
from triggers.sources import judgeme
from triggers.sources.native import deserialize, serialize
from triggers.sources.reading import Reading
from triggers.sources.signatures import SignatureError

NOW = datetime(2026, 3, 21, tzinfo=UTC)
TOLD = json.loads((Path(__file__).parent / "payloads/judgeme_review_created.json").read_bytes())


def send(
    payload: Any, *, header: str = "JUDGEME-HMAC-SHA256", secret: bytes = b"secret"
) -> Reading:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    signature = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return judgeme.read({header: signature}, body, secrets=["old", "secret"], received_at=NOW)


def with_review(**changed: Any) -> Any:
    return {**TOLD, "review": {**TOLD["review"], **changed}}


def one(payload: Any) -> Event:
    (event,) = send(payload).events
    return event


@pytest.mark.parametrize("header", ["judgeme-hmac-sha256", "X-Judgeme-Hmac-SHA256"])
def test_a_review_is_told_whole(header: str) -> None:
    (event,) = send(TOLD, header=header).events
    assert (event.source, event.type) == ("judgeme", "review.submitted")
    assert event.time == datetime(2026, 3, 20, 9, 15, tzinfo=UTC)
    assert event.customer is not None
    assert (event.customer.email or "").lower() == "camille@example.com"
    assert event.customer.email_verified
    assert event.data == {
        "review_id": "judgeme:812345678",
        "product_id": "8802",
        "rating": 4.0,
        "title": "Good pot, dull lid",
        "text": "Pours well.\nThe lid came scratched.",
    }
    assert deserialize(serialize(event)) == event


def test_unsigned_and_forged_are_refused() -> None:
    body = json.dumps(TOLD).encode()
    for headers in ({}, {"JUDGEME-HMAC-SHA256": "0" * 64}):
        with pytest.raises(SignatureError):
            judgeme.read(headers, body, secrets=["secret"], received_at=NOW)
    with pytest.raises(SignatureError):
        send(TOLD, secret=b"other")
    with pytest.raises(SignatureError):
        judgeme.read({}, body, secrets=[], received_at=NOW)


def test_a_version_told_again_is_one_event_and_a_changed_one_another() -> None:
    again, changed = one(TOLD), one(with_review(rating=1, updated_at="2026-03-22T10:00:00Z"))
    assert one(TOLD).id == again.id != changed.id
    assert again.data["review_id"] == changed.data["review_id"]
    assert changed.data["rating"] == 1.0
    assert one(with_review(featured=True)).id == again.id  # what the shop did with it is no news


def test_a_review_of_the_shop_has_no_product_and_an_unproven_writer_is_nobody_yet() -> None:
    of_shop = one(with_review(product_external_id=0, title=None))
    assert "product_id" not in of_shop.data
    assert "title" not in of_shop.data
    for word in (None, "nothing"):
        event = one(with_review(verified=word))
        assert event.customer is not None
        assert not event.customer.email_verified


@pytest.mark.parametrize("body", [b"[]", b"nonsense", b"{}", b'{"review": {"rating": 5}}'])
def test_what_is_no_review_is_rejected(body: bytes) -> None:
    reading = send(body)
    assert reading.events == ()
    assert reading.rejected


@given(st.data())
def test_no_payload_is_an_exception(data: st.DataObject) -> None:
    reading = send(mutated(json.dumps(TOLD).encode(), data))
    assert reading.events or reading.rejected
