"""Which of an order's products are still to be reviewed, and when a reminder may go.

A product is asked for when a piece of it has been delivered and kept, and the customer has not
reviewed it yet. Reviews stand in the book ``reviews`` (``engine.programs.reviews``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from engine.core.book import Record
from engine.core.campaign import Plan
from engine.core.customer import Line, Order, ParcelStatus
from engine.core.guards import Defer, Drop
from engine.core.message import OTHERS_FIRST
from engine.core.order_state import is_undone, kept_pieces, pieces_in
from engine.core.transition import Transition
from engine.core.value import value_class
from engine.core.verbs import AskReview
from engine.core.world import Journey, JourneyStatus, World

BOOK: Final = "reviews"
SUBMITTED: Final = "review.submitted"
NOTHING: Final = "nothing_to_review"

_PATIENCE: Final = timedelta(days=14)  # how long a reminder lets other orders go first
_RECHECK: Final = timedelta(hours=1)
_LONGEST: Final = timedelta(days=1)


@value_class
class Product:
    """One product of an order, whatever the number of its lines.

    ``names`` are all ids by which a review may mean it. ``left_out`` says why it is not asked for:
    ``not_delivered``, ``refunded`` (or sent back) or ``reviewed``; None: it is.
    """

    key: str
    title: str
    names: frozenset[str]
    product_id: str | None
    sku: str | None
    url: str | None
    image_url: str | None
    left_out: str | None


def products_of(world: World, order: Order, *, whole: bool = False) -> tuple[Product, ...]:
    """The order's products as they stand now, in the order of their lines.

    ``whole``: one review of any of them, since the order was placed, counts for all.
    """
    lines: dict[str, list[Line]] = {}
    for line in order.lines.values():
        lines.setdefault(_key(line), []).append(line)
    reviews = world.book(BOOK)
    gone = is_undone(order)
    found = []
    for key, of_product in lines.items():
        names = frozenset(name for line in of_product for name in _names(line))
        why: str | None = None
        if gone or not any(kept_pieces(order, line) > 0 for line in of_product):
            why = "refunded"
        elif not any(_arrived(order, line) for line in of_product):
            why = "not_delivered"
        elif any(_is_about(one, order, names) for one in reviews):
            why = "reviewed"
        first = of_product[0]
        found.append(
            Product(
                key=key,
                title=first.title,
                names=names,
                product_id=first.product_id,
                sku=first.sku,
                url=first.url,
                image_url=first.image_url,
                left_out=why,
            )
        )
    if whole and any(_is_of_order(one, order, found) for one in reviews):
        return tuple(_left_out(each) for each in found)
    return tuple(found)


def ask_verdict(
    world: World,
    journey: Journey,
    plan: Plan,
    step: AskReview,
    now: datetime,
    since: datetime,
) -> Defer | Drop | None:
    """Whether a request for reviews still has something to ask, and is not too early.

    A reminder lets the first requests for the customer's other orders go before it, though not
    for more than 14 days from ``since``, when its message was made.
    """
    order = world.orders.get(journey.order_id or "")
    if order is None or not _surely_asks(world, order):
        products = products_of(world, order, whole=step.products == "order") if order else ()
        if all(product.left_out for product in products):
            left_out = {one.title or one.key: one.left_out for one in products}
            return Drop(NOTHING, {"left_out": left_out})
    asks = [one.id for one in plan.steps if isinstance(one, AskReview)]
    if not any(journey.results.get(ask, {}).get("sent") for ask in asks if ask != step.id):
        return None
    first = list(_first_asks(world, journey, plan, asks))
    if not first:
        return None
    if now >= since + _PATIENCE:
        return Drop(OTHERS_FIRST, {"orders": len(first), "since": since.isoformat()})
    due = min((at for at in first if at is not None and at > now), default=now + _RECHECK)
    return Defer(min(max(due, now + _RECHECK), now + _LONGEST), OTHERS_FIRST,
                 {"orders": len(first)})  # fmt: skip


def _surely_asks(world: World, order: Order) -> bool:
    """Whether ``products_of`` has one to ask for, as is plain of nearly all orders: somebody who
    has reviewed nothing yet keeps a line that has arrived."""
    if world.book(BOOK) or is_undone(order):
        return False
    return any(
        kept_pieces(order, line) > 0 and _arrived(order, line) for line in order.lines.values()
    )


def asked_by(journey: Journey, plan: Plan, event: Transition, order: Order | None) -> list[str]:
    """The steps of the journey whose request a review responds to."""
    data = event.data
    if event.time < journey.entered_at or data.get("order_id") not in (None, journey.order_id):
        return []
    if event.order_id is not None and event.order_id != journey.order_id:
        return []
    product = data.get("product_id")
    if product is not None and order is not None:
        names = {name for line in order.lines.values() for name in _names(line)}
        if str(product) not in names:
            return []
    steps = (one.id for one in plan.asks if isinstance(one, AskReview))
    return [step for step in steps if journey.results.get(step, {}).get("sent")]


def _first_asks(
    world: World, journey: Journey, plan: Plan, asks: list[str]
) -> Iterator[datetime | None]:
    """When the first requests still to come are due; None where that is not known yet."""
    for other in world.journeys.values():
        is_other = other.id != journey.id and other.campaign == journey.campaign
        if not is_other or other.status is not JourneyStatus.LIVE or other.parked:
            continue
        if any(
            other.results.get(ask, {}).get(what)
            for ask in asks
            for what in ("sent", "skipped", "failed")
        ):
            continue
        index = plan.step_index.get(other.step)
        if index is not None and index <= plan.step_index[asks[0]]:
            yield other.due_at


def _key(line: Line) -> str:
    return line.product_id or line.sku or line.variant_id or line.id


def _names(line: Line) -> Iterator[str]:
    yield from (name for name in (line.product_id, line.sku, line.variant_id) if name)


def _arrived(order: Order, line: Line) -> bool:
    return "delivered" in order.facts or pieces_in(order, line, ParcelStatus.DELIVERED) > 0


def _is_about(review: Record, order: Order, names: frozenset[str]) -> bool:
    product = review.data.get("product_id")
    return product in names if product else review.data.get("order_id") == order.id


def _is_of_order(review: Record, order: Order, products: list[Product]) -> bool:
    told: Mapping[str, Any] = review.data
    if told.get("order_id") is not None:
        return bool(told["order_id"] == order.id)
    if order.placed_at is not None and review.at < order.placed_at:
        return False
    product = told.get("product_id")
    return not product or any(product in each.names for each in products)


def _left_out(product: Product) -> Product:
    return replace(product, left_out=product.left_out or "reviewed")
