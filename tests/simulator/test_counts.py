"""Lived through without campaigns' effects, real histories keep their own counts, to the cent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from typing import Any

from engine.simulator.preparation import Sample, prepare
from engine.simulator.simulation import simulate
from tests.datasets import cdnow, complete_journey
from triggers.event import CustomerFacts, Event, LineFacts, OrderFacts

Scale = Callable[[int, int], int]
LIBRARY = Path(__file__).resolve().parents[2]
NOON = time(12, tzinfo=UTC)


def bought(number: object, customer: str, at: datetime, total: Decimal, **more: Any) -> Event:
    facts = OrderFacts(id=str(number), total=total, placed_at=at, **more)
    return Event(
        id=f"p{number}", source="shop", type="order.placed", time=at,
        customer=CustomerFacts(id=customer, email=f"c{customer}@example.com"), order=facts,
    )  # fmt: skip


def music(customers: int) -> Iterator[Event]:
    """CDNOW: every purchase of the first so many customers."""
    told = takewhile(lambda one: int(one.customer) <= customers, cdnow())
    for number, one in enumerate(told, 1):
        yield bought(number, one.customer, datetime.combine(one.day, NOON), one.total)


def groceries(households: int) -> Iterator[Event]:
    """The Complete Journey: every basket of the households with the smallest numbers."""
    for one in complete_journey(households):
        lines = tuple(
            LineFacts(id=str(place), product_id=product, quantity=pieces)
            for place, (product, pieces, _) in enumerate(one.lines)
        )
        total = sum((value for *_, value in one.lines), Decimal(0))
        yield bought(one.id, one.household, one.at, total, lines=lines)


def check(events: Iterable[Event]) -> int:
    """The whole library lives through it; how many messages that comes to."""
    prepared = prepare(LIBRARY, {}, only=(), drafts=True, changes={}, render=1, seed="1")
    orders, customers, revenue = 0, set(), Decimal(0)
    for one in events:
        assert one.customer is not None
        assert one.order is not None
        assert one.order.total is not None
        orders, revenue = orders + 1, revenue + one.order.total
        customers.add(one.customer.id)
        prepared.add(one)
    setup = prepared.setup(since=None, until=None, afterwards=timedelta(days=5))
    history = prepared.history(setup, Sample())
    outcome = simulate(setup, history, lambda now, taken: True)
    figures = outcome.figures
    assert outcome.complete
    assert (figures.events, figures.orders) == (orders, orders)
    assert figures.customers == len(customers)
    assert figures.revenue == revenue
    return figures.sent.total()


def test_cdnow_comes_out_as_it_was(scale: Scale) -> None:
    assert check(music(scale(500, 23_570))) > 0


def test_the_complete_journey_comes_out_as_it_was(scale: Scale) -> None:
    assert check(groceries(scale(15, 2_500))) > 0
