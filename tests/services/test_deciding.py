"""What programs tell of a customer at once is decided as if each event came by itself."""

from __future__ import annotations

from copy import deepcopy
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from config.durations import parse
from config.policy import load_policy
from config.yaml_source import load
from engine.core.book import Record
from engine.core.context import Context, Taken
from engine.core.journey import on_event, on_step
from engine.core.transition import Transition
from engine.core.verbs import Delay, ProgramStep, WaitFor
from engine.core.world import Journey, World
from engine.programs.program import OF_ORDERS, Programs
from engine.services.configuration import Configuration
from engine.services.deciding import InTurn, decide
from tests.core.shop import RULES, T0, Shop, plan, transition, when
from triggers.event import CustomerFacts, Event, OrderFacts

TOLD, READ, EACH = "shop.told", "shop.read", "shop.each"
KEPT, CALM = "shop.kept", "shop.calm"
HOUR = timedelta(hours=1)
STORE = Path(__file__).parents[2] / "config" / "store.yaml"
POLICY = load_policy(load(STORE.read_text(encoding="utf-8"), "store.yaml"))


class Keeping:
    """Writes down what it is told of one type, and of every order."""

    books = frozenset({"kept"})
    follows = frozenset({KEPT, OF_ORDERS})

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        key = str(transition.data.get("n"))
        world.write(Record(book="kept", key=key, at=transition.time, data={}))

    def on_due(self, world: World, record: Record, context: Context) -> None:
        raise AssertionError("nothing falls due")

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        return None


def shop() -> Shop:
    rest: dict[str, Any] = {"kind": Delay, "for_": parse("1d")}
    until: dict[str, Any] = {
        "kind": WaitFor,
        "until": when("event.data.n > 2"),
        "timeout": parse("9d"),
    }
    return Shop.of(
        plan(rest, id="told", on=TOLD, key="customer.id"),
        plan(id="again", on=TOLD, key="customer.id", re_entry=parse("1h")),
        plan(rest, id="tagged", on=TOLD, key="customer.id",
             filter=when('"vip" in customer.tags')),
        plan(rest, id="read", on=READ, key="customer.id", filter=when("trigger.data.n > 1")),
        plan(rest, id="each", on=EACH, key="trigger.data.n"),
        plan(rest, id="kept", on=KEPT, key="customer.id"),
        plan(until, rest, id="waits", on=CALM, key="customer.id"),
    )  # fmt: skip


ITSELF, TAGGED = CustomerFacts(id="c-1"), CustomerFacts(id="c-1", tags=("vip",))
RUNS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "type": st.sampled_from([TOLD, TOLD, READ, EACH, KEPT, CALM]),
        "time": st.sampled_from([T0, T0, T0 + HOUR]),
        "customer": st.sampled_from([ITSELF, ITSELF, TAGGED]),
        "order": st.sampled_from([None, None, OrderFacts(id="1", source="shop", partial=True)]),
        "causes": st.sampled_from([(), (), ("x",) * 9]),
    }
)


@st.composite
def tellings(draw: st.DrawFn) -> list[Event]:
    """Events of one customer, several in a row alike but for their data."""
    runs = draw(st.lists(st.tuples(RUNS, st.lists(st.integers(0, 3), max_size=3)), max_size=5))
    return [
        Event(id=f"{run}-{number}", source="lagniappe", data={"n": n}, **given)
        for run, (given, numbers) in enumerate(runs)
        for number, n in enumerate(numbers)
    ]


def _told(*told: tuple[datetime, int]) -> list[Event]:
    given: dict[str, Any] = {"source": "lagniappe", "type": TOLD, "customer": ITSELF}
    return [
        Event(id=str(number), time=at, data={"n": n}, **given)
        for number, (at, n) in enumerate(told)
    ]


@given(tellings(), st.booleans())
@example(_told((T0, 0), (T0, 0), (T0 + HOUR, 0)), False)
@example(_told((T0, 0), (T0, 0), (T0, 3)), True)
def test_events_told_at_once_are_decided_one_by_one(events: list[Event], waits: bool) -> None:
    one = shop()
    if waits:
        on_event(one.world, transition(CALM, T0, order=None), one.plans, one.context)
        on_step(one.world, one.journey, one.plans, one.context)
    apart = deepcopy(one.world)
    programs = Programs((Keeping(),))
    configuration = Configuration(plans=one.plans, policy=POLICY, rules=RULES, programs=programs)
    one.now, one.programs = T0 + 2 * HOUR, programs
    context = one.context
    in_turn = InTurn(configuration, context)
    for event in events:
        told = in_turn.decide(one.world, event)
        assert told == decide(configuration, apart, event, context)
    assert one.world == apart


def test_what_comes_to_nothing_again_is_not_decided_again() -> None:
    one = shop()
    configuration = Configuration(plans=one.plans, policy=POLICY, rules=RULES, programs=Programs())
    in_turn = InTurn(configuration, one.context)
    entered, stays, again = (
        in_turn.decide(one.world, event) for event in _told((T0, 1), (T0, 2), (T0, 3))
    )
    assert [each.code.value for each in entered] == ["entered", "filter", "entered"]
    assert [each.code.value for each in stays] == ["re_entry", "filter", "already_in"]
    assert again is stays
