"""The pages show the pictures that there are, small enough to be in everybody's checkout."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.cli.starter import STARTER
from tests.docs.pages import DOCS

PAGE = (DOCS / "explanation" / "the-library-in-pictures.md").read_text(encoding="utf-8")
GUIDE = (DOCS / "how-to" / "try-a-campaign.md").read_text(encoding="utf-8")
REPORT = {"simulation-desktop": 1040, "simulation-phone": 390}
ALL = sorted((DOCS / "pictures").iterdir())
PICTURES = [path for path in ALL if path.stem not in REPORT]
SHOWN = re.compile(r'<img src="\.\./pictures/([\w.-]+)" alt="[^"]{10,}" width="\d+"')
LARGEST = 150_000  # bytes
LARGEST_TOTAL = 3_000_000  # bytes
WIDTHS = {"phone": 375, "desktop": 800}


def test_every_picture_is_shown_once_and_described() -> None:
    shown = SHOWN.findall(PAGE)
    assert sorted(shown) == [path.name for path in PICTURES]
    assert PAGE.count("<img ") == len(shown)


def test_they_are_light() -> None:
    assert sum(path.stat().st_size for path in ALL) < LARGEST_TOTAL


def test_a_report_is_shown_where_it_is_explained() -> None:
    assert sorted(SHOWN.findall(GUIDE)) == [f"{name}.webp" for name in sorted(REPORT)]
    for name, width in REPORT.items():
        content = (DOCS / "pictures" / f"{name}.webp").read_bytes()
        assert webp_width(content) == width
        assert len(content) < LARGEST


@pytest.mark.parametrize("path", PICTURES, ids=lambda path: path.stem)
def test_they_are_of_the_size_that_they_say_and_of_what_there_is(path: Path) -> None:
    subject, _, kind = path.stem.rpartition("-")
    assert webp_width(path.read_bytes()) == WIDTHS.get(kind, WIDTHS["phone"])
    if kind in WIDTHS:
        template, _, language = subject.partition(".")
        folder = STARTER / "message_templates" / template
        assert (folder / ("subject.txt" if not language else f"subject.{language}.txt")).is_file()


def webp_width(data: bytes) -> int:
    """RFC 9649, section 2.7: the width of an extended file's canvas, less one, in 24 bits."""
    assert (data[:4], data[8:16]) == (b"RIFF", b"WEBPVP8X")
    return int.from_bytes(data[24:27], "little") + 1
