"""Who keeps a record in which place of a book."""

from __future__ import annotations

from collections.abc import Collection

Place = tuple[str, str]  # a book and a key in it


class Keepers:
    """The customers by the places of their records: one in nearly every place, and all of them
    where every customer has such a record."""

    def __init__(self) -> None:
        self._first: dict[Place, str] = {}
        self._others: dict[Place, set[str]] = {}

    def of(self, place: Place) -> Collection[str]:
        """Who keeps a record in this place."""
        first = self._first.get(place)
        if first is None:
            return ()
        others = self._others.get(place)
        return (first,) if others is None else (first, *others)

    def add(self, place: Place, customer_id: str) -> None:
        """This customer keeps one too."""
        first = self._first.setdefault(place, customer_id)
        if first != customer_id:
            self._others.setdefault(place, set()).add(customer_id)

    def drop(self, place: Place, customer_id: str) -> None:
        """This customer keeps none any more."""
        others = self._others.get(place, set())
        if self._first.get(place) != customer_id:
            others.discard(customer_id)
        elif others:
            self._first[place] = others.pop()
        else:
            del self._first[place]
