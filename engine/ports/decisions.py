"""The parts of ``engine.ports.storage.Storage`` that single use cases need.

Whoever needs no more can be served by less than a database: the simulator's memory, for instance.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from engine.core.book import Place
from engine.ports.storage import UnitOfWork
from engine.ports.stored import Incoming, Loaded, Undelivered


class Decisions(Protocol):
    """Where decisions are made."""

    def deciding(self, *, urgent: bool = False) -> AbstractContextManager[UnitOfWork]:
        """A unit of work, rolled back unless committed."""
        ...


class Shelf(Decisions, Protocol):
    """Where the revisions of campaigns are kept, and what stands on them."""

    def store_revisions(
        self, loaded: Collection[Loaded], at: datetime, *, whole: bool = False
    ) -> None:
        """Keep campaign sources; known ones stay.

        They are in force from now on; ``whole``: and of other campaigns nothing is.
        """

    def live_revisions(self, now: datetime | None = None) -> set[tuple[str, str]]:
        """Every (campaign, revision) that a live or held-out journey stands on.

        With ``now`` also those of ended journeys whose goal can still be reached.
        """

    def revision_source(self, campaign: str, revision: str) -> tuple[str, str] | None:
        """A stored revision's (source, file)."""

    def look_again(self, editions: Mapping[Place, str], now: datetime) -> None:
        """Make the records in these places due, whoever's they are, once for each new edition.

        An edition is named by any text that changes with it.
        """

    def holds(self) -> dict[str, str]:
        """The campaigns that are held, with the reason."""

    def resume(self, campaign: str, now: datetime) -> int:
        """Lift a campaign's hold; how many journeys were parked."""

    def parked_campaigns(self) -> set[str]:
        """Campaigns with parked journeys."""

    def frozen_campaigns(self) -> set[str]:
        """Campaigns with messages that wait because their campaign stood still."""


class Parcels(Protocol):
    """Orders on their way, and the door for what is assumed of them."""

    def undelivered(
        self, before: datetime, after: Undelivered | None, limit: int
    ) -> Sequence[Undelivered]:
        """Orders on their way without news since ``before``, oldest first; beyond ``after``."""

    def accept(self, incoming: Sequence[Incoming]) -> None:
        """Store events durably; those already stored are left as they are."""
