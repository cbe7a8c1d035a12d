"""Charts to stand inside a page: nothing is loaded, nothing runs.

Bars are SVG that stretches to any width; what is written beside them is text of the page, so that
it is as large on a telephone as on a desk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

_WIDTH: Final = 1000
_HEIGHT: Final = 100
_BOX: Final = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none"'
_STEPS: Final = (10, 12, 15, 20, 25, 30, 40, 50, 60, 80, 100)  # tenths of a power of ten
_GAP: Final = 0.14  # of a bar's room, when bars are wide enough to tell apart
_FEW: Final = 31  # bars up to which a label stands at the middle of its own
_NARROW: Final = 250  # bars from which on they touch


def bars(
    labels: Sequence[str],
    series: Mapping[str, Sequence[int]],
    *,
    title: str,
    caption: str,
    axis: Sequence[str] = (),
    ticks: int = 6,
) -> str:
    """Stacked bars, one for each label; up to ``ticks`` labels are written below, evenly.

    ``axis`` has other labels to be written, shorter ones. ``caption`` stands below and says what
    there is to see; with ``title`` it is what those are told who cannot see it. Each bar tells its
    own figures to who points at it.
    """
    if not labels:
        return ""
    sums = [sum(values[at] for values in series.values()) for at in range(len(labels))]
    most = _round_up(max(sums) or 1)
    step = _WIDTH / len(labels)
    wide = step * (1 - _GAP) if len(labels) < _NARROW else step
    told = escape(f"{title}. {caption}")
    parts = [
        f'<figure class="chart"><div class="plot">{_scale(most)}',
        f'<svg role="img" aria-label="{told}" {_BOX}>',
    ]
    for at, label in enumerate(labels):
        if not sums[at]:
            continue
        figures = ", ".join(f"{values[at]:,} {name}" for name, values in series.items())
        parts.append(f"<g><title>{escape(label)}: {escape(figures)}</title>")
        base = float(_HEIGHT)
        for number, values in enumerate(series.values()):
            tall = _HEIGHT * values[at] / most
            if tall:
                base -= tall
                parts.append(
                    f'<rect class="s{number}" x="{at * step:.2f}" y="{base:.2f}" '
                    f'width="{wide:.2f}" height="{tall:.2f}"/>'
                )
        parts.append("</g>")
    parts.append(f"</svg>{_axis(axis or labels, ticks)}</div>")
    return "".join((*parts, f"<figcaption>{escape(caption)}</figcaption></figure>"))


def shares(rows: Sequence[tuple[str, int]], *, title: str) -> str:
    """A line for each row with a bar below it, as long as its part of the greatest."""
    most = max((count for _, count in rows), default=0)
    lines = "".join(
        f"<li><span>{escape(text)}</span> <b>{count:,}</b>"
        f'<i style="width:{100 * count / most:.1f}%"></i></li>'
        for text, count in rows
    )
    return f'<ul class="shares" aria-label="{escape(title)}">{lines}</ul>' if lines else ""


def _scale(most: int) -> str:
    """What is written at the left: the greatest value, its half if that is whole, and nothing."""
    marks = [most, most // 2] if most % 2 == 0 else [most]
    lines = "".join(
        f'<span style="bottom:{100 * mark / most:.0f}%">{mark:,}</span>' for mark in (*marks, 0)
    )
    return f'<div class="scale" aria-hidden="true"><em>{most:,}</em>{lines}</div>'


def _axis(labels: Sequence[str], ticks: int) -> str:
    every = max(1, -(-len(labels) // ticks))
    few = len(labels) <= _FEW
    written = "".join(
        f'<span style="left:{100 * (at + few / 2) / len(labels):.2f}%">{escape(labels[at])}</span>'
        for at in range(0, len(labels), every)
    )
    return f'<div class="axis{" mid" if few else ""}" aria-hidden="true">{written}</div>'


def _round_up(value: int) -> int:
    """The next handy number."""
    power = 10
    while power * 10 < value:
        power *= 10
    if value <= 10:
        return value
    return next(step * power // 10 for step in _STEPS if step * power // 10 >= value)
