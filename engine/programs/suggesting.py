"""What to suggest to one customer: the products that go with theirs, without what they have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from engine.core.customer import Order
from engine.core.shopping import bought_products, kept_lines
from engine.core.world import World

MOST: Final = 6  # of each list
_LATELY: Final = 5  # products bought last, where no order is at hand

Why = Literal["together", "next", "popular"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A product that goes with another, how many times as often as by chance, in how many cases."""

    product_id: str
    lift: float
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelved:
    """A product as the last night left it: how it is shown, and what goes with it, best first.

    ``rank`` is its place, from 1, among those with the most buyers; None: not among the first.
    """

    product_id: str
    title: str
    url: str | None = None
    image_url: str | None = None
    together: Sequence[Rule] = ()
    next: Sequence[Rule] = ()
    rank: int | None = None


Shelf = Mapping[str, Shelved]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """One product to suggest; ``because`` is the customer's own that it goes with."""

    why: Why
    product: Shelved
    because: Shelved | None = None
    rule: Rule | None = None


def anchors_of(world: World, order: Order | None) -> tuple[str, ...]:
    """The products that suggestions start from: the order's, else those bought last."""
    if order is not None:
        found = tuple(dict.fromkeys(key for key, *_ in kept_lines(order)))
        if found:
            return found
    return bought_products(world)[:_LATELY]


def named_by(shelf: Shelf) -> set[str]:
    """The products that rules of the shelf lead to."""
    return {rule.product_id for one in shelf.values() for rule in (*one.together, *one.next)}


def suggest(
    anchors: Sequence[str], owned: Collection[str], shelf: Shelf, popular: Iterable[Shelved]
) -> tuple[Suggestion, ...]:
    """Suggestions of every kind, the best of each first; none of what the customer has.

    ``shelf`` holds the anchors and what their rules lead to. A product that goes with several of
    the customer's counts with the one that it goes with best.
    """
    left_out = {*anchors, *owned}
    together = _by_rules("together", anchors, left_out, shelf)
    coming = _by_rules("next", anchors, left_out, shelf)
    most = [one for one in popular if one.product_id not in left_out][:MOST]
    return (*together, *coming, *(Suggestion(why="popular", product=one) for one in most))


def _by_rules(
    why: Literal["together", "next"],
    anchors: Sequence[str],
    left_out: Collection[str],
    shelf: Shelf,
) -> list[Suggestion]:
    best: dict[str, Suggestion] = {}
    for anchor in anchors:
        because = shelf.get(anchor)
        if because is None:
            continue
        for rule in because.together if why == "together" else because.next:
            product = shelf.get(rule.product_id)
            if product is None or rule.product_id in left_out:
                continue
            former = best.get(rule.product_id)
            if former is None or former.rule is None or rule.lift > former.rule.lift:
                best[rule.product_id] = Suggestion(
                    why=why, product=product, because=because, rule=rule
                )
    return sorted(best.values(), key=_order)[:MOST]


def _order(one: Suggestion) -> tuple[float, str]:
    return (-one.rule.lift if one.rule is not None else 0.0, one.product.product_id)
