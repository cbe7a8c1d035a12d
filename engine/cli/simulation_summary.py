"""A simulation's report in the terminal: tables, and lines drawn with blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.cli.output import Column, Row, print_table, say
from engine.simulator.sentences import pool_told, sender_told

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 60  # characters of a line of days
_NAMED: Final = 5  # customers, and reasons of a kind


def show(report: Mapping[str, Any]) -> None:
    """Print what a simulation came to."""
    history, messages = report["history"], report["messages"]
    since, until = (datetime.fromisoformat(report[key]) for key in ("since", "reached"))
    say()
    say(f"{since:%d %b %Y} to {until:%d %b %Y}: {history['events']:,} events of "
        f"{history['customers']:,} customers, {history['orders']:,} orders, "
        f"{history['revenue']} {history['currency']}")  # fmt: skip
    say(f"{messages['sent']:,} messages would go out, {messages['withheld']:,} be withheld, "
        f"{messages['deferred']:,} times one would be put off")  # fmt: skip
    say()
    print_table(report["campaigns"], _CAMPAIGNS)
    _draw(report)
    _reasons("Withheld, and why", report["withheld"])
    _reasons("Put off, and why", report["deferred"])
    _reasons("Journeys that ended early, and by what", report["exits"])
    _programs(report)
    _pressure(report["pressure"])
    for one in report["stopped"]:
        at = datetime.fromisoformat(one["at"])
        say()
        say(f"{one['campaign']} would stop itself on {at:%d %b %Y}: {one['reason']}",
            style="yellow")  # fmt: skip


def sparkline(values: Sequence[float]) -> str:
    """One block for each value, the highest as high as a line is."""
    most = max(values, default=0)
    if not most:
        return _BLOCKS[0] * len(values)
    top = len(_BLOCKS) - 1
    return "".join(_BLOCKS[round(value / most * top)] for value in values)


def in_bins(values: Sequence[float], most: int) -> list[float]:
    """The same in at most so many sums of neighbours, each of as many values."""
    size = -(-len(values) // most) or 1
    return [sum(values[start : start + size]) for start in range(0, len(values), size)]


def _draw(report: Mapping[str, Any]) -> None:
    days = report["days"]
    if not days:
        return
    say()
    for channel in ("email", "sms", "voice"):
        values = _every_day(days, channel)
        if any(values):
            say(f"{channel:>6}  {sparkline(in_bins(values, _WIDTH))}  {sum(values):,}")
    hours = [one["messages"] for one in report["hours"]]
    say(f"{'hours':>6}  {sparkline(hours)}  0 to 23, {report['timezone']}")


def _every_day(days: Sequence[Mapping[str, Any]], channel: str) -> list[int]:
    """The counts from the first day to the last, those without a message too."""
    known = {datetime.fromisoformat(one["day"]).toordinal(): one[channel] for one in days}
    return [known.get(day, 0) for day in range(min(known), max(known) + 1)]


def _reasons(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows:
        counts[row["reason"], row["text"]] += row["count"]
    say()
    say(title, style="bold")
    print_table(
        [{"count": count, "text": text} for (_, text), count in counts.most_common(_NAMED * 2)],
        (
            Column(title="TIMES", cell=lambda row: f"{row['count']:,}", right=True),
            Column(title="BECAUSE", cell=lambda row: row["text"], wide=True),
        ),
    )


def _programs(report: Mapping[str, Any]) -> None:
    deeds: Counter[str] = Counter()
    for row in report["reactions"]:
        deeds[row["reaction"]] += row["messages"]
    lines = [f"customers: {count:,} {deed}" for deed, count in deeds.most_common()]
    told = report["recorded"]
    if told["replayed"] or told["left_out"]:
        lines.append(
            f"reactions: {told['replayed']:,} as they really were, {told['modelled']:,} modelled, "
            f"{told['left_out']:,} left out, for their messages would not go out"
        )
    lines += [
        f"{one['kind'].upper()}: {one['answers']:,} answers, {one['mean']} on average"
        for one in report["surveys"]
    ]
    lines += [
        f"coupons {one['offer']}: {one['coupons']:,} {one['status']}" for one in report["coupons"]
    ]
    zone = ZoneInfo(report["timezone"])
    lines += [pool_told(one, zone) for one in report["pools"]]
    lines += [told for one in report["senders"] if (told := sender_told(one, zone)) is not None]
    points = report["points"]
    if points.get("balance") or points.get("pending"):
        lines.append(f"points: {points['balance']:,} to spend, {points['pending']:,} pending, "
                     f"in {points['accounts']:,} accounts")  # fmt: skip
    if lines:
        say()
        say("\n".join(lines))


def _pressure(pressure: Mapping[str, Any]) -> None:
    rows = pressure["customers_by_messages"]
    reached = sum(row["customers"] for row in rows if row["messages"])
    if not reached:
        return
    total = sum(row["messages"] * row["customers"] for row in rows)
    loudest = max(row["messages"] for row in pressure["customers_by_loudest_week"])
    say()
    say(f"{reached:,} customers would get a message, {total / reached:.1f} each; "
        f"the loudest week of one has {loudest}")  # fmt: skip
    say("  ".join(
        f"{one['customer'][:8]} {one['messages']}" for one in pressure["busiest"][:_NAMED]
    ))  # fmt: skip


def _number(key: str, title: str) -> Column:
    return Column(title=title, cell=lambda row: f"{row[key]:,}", right=True)


def _goals(row: Row) -> str:
    if not row["goals"]:
        return "-"
    return f"{row['goals']:,} ({row['goal_rate']:.1%})"


_CAMPAIGNS: Final = (
    Column(title="CAMPAIGN", cell=lambda row: row["id"]),
    _number("entered", "ENTERED"),
    _number("completed", "FINISHED"),
    _number("exited", "EXITED"),
    _number("waiting", "WAITING"),
    _number("sent", "SENT"),
    _number("withheld", "WITHHELD"),
    _number("deferred", "PUT OFF"),
    Column(title="GOALS", cell=_goals, right=True),
)
