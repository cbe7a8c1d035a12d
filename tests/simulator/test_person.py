"""What the memory has kept of a customer makes the world that the database would load."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

import hypothesis
from hypothesis import strategies as st

from engine.core.customer import Order
from engine.core.message import SLOTLESS, Message, MessageStatus
from engine.core.world import Contact, Journey, JourneyStatus, World
from engine.ports.storage import UnitOfWork
from engine.simulator.agenda import Agenda
from engine.simulator.memory import Memory
from engine.simulator.orders import Orders
from engine.simulator.person import OPEN
from engine.simulator.press import Press
from engine.simulator.storage import MemoryStorage
from engine.storage.database import Database
from engine.storage.store import SqlStorage
from tests.databases import NewDatabase
from tests.simulator.customers_at_random import Silent
from tests.storage import things

DAY = timedelta(days=1)
LOOKS_BACK = 45 * DAY
Step = tuple[str, int, dict[str, Any]]

_days = st.none() | st.integers(-30, 120)
_steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(
            st.just("journey"),
            st.integers(0, 1),
            st.fixed_dictionaries(
                {
                    "status": st.sampled_from(JourneyStatus),
                    "awaiting": st.none() | st.sampled_from(["m0", "m1"]),
                    "goal_until": _days,
                    "goal_at": st.none() | st.none() | st.just(0),
                }
            ),
        ),
        st.tuples(
            st.just("message"),
            st.integers(0, 1),
            st.fixed_dictionaries(
                {
                    "status": st.sampled_from([*OPEN, *MessageStatus]),
                    "reason": st.none() | st.sampled_from(sorted(SLOTLESS)),
                    "send_at": st.integers(0, 40),
                    "sent_at": _days,
                }
            ),
        ),
        st.tuples(st.just("pass"), st.integers(1, 50), st.just({})),
    ),
    min_size=4,
    max_size=14,
)


class Story:
    """The same things said to a unit of work of each storage."""

    def __init__(self) -> None:
        self.now = things.NOW
        self._begun: dict[str, datetime] = {}
        self._done: set[int] = set()  # messages of which nothing else can come

    def happens(self, kind: str, number: int, said: dict[str, Any]) -> bool:
        """Whether there is something to be told of it; time passes by itself."""
        if kind == "pass":
            self.now += number * DAY
            return False
        if kind == "message":
            if number in self._done:
                return False
            if said["status"] not in OPEN:
                self._done.add(number)
        return True

    def told(self, kind: str, number: int, said: dict[str, Any]) -> Journey | Message:
        moments = ("goal_until", "goal_at", "send_at", "sent_at")
        fields = {
            name: self.now + value * DAY if name in moments and value is not None else value
            for name, value in said.items()
        }
        if kind == "journey":
            key = f"j{number}"
            begun = self._begun.setdefault(key, self.now)
            order = f"o{number}" if number else None
            return things.journey(key, "c", entered_at=begun, order_id=order, **fields)
        key = f"m{number}"
        begun = self._begun.setdefault(key, self.now)
        journey = f"j{number}"
        return things.message(key, "c", created_at=begun, journey_id=journey, **fields)


def _seen(unit: UnitOfWork, now: datetime, complete: bool, message_ids: tuple[str, ...]) -> Any:
    unit.load(["c"], now=now)  # as who judges no caps: not so far back
    unit.look_back(LOOKS_BACK)
    (world,) = unit.load(
        ["c"],
        now=now,
        past=True,
        order_ids=["o3"],
        complete=["c"] if complete else (),
        message_ids=message_ids,
    ).values()
    told = {name: dict(getattr(world, name)) for name in ("orders", "tickets", "journeys",
            "messages", "consents", "suppressions", "preferences")}  # fmt: skip
    contacts: list[Contact] = sorted(world.contacts, key=lambda one: one.message_id)
    moving = unit.load_moving(["c"], now=now)["c"].journeys
    assert moving.items() <= world.journeys.items()
    return {
        **told,
        "past": world.past,
        "contacts": contacts,
        "complete": world.complete,
        "new": world.is_new,
        "moving": dict(moving),
    }


@hypothesis.settings(
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture], max_examples=60
)
@hypothesis.given(steps=_steps, complete=st.booleans(), named=st.booleans())
def test_a_world_is_what_the_database_would_load(
    new_sqlite: NewDatabase, steps: list[Step], complete: bool, named: bool
) -> None:
    database = Database(new_sqlite())
    try:
        _agree(SqlStorage(database), steps, complete, ("m0",) if named else ())
    finally:
        database.close()


def _store(storage: SqlStorage | MemoryStorage, world: World) -> None:
    with storage.deciding() as unit:
        unit.save(world)
        unit.commit()


def _agree(
    database: SqlStorage, steps: list[Step], complete: bool, message_ids: tuple[str, ...]
) -> None:
    memory = MemoryStorage(Memory(Silent()))
    story = Story()
    orders = [things.order(f"o{number}", "c") for number in range(4)]
    for storage in (database, memory):
        _store(storage, things.new_world("c", *(replace(one) for one in orders)))
    for kind, number, said in steps:
        if story.happens(kind, number, said):
            for storage in (database, memory):
                thing = story.told(kind, number, said)
                _store(storage, things.with_changed(World(customer=things.customer("c")), thing))
        with database.deciding() as theirs, memory.deciding() as ours:
            assert _seen(ours, story.now, complete, message_ids) == _seen(
                theirs, story.now, complete, message_ids
            )


@hypothesis.given(
    orders=st.lists(things.orders, max_size=6, unique_by=lambda each: each.id),
    kept_by_us=st.booleans(),
)
def test_orders_that_were_packed_are_what_they_were(orders: list[Order], kept_by_us: bool) -> None:
    before = {each.id: asdict(each) for each in orders}
    owner = "c" if kept_by_us else "another"
    kept, press = Orders(), Press()
    for each in orders:
        kept[each.id] = each
    stays = {
        each.id
        for each in orders
        if not kept_by_us or each.placed_at is None or each.placed_at >= things.NOW
    }
    assert kept.pack(things.NOW, owner, press) == bool(stays)
    assert sorted(kept) == sorted(before)
    assert all(each in kept for each in before)
    assert all(kept[each.id] is each for each in orders if each.id in stays)
    named = [*before][::2]
    chosen = kept.chosen([*named, "there is none"])
    assert sorted(chosen) == sorted(named)
    found = {key: kept[key] for key in kept}
    assert {key: asdict(each) for key, each in found.items()} == before
    assert {key: list(each.lines) for key, each in found.items()} == {
        each.id: list(each.lines) for each in orders
    }
    whole = kept.all()
    assert {key: asdict(each) for key, each in whole.items()} == before
    assert all(seen[key] is seen[key] for seen in (whole, chosen) for key in named)
    for key in named:
        whole[key] = chosen[key]
        assert kept[key] is kept.get(key) is whole[key] is chosen[key]
    chosen["new"] = Order(id="new")
    assert "new" in chosen
    assert "new" not in kept
    assert kept.get("there is none") is None
    assert chosen.get("there is none") is None
    assert kept.pack(things.NOW, owner, press) == bool(stays)
    assert {key: asdict(kept[key]) for key in kept} == before


@hypothesis.given(st.lists(st.binary(max_size=200) | st.just(b"often the same" * 9), max_size=300))
def test_what_was_pressed_comes_out_again(records: list[bytes]) -> None:
    press = Press()
    pressed = [press.press(each) for each in records]
    assert [press.open(each) for each in pressed] == records


def test_what_looks_like_others_is_pressed_small() -> None:
    press = Press()
    told = [f"{number}: an order of coffee, tea and three cups".encode() for number in range(40)]
    sizes = [len(press.press(each)) for each in told]
    assert max(sizes[4:]) < min(sizes[:3]) / 2


@hypothesis.given(
    st.lists(
        st.one_of(
            st.tuples(st.sampled_from("abcd"), st.none() | st.integers(0, 9)),
            st.tuples(st.none(), st.integers(0, 9)),
        )
    ),
    st.sampled_from([0, 1, 256]),
)
def test_an_agenda_tells_what_is_due(said: list[tuple[str | None, int | None]], stale: int) -> None:
    agenda, known = Agenda(stale), dict[str, datetime]()
    for key, number in said:
        at = None if number is None else things.NOW + number * DAY
        if key is not None:
            agenda.put(key, at)
            known = {each: moment for each, moment in known.items() if each != key}
            if at is not None:
                known[key] = at
        elif at is not None:
            due = sorted((moment, each) for each, moment in known.items() if moment <= at)
            for limit in (1, 9):
                assert agenda.due(at, limit) == [each for _, each in due][:limit]
        assert agenda.next_at() == min(known.values(), default=None)
        assert agenda.since() == known
