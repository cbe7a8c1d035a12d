"""A simulation's report in the terminal: tables, and lines drawn with blocks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.cli.output import Column, Row, console, counted, print_table, say, tell
from engine.simulator.sentences import (
    day,
    money,
    pool_told,
    pressure_told,
    recorded_told,
    sender_told,
    stopped_told,
)

_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_WIDTH: Final = 60  # characters of a line of days
_NAMED: Final = 5  # customers
_MOST: Final = 10  # reasons of a kind
_ROOMY: Final = 110  # columns of a terminal in which every figure of a campaign fits
_DEEDS: Final = {
    "open": "opened", "click": "clicked", "answer": "answered", "reply": "replied to",
    "review": "reviewed", "unsubscribe": "unsubscribed", "complain": "complained of",
}  # fmt: skip
_STATES: Final = {"released": "given back", "issued": "not used yet", "redeemed": "used"}


def show(report: Mapping[str, Any]) -> None:
    """Print what a simulation came to."""
    history, messages = report["history"], report["messages"]
    since, until = (datetime.fromisoformat(report[key]).date() for key in ("since", "reached"))
    say()
    tell(f"{day(since)} to {day(until)}: {counted(history['events'], 'event')} of "
          f"{counted(history['customers'], 'customer')}, {counted(history['orders'], 'order')}, "
          f"{money(history['revenue'], report)}")  # fmt: skip
    tell(f"{counted(messages['sent'], 'message')} would go out, {messages['withheld']:,} be "
          f"withheld, {messages['deferred']:,} times one would be put off")  # fmt: skip
    if float(messages["cost"]):
        tell(f"sending them costs {money(messages['cost'], report)}")
    _campaigns(report["campaigns"])
    _draw(report)
    _reasons("Withheld, and why", report["withheld"])
    _reasons("Put off, and why", report["deferred"])
    _reasons("Journeys that ended early, and by what", report["exits"])
    _programs(report)
    _pressure(report["pressure"])
    _warnings(report)


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


def _campaigns(rows: Sequence[Row]) -> None:
    busy = [row for row in rows if row["entered"] or row["held_out"] or row["sent"]]
    columns = [
        Column(title="CAMPAIGN", cell=lambda row: row["id"]),
        _number("entered", "ENTERED"),
    ]
    if console().width >= _ROOMY:
        columns += [
            _number("completed", "FINISHED"),
            _number("exited", "EXITED"),
            _number("waiting", "WAITING"),
        ]
    columns += [
        _number("sent", "SENT"),
        _number("withheld", "WITHHELD"),
        _number("deferred", "PUT OFF"),
        Column(title="GOALS", cell=_goals, right=True),
    ]
    if any(row["held_out"] for row in busy):
        columns.append(Column(title="HELD OUT", cell=_held_out, right=True))
    say()
    if busy:
        print_table(sorted(busy, key=lambda row: (-row["sent"], row["id"])), columns)
    idle = [row["id"] for row in rows if row not in busy]
    if idle:
        tell(f"nobody came into {', '.join(idle)}")


def _draw(report: Mapping[str, Any]) -> None:
    days = report["days"]
    if not days:
        return
    say()
    first, last = (date.fromisoformat(days[at]["day"]) for at in (0, -1))
    for channel in ("email", "sms", "voice"):
        values = _every_day(days, channel)
        if any(values):
            say(f"{channel:>6}  {sparkline(in_bins(values, _WIDTH))}  {sum(values):,}")
    say(f"{'from':>6}  {day(first)} to {day(last)}")
    hours = [one["messages"] for one in report["hours"]]
    say(f"{'hours':>6}  {sparkline(hours)}  0 to 23, {report['timezone']}")


def _every_day(days: Sequence[Mapping[str, Any]], channel: str) -> list[int]:
    """The counts from the first day to the last, those without a message too."""
    known = {datetime.fromisoformat(one["day"]).toordinal(): one[channel] for one in days}
    return [known.get(day, 0) for day in range(min(known), max(known) + 1)]


def _reasons(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        return
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["text"]] += row["count"]
    say()
    say(title, style="bold")
    for text, count in counts.most_common(_MOST):
        tell(f"{count:>7,}  {text}", indent=" " * 9)
    if len(counts) > _MOST:
        rest = counts.total() - sum(count for _, count in counts.most_common(_MOST))
        tell(f"{rest:>7,}  for {counted(len(counts) - _MOST, 'other reason')}")


def _programs(report: Mapping[str, Any]) -> None:
    done = _done(report)
    lines = [f"of the messages {done}"] if done else []
    calls = sum(row["messages"] for row in report["reactions"] if row["reaction"] == "call")
    if calls:
        lines.append(f"of the calls asked for {calls:,} came to what they really did")
    if told := recorded_told(report):
        lines.append(told)
    lines += [
        f"{one['kind'].upper()}: {counted(one['answers'], 'answer')}, {one['mean']} on average"
        for one in report["surveys"]
    ]
    offers: dict[str, list[str]] = {}
    for one in report["coupons"]:
        state = _STATES.get(one["status"], one["status"])
        offers.setdefault(one["offer"], []).append(f"{one['coupons']:,} {state}")
    lines += [f"coupons of {offer}: {', '.join(told)}" for offer, told in offers.items()]
    zone = ZoneInfo(report["timezone"])
    lines += [pool_told(one, zone) for one in report["pools"] if one["dry_at"] is None]
    points = report["points"]
    if points.get("balance") or points.get("pending"):
        lines.append(f"points: {points['balance']:,} to spend, {points['pending']:,} pending, "
                     f"in {counted(points['accounts'], 'account')}")  # fmt: skip
    if lines:
        say()
    for line in lines:
        tell(line)


def _done(report: Mapping[str, Any]) -> str:
    deeds: Counter[str] = Counter()
    for row in report["reactions"]:
        deeds[row["reaction"]] += row["messages"]
    told = ", ".join(f"{deeds[key]:,} {word}" for key, word in _DEEDS.items() if deeds[key])
    bought, before = report["bought"], "; " if told else ""
    if bought["orders"]:
        told += (f"{before}{counted(bought['orders'], 'order')} for "
                 f"{money(bought['revenue'], report)} because of one")  # fmt: skip
    return told


def _pressure(pressure: Mapping[str, Any]) -> None:
    told = pressure_told(pressure)
    if told is None:
        return
    say()
    tell(told)
    most = (f"{one['customer'][:8]} {one['messages']}" for one in pressure["busiest"][:_NAMED])
    tell(f"most: {', '.join(most)}")


def _warnings(report: Mapping[str, Any]) -> None:
    zone = ZoneInfo(report["timezone"])
    lines = [pool_told(one, zone) for one in report["pools"] if one["dry_at"] is not None]
    lines += [told for one in report["senders"] if (told := sender_told(one, zone)) is not None]
    lines += [stopped_told(one, one["campaign"], zone) for one in report["stopped"]]
    for line in lines:
        say()
        tell(line, style="yellow")


def _number(key: str, title: str) -> Column:
    return Column(title=title, cell=lambda row: f"{row[key]:,}", right=True)


def _goals(row: Row) -> str:
    if row["goal"] is None:
        return "-"
    return f"{row['goals']:,} ({row['goal_rate'] or 0:.1%})"


def _held_out(row: Row) -> str:
    """How many of those who were held out reached the goal all the same."""
    rate = row["held_out_goal_rate"]
    return "-" if rate is None or row["goal"] is None else f"{rate:.1%}"
