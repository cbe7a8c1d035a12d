"""When messages go out: the part of a report's page with days and hours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from html import escape
from typing import Any, Final

from engine.simulator.charts import bars
from engine.simulator.report import CHANNELS, Document
from engine.simulator.sentences import NAMES, day

_MOST_DAYS: Final = 400  # beyond it a bar is a week


def when(report: Document) -> str:
    """Messages by day, or by week if there are many, and by hour of the day."""
    if not report["days"]:
        return "<p>No message would go out.</p>"
    return (
        f"<section><h2>When messages go out</h2>{_days(report['days'])}"
        f"<h3>By hour of the day</h3>{_hours(report)}</section>"
    )


def _days(days: Sequence[Mapping[str, Any]]) -> str:
    known = {date.fromisoformat(one["day"]): one for one in days}
    first, last = min(known), max(known)
    span, word = 1, "day"
    if (last - first).days >= _MOST_DAYS:
        span, word = 7, "week"
        first -= timedelta(days=first.weekday())
    starts = [
        first + timedelta(days=number) for number in range(0, (last - first).days + 1, span)
    ]  # fmt: skip
    used = [name for name in CHANNELS if any(one[name] for one in days)]
    series = {
        NAMES[name]: [
            sum(known.get(start + timedelta(days=n), {}).get(name, 0) for n in range(span))
            for start in starts
        ]
        for name in used
    }
    totals = [sum(values) for values in zip(*series.values(), strict=True)]
    busiest = max(range(len(totals)), key=lambda at: totals[at])
    caption = (
        f"{sum(totals) / len(totals):,.0f} messages on an average {word}; most on "
        if word == "day"
        else f"{sum(totals) / len(totals):,.0f} messages in an average week; most in that of "
    ) + f"{starts[busiest]:%A}, {day(starts[busiest])}: {totals[busiest]:,}"
    key = "".join(
        f'<span><i class="s{number}"></i>{escape(NAMES[name])}</span>'
        for number, name in enumerate(used)
    )
    legend = f'<p class="key dim">{key}</p>' if len(used) > 1 else ""
    chart = bars(
        [day(each) for each in starts],
        series,
        title=f"Messages by {word}",
        caption=caption,
        axis=[f"{each.day} {each:%b}" if span == 1 else f"{each:%b %Y}" for each in starts],
        ticks=5,
    )
    return legend + chart


def _hours(report: Document) -> str:
    counts = [one["messages"] for one in report["hours"]]
    busiest = max(range(24), key=lambda hour: counts[hour])
    return bars(
        [str(hour) for hour in range(24)],
        {"messages": counts},
        title="Messages by hour of the day",
        caption=f"most between {busiest} and {busiest + 1} o'clock; hours of the shop's clock "
        f"({report['timezone']}), each customer is written to by their own",
        ticks=12,
    )
