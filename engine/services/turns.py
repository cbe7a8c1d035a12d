"""Who decides when, where several processes decide at one moment, each for customers of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping, Sequence
from datetime import datetime
from typing import Protocol

from engine.core.campaign import Plan
from engine.ports.stored import Occurrence


class Turns(Protocol):
    """Asked by those who decide for many customers at once; it may have them stand still.

    ``braked`` is that of the batch; it is told of campaigns that were braked elsewhere.
    """

    def come(self, plan: Plan, occurrence: Occurrence, now: datetime) -> None:
        """A page of this fire is looked at next; nothing was read for it yet."""
        ...

    def meet(
        self, plan: Plan, page: Sequence[str], more: Callable[[str], Sequence[str]]
    ) -> Sequence[str]:
        """Those of a page, from its first on, who may be decided together.

        ``more`` tells the page beyond a customer.
        """
        ...

    def in_turn(
        self, plan: Plan, customers: Sequence[str], braked: MutableMapping[str, str]
    ) -> Iterator[str]:
        """They, each when it is their turn, until the campaign is braked."""
        ...

    def over(self, now: datetime) -> None:
        """All fires of this moment have had their turn."""
        ...

    def come_to_steps(self, now: datetime, has_any: bool) -> None:
        """Due journeys, if there are any, take their steps next."""
        ...

    def steps_in_turn(
        self, customers: Sequence[str], braked: MutableMapping[str, str]
    ) -> Iterator[str]:
        """All customers with due journeys, each when it is their turn."""
        ...


class Alone:
    """``Turns`` where nobody else decides for others: nobody is waited for."""

    def come(self, plan: Plan, occurrence: Occurrence, now: datetime) -> None:
        """At once."""

    def meet(
        self, plan: Plan, page: Sequence[str], more: Callable[[str], Sequence[str]]
    ) -> Sequence[str]:
        """All of them."""
        return page

    def in_turn(
        self, plan: Plan, customers: Sequence[str], braked: MutableMapping[str, str]
    ) -> Iterator[str]:
        """One after the other."""
        for each in customers:
            yield each
            if plan.id in braked:
                return

    def over(self, now: datetime) -> None:
        """At once."""

    def come_to_steps(self, now: datetime, has_any: bool) -> None:
        """At once."""

    def steps_in_turn(
        self, customers: Sequence[str], braked: MutableMapping[str, str]
    ) -> Iterator[str]:
        """One after the other."""
        return iter(customers)
