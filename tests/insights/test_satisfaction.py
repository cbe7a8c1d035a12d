"""Satisfaction in figures: against values that others have worked out, and what must hold."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.survey import SCALES, SurveyKind
from engine.insights.satisfaction import (
    Answer,
    ces,
    csat,
    estimate,
    nps,
    student_quantile,
    summaries,
)

BOUNDS = {"csat": (0, 100), "nps": (-100, 100), "ces": (1, 7)}
KINDS = st.sampled_from(list(SCALES))


# Student, "The Probable Error of a Mean" as tabled in every textbook: two-sided, 95%.
@pytest.mark.parametrize(
    ("freedom", "quantile"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (10, 2.228), (29, 2.045),
     (30, 2.042), (120, 1.980), (1999, 1.961), (2000, 1.960)],
)  # fmt: skip
def test_students_quantiles_are_the_tabled_ones(freedom: int, quantile: float) -> None:
    assert student_quantile(freedom) == pytest.approx(quantile, abs=6e-4)


def test_wilsons_interval_of_a_share() -> None:
    # R: prop.test(81, 263, correct = FALSE) gives 0.2553 to 0.3662 (R. Newcombe, 1998, table I).
    found = csat([5] * 81 + [2] * 182)
    assert found.value == pytest.approx(30.80, abs=0.01)
    assert found.low == pytest.approx(25.53, abs=0.01)
    assert found.high == pytest.approx(36.62, abs=0.01)
    assert csat([4, 5]).value == 100
    assert csat([3]).value == 0


def test_promoters_less_detractors() -> None:
    found = nps([10] * 50 + [8] * 30 + [3] * 20)
    assert found.value == 30
    # p = 50.75/103, d = 20.75/103: 29.13 -/+ 1.96 * sqrt(0.6093/103)
    assert found.low == pytest.approx(14.05, abs=0.01)
    assert found.high == pytest.approx(44.20, abs=0.01)
    assert [nps([score]).value for score in (6, 7, 8, 9)] == [-100, 0, 0, 100]


def test_a_mean_and_its_interval() -> None:
    found = ces([5, 6, 7, 4])
    assert found.value == 5.5
    assert found.low == pytest.approx(3.446, abs=1e-3)
    assert found.high == 7
    assert (ces([6]).low, ces([6]).high) == (None, None)


@given(KINDS, st.data())
def test_a_figure_lies_in_its_bounds_and_more_answers_say_more(
    kind: SurveyKind, data: st.DataObject
) -> None:
    scores = data.draw(st.lists(st.sampled_from(SCALES[kind]), min_size=2, max_size=40))
    least, most = BOUNDS[kind]
    few, many = estimate(kind, scores), estimate(kind, scores * 30)
    for one in (few, many):
        assert one.low is not None
        assert one.high is not None
        assert least <= one.low <= one.high <= most
        assert least <= one.value <= most
    assert few.value == pytest.approx(many.value)
    assert many.high - many.low <= few.high - few.low + 1e-9  # type: ignore[operator]
    shuffled = data.draw(st.permutations(scores))
    assert estimate(kind, shuffled).value == pytest.approx(few.value)


def test_no_answer_has_no_figure() -> None:
    for kind in SCALES:
        with pytest.raises(ValueError, match="no answer"):
            estimate(kind, [])


def test_answers_are_summed_by_campaign_and_month_on_the_shops_clock() -> None:
    late = datetime(2026, 4, 1, 3, tzinfo=UTC)  # still March in Chicago
    answers = [
        Answer(kind="nps", score=9, at=late, campaign=None),
        Answer(kind="csat", score=5, at=late, campaign="care"),
        Answer(kind="csat", score=2, at=datetime(2026, 3, 2, tzinfo=UTC), campaign="care"),
        Answer(kind="csat", score=4, at=datetime(2026, 4, 2, tzinfo=UTC), campaign="care"),
    ]
    found = summaries(answers, ZoneInfo("America/Chicago"))
    told = [(one.campaign, one.kind, one.month, one.estimate.answers, one.estimate.value)
            for one in found]  # fmt: skip
    assert told == [
        ("care", "csat", "2026-03", 2, 50),
        ("care", "csat", "2026-04", 1, 100),
        (None, "nps", "2026-03", 1, 100),
    ]
