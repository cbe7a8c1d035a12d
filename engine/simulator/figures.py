"""What came of a simulation, in figures that add up: those of two groups of customers are summed.

A ``Tally`` looks on while the shop lives and counts; at the end it goes through the memory once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from engine.core.answers import ANSWERS
from engine.core.coupon import BOOK as COUPONS
from engine.core.decision import DecisionKind, VerdictCode
from engine.core.identity import OWN_SOURCE
from engine.core.keeping import Keeping
from engine.core.message import Message, SendResult
from engine.core.points import ACCOUNT
from engine.core.points import BOOK as POINTS
from engine.core.world import Journey, JourneyStatus, World
from engine.ports.stored import Processed
from engine.simulator.backlog import Departures
from engine.simulator.behaviour import cost_parts
from engine.simulator.memory import Memory
from engine.simulator.person import Person
from engine.simulator.weeks import mondays, packed

_HOUR: Final = timedelta(hours=1)
MOST: Final = 20  # customers who are named
_NO_CODE: Final = "pool_empty"  # of a step, see engine.core.program_reasons
_COUNTED: Final = frozenset(
    {
        DecisionKind.DROPPED,
        DecisionKind.CANCELLED,
        DecisionKind.DEFERRED,
        DecisionKind.EXITED,
        DecisionKind.STEP_SKIPPED,
    }
)
_KEEPING: Final = Keeping(decisions=_COUNTED, traces=False, news=False)
_OBSERVED: Final = frozenset({"opened", "clicked", "answered"})
Pair = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Busy:
    """A customer who got much: how many messages, and how many of them in the loudest week."""

    customer: str
    messages: int
    peak: int
    week: str


@dataclass(slots=True, kw_only=True)
class Figures:
    """Counts. ``Pair`` keys are (campaign, channel or reason or code).

    ``days`` and ``hours`` are on the store's clock, a week is that of its Monday. ``pressure`` is
    customers by how many messages they got, ``peaks`` by how many in their loudest week. ``cost``
    is in millionths of the shop's currency. ``goals`` counts treated customers and held-out ones
    apart. ``pools`` counts codes, and who went ``without`` one; ``dry`` is when that first was so.
    """

    events: int = 0
    customers: int = 0
    orders: int = 0
    revenue: Decimal = Decimal(0)
    sent: Counter[Pair] = field(default_factory=Counter)
    days: Counter[Pair] = field(default_factory=Counter)  # (day, channel)
    hours: Counter[int] = field(default_factory=Counter)
    weeks: Counter[str] = field(default_factory=Counter)
    withheld: Counter[Pair] = field(default_factory=Counter)
    deferred: Counter[Pair] = field(default_factory=Counter)
    verdicts: Counter[Pair] = field(default_factory=Counter)
    journeys: Counter[Pair] = field(default_factory=Counter)
    exits: Counter[Pair] = field(default_factory=Counter)
    goals: Counter[Pair] = field(default_factory=Counter)
    observed: Counter[Pair] = field(default_factory=Counter)
    scores: Counter[tuple[str, int]] = field(default_factory=Counter)
    coupons: Counter[Pair] = field(default_factory=Counter)  # (offer, status)
    pools: Counter[Pair] = field(default_factory=Counter)  # (pool, given, redeemed or without)
    without: Counter[Pair] = field(default_factory=Counter)  # (campaign, pool): steps
    dry: dict[str, datetime] = field(default_factory=dict)
    departures: Departures = field(default_factory=Departures)
    points: Counter[str] = field(default_factory=Counter)
    cost: Counter[Pair] = field(default_factory=Counter)
    pressure: Counter[int] = field(default_factory=Counter)
    peaks: Counter[int] = field(default_factory=Counter)
    done: Counter[Pair] = field(default_factory=Counter)  # by simulated customers
    replayed: Counter[Pair] = field(default_factory=Counter)  # as they really did
    left_out: int = 0  # what they really did with messages that do not go out
    bought: int = 0  # orders of theirs, apart from those of the history
    bought_worth: Decimal = Decimal(0)
    stopped: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    busiest: list[Busy] = field(default_factory=list)

    def add(self, other: Figures) -> None:
        """Take in the figures of other customers of the same shop."""
        for each in fields(self):
            mine: Any = getattr(self, each.name)
            theirs: Any = getattr(other, each.name)
            if isinstance(mine, Counter):
                mine.update(theirs)
            elif isinstance(mine, list):
                mine.extend(theirs)
            elif isinstance(mine, dict):
                for key, value in theirs.items():
                    mine[key] = min(mine.get(key, value), value, key=_moment)
            elif isinstance(mine, Departures):
                mine.join(theirs)
            else:
                setattr(self, each.name, mine + theirs)
        self.busiest = sorted(self.busiest, key=_loudness)[:MOST]


def _moment(value: Any) -> Any:
    return value if isinstance(value, datetime) else value[1]


def _loudness(one: Busy) -> tuple[int, int, str]:
    return -one.messages, -one.peak, one.customer


class Tally:
    """``engine.simulator.ledger.Ledger`` that counts. ``zone`` is the store's."""

    keeping: Keeping = _KEEPING

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self.on_sent: Callable[[Message], None] = lambda message: None
        self.figures = Figures()
        # Messages are counted by the hour on the store's clock in which they went out.
        self._began = self._ends = datetime.min.replace(tzinfo=UTC)
        self._sent: Counter[Pair] = Counter()
        self._verdicts: Counter[tuple[str, VerdictCode]] = Counter()
        # Journeys that were left, by (campaign, status, whether the goal was reached).
        self._ended: Counter[tuple[str, JourneyStatus, bool]] = Counter()

    def decided(self, world: World) -> None:
        """Count decisions."""
        figures = self.figures
        for decision in world.changes.decisions:
            kind = decision.kind
            pair = (decision.campaign, decision.code)
            if kind is DecisionKind.DEFERRED:
                figures.deferred[pair] += 1
            elif kind is DecisionKind.EXITED:
                figures.exits[pair] += 1
            elif kind is not DecisionKind.STEP_SKIPPED:
                figures.withheld[pair] += 1
            elif decision.code == _NO_CODE:
                pool = (decision.trace or {}).get("pool", "")
                figures.without[decision.campaign, pool] += 1

    def processed(self, source: str, event_id: str, done: Processed) -> None:
        """Count verdicts, and what customers did."""
        self.figures.events += done.incoming is not None and source != OWN_SOURCE
        for verdict in done.verdicts:
            self._verdicts[verdict.campaign, verdict.code] += 1

    def sent(self, message: Message, result: SendResult) -> None:
        """Count a message."""
        at, pair = result.at, (message.campaign, message.channel)
        if not self._began <= at < self._ends:
            self._sum_up()
            local = at.astimezone(self._zone)
            self._began = at - timedelta(
                minutes=local.minute, seconds=local.second, microseconds=local.microsecond
            )
            self._ends = self._began + _HOUR
        self._sent[pair] += 1
        self.figures.departures.note(message.channel, message.sender or "", at)
        if result.cost is not None:
            self.figures.cost[pair] += cost_parts(result.cost)
        self.on_sent(message)

    def _sum_up(self) -> None:
        """Take in the messages of an hour."""
        if not self._sent:
            return
        figures, local = self.figures, self._began.astimezone(self._zone)
        day, week = local.date().isoformat(), _week(local.date())
        for pair, count in self._sent.items():
            figures.sent[pair] += count
            figures.days[day, pair[1]] += count
        total = self._sent.total()
        figures.hours[local.hour] += total
        figures.weeks[week] += total
        self._sent.clear()

    def held(self, campaign: str, reason: str, at: datetime) -> None:
        """Note that a campaign stopped itself."""
        self.figures.stopped.setdefault(campaign, (reason, at))

    def close(self, memory: Memory) -> Figures:
        """The figures, with what stands in the memory at the end."""
        self._sum_up()
        figures = self.figures
        for person in memory.people.values():
            figures.customers += 1
            figures.orders += person.customer.orders_count
            figures.revenue += person.customer.total_spent
            for journey in person.journeys:
                self.ended(journey)
            self._pressure(person)
            self._books(person)
        self._count_ended()
        for (campaign, code), count in self._verdicts.items():
            if code is not VerdictCode.BACKFILL:
                figures.verdicts[campaign, str(code)] += count
        self._verdicts.clear()
        figures.busiest = sorted(figures.busiest, key=_loudness)[:MOST]
        for pool, one in memory.pools.standing().items():
            for part in ("given", "redeemed", "without"):
                figures.pools[pool, part] = getattr(one, part)
            if one.dry_at is not None:
                figures.dry[pool] = one.dry_at
        return figures

    def ended(self, journey: Journey) -> None:
        """Count a journey as it is left."""
        self._ended[journey.campaign, journey.status, journey.goal_at is not None] += 1
        for result in journey.results.values():
            if not _OBSERVED.isdisjoint(result):
                for kind in _OBSERVED.intersection(result):
                    if result[kind] is True:
                        self.figures.observed[journey.campaign, kind] += 1

    def _count_ended(self) -> None:
        """Take in the journeys that were left."""
        journeys, goals = self.figures.journeys, self.figures.goals
        for (campaign, status, reached), count in self._ended.items():
            held_out = status is JourneyStatus.HOLDOUT
            journeys[campaign, "held_out" if held_out else "entered"] += count
            if not held_out:
                end = "waiting" if status is JourneyStatus.LIVE else str(status)
                journeys[campaign, end] += count
            if reached:
                goals[campaign, "held_out" if held_out else "treated"] += count
        self._ended.clear()

    def got(self, person: Person, at: datetime) -> None:
        """Keep when somebody got a message that is let go."""
        person.sent += packed(at.astimezone(self._zone).date())

    def _pressure(self, person: Person) -> None:
        for message in person.messages.values():
            if message.sent_at is not None:
                self.got(person, message.sent_at)
        weeks = Counter(each.isoformat() for each in mondays(person.sent))
        count = weeks.total()
        self.figures.pressure[count] += 1
        if count:
            week, peak = max(weeks.items(), key=lambda one: (one[1], one[0]))
            self.figures.peaks[peak] += 1
            busy = Busy(customer=person.customer.id, messages=count, peak=peak, week=week)
            self.figures.busiest.append(busy)

    def _books(self, person: Person) -> None:
        figures = self.figures
        for record in person.books.kept(ANSWERS).values():
            figures.scores[record.data["kind"], int(record.data["score"])] += 1
        for record in person.books.kept(COUPONS).values():
            figures.coupons[record.data["offer"], record.data["status"]] += 1
        account = person.books.get((POINTS, ACCOUNT))
        if account is not None:
            figures.points["accounts"] += 1
            figures.points["balance"] += int(account.data.get("balance", 0))
            figures.points["pending"] += int(account.data.get("pending", 0))


@lru_cache(maxsize=512)
def _week(day: date) -> str:
    return date.fromordinal(day.toordinal() - day.weekday()).isoformat()
