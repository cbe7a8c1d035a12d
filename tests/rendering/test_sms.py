from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rendering.sms import BASIC, EXTENSION, plain, segments


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        # 153 is odd: the 77th euro does not fit beside the 76 before it, so 76 a segment
        ("€" * 152, 2),
        ("€" * 153, 3),
        ("ж" * 70, 1),
        ("ж" * 71, 2),
        ("ж" * 134, 2),
        ("ж" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        # 67 is odd: 33 pairs a segment
        ("😀" * 66, 2),
        ("😀" * 67, 3),
        ("a" * 69 + "’", 1),
        ("a" * 70 + "’", 2),
    ],
)
def test_counts(text: str, count: int) -> None:
    assert segments(text) == count


def test_alphabet_has_its_published_size() -> None:
    assert len(BASIC) == 127  # 128 codes less the escape
    assert len(EXTENSION) == 10
    assert not BASIC & EXTENSION


@given(st.text(max_size=400))
def test_plain_never_costs_more(text: str) -> None:
    stripped = text.strip()
    if "…" not in stripped:  # three dots for one can cost, when other letters need UCS-2 anyway
        assert segments(plain(text)) <= segments(stripped)
    assert plain(plain(text)) == plain(text)


def test_typography_gives_way_and_letters_stay() -> None:
    assert plain(" “Café” – it’s\u00a0here… Łódź ") == '"Café" - it\'s here... Łódź'


@given(st.text(min_size=1, max_size=300), st.text(max_size=50))
def test_more_text_is_never_fewer_segments(text: str, more: str) -> None:
    assert segments(text + more) >= segments(text)
