"""Links of a rendered message led elsewhere: to an address of ours that notices the click.

Only what a person would follow: ``href`` of ``<a>`` and ``<area>`` in HTML, web addresses in text.
A link with ``clicktracking="off"``, SendGrid's own word for it, or whose address went through the
filter ``untracked`` stays as it is.
"""

from __future__ import annotations

import html
import re
from typing import Final

from engine.ports.rendering import Track

UNTRACKED: Final = "\u2063"  # invisible separator, behind an address; never leaves this room

_MOST: Final = 4000  # characters of an attribute or address: longer ones are not for people
# Possessive and bounded throughout, so that no document makes them slow.
_ANCHOR: Final = re.compile(
    r"""<a(?:rea)?\s(?:[^<>"']{1,4000}+|"[^"]{0,4000}+"|'[^']{0,4000}+'){1,100}+>""", re.IGNORECASE
)
_HREF: Final = re.compile(r"""(\shref\s*+=\s*+)("[^"]*+"|'[^']*+')""", re.IGNORECASE)
_OFF: Final = re.compile(r"""\sclicktracking\s*+=\s*+["']?off\b""", re.IGNORECASE)
_WEB: Final = re.compile(r"https?://", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"""https?://[^\s<>"\\^`{}\u2063]++\u2063?""", re.IGNORECASE)
_AFTER: Final = ".,;:!?'*_~\u2026\u2019\u201d\u00bb"  # ends a sentence rather than an address
_BRACKETS: Final = {")": "(", "]": "["}


def untracked(value: object) -> str:
    """The filter: ``value`` marked as an address that is not to be tracked."""
    text = "" if value is None else str(value)
    return text + UNTRACKED if text else ""


def replace_in_html(document: str, track: Track | None) -> str:
    """``document`` with its links replaced; unchanged without ``track``."""
    if track is not None:
        document = _ANCHOR.sub(lambda found: _anchor(found[0], track), document)
    return document.replace(UNTRACKED, "")


def replace_in_text(text: str, track: Track | None) -> str:
    """``text`` with its web addresses replaced; unchanged without ``track``."""
    if track is not None:
        text = _ADDRESS.sub(lambda found: _address(found[0], track), text)
    return text.replace(UNTRACKED, "")


def _anchor(tag: str, track: Track) -> str:
    if _OFF.search(tag):
        return tag

    def replaced(found: re.Match[str]) -> str:
        target = html.unescape(found[2][1:-1]).strip()
        if target.endswith(UNTRACKED) or not _WEB.match(target):
            return found[0]
        return f'{found[1]}"{html.escape(track(target))}"'

    return _HREF.sub(replaced, tag, count=1)


def _address(found: str, track: Track) -> str:
    if found.endswith(UNTRACKED) or len(found) > _MOST:
        return found
    end = len(found)
    while end:
        last = found[end - 1]
        opening = _BRACKETS.get(last)
        unpaired = opening is not None and found.count(opening, 0, end) < found.count(last, 0, end)
        if last not in _AFTER and not unpaired:
            break
        end -= 1
    return track(found[:end]) + found[end:]
