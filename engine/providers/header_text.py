"""Text that stands in a header of an email."""

from __future__ import annotations

import re

_BREAKS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def header_line(text: str) -> str:
    """``text`` on one line: a line break would begin another header (RFC 5322, section 2.2).

    Raises ``ValueError`` for a lone surrogate, which no encoding has.
    """
    # Of what is printable only the space is one; a lone surrogate is not.
    if text.isprintable() and "  " not in text:
        return text.strip()
    text.encode("utf-8")
    return _BREAKS.sub(" ", text).strip()
