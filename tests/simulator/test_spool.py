"""A history on disk comes back in the order in which it arrived, kin together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.kin import Kin, Names
from engine.simulator.spool import History, Spool, packed
from triggers.event import CustomerFacts, Event, OrderFacts

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
NAMES = st.sampled_from(["1", "11", "2", "ä", "😀"])

events = st.lists(
    st.tuples(
        st.integers(0, 3),  # when it happened
        st.integers(0, 2),  # how much later it arrived
        st.sampled_from(["shop", "shop-2"]),
        NAMES,  # its id
        st.none() | NAMES,  # the customer's id
        st.none() | st.sampled_from(["a@example.com", "A@example.com ", "b@example.com"]),
        st.none() | NAMES,  # the order's id
    ),
    max_size=12,
)
Row = tuple[int, int, str, str, str | None, str | None, str | None]


def event_of(row: Row) -> Event:
    when, _, source, name, customer, email, order = row
    return Event(
        id=name,
        source=source,
        type="order.placed",
        time=START + when * HOUR,
        customer=CustomerFacts(id=customer, email=email) if customer or email else None,
        order=None if order is None else OrderFacts(id=order),
    )


def spooled(rows: list[Row]) -> tuple[Spool, Kin, list[Event]]:
    spool, kin, told = Spool(), Kin(), [event_of(row) for row in rows]
    names = Names("US")
    for row, event in zip(rows, told, strict=True):
        spool.add(packed(event, event.time + row[1] * HOUR), kin.add(names(event)))
    for twins in spool.twins():
        kin.join(twins)
    return spool, kin, told


@given(rows=events, end=st.integers(0, 6))
def test_events_come_back_by_arrival_time_source_and_id(rows: list[Row], end: int) -> None:
    spool, _, told = spooled(rows)
    history = History(spool, spool.order(START + end * HOUR))
    arrived = [
        (event.time + row[1] * HOUR, event.time, event.source, event.id)
        for row, event in zip(rows, told, strict=True)
        if row[0] + row[1] < end
    ]
    found = [(each.at, each.event()) for each in history]
    assert [(at, one.time, one.source, one.id) for at, one in found] == sorted(arrived)
    assert all(one in told for _, one in found)


@given(rows=events, count=st.integers(1, 4))
def test_parts_hold_every_event_once_and_keep_kin_together(rows: list[Row], count: int) -> None:
    spool, kin, told = spooled(rows)
    history = History(spool, spool.order(START + 9 * HOUR))
    parts = history.parts(kin.groups(), count)
    assert len(parts) == count
    assert sorted(number for part in parts for number in part.numbers) == [*range(len(told))]
    home = {number: place for place, part in enumerate(parts) for number in part.numbers}
    for one, first in enumerate(told):
        for other, second in enumerate(told):
            if names_of(first) & names_of(second):
                assert home[one] == home[other]
    for part in parts:
        assert list(part.numbers) == [each for each in history.numbers if each in part.numbers]


def names_of(event: Event) -> set[tuple[str, ...]]:
    """By what two events may be about one customer, or be one."""
    names: set[tuple[str, ...]] = {("event", event.source, event.id)}
    facts = event.customer
    if facts is not None and facts.id is not None:
        names.add(("id", event.source, facts.id))
    if facts is not None and facts.email is not None:
        names.add(("email", facts.email.strip().lower()))
    if event.order is not None:
        names.add(("order", event.source, event.order.id))
    return names


def test_what_is_told_of_an_address_goes_with_its_owner() -> None:
    owner = Event(
        id="1", source="shop", type="customer.created", time=START,
        customer=CustomerFacts(id="7", email="Ada@example.com"),
    )  # fmt: skip
    said = Event(
        id="2", source="import", type="consent.recorded", time=START,
        data={"channel": "email", "address": "ada@example.com", "status": "unsubscribed"},
    )  # fmt: skip
    kin, names = Kin(), Names(None)
    places = [kin.add(names(owner)), kin.add(names(said))]
    groups = kin.groups()
    assert groups[places[0]] == groups[places[1]]
