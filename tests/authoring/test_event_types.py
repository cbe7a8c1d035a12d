"""``config/events.yaml``: the shop's own event types."""

from __future__ import annotations

import pytest

from config.yaml_source import SourceError, load
from engine.authoring.event_types import extend_catalog
from triggers.event_types import BUILT_IN


def test_types_are_added_behind_the_built_in_ones() -> None:
    text = (
        "version: 1\nevents:\n  shop.quiz_done:\n    doc: Done.\n    object: order\n"
        "    fields: {score: int, topics: strings}\n  shop.pinged: {}\n"
    )
    catalog = extend_catalog(load(text, "config/events.yaml"), BUILT_IN)
    assert [*catalog.types] == [*BUILT_IN.types, "shop.quiz_done", "shop.pinged"]
    quiz = catalog.types["shop.quiz_done"]
    assert (quiz.doc, quiz.object, quiz.custom) == ("Done.", "order", True)
    assert {name: field.type for name, field in quiz.fields.items()} == {
        "score": "int",
        "topics": "strings",
    }
    assert catalog.types["shop.pinged"].object == "customer"


@pytest.mark.parametrize(
    ("body", "code", "line"),
    [
        ("{order.placed: {}}", "bad-event-type", 2),
        ("{quiz: {}}", "bad-event-type", 2),
        ("{Shop.Quiz: {}}", "bad-event-type", 2),
        ("\n  shop.quiz: {object: person}", "unknown-value", 3),
        ("\n  shop.quiz: {fields: {score: integer}}", "unknown-value", 3),
        ("\n  shop.quiz: {fields: {Score: int}}", "bad-event-type", 3),
        ("\n  shop.quiz: {field: {score: int}}", "unknown-field", 3),
        ("[shop.quiz]", "wrong-type", 2),
    ],
)
def test_mistakes_are_told_at_their_place(body: str, code: str, line: int) -> None:
    text = f"version: 1\nevents: {body}\n"
    with pytest.raises(SourceError) as caught:
        extend_catalog(load(text, "config/events.yaml"), BUILT_IN)
    (told,) = caught.value.diagnostics
    assert (told.code, told.at.line) == (code, line)
