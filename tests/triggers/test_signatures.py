from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.sources import SOURCES
from triggers.sources.signatures import (
    SignatureError,
    verify_carrier,
    verify_judgeme,
    verify_shopify,
    verify_stripe,
    verify_woocommerce,
    verify_zendesk,
)

# Known answers from: openssl dgst -sha256 -hmac SECRET -binary | base64
SHOPIFY_BODY = '{"id":820982911946154508,"note":"Grüße"}'.encode()
SHOPIFY_SIGNATURE = "apFqc3eNNEBQWzV+sYciPLeTFkKb4q63LOwSIwIZOgk="
ZENDESK_SECRET = "dGhpc19pc19hX3Rlc3Q="
ZENDESK_BODY = b'{"say":"hello"}'
ZENDESK_SIGNATURE = "UGd2oUX7UPRX7Rk0Tv2XDN8ELjqmNFx0PZQwsoxJXBk="
STRIPE_SECRET = "whsec_new"
STRIPE_BODY = b'{"id":"evt_1","object":"event"}'
# As above, without -binary.
STRIPE_STAMP = "1772798400"
STRIPE_SIGNATURE = "bbf36b8e311b196a4ae95956eb8deb10313f77fb2a97b9c5c9bb7645fd8ee0ca"
CARRIER_SIGNATURE = "4f65dca61f93fd6b566f6afd560e71113a6af8779d22bc017c9ccb44e538c69f"
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


def stripe(
    body: bytes = STRIPE_BODY,
    signature: str = STRIPE_SIGNATURE,
    stamp: str = STRIPE_STAMP,
    now: datetime = NOW,
) -> None:
    verify_stripe(
        {"stripe-signature": f"t={stamp},v1={signature},v0={'0' * 64}"},
        body,
        ["whsec_old", STRIPE_SECRET],
        now=now,
    )


def woocommerce(body: bytes = SHOPIFY_BODY, signature: str = SHOPIFY_SIGNATURE) -> None:
    verify_woocommerce({"X-WC-Webhook-Signature": signature}, body, ["hush-new", "hush-old"])


def carrier(body: bytes = STRIPE_BODY, signature: str = CARRIER_SIGNATURE) -> None:
    verify_carrier({"x-lagniappe-signature": signature}, body, ["", "hush-old"])


def judgeme(body: bytes = STRIPE_BODY, signature: str = CARRIER_SIGNATURE) -> None:
    verify_judgeme({"judgeme-hmac-sha256": signature}, body, ["", "hush-old"])


def test_known_answers_are_accepted() -> None:
    judgeme()
    shopify()
    zendesk()
    stripe()
    woocommerce()
    carrier()
    carrier(signature="sha256=" + CARRIER_SIGNATURE)


def test_while_secrets_are_rotated_one_of_several_signatures_suffices() -> None:
    for header in (
        f"t={STRIPE_STAMP},v1={'0' * 64},v1={STRIPE_SIGNATURE}",
        f"v1={STRIPE_SIGNATURE}, t={STRIPE_STAMP} ,v1=",
    ):
        verify_stripe({"Stripe-Signature": header}, STRIPE_BODY, [STRIPE_SECRET], now=NOW)


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (f"v1={STRIPE_SIGNATURE}", "no time"),
        (f"t=,v1={STRIPE_SIGNATURE}", "no time"),
        (f"t=1e9,v1={STRIPE_SIGNATURE}", "no time"),
        (f"t={STRIPE_STAMP},t=1,v1={STRIPE_SIGNATURE}", "no time"),
        (f"t={'9' * 30},v1={STRIPE_SIGNATURE}", "no time"),
        (f"t={STRIPE_STAMP}", "no signature"),
        (f"t={STRIPE_STAMP},v0={STRIPE_SIGNATURE}", "no signature"),
        (f"t={STRIPE_STAMP},v1={STRIPE_SIGNATURE[:-1]}", "does not match"),
        (f"t=99999999999,v1={STRIPE_SIGNATURE}", "does not match"),
        ("t", "no time"),
    ],
)
def test_a_stripe_signature_that_says_too_little_is_refused(header: str, says: str) -> None:
    with pytest.raises(SignatureError, match=says):
        verify_stripe({"Stripe-Signature": header}, STRIPE_BODY, [STRIPE_SECRET], now=NOW)


@pytest.mark.parametrize("position", range(len(SHOPIFY_BODY)))
def test_each_changed_byte_of_a_body_is_refused(position: int) -> None:
    for body, verify in (
        (SHOPIFY_BODY, shopify),
        (ZENDESK_BODY, zendesk),
        (STRIPE_BODY, stripe),
        (SHOPIFY_BODY, woocommerce),
        (STRIPE_BODY, carrier),
        (STRIPE_BODY, judgeme),
    ):
        changed = bytearray(body)
        changed[position % len(body)] ^= 1
        with pytest.raises(SignatureError, match="does not match"):
            verify(body=bytes(changed))


@pytest.mark.parametrize("position", range(64))
def test_each_changed_character_of_a_signature_is_refused(position: int) -> None:
    for signature, verify in (
        (SHOPIFY_SIGNATURE, shopify),
        (ZENDESK_SIGNATURE, zendesk),
        (STRIPE_SIGNATURE, stripe),
        (SHOPIFY_SIGNATURE, woocommerce),
        (CARRIER_SIGNATURE, carrier),
        (CARRIER_SIGNATURE, judgeme),
    ):
        for other in ("A", "b", "é"):
            if position < len(signature) and signature[position] != other:
                forged = signature[:position] + other + signature[position + 1 :]
                with pytest.raises(SignatureError):
                    verify(signature=forged)


def test_a_changed_timestamp_is_refused_even_when_fresh() -> None:
    with pytest.raises(SignatureError, match="does not match"):
        zendesk(stamp="2026-03-06T12:00:01Z")
    with pytest.raises(SignatureError, match="does not match"):
        stripe(stamp=str(int(STRIPE_STAMP) + 1))


@pytest.mark.parametrize("seconds", [301, -301, 86400])
def test_a_stale_timestamp_is_refused(seconds: int) -> None:
    with pytest.raises(SignatureError, match="5 minutes"):
        zendesk(now=NOW + timedelta(seconds=seconds))
    with pytest.raises(SignatureError, match="5 minutes"):
        stripe(now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [300, -300])
def test_five_minutes_are_tolerated(seconds: int) -> None:
    zendesk(now=NOW + timedelta(seconds=seconds))
    stripe(now=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize("source", sorted(SOURCES))
@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_everything_is_refused(source: str, secrets: list[str]) -> None:
    # The signature that an empty key gives.
    forged = "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0="
    headers = {
        "X-Shopify-Hmac-Sha256": forged,
        "X-Zendesk-Webhook-Signature": forged,
        "X-Zendesk-Webhook-Signature-Timestamp": STAMP,
        "X-WC-Webhook-Signature": forged,
        "Stripe-Signature": f"t={STRIPE_STAMP},v1={forged}",
        "X-Lagniappe-Signature": forged,
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
        lambda: stripe(body, signature, stamp),
        lambda: woocommerce(body, signature),
        lambda: carrier(body, signature),
    ]
    for attempt in attempts:
        with pytest.raises(SignatureError) as caught:
            attempt()
        shown = repr(caught.value) + str(caught.value.__cause__)
        secrets = ("hush", ZENDESK_SECRET, STRIPE_SECRET)
        digests = (ZENDESK_SIGNATURE, SHOPIFY_SIGNATURE, STRIPE_SIGNATURE, CARRIER_SIGNATURE)
        for hidden in (*secrets, *digests):
            assert hidden not in shown
