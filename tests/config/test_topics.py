"""Topics: what they are called, in which language."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from config.topics import Topic, in_language


def test_one_text_serves_every_language() -> None:
    topic = Topic.model_validate({"name": "Offers"})
    assert topic.about is None
    assert {in_language(topic.name, one, "en-US") for one in (None, "de-AT", "en")} == {"Offers"}


@pytest.mark.parametrize(
    ("locale", "wanted"),
    [("de-AT", "Angebote (A)"), ("de-CH", "Angebote"), ("fr", "Offers"), (None, "Offers")],
)
def test_the_nearest_language_is_read(locale: str | None, wanted: str) -> None:
    name = {"de": "Angebote", "de-AT": "Angebote (A)", "en": "Offers"}
    topic = Topic.model_validate({"name": name})
    assert in_language(topic.name, locale, "en-US") == wanted
    assert in_language({"it": "Offerte", "de": "Angebote"}, locale, "it") != "Offers"


def test_a_language_that_is_not_there_gets_the_text_for_all() -> None:
    assert in_language({"de": "Angebote", "any": "Offers"}, "fr", "es") == "Offers"
    assert in_language({"de": "Angebote"}, "fr", "es") == "Angebote"


@pytest.mark.parametrize("name", [{}, {"klingon!": "Offers"}, "", {"en": ""}])
def test_what_cannot_be_shown_is_refused(name: object) -> None:
    with pytest.raises(ValidationError):
        Topic.model_validate({"name": name})
