"""CSAT, NPS and CES of many answers, each with the interval in which it lies with 95% confidence.

- CSAT: the share of 4 and 5, in percent; E. B. Wilson's score interval (JASA 22, 1927), which holds
  for few answers and near 0 and 100 as well.
- NPS: the percentage of promoters (9, 10) less that of detractors (0 to 6), -100 to 100; the
  adjusted Wald interval of B. Rocks, "Interval Estimation for the Net Promoter Score" (The American
  Statistician 70, 2016): three answers are added, 3/4 of them a promoter's, 3/4 a detractor's.
- CES: the mean, 1 to 7; Student's interval for a mean, cut at the scale's ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from math import atan, cos, pi, sin, sqrt
from statistics import NormalDist, fmean, stdev
from typing import Final

from engine.core.survey import SCALES, SurveyKind

CONFIDENCE: Final = 0.95
_Z: Final = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
_MANY: Final = 2000  # degrees of freedom from which Student's and the normal quantile agree


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure of ``answers`` answers, and its interval; no interval where one answer is all."""

    answers: int
    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer that holds; ``campaign`` is None when it came from outside."""

    kind: SurveyKind
    score: int
    at: datetime
    campaign: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the answers of one kind to one campaign in one month ("2026-03") come to."""

    campaign: str | None
    month: str
    kind: SurveyKind
    estimate: Estimate


def csat(scores: Sequence[int]) -> Estimate:
    """The percentage of satisfied customers. Raises ValueError when there is no answer."""
    n = _counted(scores)
    share = sum(score >= 4 for score in scores) / n
    middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
    return Estimate(
        answers=n,
        value=100 * share,
        low=100 * max(0.0, middle - half),
        high=100 * min(1.0, middle + half),
    )


def nps(scores: Sequence[int]) -> Estimate:
    """The Net Promoter Score. Raises ValueError when there is no answer."""
    n = _counted(scores)
    promoters, detractors = sum(score >= 9 for score in scores), sum(score <= 6 for score in scores)
    p, d = (promoters + 0.75) / (n + 3), (detractors + 0.75) / (n + 3)
    half = _Z * sqrt((p + d - (p - d) ** 2) / (n + 3))
    return Estimate(
        answers=n,
        value=100 * (promoters - detractors) / n,
        low=100 * max(-1.0, p - d - half),
        high=100 * min(1.0, p - d + half),
    )


def ces(scores: Sequence[int]) -> Estimate:
    """The mean Customer Effort Score. Raises ValueError when there is no answer."""
    n = _counted(scores)
    mean = fmean(scores)
    if n == 1:
        return Estimate(answers=n, value=mean, low=None, high=None)
    half = student_quantile(n - 1) * stdev(scores) / sqrt(n)
    scale = SCALES["ces"]
    return Estimate(
        answers=n, value=mean, low=max(scale[0], mean - half), high=min(scale[-1], mean + half)
    )


def estimate(kind: SurveyKind, scores: Sequence[int]) -> Estimate:
    """The figure of a kind of survey. Raises ValueError when there is no answer."""
    return {"csat": csat, "nps": nps, "ces": ces}[kind](scores)


def summaries(answers: Iterable[Answer], zone: tzinfo) -> list[Summary]:
    """By campaign, kind and month on the shop's clock, sorted so; those from outside come last."""
    groups: dict[tuple[bool, str, SurveyKind, str], list[int]] = {}
    for one in answers:
        month = f"{one.at.astimezone(zone):%Y-%m}"
        key = (one.campaign is None, one.campaign or "", one.kind, month)
        groups.setdefault(key, []).append(one.score)
    return [
        Summary(campaign=None if outside else campaign, month=month, kind=kind,
                estimate=estimate(kind, groups[outside, campaign, kind, month]))
        for outside, campaign, kind, month in sorted(groups)
    ]  # fmt: skip


def student_quantile(freedom: int) -> float:
    """How many standard errors the interval reaches to each side, for ``freedom`` degrees.

    Found by halving on the distribution's closed form (Abramowitz and Stegun, 26.7.3 and 26.7.4).
    """
    if freedom >= _MANY:
        return _Z
    low, high = 0.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _within(middle, freedom) < CONFIDENCE else (low, middle)
    return low


def _within(t: float, freedom: int) -> float:
    """The probability that Student's t lies between -t and t."""
    angle = atan(t / sqrt(freedom))
    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    total = term if freedom > 1 else 0.0
    for step in range(2 + odd, freedom - 1, 2):
        term *= cos(angle) ** 2 * (step - 1) / step
        total += term
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total


def _counted(scores: Sequence[int]) -> int:
    if not scores:
        raise ValueError("there is no answer")
    return len(scores)
