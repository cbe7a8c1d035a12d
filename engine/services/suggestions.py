"""What messages suggest: looked up once for all that a batch prepares, if any asks for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from engine.core.customer import Order
from engine.core.shopping import bought_products
from engine.core.world import World
from engine.ports.storage import UnitOfWork
from engine.programs.suggesting import Shelf, Shelved, Suggestion, Why, anchors_of, suggest

ROOT: Final = "recommendations"
_KINDS: Final[tuple[Why, ...]] = ("together", "next", "popular")


class Suggestions:
    """Suggestions for these worlds; the shelf is read on the first question."""

    def __init__(self, unit: UnitOfWork, worlds: Collection[World]) -> None:
        self._unit = unit
        self._worlds = worlds
        self._shelf: Shelf | None = None
        self._popular: Sequence[Shelved] = ()

    def of(self, world: World, order: Order | None) -> tuple[Suggestion, ...]:
        """Suggestions for one customer, from an order of theirs where there is one."""
        if self._shelf is None:
            wanted = {
                product
                for each in self._worlds
                for one in (None, *each.orders.values())
                for product in anchors_of(each, one)
            }
            self._shelf, self._popular = self._unit.shelf(wanted), self._unit.popular()
        return suggest(anchors_of(world, order), bought_products(world), self._shelf, self._popular)

    def root(self, world: World, order: Order | None) -> Mapping[str, Any]:
        """The template root ``recommendations``."""
        found = self.of(world, order)
        return {kind: [_values(one) for one in found if one.why == kind] for kind in _KINDS}


def newest_order(world: World) -> Order | None:
    """The customer's newest order of those at hand."""
    return max(world.orders.values(), key=_placed, default=None)


def _placed(order: Order) -> tuple[float, str]:
    return (order.placed_at.timestamp() if order.placed_at else 0.0, order.id)


def _values(one: Suggestion) -> dict[str, Any]:
    return {
        "title": one.product.title,
        "url": one.product.url,
        "image_url": one.product.image_url,
        "product_id": one.product.product_id,
        "reason": one.because.title if one.because is not None else None,
    }
