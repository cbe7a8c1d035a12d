"""What goes with every product of a shop at once."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from engine.programs.baskets import Following, Match, goes_with
from engine.programs.purchases import Purchases

Matches = Mapping[int, Sequence[Match]]
"""The matches of each product that has any, the best first."""


def bought_together(purchases: Purchases, least: int) -> Matches:
    """Products that stand in one basket more often than by chance, in ``least`` baskets or more."""
    found = {
        product: goes_with(purchases, product, least) for product in range(len(purchases.products))
    }
    return {product: matches for product, matches in found.items() if matches}


def bought_next(purchases: Purchases, least: int, within: timedelta) -> Matches:
    """Products that customers first buy soon after they first bought another one."""
    following = Following.of(purchases, within)
    found = {
        product: following.after(purchases, product, least)
        for product in range(len(purchases.products))
    }
    return {product: matches for product, matches in found.items() if matches}
