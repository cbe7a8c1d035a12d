"""The table of a run, and its place in the page on reliability."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from tests.chaos.plan import Outcome
from tests.e2e.processes import ROOT

PAGE = ROOT / "docs" / "explanation" / "reliability.md"
BEGIN, END = "<!-- chaos: made by make chaos -->", "<!-- end of chaos -->"

ROWS: tuple[tuple[str, Callable[[Outcome], object]], ...] = (
    ("processes", lambda o: o.processes),
    ("events accepted", lambda o: o.books.accepted_events),
    ("… posts that had to be repeated", lambda o: o.retried_posts),
    ("messages", lambda o: o.books.messages),
    ("**sent** (the provider took them)", lambda o: o.books.sent),
    ("**duplicated**", lambda o: f"**{o.books.duplicated}**"),
    ("**lost**", lambda o: f"**{o.books.lost}**"),
    ("**unknown** at any time", lambda o: o.books.in_doubt),
    ("… settled", lambda o: o.books.settled),
    ("… by a receipt", lambda o: o.books.settled_by["receipt"]),
    ("… by looking it up", lambda o: o.books.settled_by["look_up"]),
    ("… by a person", lambda o: o.books.settled_by["person"]),
    ("… by `on_unknown`", lambda o: o.books.settled_by["on_unknown"]),
    ("… by the answer, which came after all", lambda o: o.books.settled_by["late answer"]),
    ("not sent, each with its reason", lambda o: _told(o.books.not_sent)),
    ("processes killed at a fault point", lambda o: _faults(o, "kill")),
    ("processes killed at random", lambda o: o.tally.random_kills),
    ("processes killed during a checkpoint", lambda o: o.tally.checkpoint_kills or "—"),
    ("processes told to end", lambda o: o.tally.told_to_end),
    ("failures at a fault point, lived through", lambda o: _faults(o, "raise")),
    ("fault points met", lambda o: len({fault for fault, _ in o.tally.faults})),
    ("database killed", lambda o: o.database_kills or "—"),
    ("provider away for 20 s", lambda o: o.provider_downs),
    ("receipts reported, late, doubled, out of order", lambda o: o.receipts),
    ("web hooks called", lambda o: o.webhook_calls),
    ("duration", lambda o: f"{o.seconds / 60:.0f} min"),
)  # fmt: skip


def table(outcomes: Sequence[Outcome]) -> str:
    """The figures, a column a database; then what the provider did."""
    head = ["", *(each.database for each in outcomes)]
    lines = [_line(head), _line(["---", *("--:" for _ in outcomes)])]
    lines += [_line([name, *(_number(cell(each)) for each in outcomes)]) for name, cell in ROWS]
    conducts = sorted(
        {conduct for each in outcomes for conduct in each.books.conducts},
        key=lambda conduct: -sum(each.books.conducts[conduct] for each in outcomes),
    )
    lines += ["", _line(["the provider's answer", *head[1:]])]
    lines.append(_line(["---", *("--:" for _ in outcomes)]))
    lines += [
        _line([each, *(_number(one.books.conducts[each]) for one in outcomes)]) for each in conducts
    ]
    return "\n".join(lines)


def filled_in(page: str, outcomes: Sequence[Outcome]) -> str:
    """The page with this run's table between its marks."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{table(outcomes)}\n\n{END}{after}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _faults(outcome: Outcome, action: str) -> int:
    return sum(n for (_, what), n in outcome.tally.faults.items() if what == action)


def _told(reasons: Counter[str]) -> str:
    return "; ".join(f"{count:,} {reason}" for reason, count in sorted(reasons.items())) or "0"
