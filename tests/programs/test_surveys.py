"""Scores: what is one, how they are read from texts and keypads, and the book that keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.answers import ANSWERS, last_answer_at, latest_score
from engine.core.book import Books
from engine.core.facts import FIELDS, value_of
from engine.core.survey import (
    LONGEST_COMMENT,
    SCALES,
    SurveyKind,
    answer_in,
    answer_of,
    comment_of,
    is_on_scale,
)
from engine.core.world import World
from engine.programs.scales import labels, survey_values
from engine.programs.surveys import MOST_ANSWERS, Surveys, answers_of
from tests.core.shop import DAY, T0, Shop, plan, transition

KINDS = st.sampled_from(list(SCALES))


@pytest.mark.parametrize(
    ("kind", "text", "found"),
    [
        ("nps", "9", (9, None)),
        ("nps", "10!", (10, None)),
        ("nps", " 0 ", (0, None)),
        ("nps", "9 great service", (9, "great service")),
        ("nps", "9. Great, thanks", (9, "Great, thanks")),
        ("nps", "9/10 would buy again", (9, "would buy again")),
        ("nps", "7 - slow parcel\nbut fine", (7, "slow parcel\nbut fine")),
        ("nps", "9\ufe0f\u20e3", (9, None)),
        ("csat", "５", (5, None)),
        ("csat", "5 \u2764\ufe0f", (5, "\u2764")),
        ("csat", "4/5", (4, None)),
        ("csat", "4/10", None),
        ("csat", "9", None),
        ("ces", "0", None),
        ("nps", "11", None),
        ("nps", "100", None),
        ("nps", "9am is fine", None),
        ("nps", "9:30 please", None),
        ("nps", "9.50 too much", None),
        ("nps", "9,5", None),
        ("nps", "10% off?", None),
        ("nps", "9-10 days", None),
        ("nps", "5th avenue", None),
        ("nps", "-1", None),
        ("nps", "thanks, 9", None),
        ("nps", "", None),
        ("nps", "\u0669", None),
    ],
)
def test_a_text_that_begins_with_a_score_is_an_answer(
    kind: SurveyKind, text: str, found: tuple[int, str | None] | None
) -> None:
    assert answer_in(kind, text) == found


@given(KINDS, st.text(max_size=40))
def test_no_text_gives_a_score_off_the_scale(kind: SurveyKind, text: str) -> None:
    found = answer_in(kind, text)
    assert found is None or is_on_scale(kind, found[0])
    typed = answer_of(kind, text)
    assert typed is None or is_on_scale(kind, typed)


@given(KINDS, st.data())
def test_every_score_can_be_typed_and_written(kind: SurveyKind, data: st.DataObject) -> None:
    score = data.draw(st.sampled_from(SCALES[kind]))
    comment = data.draw(st.from_regex(r"[a-z]{1,20}( [a-z]{1,20})?", fullmatch=True))
    assert answer_of(kind, str(score)) == score
    assert answer_in(kind, f"{score} {comment}") == (score, comment)


@pytest.mark.parametrize("digits", ["", "*", "#", "99", "123", "1 ", "٣", "-1", "1.0"])
def test_what_is_no_score_on_a_keypad(digits: str) -> None:
    assert answer_of("csat", digits) is None


@given(st.text(max_size=3000))
def test_a_comment_is_bounded_and_clean(text: str) -> None:
    told = comment_of(text)
    assert told is None or (told and told == told.strip() and len(told) <= LONGEST_COMMENT)
    assert told is None or not any(ord(char) < 32 and char != "\n" for char in told)


@given(KINDS, st.sampled_from(["en", "de-AT", "fr", None]))
def test_the_template_root_has_a_link_for_each_score(kind: SurveyKind, locale: str | None) -> None:
    values = survey_values(kind, locale, lambda score: f"/{score}")
    assert [one["score"] for one in values["scores"]] == list(SCALES[kind])
    assert [one["url"] for one in values["scores"]] == [f"/{score}" for score in SCALES[kind]]
    assert values["url"] == "/None"
    assert values["lowest_label"] == labels(kind, locale)[values["lowest"]]
    assert values["highest_label"]


def told(world: World, shop: Shop, minute: int, **data: Any) -> None:
    at = T0 + timedelta(minutes=minute)
    event = replace(transition("survey.answered", at, **data), id=f"a:{minute}")
    Surveys().follow(world, event, shop.context, backfill=False)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), min_size=1, max_size=30,
             unique_by=lambda each: each[0]),
    st.randoms(use_true_random=False),
)  # fmt: skip
def test_answers_in_any_order_and_twice_end_in_one_book(
    answers: list[tuple[int, int]], random: Any
) -> None:
    shop, books = Shop.of(plan()), []
    for order in (answers, random.sample(answers, len(answers)) + answers[:3]):
        shop.world.books = Books()
        for minute, score in order:
            told(shop.world, shop, minute, kind="nps", score=score, message_id="m-1")
        (record,) = shop.world.book(ANSWERS)
        books.append(record)
    assert books[0] == books[1]
    in_order = sorted(answers)
    assert latest_score(shop.world, "nps") == in_order[-1][1]
    kept = [one["score"] for one in answers_of(books[0])]
    assert kept == [score for _, score in in_order][-MOST_ANSWERS:]


def test_scores_are_facts_of_the_customer() -> None:
    shop = Shop.of(plan())

    def fact(name: str) -> object:
        return value_of(name, shop.world, order=None, ticket=None, trigger={}, now=T0 + 3 * DAY)

    names = ("customer.nps", "customer.csat", "customer.ces", "customer.days_since_survey")
    assert set(names) <= set(FIELDS)
    assert [fact(name) for name in names] == [None, None, None, None]
    told(shop.world, shop, 1, kind="nps", score=9, message_id="m-1")
    told(shop.world, shop, 2, kind="nps", score=3)
    told(shop.world, shop, 3, kind="csat", score=4)
    told(shop.world, shop, 4, kind="csat", score=11)  # on no scale
    told(shop.world, shop, 5, kind="smile", score=1)
    told(shop.world, shop, 6, kind="ces", score=True)
    assert [fact(name) for name in names] == [3, 4, None, 2]
    assert last_answer_at(shop.world) == T0 + timedelta(minutes=3)


def test_an_answer_that_names_journey_and_step_is_to_that_message() -> None:
    shop = Shop.of(plan())
    told(shop.world, shop, 1, kind="nps", score=9, journey="j-1", step="nps")
    told(shop.world, shop, 2, kind="nps", score=6, journey="j-1", step="nps")
    (record,) = shop.world.book(ANSWERS)
    assert [one["score"] for one in answers_of(record)] == [9, 6]
