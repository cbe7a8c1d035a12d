"""Who an event is about: the keys by which customers are known, and what a match means.

Customers match by (source, external id), then email, then phone, the latter two only where the
source says that they are verified and no other id conflicts. Two external ids of one source never
become one customer by themselves: that is a clash, for a person to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.core import ids
from engine.core.customer import Customer
from engine.core.value import value_class
from triggers.event import CustomerFacts

OWN_SOURCE = "lagniappe"  # the source of the events that campaigns emit


class IdentityKey(NamedTuple):
    """One thing that a customer is known by; it belongs to one customer at most.

    Kinds: ``id:<source>``; ``email`` and ``phone``, verified and valid for every source;
    ``email:<source>`` and ``phone:<source>``, told by that source and unverified.
    """

    kind: str
    value: str


@value_class
class Keys:
    """The keys of one report.

    ``lookup``: by what its customer is found, the strongest first. ``register``: by what they are
    known from now on. ``customer_id``: the report names our own customer, and nothing is looked up.
    """

    lookup: tuple[IdentityKey, ...] = ()
    register: tuple[IdentityKey, ...] = ()
    customer_id: str | None = None


@dataclass(frozen=True, slots=True)
class Nobody:
    """No customer is known under these keys: there is a new one, or none to speak of."""


@dataclass(frozen=True, slots=True)
class One:
    """The customer."""

    customer_id: str


@dataclass(frozen=True, slots=True)
class Two:
    """Two customers who turn out to be one; after the merge, match again."""

    first: str
    second: str


@dataclass(frozen=True, slots=True)
class Clash:
    """The customer, who may be new, and another who looks the same but must stay apart."""

    customer_id: str
    other_id: str
    reason: str


Match = Nobody | One | Two | Clash
_NO_KEYS = Keys()


def keys_of(facts: CustomerFacts | None, source: str) -> Keys:
    """The keys of a report whose email and phone are normalised already.

    An unverified address finds a customer only for reports of the same source that carry no id of
    their own (guest checkouts): anybody can type anybody's address.
    """
    if facts is None:
        return _NO_KEYS
    if source == OWN_SOURCE:
        return Keys(customer_id=facts.id)
    lookup: list[IdentityKey] = []
    told: list[IdentityKey] = []
    if facts.id is not None:
        lookup.append(IdentityKey(f"id:{source}", facts.id))
    if facts.email is not None:
        if facts.email_verified:
            lookup.append(IdentityKey("email", facts.email))
        told.append(IdentityKey(f"email:{source}", facts.email))
    if facts.phone is not None:
        if facts.phone_verified:
            lookup.append(IdentityKey("phone", facts.phone))
        told.append(IdentityKey(f"phone:{source}", facts.phone))
    register = (*lookup, *told)
    return Keys(lookup=register if facts.id is None else tuple(lookup), register=register)


def new_customer_id(keys: Keys) -> str | None:
    """The id of the customer whom a report with these keys makes known; None without any key."""
    if not keys.register:
        return keys.customer_id
    first = keys.register[0]
    return ids.customer_id(first.kind, first.value)


def unclaimed(keys: Keys, known: Mapping[IdentityKey, str]) -> tuple[IdentityKey, ...]:
    """The keys to be noted for the matched customer: a key stays with whoever had it first."""
    return tuple([key for key in keys.register if key not in known])


def match(
    keys: Keys,
    known: Mapping[IdentityKey, str],
    identities_of: Callable[[str], Collection[IdentityKey]],
) -> Match:
    """Whom a report is about. ``known`` holds the owners of the keys, aliases resolved."""
    if keys.customer_id is not None:
        return One(keys.customer_id)
    owners = list(dict.fromkeys([known[key] for key in keys.lookup if key in known]))
    if not owners:
        return Nobody()
    strongest = keys.lookup[0]
    if not strongest.kind.startswith("id:"):
        return _without_id(keys, known, identities_of)
    if strongest in known:
        return _joined(owners[0], owners[1:], identities_of)
    fitting = [one for one in owners if not _has_kind(identities_of(one), strongest.kind)]
    if fitting:
        return _joined(fitting[0], [one for one in owners if one != fitting[0]], identities_of)
    own = ids.customer_id(strongest.kind, strongest.value)
    return Clash(own, owners[0], _two_ids(strongest.kind))


def survivor(a: Customer, b: Customer) -> Customer:
    """The one that stays on a merge: the older; of two of one age the one whose id sorts first."""
    return min(a, b, key=lambda customer: (customer.created_at, customer.id))


def _without_id(
    keys: Keys,
    known: Mapping[IdentityKey, str],
    identities_of: Callable[[str], Collection[IdentityKey]],
) -> Match:
    verified = [key for key in keys.lookup if ":" not in key.kind]
    owners = list(dict.fromkeys(known[key] for key in verified if key in known))
    if owners:
        return _joined(owners[0], owners[1:], identities_of)
    # Unverified addresses find a customer, but never show that two are one.
    return One(next(known[key] for key in keys.lookup if key in known))


def _joined(
    customer: str,
    others: Iterable[str],
    identities_of: Callable[[str], Collection[IdentityKey]],
) -> Match:
    clash: Clash | None = None
    for other in others:
        both = _ids(identities_of(customer)) & _ids(identities_of(other))
        if not both:
            return Two(customer, other)
        clash = clash or Clash(customer, other, _two_ids(min(both)))
    return clash or One(customer)


def _ids(keys: Collection[IdentityKey]) -> set[str]:
    return {key.kind for key in keys if key.kind.startswith("id:")}


def _has_kind(keys: Collection[IdentityKey], kind: str) -> bool:
    return any(key.kind == kind for key in keys)


def _two_ids(kind: str) -> str:
    source = kind.removeprefix("id:")
    return f"one verified address, but two customer ids of {source}"
