from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.sources import SOURCES
from triggers.sources.signatures import SignatureError, verify_shopify, verify_zendesk

# Known answers from: openssl dgst -sha256 -hmac SECRET -binary | base64
SHOPIFY_BODY = '{"id":820982911946154508,"note":"Grüße"}'.encode()
SHOPIFY_SIGNATURE = "apFqc3eNNEBQWzV+sYciPLeTFkKb4q63LOwSIwIZOgk="
ZENDESK_SECRET = "dGhpc19pc19hX3Rlc3Q="
ZENDESK_BODY = b'{"say":"hello"}'
ZENDESK_SIGNATURE = "UGd2oUX7UPRX7Rk0Tv2XDN8ELjqmNFx0PZQwsoxJXBk="
STAMP = "2026-03-06T12:00:00Z"
NOW = datetime(2026, 3, 6, 12, tzinfo=UTC)


def shopify(body: bytes = SHOPIFY_BODY, signature: str = SHOPIFY_SIGNATURE) -> None:
    verify_shopify({"x-shopify-hmac-sha256": signature}, body, ["hush-new", "hush-old"])


def zendesk(
    body: bytes = ZENDESK_BODY,
    signature: str = ZENDESK_SIGNATURE,
    stamp: str = STAMP,
    now: datetime = NOW,
) -> None:
    headers = {
        "X-ZENDESK-WEBHOOK-SIGNATURE": signature,
        "x-zendesk-webhook-signature-timestamp": stamp,
    }
    verify_zendesk(headers, body, [ZENDESK_SECRET], now=now)


def test_known_answers_are_accepted() -> None:
    shopify()
    zendesk()


@pytest.mark.parametrize("position", range(len(SHOPIFY_BODY)))
def test_each_changed_byte_of_a_body_is_refused(position: int) -> None:
    for body, verify in ((SHOPIFY_BODY, shopify), (ZENDESK_BODY, zendesk)):
        changed = bytearray(body)
        changed[position % len(body)] ^= 1
        with pytest.raises(SignatureError, match="does not match"):
            verify(body=bytes(changed))


@pytest.mark.parametrize("position", range(44))
def test_each_changed_character_of_a_signature_is_refused(position: int) -> None:
    for signature, verify in ((SHOPIFY_SIGNATURE, shopify), (ZENDESK_SIGNATURE, zendesk)):
        for other in ("A", "b", "é"):
            if signature[position] != other:
                forged = signature[:position] + other + signature[position + 1 :]
                with pytest.raises(SignatureError):
                    verify(signature=forged)


def test_a_changed_timestamp_is_refused_even_when_fresh() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        zendesk(stamp="2026-03-06T12:00:01Z")


@pytest.mark.parametrize("seconds", [301, -301, 86400])
def test_a_stale_timestamp_is_refused(seconds: int) -> None:
    with pytest.raises(SignatureError, match="5 minutes"):
        zendesk(now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [300, -300])
def test_five_minutes_are_tolerated(seconds: int) -> None:
    zendesk(now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("source", sorted(SOURCES))
@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_everything_is_refused(source: str, secrets: list[str]) -> None:
    # The signature that an empty key gives.
    forged = "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0="
    headers = {
        "X-Shopify-Hmac-Sha256": forged,
        "X-Zendesk-Webhook-Signature": forged,
        "X-Zendesk-Webhook-Signature-Timestamp": STAMP,
    }
    with pytest.raises(SignatureError, match="no webhook secret"):
        SOURCES[source].read(headers, b"", secrets=secrets, received_at=NOW)


def test_an_empty_secret_beside_a_real_one_opens_nothing() -> None:
    # HMAC-SHA256 with an empty key over nothing.
    forged = {"X-Shopify-Hmac-Sha256": "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0="}
    with pytest.raises(SignatureError, match="does not match"):
        verify_shopify(forged, b"", ["", "hush"])


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_an_unsigned_webhook_is_refused(source: str) -> None:
    with pytest.raises(SignatureError, match="missing"):
        SOURCES[source].read({}, b"{}", secrets=["s"], received_at=NOW)


@given(st.text(max_size=60), st.text(max_size=40), st.binary(max_size=60))
def test_no_error_tells_secret_or_digest(signature: str, stamp: str, body: bytes) -> None:
    attempts: list[Callable[[], None]] = [
        lambda: shopify(body, signature),
        lambda: zendesk(body, signature, stamp),
    ]
    for attempt in attempts:
        with pytest.raises(SignatureError) as caught:
            attempt()
        shown = repr(caught.value) + str(caught.value.__cause__)
        for hidden in ("hush", ZENDESK_SECRET, ZENDESK_SIGNATURE, SHOPIFY_SIGNATURE):
            assert hidden not in shown
