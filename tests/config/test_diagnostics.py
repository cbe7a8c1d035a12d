"""The nearest right word."""

from __future__ import annotations

import pytest

from config.diagnostics import nearest
from triggers.event_types import BUILT_IN


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("order.payed", "order.paid"),
        ("order.plcd", "order.placed"),
        ("orders.paid", "order.paid"),
        ("ORDER.PAID", "order.paid"),
        ("order.canceled", "order.cancelled"),
        ("order.refund", "order.refunded"),
        ("ticket.solvd", "ticket.solved"),
        ("quite.another", None),
    ],
)
def test_the_nearest_word_is_the_one_that_was_meant(written: str, meant: str | None) -> None:
    assert nearest(written, sorted(BUILT_IN.types)) == meant
