"""SMS text: plain characters where they save money, and the number of segments.

The alphabet and its costs are those of 3GPP TS 23.038 section 6.2.1 (GSM 7 bit default alphabet
and its extension table). A message that fits neither is sent as UCS-2. A text of several segments
carries a user data header of six octets in each (3GPP TS 23.040 section 9.2.3.24.1), which leaves
153 septets or 67 UTF-16 code units.
"""

from __future__ import annotations

import re

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ ÆæßÉ"
    "!\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = frozenset("\f^{}\\[~]|€")  # an escape and a character: two septets

# Typography that a keyboard or a word processor puts in, and that turns 160 characters into 70.
_PLAIN = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "‚": "'",
        "‛": "'",
        "′": "'",
        "`": "'",
        "´": "'",
        "“": '"',
        "”": '"',
        "„": '"',
        "‟": '"',
        "″": '"',
        "«": '"',
        "»": '"',
        "‹": "'",
        "›": "'",
        "‐": "-",
        "‑": "-",
        "‒": "-",
        "–": "-",
        "—": "-",
        "―": "-",
        "−": "-",
        "•": "-",
        "…": "...",
        "\u00a0": " ",
        "\u2007": " ",
        "\u2009": " ",
        "\u200a": " ",
        "\u202f": " ",
        "\t": " ",
        "\u200b": None,
        "\u00ad": None,
        "\ufeff": None,
    }
)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """``text`` with typographic characters as their ASCII like, trimmed, no control characters.

    Letters stay as they are: a name is never respelled to save a segment.
    """
    return _CONTROL.sub("", text.translate(_PLAIN)).strip()


def segments(text: str) -> int:
    """How many SMS segments carry ``text``: 0 for none, 1 up to 160 septets or 70 UTF-16 units.

    Neither an escaped character nor a surrogate pair is split over two segments.
    """
    if not text:
        return 0
    if BASIC.issuperset(text):
        costs, size = None, len(text)
    elif all(character in BASIC or character in EXTENSION for character in text):
        costs = [2 if character in EXTENSION else 1 for character in text]
        size = sum(costs)
    else:
        return _count([2 if ord(character) > 0xFFFF else 1 for character in text], 70, 67)
    if size <= 160:
        return 1
    return -(-size // 153) if costs is None else _count(costs, 160, 153)


def _count(costs: list[int], single: int, part: int) -> int:
    if sum(costs) <= single:
        return 1
    count, used = 1, 0
    for cost in costs:
        if used + cost > part:
            count, used = count + 1, 0
        used += cost
    return count
