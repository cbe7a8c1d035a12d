"""Where the processes of a simulation meet, and what they say (``engine.simulator.turns``)."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from engine.core.campaign import Plan
from engine.services.batch import window_of
from engine.simulator.memory import Memory

FIRES: Final = 1_000_000  # ranks below are those of campaigns, ranks above rounds of steps
FEW: Final = 20  # a limit's twentieth is too little to stand still for

Key = tuple[str] | tuple[datetime, str]  # by what customers are sorted, all at one spot alike
Want = tuple[Key, tuple[str, ...]]  # of which campaigns a customer may get a message


class Spot(NamedTuple):
    """Where all parts mean the same, in the order in which one process comes by.

    ``rank`` is the campaign's among all, for a fire of its schedule in a zone; the manieth time
    that due journeys take their steps at that moment, beyond ``FIRES``.
    """

    at: datetime
    rank: int
    zone: str

    @property
    def is_fire(self) -> bool:
        """Whether it is a schedule's."""
        return self.rank < FIRES


class Limits:
    """The campaigns' volume limits."""

    def __init__(self, plans: Mapping[str, Plan]) -> None:
        self.ranks: Final = {name: rank for rank, name in enumerate(plans)}
        self.limits: Final = {
            name: one.volume_limit for name, one in plans.items() if one.volume_limit is not None
        }
        self._names = list(plans)
        counts = [limit.count for limit in self.limits.values()]
        self.few: Final = min(counts, default=sys.maxsize) // FEW

    def campaign(self, spot: Spot) -> str | None:
        """Whose fire it is; None for the steps of everybody."""
        return self._names[spot.rank] if 0 <= spot.rank < FIRES else None

    def used(self, memory: Memory, at: datetime) -> dict[str, int]:
        """How many messages of each there were in the window that a moment lies in."""
        volumes = memory.volumes
        found = {name: volumes.get(self.key(name, at), 0) for name in self.limits}
        return {name: count for name, count in found.items() if count}

    def key(self, campaign: str, at: datetime) -> tuple[str, datetime]:
        """By what a memory counts them."""
        return campaign, window_of(self.limits[campaign], at)


@dataclass(frozen=True, slots=True)
class Stands:
    """A part stands still at a spot: the next of its customers who want something, how many
    messages are wanted in all, and how many were used, by campaign."""

    spot: Spot
    wants: Sequence[Want]
    wanted: Mapping[str, int]
    used: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Late:
    """A part is beyond a spot, having used so many messages by now."""

    spot: Spot
    used: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Looked:
    """A part has looked at its customers of a portion."""

    spot: Spot
    used: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Stopped:
    """A part whose turn it was has braked a campaign."""

    spot: Spot
    campaign: str


@dataclass(frozen=True, slots=True)
class Braked:
    """A campaign has stopped itself where nobody knows whether it was the one message too many."""

    campaign: str


@dataclass(frozen=True, slots=True)
class Watch:
    """Stand still at this spot, or where it would have been."""

    spot: Spot


@dataclass(frozen=True, slots=True)
class Go:
    """Nobody needs to wait at this spot any more; ``held``: campaigns that were braked here."""

    held: Collection[str]


@dataclass(frozen=True, slots=True)
class Portion:
    """Look at the customers up to this one, of a page that ends with ``end``.

    ``elsewhere`` is what the others have used, by campaign, where that may be too much.
    """

    end: Key
    upto: Key
    elsewhere: Mapping[str, int] | None
    held: Collection[str]


@dataclass(frozen=True, slots=True)
class Finish:
    """That was the page's last customer."""

    held: Collection[str]
