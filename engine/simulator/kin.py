"""Which events may be about the same people: groups that have nothing to do with one another.

Reports that share an id, an address or an order may become one customer, so they stay together
whatever identities come to be; that is more than ever merges, and never less.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from engine.core.beside import beside
from engine.core.projection import order_key, ticket_key
from triggers.event import Event

_SPACE = 2**64


class Kin:
    """Events joined into groups by what they name."""

    def __init__(self) -> None:
        self._parent: list[int] = []
        self._known: dict[str, int] = {}
        self._of: list[int] = []

    def add(self, event: Event) -> None:
        """Take in the next event."""
        mine = len(self._parent)
        self._parent.append(mine)
        self._of.append(mine)
        for key in _keys(event):
            other = self._known.setdefault(key, mine)
            if other != mine:
                self._parent[self._root(mine)] = self._root(other)

    def groups(self) -> Sequence[int]:
        """The group of each event, in the order in which they were added; numbers of events."""
        return [self._root(each) for each in self._of]

    def _root(self, one: int) -> int:
        parent = self._parent
        while parent[one] != one:
            parent[one] = parent[parent[one]]
            one = parent[one]
        return one


def share_of(name: str, seed: str) -> float:
    """Where a group stands between 0 and 1, by its name and the seed alone."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _SPACE


def name_of(event: Event) -> str:
    """By what an event's group is known: the first thing that it names."""
    return next(_keys(event), f"event:{event.source}:{event.id}")


def _keys(event: Event) -> Iterator[str]:
    customer = event.customer
    if customer is not None:
        if customer.id is not None:
            yield f"id:{event.source}:{customer.id}"
        if customer.email is not None:
            yield f"email:{customer.email.lower()}"
        if customer.phone is not None:
            yield f"phone:{customer.phone}"
    order, ticket, other = order_key(event), ticket_key(event), beside(event)
    if order is not None:
        yield f"order:{order}"
    if ticket is not None:
        yield f"ticket:{ticket}"
    if other is not None:
        yield f"id:{event.source}:{other.customer_id}"
