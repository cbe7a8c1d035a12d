"""A review as one document: what ``diff --format json`` prints, and what people are shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from config.currencies import rounded
from engine.core.reasons import withheld
from engine.simulator.behaviour import cost_of
from engine.simulator.comparison import Change, Comparison, Pair, percentile
from engine.simulator.in_flight import Fate
from engine.simulator.review import Effect, Review
from engine.simulator.thresholds import Judged
from engine.simulator.witness import Account

MOST: Final = 20  # customers who are named
_PARTS: Final = (50, 90, 95, 99, 100)
_UNTHOUGHT: Final = "the campaign does not come to it"
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What was compared: two versions by their names, over which time."""

    before: str
    after: str
    since: datetime
    until: datetime
    currency: str
    behaviour: str
    seed: str


def review_document(
    review: Review,
    heading: Heading,
    judged: Sequence[Judged],
    journeys: Sequence[Fate] | None,
) -> Document:
    """Everything, as plain data; names are stable. ``journeys`` None: there is no database."""
    found = review.comparison
    return {
        "version": 1,
        "before": heading.before,
        "after": heading.after,
        "since": heading.since,
        "until": heading.until,
        "currency": heading.currency,
        "behaviour": heading.behaviour,
        "seed": heading.seed,
        "equal": review.is_equal,
        "total": {
            **_figures(found.total),
            "withheld_before": len(review.before.withheld),
            "withheld_after": len(review.after.withheld),
            "cost_before": cost(found.cost[0], heading.currency),
            "cost_after": cost(found.cost[1], heading.currency),
            "cost": cost(found.cost[1] - found.cost[0], heading.currency),
        },
        "changes": _changes(found),
        "added_because": _because(found.let_through),
        "removed_because": _because(found.kept_from),
        "withheld": [
            {
                "campaign": campaign,
                "reason": reason,
                "text": _text(reason),
                "before": former,
                "after": now,
            }
            for (campaign, reason), (former, now) in found.withheld.items()
        ],
        "rewordings": [
            {
                "campaign": one.campaign,
                "channel": one.channel,
                "template": one.template,
                "messages": one.messages,
                "example": list(one.example),
            }
            for one in found.reworded
        ],
        "pressure": {
            "before": _pressure(review.before),
            "after": _pressure(review.after),
            "customers_with_more": sum(one.after > one.before for one in found.pressed),
            "customers_with_fewer": sum(one.after < one.before for one in found.pressed),
            "most_changed": [
                {"customer": one.customer, "before": one.before, "after": one.after}
                for one in found.pressed[:MOST]
            ],
        },
        "gone": review.gone,
        "edits": [_effect(one, heading.currency) for one in review.effects],
        "live_journeys": None
        if journeys is None
        else [
            {
                "campaign": one.campaign,
                "step": one.step,
                "journeys": one.journeys,
                "fate": one.kind,
                "to": one.to,
                "text": one.text,
            }
            for one in journeys
        ],
        "thresholds": [
            {
                "threshold": one.threshold.text,
                "before": one.before,
                "after": one.after,
                "failed": one.failed,
            }
            for one in judged
        ],
    }


def rows(document: Document) -> Iterable[Document]:
    """The same as rows, each with the ``kind`` of what it tells."""
    yield {"kind": "total", **document["total"], "equal": document["equal"]}
    for kind, key in (
        ("change", "changes"),
        ("added", "added_because"),
        ("removed", "removed_because"),
        ("withheld", "withheld"),
        ("rewording", "rewordings"),
        ("edit", "edits"),
        ("live_journeys", "live_journeys"),
        ("threshold", "thresholds"),
    ):
        for row in document[key] or ():
            yield {"kind": kind, **row}
    for row in document["pressure"]["most_changed"]:
        yield {"kind": "customer", **row}


def cost(stored: int, currency: str) -> Decimal:
    """What is kept of a cost as an amount; one that cannot be paid, and is not nothing, in full."""
    return rounded(cost_of(stored), currency)


def _figures(change: Change) -> Document:
    return {
        "before": change.before,
        "after": change.after,
        "added": change.added,
        "removed": change.removed,
        "moved": change.moved,
        "changed": change.changed,
    }


def _changes(found: Comparison) -> list[Document]:
    """Those campaigns and channels alone where something is different."""
    return [
        {
            "campaign": campaign,
            "channel": channel,
            **_figures(one),
            "moved_by_hours": round(one.shift / timedelta(hours=1), 2) if one.moved else None,
        }
        for (campaign, channel), one in found.changes.items()
        if one.added or one.removed or one.moved or one.changed
    ]


def _because(counts: Counter[Pair]) -> list[Document]:
    return [
        {"campaign": campaign, "reason": reason, "text": _text(reason), "messages": count}
        for (campaign, reason), count in sorted(
            counts.items(), key=lambda one: (one[0][0], -one[1], one[0][1])
        )
    ]


def _text(reason: str) -> str:
    return _UNTHOUGHT if reason == "none" else withheld(reason, None)


def _pressure(account: Account) -> Document:
    return {
        "max" if part == 100 else f"p{part}": percentile(account.pressure, part) for part in _PARTS
    }


def _effect(effect: Effect, currency: str) -> Document:
    found = effect.comparison
    row: Document = {"edit": effect.edit.name, "change": effect.edit.kind, "fault": effect.fault}
    if found is None:
        return {**row, "alone": None, "changes": []}
    former, now = found.cost
    delta = sum(after - before for before, after in found.withheld.values())
    alone = {**_figures(found.total), "withheld": delta, "cost": cost(now - former, currency)}
    return {**row, "alone": alone, "changes": _changes(found)}
