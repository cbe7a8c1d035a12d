"""What is kept of what happens beside the state itself: the log that people read.

The database keeps everything. Where nobody reads the log, as in a simulation that only counts,
what would be thrown away at once is not put together first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from engine.core.decision import DecisionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How much of the log is kept.

    ``decisions`` are the kinds that are. ``traces``: what was not met, and what was, with the
    values that conditions saw. ``news``: events about messages from which nothing follows.
    """

    decisions: frozenset[DecisionKind] = frozenset(DecisionKind)
    traces: bool = True
    news: bool = True


EVERYTHING: Final = Keeping()
