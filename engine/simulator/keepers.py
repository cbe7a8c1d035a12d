"""Who keeps a record in which place of a book, and who has which code."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator
from typing import Generic, TypeVar

Place = tuple[str, str]  # a book and a key in it
Held = TypeVar("Held", bound=Hashable)


class Keepers(Generic[Held]):
    """The customers by what they keep: one of nearly every thing, and all of them of what every
    customer has."""

    def __init__(self) -> None:
        self._first: dict[Held, str] = {}
        self._others: dict[Held, set[str]] = {}

    def __iter__(self) -> Iterator[Held]:
        return iter(self._first)

    def of(self, held: Held) -> Collection[str]:
        """Who keeps this."""
        first = self._first.get(held)
        if first is None:
            return ()
        others = self._others.get(held)
        return (first,) if others is None else (first, *others)

    def add(self, held: Held, customer_id: str) -> None:
        """This customer keeps it too."""
        first = self._first.setdefault(held, customer_id)
        if first != customer_id:
            self._others.setdefault(held, set()).add(customer_id)

    def drop(self, held: Held, customer_id: str) -> None:
        """This customer keeps it no more."""
        others: set[str] = self._others.get(held, set())
        if self._first.get(held) != customer_id:
            others.discard(customer_id)
        elif others:
            self._first[held] = others.pop()
        else:
            del self._first[held]
