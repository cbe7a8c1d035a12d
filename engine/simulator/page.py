"""A simulation's report as one page: no script, no network, readable on a telephone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from engine.core.survey import SCALES
from engine.simulator.charts import bars, shares
from engine.simulator.page_style import STYLE
from engine.simulator.page_tables import Column, Row, folded, number, table, text
from engine.simulator.page_time import when
from engine.simulator.report import Document
from engine.simulator.sentences import (
    day,
    goal_told,
    money,
    pool_told,
    pressure_told,
    prices_told,
    recorded_told,
    sender_told,
    stopped_told,
)

# Not even a picture may be asked for, whatever a template's words hold.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"
_DEEDS: Final = (
    ("open", "opened"), ("click", "clicked"), ("answer", "answered"), ("buy", "bought"),
    ("reply", "replied"), ("review", "reviewed"), ("call", "calls closed"),
    ("unsubscribe", "unsubscribed"), ("complain", "complained"),
)  # fmt: skip
_NAMED: Final = 10  # customers
_WHOLE: Final = (
    "customers_by_messages", "Customers by how many messages they get",
    "customers, by how many messages they get",
)  # fmt: skip
_WEEK: Final = (
    "customers_by_loudest_week", "Customers by their loudest week",
    "customers, by how many messages they get within a week",
)  # fmt: skip


def page(report: Document) -> str:
    """The whole page."""
    title = f"What the campaigns would send, {_span(report)}"
    return "".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>",
            f"<header><h1>{escape(title)}</h1>",
            f'<p class="dim">{escape(_basis(report))}</p></header><main>',
            _warnings(report),
            _facts(report),
            when(report),
            _campaigns(report),
            _pressure(report["pressure"]),
            _reasons(report, "withheld", "What was withheld, and why", "message"),
            _reasons(report, "deferred", "What was put off, and why", "time"),
            _outcome(report),
            _cost(report),
            _reasons(report, "exits", "Journeys that ended early, and why", "journey"),
            _samples(report),
            "</main></body></html>\n",
        )
    )


def _span(report: Document) -> str:
    since, reached = (datetime.fromisoformat(report[key]) for key in ("since", "reached"))
    return f"{day(since.date())} to {day(reached.date())}"


def _basis(report: Document) -> str:
    history, behaviour = report["history"], report["behaviour"]
    does = {
        "none": "Customers do what they did then, and nothing because of a message",
        "default": "What customers do with messages is drawn from published averages",
    }.get(behaviour, f"What customers do with messages is drawn as {behaviour} says")
    return (
        f"Tried on {history['events']:,} recorded events: {history['customers']:,} customers, "
        f"{history['orders']:,} orders worth {money(history['revenue'], report)}. {does}. "
        "Nothing was sent."
    )


def _warnings(report: Document) -> str:
    zone, names = ZoneInfo(report["timezone"]), _names(report)
    told = [] if report["complete"] else ["Stopped before its end: all figures are until then."]
    told += [stopped_told(one, names[one["campaign"]], zone) for one in report["stopped"]]
    told += [pool_told(one, zone) for one in report["pools"] if one["dry_at"] is not None]
    told += [line for one in report["senders"] if (line := sender_told(one, zone)) is not None]
    return "".join(f'<p class="warn">{escape(line)}</p>' for line in told)


def _facts(report: Document) -> str:
    messages, pressure = report["messages"], report["pressure"]
    reached = sum(row["customers"] for row in pressure["customers_by_messages"] if row["messages"])
    peaks = pressure["customers_by_loudest_week"]
    customers = report["history"]["customers"]
    told = [
        (f"{messages['sent']:,}", "messages would go out"),
        (f"{reached:,}", f"of {customers:,} customers would get one"),
        (f"{messages['withheld']:,}", "messages would be withheld"),
        (f"{messages['deferred']:,}", "times a message would be put off"),
        (
            f"{max((row['messages'] for row in peaks), default=0)}",
            "messages in one week is the most that a customer gets",
        ),
    ]
    if float(messages["cost"]):
        told.append((money(messages["cost"], report), "for sending them"))
    cells = "".join(
        f"<div><dt>{escape(label)}</dt><dd>{escape(figure)}</dd></div>" for figure, label in told
    )
    return f'<dl class="facts">{cells}</dl>'


def _campaigns(report: Document) -> str:
    rows = sorted(report["campaigns"], key=lambda row: (-row["sent"], -row["entered"], row["name"]))
    busy = [row for row in rows if row["entered"] or row["held_out"] or row["sent"]]
    idle = [row["name"] for row in rows if row not in busy]
    silent = f'<p class="none">Nobody came into: {escape(", ".join(idle))}.</p>' if idle else ""
    columns = [
        text("campaign", "name"), number("journeys", "entered"), number("sent", "sent"),
        number("withheld", "withheld"), number("put off", "deferred"),
        number("finished", "completed"), number("ended early", "exited"),
        number("under way", "waiting"),
    ]  # fmt: skip
    if any(row["goal"] for row in busy):
        columns.append(Column(title="reached the goal", cell=goal_told, right=False, wide=True))
    return _section("Campaigns", table(busy, columns, cards=True) + silent)


def _pressure(pressure: Mapping[str, Any]) -> str:
    def chart(key: str, title: str, caption: str) -> str:
        counts = {row["messages"]: row["customers"] for row in pressure[key] if row["messages"]}
        every = range(1, max(counts, default=0) + 1)
        return bars(
            [str(each) for each in every],
            {"customers": [counts.get(each, 0) for each in every]},
            title=title,
            caption=caption,
        )

    told = pressure_told(pressure)
    if told is None:
        return ""
    charts = (
        f"<div><h3>In the whole time</h3>{chart(*_WHOLE)}</div>"
        f"<div><h3>In their loudest week</h3>{chart(*_WEEK)}</div>"
    )
    busiest = table(
        pressure["busiest"][:_NAMED],
        (
            Column(title="customer", cell=lambda row: row["customer"][:8], right=False),
            number("messages", "messages"),
            Column(title="loudest week begins", cell=lambda row: day(row["loudest_week"])),
            number("messages in it", "messages_in_it"),
        ),
        cards=True,
    )
    return _section(
        "Who gets how much",
        f'<p>{escape(told)}</p><div class="two">{charts}</div>{folded("Who gets most", busiest)}',
    )


def _reasons(report: Document, key: str, heading: str, unit: str) -> str:
    rows, names = report[key], _names(report)
    if not rows:
        return ""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["text"]] += row["count"]
    total = counts.total()
    by_campaign = table(
        rows,
        (
            Column(title="campaign", cell=lambda row: names[row["campaign"]], right=False),
            text("because", "text"),
            number(f"{unit}s", "count"),
        ),
    )
    return _section(
        heading,
        f'<p class="dim">{total:,} {unit}{"" if total == 1 else "s"}, by the reason</p>'
        f"{shares(counts.most_common(), title=heading)}{folded('By campaign', by_campaign)}",
    )


def _outcome(report: Document) -> str:
    names, done = _names(report), Counter[tuple[str, str]]()
    for row in report["reactions"]:
        done[row["campaign"], row["reaction"]] += row["messages"]
    deeds = [each for each in _DEEDS if any(deed == each[0] for _, deed in done)]
    sent = {row["id"]: row["sent"] for row in report["campaigns"]}
    rows: list[Row] = [
        {"name": names[key], "sent": sent[key], **{deed: done[key, deed] for deed, _ in deeds}}
        for key in sorted({key for key, _ in done}, key=lambda key: (-sent[key], key))
    ]
    columns = [text("campaign", "name"), number("sent", "sent")]
    columns += [number(title, deed) for deed, title in deeds]
    bought = report["bought"]
    lines = [recorded_told(report)] if recorded_told(report) else []
    if bought["orders"]:
        worth = money(bought["revenue"], report)
        lines.append(f"{bought['orders']:,} orders worth {worth} were bought because of a message.")
    extra = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return _section(
        "What customers do", extra + table(rows, columns, cards=True) + _surveys(report["surveys"])
    )


def _surveys(surveys: Sequence[Mapping[str, Any]]) -> str:
    charts = "".join(f"<div>{_survey(one)}</div>" for one in surveys)
    return f'<div class="two">{charts}</div>' if charts else ""


def _survey(survey: Mapping[str, Any]) -> str:
    kind, answers = survey["kind"], {row["score"]: row["answers"] for row in survey["scores"]}
    name, scale = kind.upper(), SCALES[kind]
    mean = f"{survey['answers']:,} answers, {survey['mean']} on average"
    chart = bars(
        [str(score) for score in scale],
        {"answers": [answers.get(score, 0) for score in scale]},
        title=f"{name}, answers by score",
        caption=f"{mean}, on a scale from {scale[0]} to {scale[-1]}",
        ticks=len(scale),
    )
    return f"<h3>{name}</h3>{chart}"


def _cost(report: Document) -> str:
    zone = ZoneInfo(report["timezone"])
    paid = [row for row in report["campaigns"] if float(row["cost"])]
    paid.sort(key=lambda row: (-float(row["cost"]), row["name"]))
    columns = (
        text("campaign", "name"),
        number("messages", "sent"),
        Column(title="cost", cell=lambda row: money(row["cost"], report)),
    )
    offers: dict[str, Counter[str]] = {}
    for row in report["coupons"]:
        offers.setdefault(row["offer"], Counter())[row["status"]] += row["coupons"]
    states = ("issued", "redeemed", "expired", "released", "owed")
    used = [each for each in states if any(counts[each] for counts in offers.values())]
    coupons = table(
        [
            {"offer": offer, **{each: counts[each] for each in used}}
            for offer, counts in sorted(offers.items())
        ],
        [
            text("coupons of", "offer"),
            *(number(_STATES[each], each) for each in used),
        ],
        cards=True,
    )
    lines = [prices_told(report), *(pool_told(one, zone) for one in report["pools"])]
    points = report["points"]
    if points.get("balance") or points.get("pending"):
        lines.append(f"Points: {points['balance']:,} to spend and {points['pending']:,} not yet "
                     f"sure, in {points['accounts']:,} accounts.")  # fmt: skip
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return _section("What it costs", told + folded("By campaign", table(paid, columns)) + coupons)


_STATES: Final = {
    "issued": "not used yet", "redeemed": "used", "expired": "expired",
    "released": "given back unsent", "owed": "owed",
}  # fmt: skip


def _samples(report: Document) -> str:
    names = _names(report)
    shown = "".join(
        f'<details class="letter"><summary>{escape(names[one["campaign"]])}, '
        f"{escape(one['channel'])}: {escape(one['subject'] or one['text'][:60])}</summary>"
        f"<pre>{escape(one['text'])}</pre></details>"
        for one in report["samples"]
    )
    return _section("Messages, as customers would read them", shown)


def _names(report: Document) -> dict[str, str]:
    return {row["id"]: row["name"] for row in report["campaigns"]}


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{content}</section>" if content else ""
