"""What simulated customers do with a message: which of them open, click, answer, buy or complain.

Nothing is left to chance: what a customer does with a message follows from the message's id and the
seed. The defaults, as shares of those who get a message:

- email ``open`` 52 % and ``click`` 5.3 %: the averages of automated flows over all industries in
  Klaviyo's 2024 benchmark report (https://resources.klaviyo.com/2024-benchmark-report/p/4).
- email ``unsubscribe`` 0.25 %: Mailchimp's average of all accounts, October 2019
  (https://mailchimp.com/resources/email-marketing-benchmarks/).
- email ``complain`` 0.05 %: half of the 0.1 % below which Google asks senders to stay
  (https://support.google.com/a/answer/81126).
- ``answer`` 12 %: the lower end of what survey providers tell of NPS by email (12 to 15 %).
- ``buy`` 0: the recorded orders hold what customers bought; a share is for what a campaign adds.
- Shares of text messages, scores and delays are assumptions: a shop should write its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Final, Literal, NamedTuple

from engine.core.expression import Condition
from engine.core.message import Channel, Outgoing, Purpose
from engine.core.survey import SurveyKind
from engine.simulator.kin import shares_of

Deed = Literal["open", "click", "answer", "buy", "unsubscribe", "complain"]
Scores = Mapping[int, float]

# An email costs a fraction of a cent; what messages cost is summed in parts as small as this.
COST_PLACES: Final = 6

DEEDS: Final[tuple[Deed, ...]] = ("open", "click", "answer", "buy", "unsubscribe", "complain")
# How long after the message half of those who do it have done it.
_HALF: Final[Mapping[Deed, timedelta]] = {
    "open": timedelta(hours=4),
    "click": timedelta(hours=5),
    "answer": timedelta(hours=6),
    "buy": timedelta(days=1),
    "unsubscribe": timedelta(hours=6),
    "complain": timedelta(hours=6),
}
_HALF_SECONDS: Final = {deed: span.total_seconds() for deed, span in _HALF.items()}
_SOONEST: Final = timedelta(minutes=2)  # what comes sooner looks like a scanner's doing
_LATEST: Final = timedelta(days=14)


def cost_parts(cost: Decimal | None) -> int:
    """What a message cost, in millionths of the shop's currency."""
    return 0 if cost is None else int(cost.scaleb(COST_PLACES))


def cost_of(parts: int) -> Decimal:
    """So many millionths as an amount."""
    return Decimal(parts).scaleb(-COST_PLACES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """Shares between 0 and 1, and how those who answer score; None: as elsewhere."""

    open: float | None = None
    click: float | None = None
    answer: float | None = None
    buy: float | None = None
    unsubscribe: float | None = None
    complain: float | None = None
    scores: Mapping[SurveyKind, Scores] = field(default_factory=dict)

    def over(self, other: Manner) -> Manner:
        """This where it says something, else the other."""
        told = {deed: getattr(self, deed) for deed in DEEDS if getattr(self, deed) is not None}
        return replace(other, **told, scores={**other.scores, **self.scores})


SCORES: Final[Mapping[SurveyKind, Scores]] = {
    "nps": {0: 3, 1: 1, 2: 1, 3: 2, 4: 2, 5: 5, 6: 6, 7: 12, 8: 18, 9: 20, 10: 30},
    "csat": {1: 5, 2: 5, 3: 15, 4: 35, 5: 40},
    "ces": {1: 3, 2: 4, 3: 6, 4: 12, 5: 20, 6: 30, 7: 25},
}
DEFAULT: Final[Mapping[Channel, Manner]] = {
    "email": Manner(open=0.52, click=0.053, answer=0.12, buy=0.0, unsubscribe=0.0025,
                    complain=0.0005, scores=SCORES),
    "sms": Manner(open=0.0, click=0.08, answer=0.12, buy=0.0, unsubscribe=0.01, complain=0.0,
                  scores=SCORES),
    "voice": Manner(open=0.0, click=0.0, answer=0.12, buy=0.0, unsubscribe=0.0, complain=0.0,
                    scores=SCORES),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """How the customers of a segment behave."""

    condition: Condition
    manner: Manner


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """How customers behave, the most particular word last: channel, campaign, first segment.

    ``costs`` are in the shop's currency, of an email, a segment of an SMS, a call. ``as_recorded``:
    a message that really went out is met with what it was really met with.
    """

    channels: Mapping[Channel, Manner] = field(default_factory=lambda: DEFAULT)
    campaigns: Mapping[str, Manner] = field(default_factory=dict)
    segments: tuple[Segment, ...] = ()
    costs: Mapping[Channel, Decimal] = field(default_factory=dict)
    as_recorded: bool = True

    def price(self, outgoing: Outgoing) -> Decimal | None:
        """What handing over one message costs: an SMS by its segments."""
        each = self.costs.get(outgoing.channel)
        return None if each is None else each * (outgoing.content.segments or 1)

    def manner(self, channel: Channel, campaign: str, segment: Manner | None) -> Manner:
        """How who gets such a message behaves; ``segment`` is that of theirs."""
        found = self.channels[channel]
        if campaign in self.campaigns:
            found = self.campaigns[campaign].over(found)
        return found if segment is None else segment.over(found)


UNMOVED: Final = Behaviour(channels={"email": Manner(), "sms": Manner(), "voice": Manner()})
"""Customers who do nothing with a message."""


class Reaction(NamedTuple):
    """Something that a customer does, so long after the message went out."""

    after: timedelta
    deed: Deed
    score: int | None = None


class Habit(NamedTuple):
    """What may be done with messages of one kind, and by what share of those who get them.

    ``opens``: who does anything else with one has opened it before.
    """

    shares: tuple[tuple[Deed, float], ...]
    opens: bool
    scores: Scores


def habit(manner: Manner, purpose: Purpose, kind: SurveyKind | None) -> Habit:
    """How ``manner`` meets messages of this purpose, which ask a survey of this ``kind``, if any.

    Marketing alone can be unsubscribed from or complained of, and only a survey answered.
    """
    shares: list[tuple[Deed, float]] = []
    for deed in DEEDS:
        share = getattr(manner, deed)
        if deed == "answer":
            can = kind is not None
        else:
            can = deed not in ("unsubscribe", "complain") or purpose == "marketing"
        if share and can:
            shares.append((deed, share))
    scores: Scores = {} if kind is None else manner.scores.get(kind, {})
    return Habit(tuple(shares), opens=bool(manner.open), scores=scores)


def reactions(message_id: str, habit: Habit, seed: str) -> list[Reaction]:
    """What is done with a message, in the order in which it is done."""
    found: list[Reaction] = []
    lot = shares_of(f"{message_id}:", seed)
    for deed, share in habit.shares:
        if lot(deed) < share:
            score = _score(habit.scores, lot("score")) if deed == "answer" else None
            after = _delay(deed, lot(f"{deed}:when"))
            found.append(Reaction(after, deed, score))
    if not found or (len(found) == 1 and found[0].deed == "open"):
        return found
    if habit.opens:
        first = min(each.after for each in found if each.deed != "open")
        opened = found[0] if found[0].deed == "open" else None
        if opened is None or opened.after > first:
            before = Reaction(max(_SOONEST, first - timedelta(minutes=1)), "open")
            found = [before, *(found if opened is None else found[1:])]
    return sorted(found, key=lambda one: (one.after, DEEDS.index(one.deed)))


def _delay(deed: Deed, place: float) -> timedelta:
    """An exponential delay with the deed's half-life, at this place of its distribution."""
    waited = round(-math.log2(1.0 - place) * _HALF_SECONDS[deed])
    return min(_LATEST, _SOONEST + timedelta(seconds=waited))


def _score(weights: Scores, place: float) -> int:
    """The score at this place of the distribution that they are weighed by."""
    point = place * sum(weights.values())
    for score, weight in sorted(weights.items()):
        if point < weight:
            return score
        point -= weight
    return max(weights)
