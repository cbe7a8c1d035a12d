"""What exporting, erasing and forgetting by age need of a database."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.core.customer import Consent, Suppression
from engine.ports.storage import UnitOfWork

# What stands in the place of an event's body, whose (source, id) stays: it counts once for ever.
ERASED_BODY = b'{"erased":true}'
EXPIRED_BODY = b'{"expired":true}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Everything of one customer that goes, and what stays in its place.

    ``addresses`` are theirs alone, ``remembered`` the suppressions that stand for them from now on
    and those of addresses that others share. ``events`` are the numbers of events that tell of the
    customer without being attributed to them. ``rename`` makes the id that replaces an id of a
    journey (``journey``) or a message (``message``).
    """

    customer_id: str
    anonymous_id: str
    addresses: frozenset[str]
    remembered: tuple[Suppression, ...]
    events: tuple[int, ...]
    at: datetime
    reason: str
    rename: Callable[[str, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unattributed:
    """An event that belongs to no customer: it waits, was rejected, or names nobody."""

    seq: int
    source: str
    is_rejected: bool
    body: str


class ErasingUnit(UnitOfWork, Protocol):
    """A unit of work that can erase."""

    def erase(self, erasure: Erasure) -> None:
        """Note an erasure; ``commit`` carries it out after everything else that was noted."""

    def under_way(self, customer_id: str) -> Sequence[str]:
        """The customer's messages that are being handed over."""

    def recipients(self, customer_id: str) -> frozenset[str]:
        """Every address that a message of this customer went to."""


class PrivacyStorage(Protocol):
    """The database, as far as personal data is looked after."""

    def erasing(self) -> AbstractContextManager[ErasingUnit]:
        """A unit of work, rolled back unless committed."""
        ...

    def unattributed(self, after: int, limit: int) -> Sequence[Unattributed]:
        """A page of such events, by number beyond ``after``."""
        ...

    def sharers(self, addresses: Collection[str], customer_id: str) -> Mapping[str, frozenset[str]]:
        """Other customers who have one of these addresses, by address."""
        ...

    def consent_history(self, addresses: Collection[str]) -> Sequence[Consent]:
        """All that was ever told of the permission to write to these addresses, oldest first."""
        ...

    def settle_file(self) -> None:
        """Make what was deleted leave the database's side files too, as far as that is possible."""
        ...

    def expire_contents(self, before: datetime, after: str, limit: int) -> tuple[int, str | None]:
        """Forget what was sent before then: a page of messages by id beyond ``after``.

        Returns how many contents went, and the id to go on from; None when this was the last page.
        """
        ...

    def expire_events(self, before: datetime, after: int, limit: int) -> tuple[int, int | None]:
        """Forget the bodies of events that arrived before then; as ``expire_contents``, by number.

        Events that still wait to be processed are left.
        """
        ...
