"""Which events may be about the same people: groups that have nothing to do with one another.

Reports that share an id, an address or an order may become one customer, so they stay together
whatever identities come to be; that is more than ever merges, and never less.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Sequence

from engine.core.beside import beside
from engine.core.identity import OWN_SOURCE, keys_of, new_customer_id
from engine.core.projection import order_key, ticket_key, ticket_order_key
from engine.core.statements import address_told
from triggers.addresses import normalised
from triggers.event import Event

_SPACE = 2**64


class Kin:
    """What events name, joined into groups. ``country`` is the shop's.

    Names are known by their hashes alone: two that happen to have the same one join what need not
    be joined, which does no harm.
    """

    def __init__(self, country: str | None) -> None:
        self._country = country
        self._parent = array("l")
        self._places: dict[int, int] = {}

    def add(self, event: Event) -> int:
        """Where the event stands; ``groups`` tells of which group that is."""
        customer = event.customer
        place: int | None
        if customer is not None:
            told = (event.source, customer.id, customer.email, customer.phone, customer.country)
            place = self._places.get(hash(told))
            if place is None:
                place = self._join(None, _people(event, self._country))
                self._places[hash(told)] = place
        else:
            place = self._join(None, _people(event, self._country))
        return self._join(place, _things(event))

    def join(self, places: Iterable[int]) -> None:
        """Let these be of one group."""
        first: int | None = None
        for place in places:
            first = self._union(first, place)

    def groups(self) -> Sequence[int]:
        """The group of each place."""
        return array("l", (self._root(each) for each in range(len(self._parent))))

    def _join(self, place: int | None, names: Iterable[str]) -> int:
        for name in names:
            known = self._places.get(hash(name))
            if known is None:
                known = self._places[hash(name)] = self._new() if place is None else place
            place = self._union(place, known)
        return self._new() if place is None else place

    def _new(self) -> int:
        self._parent.append(len(self._parent))
        return len(self._parent) - 1

    def _union(self, one: int | None, other: int) -> int:
        if one is None or one == other:
            return other
        self._parent[self._root(other)] = self._root(one)
        return one

    def _root(self, one: int) -> int:
        parent = self._parent
        while (above := parent[one]) != one:
            parent[one] = one = parent[above]
        return one


def share_of(name: str, seed: str) -> float:
    """Where a group stands between 0 and 1, by its name and the seed alone."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / _SPACE


def name_of(event: Event, country: str | None) -> str:
    """By what an event's group is known: the first thing that it names."""
    for names in (_people(event, country), _things(event)):
        for name in names:
            return name
    return f"event:{event.source}:{event.id}"


def _people(event: Event, country: str | None) -> Iterator[str]:
    if event.customer is None:
        about = address_told(event)
        if about is not None:
            yield f"{'email' if about[0] == 'email' else 'phone'}:{about[1].lower()}"
        return
    customer = normalised(event.customer, country)
    if event.source == OWN_SOURCE:
        yield f"own:{customer.id}"
        return
    if customer.id is not None:
        yield f"id:{event.source}:{customer.id}"
    if customer.email is not None:
        yield f"email:{customer.email.lower()}"
    if customer.phone is not None:
        yield f"phone:{customer.phone}"
    own = new_customer_id(keys_of(customer, event.source))
    if own is not None:  # ours, if this is the first that is heard of them
        yield f"own:{own}"


def _things(event: Event) -> Iterator[str]:
    for kind, key in (
        ("order", order_key(event)),
        ("ticket", ticket_key(event)),
        ("order", ticket_order_key(event)),
    ):
        if key is not None:
            yield f"{kind}:{key}"
    other = beside(event)
    if other is not None:
        yield f"own:{other.customer_id}"
