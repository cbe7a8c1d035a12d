"""What every program can rely on, shown by a small one that counts deliveries."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.core.book import Record
from engine.core.campaign import Plans
from engine.core.context import Context, Taken
from engine.core.decision import DecisionKind
from engine.core.transition import Transition
from engine.core.verbs import ProgramStep
from engine.core.world import Journey, World
from engine.programs.program import OF_ORDERS, Programs
from engine.services.bookkeeping import look_at_due
from tests.core.shop import DAY, T0, Shop, plan, transition


class Counting:
    """Writes a record for each delivery, and looks at it again a day later, once."""

    books = frozenset({"deliveries"})
    follows: frozenset[str] = frozenset({"order.delivered"})

    def __init__(self, *, stuck: bool = False) -> None:
        self._stuck = stuck

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        if transition.type == "order.delivered" and not backfill:
            at, key = transition.time, transition.order_id or ""
            world.write(
                Record(book="deliveries", key=key, at=at, data={"seen": 0}, due_at=at + DAY)
            )

    def on_due(self, world: World, record: Record, context: Context) -> None:
        if not self._stuck:
            world.write(replace(record, data={"seen": record.data["seen"] + 1}, due_at=None))

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        if step.name != "count":
            return None
        return Taken(code="counted", results={"number": len(world.book("deliveries"))})


def shop(*programs: Counting) -> Shop:
    counted = {"kind": ProgramStep, "id": "n", "name": "count"}
    unknown = {"kind": ProgramStep, "id": "other"}
    return Shop.of(plan(counted, unknown), programs=Programs(programs))


def tell(one: Shop, programs: Programs, *, backfill: bool = False) -> None:
    event = transition("order.delivered", one.now)
    programs.follow(one.world, event, one.context, backfill=backfill)


def test_a_program_keeps_books_and_looks_again_when_they_fall_due() -> None:
    programs = Programs((Counting(),))
    assert programs.books == {"deliveries"}
    one = shop()
    tell(one, programs)
    tell(one, programs)  # told twice is one record
    assert len(one.world.book("deliveries")) == 1
    one.now = T0 + DAY
    look_at_due(one.world, programs, one.context)
    look_at_due(one.world, programs, one.context)
    (left,) = one.world.book("deliveries")
    assert (left.data, left.due_at) == ({"seen": 1}, None)


def test_a_program_hears_of_what_it_follows_and_is_asked_where_it_keeps_a_record() -> None:
    class Curious(Counting):
        heard: list[str]
        settled = 0

        def follow(
            self, world: World, transition: Transition, context: Context, *, backfill: bool
        ) -> None:
            self.heard.append(transition.type)
            super().follow(world, transition, context, backfill=backfill)

        def settle(self, world: World, plans: Plans, context: Context) -> None:
            self.settled += 1

    class Nosy(Curious):
        books = frozenset({"notes"})
        follows = frozenset({OF_ORDERS})

    curious, nosy = Curious(), Nosy()
    curious.heard, nosy.heard = [], []
    programs, one = Programs((curious, nosy)), shop()
    for kind in ("order.shipped", "order.delivered"):
        programs.follow(one.world, transition(kind, one.now), one.context)
        one.world.changes.orders |= {"shopify:1"}
        programs.settle(one.world, one.plans, one.context)
    assert curious.heard == ["order.delivered"]
    assert nosy.heard == ["order.shipped", "order.delivered"]
    assert (curious.settled, nosy.settled) == (1, 0)


def test_history_gives_nothing() -> None:
    programs, one = Programs((Counting(),)), shop()
    tell(one, programs, backfill=True)
    assert one.world.books == {}


@pytest.mark.parametrize(
    ("programs", "later"),
    [(Programs((Counting(stuck=True),)), timedelta(hours=1)), (Programs(), timedelta(days=1))],
)
def test_what_no_program_settles_does_not_stay_due(programs: Programs, later: timedelta) -> None:
    one = shop()
    tell(one, Programs((Counting(),)))
    one.now = T0 + 2 * DAY
    look_at_due(one.world, programs, one.context)
    assert one.world.book("deliveries")[0].due_at == one.now + later


def test_a_step_is_taken_by_its_program_or_skipped_with_a_reason() -> None:
    one = shop(Counting())
    tell(one, Programs((Counting(),)))
    one.tell("order.delivered")
    one.step()
    assert one.journey.results["n"] == {"number": 1, "done": True}
    assert one.codes(DecisionKind.DONE) == ["counted"]
    assert one.codes(DecisionKind.STEP_SKIPPED) == ["no_program"]
