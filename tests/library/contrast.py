"""How well the words of a mail stand out from what is behind them.

Contrast and relative luminance as WCAG 2.2 defines them
(https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio, #dfn-relative-luminance); 4.5 is the least for
text of the usual size at level AA (success criterion 1.4.3).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Final

import css_inline

from config.colors import luminance

LEAST: Final = 4.5
_DARK: Final = re.compile(r"@media \(prefers-color-scheme: dark\)\s*\{((?:[^{}]*\{[^{}]*\})*)\s*\}")
_HEX: Final = re.compile(r"#(?:[0-9a-f]{6}|[0-9a-f]{3})\b", re.IGNORECASE)
_VOID: Final = frozenset({"area", "br", "col", "hr", "img", "input", "link", "meta", "wbr"})
_NAMED: Final = {"white": "#ffffff", "black": "#000000"}
_BLOCKS: Final = frozenset({"br", "div", "h1", "h2", "h3", "li", "p", "table", "td", "tr"})
_SILENT: Final = frozenset({"head", "style", "title", "script"})


@dataclass(frozen=True, slots=True)
class Words:
    """Words with their colour and their ground, both as ``#rrggbb``."""

    text: str
    color: str
    ground: str

    @property
    def contrast(self) -> float:
        """From 1 (not to be seen) to 21 (black on white)."""
        lighter, darker = sorted((luminance(self.color), luminance(self.ground)), reverse=True)
        return (lighter + 0.05) / (darker + 0.05)


def words_of(html: str, *, dark: bool = False) -> list[Words]:
    """Every run of words that is shown; ``dark`` as readers see it whose system is dark."""
    found = _DARK.search(html)
    if dark and found:
        html = html.replace(found[0], found[1])
    return _read(html).words


def text_of(html: str) -> str:
    """What is shown, in one line; blocks are parted by a blank, words within them are not."""
    return " ".join("".join(_read(html).text).split())


def _read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(css_inline.inline(html))
    return reader


@dataclass(frozen=True, slots=True)
class _Style:
    tag: str = ""
    color: str = "#000000"
    ground: str = "#ffffff"
    is_shown: bool = True


class _Reader(HTMLParser):
    """Follows colours down the tree: text inherits its own, and lies on the nearest ground."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[Words] = []
        self.text: list[str] = []
        self._open = [_Style()]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.text.append(" ")
        if tag not in _VOID:
            self._open.append(_styled(self._open[-1], tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while len(self._open) > 1 and any(one.tag == tag for one in self._open):
            if self._open.pop().tag == tag:
                break

    def handle_data(self, data: str) -> None:
        style = self._open[-1]
        if style.is_shown:
            self.text.append(data)
        if data.strip() and style.is_shown:
            self.words.append(Words(" ".join(data.split()), style.color, style.ground))


def _styled(above: _Style, tag: str, attributes: dict[str, str | None]) -> _Style:
    style = replace(above, tag=tag, is_shown=above.is_shown and tag not in _SILENT)
    if ground := _color(attributes.get("bgcolor") or ""):
        style = replace(style, ground=ground)
    for name, value in _declared(attributes.get("style") or ""):
        if name == "color" and (color := _color(value)):
            style = replace(style, color=color)
        elif name in ("background", "background-color") and (ground := _color(value)):
            style = replace(style, ground=ground)
        elif name == "display" and value.startswith("none"):
            style = replace(style, is_shown=False)
    return style


def _declared(style: str) -> Iterator[tuple[str, str]]:
    """Declarations in the order in which they win: important ones last."""
    pairs = [part.partition(":")[::2] for part in style.split(";") if ":" in part]
    told = [(name.strip().lower(), value.strip().lower()) for name, value in pairs]
    yield from sorted(told, key=lambda pair: "!important" in pair[1])


def _color(value: str) -> str | None:
    value = _NAMED.get(value.split(" ")[0], value)
    found = _HEX.search(value)
    if found is None:
        return None
    digits = found[0][1:].lower()
    return f"#{digits if len(digits) == 6 else ''.join(digit * 2 for digit in digits)}"
