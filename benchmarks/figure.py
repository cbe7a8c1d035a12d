"""One measured figure, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``wanted`` is the target and ``limit`` what a bare program does of the same in this run.

    ``per_cpu`` is the rate by processor time: what there is when nobody else uses the machine and
    the disk answers at once. ``at_most``: the smaller the better (milliseconds, megabytes);
    otherwise the larger (a rate).
    """

    database: str
    name: str
    value: float
    unit: str
    wanted: float | None = None
    limit: float | None = None
    limit_name: str = ""
    per_cpu: float | None = None
    at_most: bool = False

    @property
    def to_limit(self) -> float | None:
        """The value as a share of the bare limit."""
        return self.value / self.limit if self.limit else None

    @property
    def to_wanted(self) -> float | None:
        """How far the target is met: 1 or more is met."""
        if not self.wanted or not self.value:
            return None
        return self.wanted / self.value if self.at_most else self.value / self.wanted

    def as_json(self) -> dict[str, Any]:
        """The figure and its ratios."""
        return {**asdict(self), "to_limit": self.to_limit, "to_wanted": self.to_wanted}


_HEAD = (
    "database",
    "figure",
    "value",
    "unit",
    "by CPU time",
    "wanted",
    "met",
    "bare limit",
    "ratio",
    "what",
)


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table, columns aligned."""
    rows = [_HEAD, *(_row(figure) for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
    lines = ["| " + " | ".join(_cells(row, widths)) + " |" for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def _row(figure: Figure) -> tuple[str, ...]:
    sign = "≤ " if figure.at_most else ""
    met, ratio = figure.to_wanted, figure.to_limit
    return (
        figure.database,
        figure.name,
        _number(figure.value),
        figure.unit,
        "" if figure.per_cpu is None else _number(figure.per_cpu),
        "" if figure.wanted is None else sign + _number(figure.wanted),
        "" if met is None else f"{met:.0%}",
        "" if figure.limit is None else _number(figure.limit),
        "" if ratio is None else f"{ratio:.2f}",
        figure.limit_name,
    )


def _cells(row: tuple[str, ...], widths: list[int]) -> list[str]:
    right = (2, 4, 5, 6, 7, 8)
    return [
        cell.rjust(width) if index in right else cell.ljust(width)
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
