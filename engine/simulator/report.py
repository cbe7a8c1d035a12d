"""The report of a simulation as one document: what ``--format json`` prints and pages show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from config.currencies import in_full, rounded
from config.durations import Rate as ConfiguredRate
from engine.core.campaign import Plan
from engine.core.reasons import withheld
from engine.providers.pacing import Rate
from engine.simulator.backlog import backlogs
from engine.simulator.behaviour import cost_of
from engine.simulator.figures import Figures, Pair
from engine.simulator.simulation import Outcome

CHANNELS: Final = ("email", "sms", "voice")
_MOST: Final = 10  # the highest score of any scale
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What the figures are of. ``rates`` by channel; ``pools``: how many codes each has."""

    since: datetime
    until: datetime
    currency: str
    behaviour: str  # whose word it is: ``none``, ``default`` or a file's name
    timezone: str
    seed: str
    plans: Mapping[str, Plan]
    rates: Mapping[str, ConfiguredRate] = field(default_factory=dict)
    pools: Mapping[str, int] = field(default_factory=dict)


def document(outcome: Outcome, frame: Frame) -> Document:
    """Everything, as plain data: names are stable, people script against them."""
    figures = outcome.figures
    return {
        "version": 1,
        "complete": outcome.complete,
        "since": frame.since.isoformat(),
        "until": frame.until.isoformat(),
        "reached": outcome.reached.isoformat(),
        "timezone": frame.timezone,
        "seed": frame.seed,
        "behaviour": frame.behaviour,
        "history": {
            "events": figures.events,
            "customers": figures.customers,
            "orders": figures.orders,
            "revenue": str(in_full(figures.revenue, frame.currency)),
            "currency": frame.currency,
        },
        "messages": {
            "sent": figures.sent.total(),
            "withheld": figures.withheld.total(),
            "deferred": figures.deferred.total(),
            "cost": _cost(figures.cost.total(), frame),
        },
        "campaigns": [_campaign(key, figures, frame) for key in _campaigns(figures, frame)],
        "sent": _rows(figures.sent, ("campaign", "channel"), "messages"),
        "days": _days(figures.days),
        "hours": [{"hour": hour, "messages": figures.hours[hour]} for hour in range(24)],
        "weeks": [{"week": key, "messages": figures.weeks[key]} for key in sorted(figures.weeks)],
        "withheld": _reasons(figures.withheld),
        "deferred": _reasons(figures.deferred),
        "exits": _reasons(figures.exits),
        "entries": _rows(figures.verdicts, ("campaign", "verdict"), "events"),
        "stopped": [
            {"campaign": key, "at": at.isoformat(), "reason": reason}
            for key, (reason, at) in sorted(figures.stopped.items())
        ],
        "reactions": _reactions(figures),
        "recorded": {
            "replayed": figures.replayed.total(),
            "left_out": figures.left_out,
            "modelled": figures.done.total(),
        },
        "bought": {
            "orders": figures.bought,
            "revenue": str(in_full(figures.bought_worth, frame.currency)),
        },
        "surveys": _surveys(figures.scores),
        "coupons": _rows(figures.coupons, ("offer", "status"), "coupons"),
        "pools": [_pool(name, figures, frame) for name in _pools(figures, frame)],
        "senders": _senders(figures, frame),
        "points": dict(sorted(figures.points.items())),
        "pressure": _pressure(figures),
        "samples": [
            {
                "campaign": one.campaign,
                "channel": one.channel,
                "subject": one.subject,
                "text": one.text,
            }
            for one in outcome.samples
        ],
    }


def _campaigns(figures: Figures, frame: Frame) -> list[str]:
    named = {key for key, _ in (*figures.journeys, *figures.sent, *figures.verdicts)}
    return sorted(named | set(frame.plans))


def _campaign(key: str, figures: Figures, frame: Frame) -> Document:
    journeys, plan = figures.journeys, frame.plans.get(key)
    entered, held_out = journeys[key, "entered"], journeys[key, "held_out"]
    goals, of_held_out = figures.goals[key, "treated"], figures.goals[key, "held_out"]
    return {
        "id": key,
        "name": key if plan is None else plan.name,
        "entered": entered,
        "held_out": held_out,
        "completed": journeys[key, "completed"],
        "exited": journeys[key, "exited"],
        "waiting": journeys[key, "waiting"],
        "sent": _of(figures.sent, key),
        "withheld": _of(figures.withheld, key),
        "deferred": _of(figures.deferred, key),
        "opened": figures.observed[key, "opened"],
        "clicked": figures.observed[key, "clicked"],
        "answered": figures.observed[key, "answered"],
        "goal": None if plan is None or plan.goal is None else plan.goal.match.event,
        "goals": goals,
        "goal_rate": _share(goals, entered),
        "held_out_goals": of_held_out,
        "held_out_goal_rate": _share(of_held_out, held_out),
        "cost": _cost(_of(figures.cost, key), frame),
    }


def _of(counts: Counter[Pair], campaign: str) -> int:
    return sum(count for (key, _), count in counts.items() if key == campaign)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _cost(stored: int, frame: Frame) -> str:
    return f"{rounded(cost_of(stored), frame.currency):f}"


def _rows(counts: Counter[Pair], names: Sequence[str], what: str) -> list[Document]:
    return [
        {names[0]: first, names[1]: second, what: count}
        for (first, second), count in sorted(counts.items())
    ]


def _reactions(figures: Figures) -> list[Document]:
    """Those that people see; what only providers and machines did is counted elsewhere."""
    replayed = {pair: count for pair, count in figures.replayed.items() if pair[1]}
    return [
        {
            "campaign": campaign,
            "reaction": reaction,
            "messages": figures.done[campaign, reaction] + replayed.get((campaign, reaction), 0),
            "as_recorded": replayed.get((campaign, reaction), 0),
        }
        for campaign, reaction in sorted({*figures.done, *replayed})
    ]


def _reasons(counts: Counter[Pair]) -> list[Document]:
    return [
        {"campaign": campaign, "reason": code, "text": withheld(code, None), "count": count}
        for (campaign, code), count in sorted(
            counts.items(), key=lambda one: (one[0][0], -one[1], one[0][1])
        )
    ]


def _days(counts: Counter[Pair]) -> list[Document]:
    days = sorted({day for day, _ in counts})
    return [{"day": day, **{channel: counts[day, channel] for channel in CHANNELS}} for day in days]


def _pools(figures: Figures, frame: Frame) -> list[str]:
    return sorted({name for name, _ in figures.pools} | frame.pools.keys())


def _pool(name: str, figures: Figures, frame: Frame) -> Document:
    size, given, dry_at = frame.pools.get(name), figures.pools[name, "given"], figures.dry.get(name)
    return {
        "pool": name,
        "size": size,
        "given": given,
        "redeemed": figures.pools[name, "redeemed"],
        "left": None if size is None else size - given,
        "dry_at": None if dry_at is None else dry_at.isoformat(),
        "without": figures.pools[name, "without"],
        "campaigns": [
            {"campaign": campaign, "steps": count}
            for (campaign, pool), count in sorted(figures.without.items())
            if pool == name
        ],
    }


def _senders(figures: Figures, frame: Frame) -> list[Document]:
    limits = {channel: Rate.of(rate) for channel, rate in frame.rates.items()}
    found = []
    for one in backlogs(figures.departures, limits):
        worst = one.worst
        found.append(
            {
                "channel": one.channel,
                "sender": one.sender,
                "rate": str(frame.rates[one.channel]),
                "messages": one.messages,
                "waited": one.waited,
                "longest_wait": 0.0 if worst is None else round(worst.longest.total_seconds(), 1),
                "queue": 0 if worst is None else worst.messages,
                "queue_since": None if worst is None else worst.since.isoformat(),
                "queue_until": None if worst is None else worst.until.isoformat(),
            }
        )
    return found


def _surveys(scores: Counter[tuple[str, int]]) -> list[Document]:
    found = []
    for kind in sorted({kind for kind, _ in scores}):
        told = {score: scores[kind, score] for score in range(_MOST + 1) if scores[kind, score]}
        answers = sum(told.values())
        mean = sum(score * count for score, count in told.items()) / answers
        found.append(
            {
                "kind": kind,
                "answers": answers,
                "mean": round(mean, 2),
                "scores": [
                    {"score": score, "answers": count} for score, count in sorted(told.items())
                ],
            }
        )
    return found


def _pressure(figures: Figures) -> Document:
    return {
        "customers_by_messages": [
            {"messages": count, "customers": figures.pressure[count]}
            for count in sorted(figures.pressure)
        ],
        "customers_by_loudest_week": [
            {"messages": count, "customers": figures.peaks[count]}
            for count in sorted(figures.peaks)
        ],
        "busiest": [
            {
                "customer": one.customer,
                "messages": one.messages,
                "loudest_week": one.week,
                "messages_in_it": one.peak,
            }
            for one in figures.busiest
        ],
    }
