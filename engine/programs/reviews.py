"""Reviews: what a customer has reviewed, whoever told of it, with what they said before.

One record a review. Its key is the review's own id where it has one, so that a changed review is
the same review; the history keeps what it said earlier.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from engine.core.book import Record
from engine.core.context import Context, Taken
from engine.core.reviewing import BOOK, SUBMITTED
from engine.core.transition import Transition
from engine.core.verbs import ProgramStep
from engine.core.world import Journey, World

_KEPT: Final = ("product_id", "rating", "title", "text", "campaign", "step")
_MOST_CHANGES: Final = 20


@dataclass(frozen=True, slots=True)
class Reviews:
    """Keeps the book ``reviews``. It takes no steps: ``ask_review`` sends a message."""

    books: frozenset[str] = frozenset({BOOK})
    follows: frozenset[str] = frozenset({SUBMITTED})

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        """Keep a review; one told again with other words keeps the former in its history."""
        told = transition.data
        data: dict[str, Any] = {name: told[name] for name in _KEPT if told.get(name) is not None}
        if "product_id" in data:
            data["product_id"] = str(data["product_id"])
        order = told.get("order_id") or transition.order_id
        if order is not None:
            data["order_id"] = order
        review = told.get("review_id")
        key = f"review:{review}" if review is not None else transition.id
        world.write(_joined(world.books.get((BOOK, key)), key, transition, data))

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """No review falls due."""
        world.write(replace(record, due_at=None))

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        """None of the steps of campaigns is this program's."""
        return None


def _joined(held: Record | None, key: str, event: Transition, data: dict[str, Any]) -> Record:
    """The review as last written, whichever report came first."""
    versions = {event.time.isoformat(): data}
    if held is not None:
        versions = {one["at"]: one["said"] for one in held.data["history"]} | versions
    ordered = sorted(versions.items(), key=lambda one: datetime.fromisoformat(one[0]))
    ordered = ordered[-_MOST_CHANGES:]
    at, newest = ordered[-1]
    return Record(
        book=BOOK,
        key=key[:255],
        at=datetime.fromisoformat(at),
        data={**newest, "history": [{"at": when, "said": said} for when, said in ordered]},
    )
