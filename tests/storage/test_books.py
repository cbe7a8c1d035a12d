"""Books are loaded where a program reads them, fall due by themselves and follow their customer."""

from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.book import Record
from engine.core.world import World
from engine.ports.stored import Merge
from engine.storage.store import SqlStorage
from tests.storage import things
from tests.storage.things import NOW, store

DAY = timedelta(days=1)


def record(key: str, *, book: str = "points", due: timedelta | None = None, n: int = 1) -> Record:
    at = None if due is None else NOW + due
    return Record(book=book, key=key, at=NOW, data={"points": n, "for": ["é", None]}, due_at=at)


def keep(storage: SqlStorage, customer: str, *records: Record) -> None:
    world = things.new_world(customer)
    for each in records:
        world.write(each)
    store(storage, world)


def read(storage: SqlStorage, customer: str, books: set[str] | None) -> World:
    with storage.deciding() as unit:
        unit.open_books(books)
        return unit.load([customer], now=NOW)[customer]


def due(storage: SqlStorage, after: timedelta) -> list[str]:
    with storage.deciding() as unit:
        return list(unit.customers_with_due_records(NOW + after, 10))


def test_only_the_books_that_are_read_are_loaded(storage: SqlStorage) -> None:
    points, call = record("order:1"), record("task", book="calls")
    keep(storage, "c", points, call)
    assert read(storage, "c", {"points"}).book("points") == [points]
    assert not read(storage, "c", {"points"}).book("calls")
    assert read(storage, "c", set()).books == {}
    assert set(read(storage, "c", None).books) == {("points", "order:1"), ("calls", "task")}


def test_a_record_written_again_replaces_the_former(storage: SqlStorage) -> None:
    keep(storage, "c", record("a", due=DAY), record("b"))
    world = read(storage, "c", {"points"})
    world.write(record("a", n=5))
    store(storage, world)
    assert [one.data["points"] for one in read(storage, "c", {"points"}).book("points")] == [5, 1]
    assert due(storage, 9 * DAY) == []


def test_customers_come_in_the_order_in_which_their_records_fall_due(storage: SqlStorage) -> None:
    keep(storage, "late", record("a", due=2 * DAY), record("b", due=3 * DAY))
    keep(storage, "soon", record("a", due=DAY))
    keep(storage, "never", record("a"))
    assert storage.next_due() == NOW + DAY
    assert due(storage, timedelta(0)) == []
    assert due(storage, DAY) == ["soon"]
    assert due(storage, 3 * DAY) == ["soon", "late"]


def test_a_merge_joins_the_books_and_leaves_the_survivor_its_own(storage: SqlStorage) -> None:
    keep(storage, "old", record("a", n=1), record("b", n=1))
    keep(storage, "young", record("b", n=2), record("c", n=2))
    with storage.deciding() as unit:
        unit.merge(Merge(survivor="old", merged="young", at=NOW))
        unit.commit()
    held = {one.key: one.data["points"] for one in read(storage, "old", None).book("points")}
    assert held == {"a": 1, "b": 1, "c": 2}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    data=st.dictionaries(
        st.text(max_size=5), st.one_of(st.none(), st.integers(-(2**40), 2**40), st.text()),
        max_size=4,
    )
)  # fmt: skip
def test_any_data_comes_back_as_it_was(storage: SqlStorage, data: dict[str, object]) -> None:
    world = things.new_world("any")
    world.is_new = read_or_none(storage) is None
    world.write(Record(book="points", key="k", at=NOW, data=data))
    store(storage, world)
    assert read(storage, "any", None).books["points", "k"].data == data


def read_or_none(storage: SqlStorage) -> World | None:
    with storage.deciding() as unit:
        return unit.load(["any"], now=NOW).get("any")
