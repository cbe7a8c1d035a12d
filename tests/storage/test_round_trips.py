"""What is written is what is read, on both databases, whatever it is."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from sqlalchemy import Table

from engine.core.customer import Consent, Customer, Order, Preferences, Suppression, Ticket
from engine.core.message import Message
from engine.core.world import Journey, JourneyStatus, World
from engine.storage import tables
from engine.storage.arrays import array_of
from engine.storage.bulk import BulkTable, fetch, fetch_any
from engine.storage.journey_rows import journey_of, journey_row, message_row
from engine.storage.permission_rows import (
    consent_row,
    preferences_row,
    statement_row,
    suppression_row,
)
from engine.storage.rows import customer_row, line_rows, order_row, ticket_row
from engine.storage.store import SqlStorage
from engine.storage.worlds import columns
from tests.storage import things
from tests.storage.things import NOW, load, with_changed

_AGAIN = hypothesis.settings(
    max_examples=30, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)


def _empty(storage: SqlStorage) -> None:
    with storage.database.writing() as connection:
        for table in tables.metadata.sorted_tables:
            connection.execute(table.delete())


@_AGAIN
@hypothesis.given(
    customer=things.customers,
    orders=st.lists(things.orders, max_size=2, unique_by=lambda each: each.id),
    tickets=st.lists(things.tickets, max_size=2, unique_by=lambda each: each.id),
)
def test_shop_objects_survive(
    storage: SqlStorage, customer: Customer, orders: list[Order], tickets: list[Ticket]
) -> None:
    _empty(storage)
    world = with_changed(World(customer=customer, is_new=True), *orders, *tickets)
    things.store(storage, world)
    read = load(storage, "c")["c"]
    assert read.customer == customer
    assert read.orders == {each.id: each for each in orders}
    assert read.tickets == {each.id: each for each in tickets}
    assert [list(read.orders[each.id].lines) for each in orders] == [
        list(each.lines) for each in orders
    ]


@_AGAIN
@hypothesis.given(
    first=things.journeys, then=things.journeys, message=things.messages, after=things.messages
)
def test_journeys_and_messages_survive_being_written_twice(
    storage: SqlStorage, first: Journey, then: Journey, message: Message, after: Message
) -> None:
    _empty(storage)
    things.store(storage, with_changed(things.new_world("c"), first, message))
    for name in ("id", "campaign", "entry_key", "entry_no", "customer_id", "entered_at"):
        setattr(then, name, getattr(first, name))
    for name in ("id", "journey_id", "campaign", "step", "channel", "entry_key", "created_at"):
        setattr(after, name, getattr(message, name))
    after.status = message.status
    things.store(storage, with_changed(World(customer=things.customer("c")), then, after))
    with storage.deciding() as unit:
        assert unit.messages([message.id]) == {message.id: after}
    with storage.database.reading() as connection:
        query = f"SELECT {columns(tables.journeys)} FROM journeys WHERE id {{any}}"
        assert [journey_of(row) for row in fetch_any(connection, query, [first.id])] == [then]


@_AGAIN
@hypothesis.given(
    consents=st.lists(things.consents, min_size=1, max_size=3),
    suppression=things.suppressions,
    wishes=things.preferences,
)
def test_permissions_survive_and_the_newest_word_counts(
    storage: SqlStorage, consents: list[Consent], suppression: Suppression, wishes: Preferences
) -> None:
    _empty(storage)
    world = things.new_world("c", email="a@example.com")
    world.changes.suppressions += (suppression,)
    world.changes.preferences += (wishes,)
    things.store(storage, world)
    for consent in [*consents, *consents]:
        told = World(customer=world.customer)
        told.changes.consents += (consent,)
        things.store(storage, told)
    read = load(storage, "c")["c"]
    newest: dict[tuple[str, str], Consent] = {}
    for consent in consents:
        key = (consent.channel, consent.address)
        held = newest.setdefault(key, consent)
        is_wider = consent.status == "subscribed" != held.status
        if consent.at > held.at or (consent.at == held.at and not is_wider):
            newest[key] = consent
    assert read.consents == newest
    assert read.suppressions == {(suppression.channel, suppression.address): suppression}
    with storage.database.reading() as connection:
        assert fetch(connection, "SELECT count(*) FROM consent_history")[0][0] == len(set(consents))
    assert read.preferences == {(wishes.channel, wishes.address): wishes}
    read.changes.lifted += (suppression,)
    things.store(storage, read)
    assert load(storage, "c")["c"].suppressions == {}


@hypothesis.given(
    rows=st.one_of(
        things.customers.map(lambda each: [customer_row(each)]),
        things.orders.map(lambda each: [order_row(each), *line_rows(each)]),
        things.tickets.map(lambda each: [ticket_row(each)]),
        things.journeys.map(lambda each: [journey_row(each)]),
        things.messages.map(lambda each: [message_row(each)]),
        things.consents.map(lambda each: [consent_row(each), statement_row(consent_row(each))]),
        things.preferences.map(lambda each: [preferences_row(each)]),
        things.suppressions.map(lambda each: [suppression_row(each)]),
    )
)
def test_rows_hold_plain_values_only(rows: list[tuple[Any, ...]]) -> None:
    for row in rows:
        assert {type(value) for value in row} <= {str, int, bool, bytes, type(None)}
        assert not any(isinstance(value, StrEnum) for value in row)


def _values_of(table: Table, filled: bool) -> tuple[Any, ...]:
    samples: dict[str, Any] = {
        "boolean[]": True,
        "bytea[]": b"\0\xff",
        "bigint[]": -(2**63),
        "smallint[]": -1,
        "integer[]": 2**31 - 1,
        "text[]": "ü🎁\n",
    }
    return tuple(
        samples[array_of(table.columns[name]).name]
        if filled or not table.columns[name].nullable
        else None
        for name in BulkTable.of(table).columns
    )


@pytest.mark.parametrize("filled", [True, False], ids=["filled", "null"])
def test_every_table_takes_extreme_rows(storage: SqlStorage, filled: bool) -> None:
    for name, table in tables.metadata.tables.items():
        bulk, row = BulkTable.of(table), _values_of(table, filled)
        is_counted = len(bulk.columns) < len(table.columns)
        with storage.database.writing() as connection:
            bulk.insert(connection, [row])
            if not is_counted:
                bulk.keep(connection, [row])
                bulk.upsert(connection, [row, row])
            names = ", ".join(f'"{each}"' for each in bulk.columns)
            read = fetch(connection, f"SELECT {names} FROM {name}")
        assert [tuple(each) for each in read] == [row], name


def test_the_worlds_of_an_empty_list_are_none(storage: SqlStorage) -> None:
    assert load(storage) == {}


def test_journeys_of_a_world_are_the_moving_ones(storage: SqlStorage) -> None:
    make: Callable[..., Journey] = things.journey
    over = {"status": JourneyStatus.COMPLETED, "due_at": None, "campaign": "other"}
    live, ended = make("live", "c"), make("ended", "c", **over)
    hoped = make("hoped", "c", **over | {"goal_until": NOW})
    hoped.goal_until = NOW.replace(hour=13)
    reached = make("reached", "c", **over | {"goal_until": hoped.goal_until, "goal_at": NOW})
    things.store(storage, things.new_world("c", live, ended, hoped, reached))
    assert set(load(storage, "c")["c"].journeys) == {"live", "hoped"}
    past = load(storage, "c", past=True)["c"]
    assert set(past.journeys) == {"live", "hoped"}
    keys = {"live", "ended", "hoped", "reached"}
    assert len(past.past) == len(keys)
