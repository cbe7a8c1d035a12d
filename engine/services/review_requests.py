"""What a request for reviews says: the products that are left, and where each is reviewed."""

from __future__ import annotations

from typing import Any, Final

from config.policy import Policy
from config.reviews import OWN_SITE
from engine.core.message import Message
from engine.core.reviewing import Product, products_of
from engine.core.verbs import AskReview
from engine.core.world import World

MOST_STARS: Final = 5


def review_values(
    world: World, message: Message, step: AskReview, policy: Policy, page: str
) -> dict[str, Any]:
    """The root ``review`` of one message. ``page`` is the address of our own page for it.

    A site that the policy does not name any more gives way to our own page.
    """
    order = world.orders.get(message.order_id or "")
    found = products_of(world, order, whole=step.products == "order") if order else ()
    asked = [(number, one) for number, one in enumerate(found, 1) if one.left_out is None]
    site = policy.reviews.sites.get(step.site or "")
    if step.site == OWN_SITE:
        name: str | None = policy.brand.name
    else:
        name = (site.name or step.site) if site else None
    products = [_values(number, one, step, policy, page) for number, one in asked]
    own = name is None
    return {
        "url": page if own or not products else products[0]["review_url"],
        "site": name,
        "products": products,
    }


def _values(
    number: int, product: Product, step: AskReview, policy: Policy, page: str
) -> dict[str, Any]:
    site = policy.reviews.sites.get(step.site or "")
    stars: list[dict[str, Any]] = []
    if step.site == OWN_SITE:
        address = product.url or policy.brand.url
    elif site is not None:
        address = site.address(product.product_id, product.sku)
    else:
        address = f"{page}?p={number}"
        stars = [
            {"stars": count, "url": f"{address}&stars={count}"}
            for count in range(1, MOST_STARS + 1)
        ]
    return {
        "title": product.title,
        "product_id": product.product_id,
        "url": product.url,
        "image_url": product.image_url,
        "review_url": address,
        "stars": stars,
    }
