"""Addresses come in one form, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers.addresses import normalise_email, normalise_phone, normalised
from triggers.event import CustomerFacts


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("  Ada@Example.COM\n", "ada@example.com"),
        ("ADA.L+shop@mail.example.co.uk", "ada.l+shop@mail.example.co.uk"),
        ("o'hara@example.com", "o'hara@example.com"),
        ("demo@shop.test", "demo@shop.test"),
        ("Jürgen@Bücher.example.de", "jürgen@bücher.example.de"),
        ("ju\u0308rgen@gmx.de", "j\u00fcrgen@gmx.de"),
        ("info@xn--bcher-kva.de", "info@bücher.de"),
    ],
)
def test_an_email_address_has_one_form(typed: str, expected: str) -> None:
    assert normalise_email(typed) == expected


@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        "   ",
        "ada",
        "ada@",
        "@example.com",
        "ada@localhost",
        "ada@@example.com",
        "a da@example.com",
        "ada@exam ple.com",
        ".ada@example.com",
        "ada.@example.com",
        "a..da@example.com",
        "ada@example..com",
        "ada@-example.com",
        "ada@example.c0m.",
        "ada@127.0.0.1",
        "ada@example.com, bob@example.com",
        "Ada <ada@example.com>",
        "ada@example.com\nBcc: bob@example.com",
        "ada\x00@example.com",
        "a" * 65 + "@example.com",
        "ada@" + "a" * 64 + ".com",
        "ada@" + ".".join(["abcdefghi"] * 26) + ".com",
        "jürgen@",
    ],
)
def test_what_cannot_be_an_address_is_none(typed: str | None) -> None:
    assert normalise_email(typed) is None


@given(st.text(max_size=80) | st.emails())
def test_normalising_an_email_twice_changes_nothing(text: str) -> None:
    once = normalise_email(text)
    if once is not None:
        assert normalise_email(once) == once
        assert normalise_email(f" {once.upper()} ") in (once, normalise_email(once.upper()))


@pytest.mark.parametrize(
    ("typed", "country", "expected"),
    [
        ("+436601234567", None, "+436601234567"),
        (" +43 660 123 45 67 ", None, "+436601234567"),
        ("0660 1234567", "AT", "+436601234567"),
        ("0660 1234567", "at", "+436601234567"),
        ("(212) 555-0123", "US", "+12125550123"),
        ("0044 20 7946 0018", "AT", "+442079460018"),
    ],
)
def test_a_phone_number_has_one_form(typed: str, country: str | None, expected: str) -> None:
    assert normalise_phone(typed, country) == expected


@pytest.mark.parametrize(
    ("typed", "country"),
    [
        (None, "AT"),
        ("", "AT"),
        ("call me", "AT"),
        ("0660 1234567", None),
        ("0660 1234567", "XX"),
        ("12", "AT"),
        ("+0001234567", None),
        ("+4366012345678901234", None),
    ],
)
def test_what_cannot_be_a_number_is_none(typed: str | None, country: str | None) -> None:
    assert normalise_phone(typed, country) is None


@given(st.text(alphabet="+0123456789 ()-/x", max_size=20), st.sampled_from(["AT", "US", None]))
def test_normalising_a_number_twice_changes_nothing(text: str, country: str | None) -> None:
    once = normalise_phone(text, country)
    assert once is None or normalise_phone(once, None) == once


def test_facts_keep_their_identity_when_nothing_changes() -> None:
    facts = CustomerFacts(id="7", email="ada@example.com", phone="+436601234567")
    assert normalised(facts, "AT") is facts


def test_an_impossible_address_is_neither_told_nor_verified() -> None:
    facts = CustomerFacts(email="ada@", email_verified=True, phone="0660 1234567", country="AT")
    better = normalised(facts, "US")
    assert (better.email, better.email_verified) == (None, False)
    assert better.phone == "+436601234567", "the customer's own country goes first"
