"""Public tokens: good for what they were signed for, and for nothing else."""

from __future__ import annotations

import hmac
import string
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engine.core.survey import SCALES
from engine.links import (
    LONGEST_TARGET,
    BadToken,
    Links,
    Purpose,
    Question,
    Token,
    _Short,
    is_target,
)

KEYS = ["key-of-the-tests-0123456789abcdef", "older-key-of-the-tests-0123456789"]
BASE = "https://mail.example.com"
LINKS = Links(KEYS, BASE)
NOW = datetime(2026, 3, 2, 10, tzinfo=UTC)
ALPHABET = string.ascii_letters + string.digits + "-_.=+/ \n\x00é"

ids = st.uuids().map(str)
purposes = st.sampled_from(Purpose)
paths = st.text("abcXYZ019-._~/?&=%#", max_size=60)
targets = st.builds("{}://shop.example.com/{}".format, st.sampled_from(["http", "https"]), paths)
moments = st.integers(0, 2**37).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@given(ids, purposes, st.none() | targets, st.none() | moments)
def test_a_token_says_what_was_signed(
    message: str, purpose: Purpose, target: str | None, expires: datetime | None
) -> None:
    token = LINKS.token(purpose, message, target=target, expires=expires)
    before = None if expires is None else expires - timedelta(seconds=1)
    expected = Token(message_id=message, target=target, expires=expires)
    assert LINKS.read(purpose, token, now=before) == expected
    assert set(token) <= set(string.ascii_letters + string.digits + "-_.")


@given(st.lists(st.tuples(st.binary(max_size=130), st.binary(max_size=300))))
def test_the_signature_is_the_standard_librarys(signed: list[tuple[bytes, bytes]]) -> None:
    short = _Short()
    for key, value in [*signed, *signed]:
        assert short.get_signature(key, value) == hmac.digest(key, value, "sha256")[:16]


@pytest.mark.parametrize("message", ["", "0123", "not a uuid", "0" * 34])
def test_only_a_uuid_names_a_message(message: str) -> None:
    with pytest.raises(ValueError, match=r"fromhex|UUID"):
        LINKS.token(Purpose.UNSUBSCRIBE, message)


@given(ids, purposes, st.none() | targets, st.data())
def test_any_changed_byte_is_refused(
    message: str, purpose: Purpose, target: str | None, data: st.DataObject
) -> None:
    token = LINKS.token(purpose, message, target=target)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET))
    assume(other != token[at])
    for forged in (
        token[:at] + other + token[at + 1 :],
        token[:at] + other + token[at:],
        token[:at] + token[at + 1 :],
        token + other,
        token[:at],
    ):
        with pytest.raises(BadToken):
            LINKS.read(purpose, forged)


def test_every_spelling_of_a_signature_but_ours_is_refused() -> None:
    """The last letter of a signature has bits that base64 leaves unused."""
    token = LINKS.token(Purpose.UNSUBSCRIBE, str(UUID(int=7)))
    accepted = []
    for last in string.ascii_letters + string.digits + "-_":
        try:
            LINKS.read(Purpose.UNSUBSCRIBE, token[:-1] + last)
        except BadToken:
            continue
        accepted.append(last)
    assert accepted == [token[-1]]


@given(ids, ids, targets)
def test_no_token_passes_for_another(first: str, second: str, target: str) -> None:
    for purpose in Purpose:
        token = LINKS.token(purpose, first, target=target)
        for other in set(Purpose) - {purpose}:
            with pytest.raises(BadToken):
                LINKS.read(other, token)
        if first != second:
            body, _, signature = token.rpartition(".")
            stolen = LINKS.token(purpose, second, target=target).rpartition(".")[0]
            assert stolen != body
            with pytest.raises(BadToken):
                LINKS.read(purpose, f"{stolen}.{signature}")


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: raw.decode("latin-1")))
def test_noise_is_refused(noise: str) -> None:
    for purpose in Purpose:
        with pytest.raises(BadToken):
            LINKS.read(purpose, noise)


@given(ids, moments)
def test_expiry_needs_a_clock_and_keeps_to_it(message: str, expires: datetime) -> None:
    token = LINKS.token(Purpose.CLICK, message, expires=expires)
    assert LINKS.read(Purpose.CLICK, token, now=expires - timedelta(seconds=1)).expires == expires
    for now in (expires, expires + timedelta(days=1), None):
        with pytest.raises(BadToken):
            LINKS.read(Purpose.CLICK, token, now=now)


@given(ids, purposes)
def test_keys_rotate(message: str, purpose: Purpose) -> None:
    new, old = Links(KEYS[:1], BASE), Links(KEYS[1:], BASE)
    both = Links(KEYS, BASE)
    assert both.token(purpose, message) == new.token(purpose, message)
    assert both.read(purpose, old.token(purpose, message)).message_id == message
    with pytest.raises(BadToken):
        new.read(purpose, old.token(purpose, message))
    with pytest.raises(BadToken):
        old.read(purpose, both.token(purpose, message))


def test_signatures_are_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared, real = list[int](), hmac.compare_digest

    def digest(a: bytes, b: bytes) -> bool:
        compared.append(len(a))
        return real(a, b)

    monkeypatch.setattr(hmac, "compare_digest", digest)
    token = LINKS.token(Purpose.CLICK, str(UUID(int=7)))
    LINKS.read(Purpose.CLICK, token)
    assert set(compared) == {16}


def test_they_are_short_enough_for_a_text_message() -> None:
    message = str(UUID(int=7))
    assert len(LINKS.token(Purpose.UNSUBSCRIBE, message)) == 45
    target = "https://shop.example.com/r/1042"
    click = LINKS.click(message, target)
    assert len(click) == len(f"{BASE}/c/") + 77
    assert LINKS.read(Purpose.CLICK, click.rpartition("/")[2]).target == target


@pytest.mark.parametrize(
    "target",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/x", "", "https://", "http:///x",
     "https://a b", "https://a\r\nSet-Cookie: x", "https://é.example/", "https://u:p@evil.example/",
     "https://shop.example.com@evil.example/", "https://shop.example.com\\@evil.example/",
     "ftp://x/", "HTTPS://x.example/", "https://x.example/" + "y" * LONGEST_TARGET,
     "https://x.example/\x00", "https://x.example/\u2028"],
)  # fmt: skip
def test_what_no_link_may_lead_to(target: str) -> None:
    assert not is_target(target)
    assert LINKS.click(str(UUID(int=7)), target) == target
    with pytest.raises(ValueError, match="must lead to"):
        LINKS.token(Purpose.CLICK, str(UUID(int=7)), target=target)


def test_our_own_pages_are_not_tracked() -> None:
    message = str(UUID(int=7))
    for own in (LINKS.unsubscribe(message), LINKS.click(message, "https://x.example/")):
        assert LINKS.click(message, own) == own


@given(
    st.sampled_from(list(SCALES)).flatmap(
        lambda kind: st.tuples(st.just(kind), st.none() | st.sampled_from(SCALES[kind]))
    ),
    st.uuids(),
)
def test_a_surveys_link_holds_question_and_end(
    asked: tuple[Any, int | None], message: UUID
) -> None:
    question, end = Question(*asked), datetime(2026, 6, 1, tzinfo=UTC)
    token = LINKS.token(Purpose.SURVEY, str(message), question=question, expires=end)
    found = LINKS.read(Purpose.SURVEY, token, now=end - timedelta(seconds=1))
    assert (found.message_id, found.question, found.target) == (str(message), question, None)
    with pytest.raises(BadToken, match="expired"):
        LINKS.read(Purpose.SURVEY, token, now=end)
    for other in set(Purpose) - {Purpose.SURVEY}:
        with pytest.raises(BadToken):
            LINKS.read(other, token, now=end - timedelta(seconds=1))


@pytest.mark.parametrize(("kind", "score"), [("csat", 0), ("csat", 6), ("nps", 11), ("ces", 15)])
def test_no_link_stands_for_a_score_off_the_scale(kind: Any, score: int) -> None:
    with pytest.raises(ValueError, match="no score"):
        LINKS.token(Purpose.SURVEY, str(UUID(int=1)), question=Question(kind, score))
