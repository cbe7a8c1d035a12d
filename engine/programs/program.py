"""What every program of the shop is to the services: pure rules over one customer's books.

A program is made from the store's policy. It follows what happens to a customer, looks again at
its own records when they fall due, and takes the steps of campaigns that are its own. It changes
the world and nothing else: records by ``World.write``, news for campaigns by ``World.report``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, Protocol, runtime_checkable

from engine.core.book import Place, Record
from engine.core.campaign import Plans
from engine.core.context import Context, Taken
from engine.core.transition import Transition
from engine.core.verbs import ProgramStep
from engine.core.world import Journey, World

OF_ORDERS: Final = "order"
_SWITCHED_OFF: Final = timedelta(days=1)


class Program(Protocol):
    """One program. Every method is a function of its arguments and of the policy."""

    @property
    def books(self) -> frozenset[str]:
        """The books that it reads or writes; storage loads no others. A book has one program."""
        ...

    @property
    def follows(self) -> frozenset[str]:
        """The types of what it follows; ``OF_ORDERS`` among them: whatever tells of an order."""
        ...

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        """Take in something of a type that it follows, before campaigns hear of it.

        ``backfill``: history is being recorded; nothing may be given or asked for it now.
        """
        ...

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """Look at a record of its books whose time has come.

        It must write the record anew with a later ``due_at``, or none.
        """
        ...

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        """Take a step of a campaign; None when the step is another program's."""
        ...


@runtime_checkable
class Settles(Protocol):
    """A program that looks at what a batch has made of messages, journeys and orders.

    It is asked for a customer of whom there is a record in one of its books.
    """

    @property
    def books(self) -> frozenset[str]:
        """As of every program."""
        ...

    def settle(self, world: World, plans: Plans, context: Context) -> None:
        """Look at a world whose messages, journeys or orders have changed, before it is written."""
        ...


@runtime_checkable
class Derives(Protocol):
    """A program that keeps a page of each customer which follows from the store's policy too."""

    @property
    def edition(self) -> tuple[Place, str]:
        """The page's place, and a text that changes whenever another policy would write it."""
        ...


@dataclass(frozen=True, slots=True)
class Programs:
    """The programs that the shop runs, in a fixed order; ``engine.core.context.StepPrograms``."""

    programs: tuple[Program, ...] = ()
    books: frozenset[str] = field(init=False)
    editions: Mapping[Place, str] = field(init=False, compare=False)  # of pages; see Derives
    _by_book: Mapping[str, Program] = field(init=False, compare=False)
    _settling: tuple[tuple[frozenset[str], Settles], ...] = field(init=False)
    _settled: frozenset[str] = field(init=False)  # the books of those
    _following: Mapping[str, tuple[Program, ...]] = field(init=False, compare=False)  # by type
    _of_orders: tuple[Program, ...] = field(init=False)  # follow whatever tells of an order

    def __post_init__(self) -> None:
        by_book = {book: program for program in self.programs for book in program.books}
        object.__setattr__(self, "_by_book", by_book)
        object.__setattr__(self, "books", frozenset(by_book))
        editions = dict(each.edition for each in self.programs if isinstance(each, Derives))
        object.__setattr__(self, "editions", editions)
        settling = tuple((each.books, each) for each in self.programs if isinstance(each, Settles))
        object.__setattr__(self, "_settling", settling)
        object.__setattr__(self, "_settled", frozenset[str]().union(*(one for one, _ in settling)))
        types = {kind for each in self.programs for kind in each.follows} - {OF_ORDERS}
        following = {
            kind: tuple(
                each for each in self.programs if not each.follows.isdisjoint((kind, OF_ORDERS))
            )
            for kind in types
        }
        object.__setattr__(self, "_following", following)
        of_orders = tuple(each for each in self.programs if OF_ORDERS in each.follows)
        object.__setattr__(self, "_of_orders", of_orders)

    def names(self, kind: str) -> bool:
        """Whether a program follows this type, also where it tells of no order."""
        return kind in self._following

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool = False
    ) -> None:
        """Let every program take in what has happened that follows such things."""
        following = self._following.get(transition.type)
        if following is None:
            following = self._of_orders if transition.order_id is not None else ()
        for program in following:
            program.follow(world, transition, context, backfill=backfill)

    def settle(self, world: World, plans: Plans, context: Context) -> None:
        """Let programs look at what has become of messages, journeys and orders, once a batch."""
        changes = world.changes
        if (changes.messages or changes.journeys or changes.orders) and (
            world.books.has_any_of(self._settled)
        ):
            for books, program in self._settling:
                if world.books.has_any_of(books):
                    program.settle(world, plans, context)

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """Let a record's program look at it; raises ``RuntimeError`` when it stays due.

        A program that the shop has switched off is asked again a day later.
        """
        program = self._by_book.get(record.book)
        if program is None:
            world.write(replace(record, due_at=context.now + _SWITCHED_OFF))
            return
        program.on_due(world, record, context)
        left = world.books.get((record.book, record.key))
        if left is not None and left.due_at is not None and left.due_at <= context.now:
            raise RuntimeError(f"a record of the book {record.book} stays due")

    def take(self, world: World, journey: Journey, step: ProgramStep, context: Context) -> Taken:
        """Take a program's step; one that the shop has not set up is skipped with a reason."""
        for program in self.programs:
            taken = program.take(world, journey, step, context)
            if taken is not None:
                return taken
        return Taken(code="no_program", done=False)
