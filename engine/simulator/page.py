"""A simulation's report as one page: no script, no network, readable on a telephone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from html import escape
from typing import Any, Final

from engine.simulator.charts import bars
from engine.simulator.report import CHANNELS, Document

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1d1d1f;--dim:#6b6b70;--line:#d9d9de;--paper:#fff;
--s0:#7a1f2b;--s1:#c98a2b;--s2:#3f6f8f}
@media (prefers-color-scheme:dark){:root{--ink:#ececf0;--dim:#a0a0a8;--line:#3a3a40;
--paper:#161618;--s0:#d0707c;--s1:#e0b060;--s2:#7fb0d0}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:1rem;font:16px/1.5 system-ui,sans-serif;
color:var(--ink);background:var(--paper)}
h1{font-size:1.5rem;margin:.5rem 0}h2{font-size:1.15rem;margin:2rem 0 .5rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8rem,1fr));gap:.75rem;padding:0}
.facts div{border:1px solid var(--line);border-radius:.5rem;padding:.5rem .75rem}
.facts b{display:block;font-size:1.35rem}.dim,.facts span{color:var(--dim);font-size:.875rem}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{padding:.3rem .5rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{color:var(--dim);font-weight:600}.n{text-align:right;white-space:nowrap}
svg{width:100%;height:auto;display:block}.grid{stroke:var(--line);stroke-width:1}
.tick{fill:var(--dim);font-size:11px}.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}
.key i{display:inline-block;width:.75em;height:.75em;margin:0 .35em 0 1em}
.key .s0{background:var(--s0)}.key .s1{background:var(--s1)}.key .s2{background:var(--s2)}
@media (max-width:40rem){.tick{font-size:20px}}
.warn{border-left:4px solid var(--s1);padding:.5rem .75rem;margin:1rem 0}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}
"""
# Not even a picture may be asked for, whatever a template's words hold.
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(report: Document) -> str:
    """The whole page."""
    since, reached = (datetime.fromisoformat(report[key]) for key in ("since", "reached"))
    title = f"Simulation, {since:%d %b %Y} to {reached:%d %b %Y}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="dim">{escape(_told(report))}</p>',
    ]
    if not report["complete"]:
        parts.append('<p class="warn">Stopped before its end: all figures are until then.</p>')
    parts += [
        f'<p class="warn"><b>{escape(one["campaign"])}</b> would stop itself on '
        f"{datetime.fromisoformat(one['at']):%d %b %Y}: {escape(one['reason'])}</p>"
        for one in report["stopped"]
    ]
    parts.append(_facts(report, report["messages"]))
    parts.append(_section("Campaigns", _table(report["campaigns"], _CAMPAIGNS)))
    parts += [_days(report), _hours(report), _pressure(report["pressure"])]
    for heading, key in (
        ("Withheld, and why", "withheld"),
        ("Put off, and why", "deferred"),
        ("Journeys that ended early", "exits"),
    ):
        parts.append(_section(heading, _table(report[key], _REASONS)))
    parts.append(_section("What customers did", _table(report["reactions"], _REACTIONS)))
    parts.append(_surveys(report["surveys"]))
    parts.append(_section("Coupons", _table(report["coupons"], _COUPONS)))
    parts.append(_samples(report["samples"]))
    return "".join((*parts, "</body></html>\n"))


def _told(report: Document) -> str:
    history = report["history"]
    return (
        f"{history['events']:,} events of {history['customers']:,} customers, "
        f"{history['orders']:,} orders, {history['revenue']} {history['currency']}. "
        f"Behaviour of customers: {report['behaviour']}{_really(report)}; seed {report['seed']}."
    )


def _really(report: Document) -> str:
    told = report["recorded"]
    if not told["replayed"] and not told["left_out"]:
        return ""
    return (
        f", where their messages did not really go out; {told['replayed']:,} reactions are as they "
        f"were, and {told['left_out']:,} are left out, for their messages do not go out here"
    )


def _facts(report: Document, messages: Mapping[str, Any]) -> str:
    rows = report["pressure"]["customers_by_messages"]
    reached = sum(row["customers"] for row in rows if row["messages"])
    peaks = report["pressure"]["customers_by_loudest_week"]
    told = [
        (f"{messages['sent']:,}", "messages"),
        (f"{messages['withheld']:,}", "withheld"),
        (f"{messages['deferred']:,}", "times put off"),
        (f"{reached:,}", "customers reached"),
        (f"{max((row['messages'] for row in peaks), default=0)}", "in one's loudest week"),
    ]
    if Decimal(messages["cost"]):
        told.append((f"{messages['cost']} {report['history']['currency']}", "to providers"))
    cells = "".join(f"<div><b>{escape(a)}</b><span>{escape(b)}</span></div>" for a, b in told)
    return f'<div class="facts">{cells}</div>'


def _days(report: Document) -> str:
    days = report["days"]
    if not days:
        return ""
    known = {one["day"]: one for one in days}
    first, last = (datetime.fromisoformat(days[at]["day"]) for at in (0, -1))
    every = [
        (first + timedelta(days=number)).date().isoformat()
        for number in range((last - first).days + 1)
    ]
    used = [name for name in CHANNELS if any(one[name] for one in days)]
    series = {name: [known.get(day, {}).get(name, 0) for day in every] for name in used}
    key = "".join(
        f'<i class="s{number}"></i>{name}' for number, name in enumerate(used)
    )  # fmt: skip
    chart = bars(every, series, title="Messages a day")
    return _section("Messages a day", f'<p class="key dim">{key}</p>{chart}')


def _hours(report: Document) -> str:
    hours = report["hours"]
    chart = bars(
        [str(one["hour"]) for one in hours],
        {"messages": [one["messages"] for one in hours]},
        title="Messages by hour of the day",
        ticks=12,
    )
    return _section(f"By hour, {report['timezone']}", chart)


def _pressure(pressure: Mapping[str, Any]) -> str:
    def chart(key: str, title: str) -> str:
        rows = [row for row in pressure[key] if row["messages"]]
        labels = [str(row["messages"]) for row in rows]
        return bars(labels, {"customers": [row["customers"] for row in rows]}, title=title)

    return "".join(
        (
            _section(
                "Customers by how many messages they get",
                chart("customers_by_messages", "Customers by messages"),
            ),
            _section(
                "Customers by their loudest week",
                chart("customers_by_loudest_week", "Customers by messages in their loudest week"),
            ),
            _section("Who gets most", _table(pressure["busiest"], _BUSIEST)),
        )
    )


def _surveys(surveys: Sequence[Mapping[str, Any]]) -> str:
    return "".join(
        _section(
            f"{one['kind'].upper()}: {one['answers']:,} answers, {one['mean']} on average",
            bars(
                [str(row["score"]) for row in one["scores"]],
                {"answers": [row["answers"] for row in one["scores"]]},
                title=f"Answers by score, {one['kind']}",
                ticks=11,
            ),
        )
        for one in surveys
    )


def _samples(samples: Sequence[Mapping[str, Any]]) -> str:
    shown = "".join(
        f"<details><summary>{escape(one['campaign'])}, {escape(one['channel'])}: "
        f"{escape(one['subject'] or '')}</summary><pre>{escape(one['text'])}</pre></details>"
        for one in samples
    )
    return _section("Messages, as rendered", shown)


def _section(heading: str, content: str) -> str:
    return f"<section><h2>{escape(heading)}</h2>{content}</section>" if content else ""


Cell = Callable[[Mapping[str, Any]], object]


def _table(rows: Iterable[Mapping[str, Any]], columns: Sequence[tuple[str, Cell]]) -> str:
    rows = list(rows)
    if not rows:
        return ""
    numbers = [isinstance(cell(rows[0]), int) for _, cell in columns]
    marks = [' class="n"' if number else "" for number in numbers]
    head = "".join(
        f"<th{mark}>{escape(title)}</th>" for (title, _), mark in zip(columns, marks, strict=True)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{mark}>{_shown(cell(row))}</td>"
            for (_, cell), mark in zip(columns, marks, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _of(key: str) -> Cell:
    return lambda row: row[key]


def _goal(row: Mapping[str, Any]) -> str:
    rate, other = row["goal_rate"], row["held_out_goal_rate"]
    if not row["goals"] and not row["held_out_goals"]:
        return ""
    against = "" if other is None else f", held out {other:.1%}"
    return f"{row['goals']:,} ({rate or 0:.1%}{against})"


_CAMPAIGNS: Final[tuple[tuple[str, Cell], ...]] = (
    ("campaign", _of("name")), ("entered", _of("entered")), ("finished", _of("completed")),
    ("exited", _of("exited")), ("waiting", _of("waiting")), ("sent", _of("sent")),
    ("withheld", _of("withheld")), ("put off", _of("deferred")), ("goals", _goal),
)  # fmt: skip
_REASONS: Final[tuple[tuple[str, Cell], ...]] = (
    ("campaign", _of("campaign")), ("because", _of("text")), ("times", _of("count")),
)  # fmt: skip
_REACTIONS: Final[tuple[tuple[str, Cell], ...]] = (
    ("campaign", _of("campaign")), ("did", _of("reaction")), ("messages", _of("messages")),
    ("as they really did", _of("as_recorded")),
)  # fmt: skip
_COUPONS: Final[tuple[tuple[str, Cell], ...]] = (
    ("offer", _of("offer")), ("status", _of("status")), ("coupons", _of("coupons")),
)  # fmt: skip
_BUSIEST: Final[tuple[tuple[str, Cell], ...]] = (
    ("customer", _of("customer")), ("messages", _of("messages")),
    ("loudest week", _of("loudest_week")), ("messages in it", _of("messages_in_it")),
)  # fmt: skip
