"""How much is broken in a run, and what it came to."""

from __future__ import annotations

from dataclasses import dataclass

from tests.chaos.books import Books
from tests.chaos.crew import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much of everything. Times are in seconds."""

    orders: int
    seconds: float  # over which they come in
    seed: int = 1
    kills: int = 1  # at each fault point
    failures: int = 1  # at each fault point
    lives: tuple[float, float] = (5.0, 25.0)
    stretch: int = 1
    slow: float = 30.0
    silence: float = 90.0
    down: float = 20.0  # how long the provider is away
    downs: int = 2
    database_kills: int = 0
    checkpoints: int = 0  # kills in the middle of one
    at_most: float = 3600.0
    in_flight: int = 40  # calls to the provider at once, in each process
    passages: int = 4  # a fault happens at one of the first so many times that its moment comes
    hurry_orphans: bool = False  # do not wait until a dead worker's silence is noticed


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What a run came to."""

    database: str
    processes: str
    seconds: float
    books: Books
    tally: Tally
    database_kills: int
    provider_downs: int
    receipts: int
    retried_posts: int
    webhook_calls: int
    missing: list[str]
