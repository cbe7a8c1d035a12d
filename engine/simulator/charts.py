"""Charts as SVG, to stand inside a page: nothing is loaded, nothing runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_WIDTH: Final = 720
_HEIGHT: Final = 180
_LEFT: Final = 60
_BOTTOM: Final = 26
_TOP: Final = 8


def bars(
    labels: Sequence[str],
    series: Mapping[str, Sequence[float]],
    *,
    title: str,
    ticks: int = 5,
) -> str:
    """Stacked bars, one for each label; ``ticks`` labels are written below, evenly.

    Each bar tells its own figures to who points at it, and ``title`` tells the chart to who cannot
    see it.
    """
    if not labels:
        return ""
    sums = [sum(values[at] for values in series.values()) for at in range(len(labels))]
    most = _round_up(max(sums, default=0) or 1)
    room, high = _WIDTH - _LEFT, _HEIGHT - _BOTTOM - _TOP
    step = room / len(labels)
    parts = [
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(title)}">',
        f"<title>{escape(title)}</title>",
    ]
    for share in (0.0, 0.5, 1.0):
        y = _TOP + high * (1 - share)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text class="tick" x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">'
            f"{most * share:g}</text>"
        )
    for at, label in enumerate(labels):
        told = ", ".join(f"{name} {values[at]:,g}" for name, values in series.items())
        parts.append(f"<g><title>{escape(label)}: {escape(told)}</title>")
        base = float(_TOP + high)
        for number, values in enumerate(series.values()):
            tall = high * values[at] / most
            if tall:
                base -= tall
                parts.append(
                    f'<rect class="s{number}" x="{_LEFT + at * step:.2f}" y="{base:.2f}" '
                    f'width="{max(step * 0.86, 0.6):.2f}" height="{tall:.2f}"/>'
                )
        parts.append("</g>")
    every = max(1, -(-len(labels) // ticks))
    parts += [
        f'<text class="tick" x="{_LEFT + at * step:.1f}" y="{_HEIGHT - 6}">'
        f"{escape(labels[at])}</text>"
        for at in range(0, len(labels), every)
    ]
    return "".join((*parts, "</svg>"))


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 1.0
    while power * 10 <= value:
        power *= 10
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)
