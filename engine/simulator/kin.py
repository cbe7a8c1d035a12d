"""Which events may be about the same people: groups that have nothing to do with one another.

Reports that share an id, an address or an order may become one customer, so they stay together
whatever identities come to be; that is more than ever merges, and never less.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b

from engine.core.beside import beside
from engine.core.identity import OWN_SOURCE, keys_of, new_customer_id
from engine.core.projection import order_key, ticket_key, ticket_order_key
from engine.core.statements import address_told
from triggers.addresses import normalised
from triggers.event import Event

_SPACE = 2**64


class Kin:
    """What events name, joined into groups.

    Names (``Names``) are known by their hashes alone: two that happen to have the same one join
    what need not be joined, which does no harm.
    """

    def __init__(self) -> None:
        self._parent = array("l")
        self._places: dict[int, int] = {}

    def add(self, names: Iterable[int]) -> int:
        """Where an event of these names stands; ``groups`` tells of which group that is."""
        place: int | None = None
        for name in names:
            known = self._places.get(name)
            if known is None:
                known = self._places[name] = self._new() if place is None else place
            place = self._union(place, known)
        return self._new() if place is None else place

    def join(self, places: Iterable[int]) -> None:
        """Let these be of one group."""
        first: int | None = None
        for place in places:
            first = self._union(first, place)

    def groups(self) -> Sequence[int]:
        """The group of each place."""
        return array("l", (self._root(each) for each in range(len(self._parent))))

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


class Names:
    """The names in an event, hashed: the same in this process and those forked from it.

    ``country`` is the shop's.
    """

    def __init__(self, country: str | None) -> None:
        self._country = country
        self._people: dict[int, tuple[int, ...]] = {}

    def __call__(self, event: Event) -> tuple[int, ...]:
        """Those of the people first."""
        customer = event.customer
        if customer is None:
            people = tuple(map(hash, _people(event, self._country)))
        else:
            told = hash(
                (event.source, customer.id, customer.email, customer.phone, customer.country)
            )
            known = self._people.get(told)
            if known is None:
                known = self._people[told] = tuple(map(hash, _people(event, self._country)))
            people = known
        return (*people, *map(hash, _things(event)))


def share_of(name: str, seed: str) -> float:
    """Where a group stands between 0 and 1, by its name and the seed alone."""
    return shares_of(name, seed)("")


def shares_of(beginning: str, seed: str) -> Callable[[str], float]:
    """``share_of`` of names with the same beginning, by how they end."""
    begun = blake2b(f"{seed}:{beginning}".encode(), digest_size=8)

    def share(end: str) -> float:
        lot = begun.copy()
        lot.update(end.encode())
        return int.from_bytes(lot.digest()) / _SPACE

    return share


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
