"""The page of our own on which what was bought is reviewed: what it shows, and what it takes.

A review is an event of our own, ``review.submitted``, stored and processed in one transaction.
Every one is taken as it is, whatever its stars: what the shop shows of them is decided elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.core.message import Message
from engine.core.reviewing import BOOK, SUBMITTED, products_of
from engine.core.world import World
from engine.links import Links, Purpose
from engine.ports.clock import Clock
from engine.ports.decisions import Decisions
from engine.ports.storage import Contended
from engine.ports.stored import Incoming
from engine.services.batch import OWN_SOURCE, order_reference
from engine.services.unsubscribe import Ingest, UnknownMessage
from triggers.event import CustomerFacts, Event
from triggers.sources.native import serialize

LONGEST: Final = 4000  # characters of a review
_STARS: Final = range(1, 6)
_ATTEMPTS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """One product on the page; ``number`` is its place in the order, from 1.

    ``stars`` and ``text`` are what was said on this page before; None and "": nothing yet.
    """

    number: int
    title: str
    stars: int | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewView:
    """What a link is about: the products that can be reviewed, and the message's language."""

    products: tuple[Reviewed, ...]
    locale: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What somebody says of one product: 1 to 5 stars, and perhaps words."""

    stars: int
    text: str = ""


class ReviewPage:
    """The use case behind ``/v/`` links."""

    def __init__(self, storage: Decisions, ingest: Ingest, links: Links, clock: Clock) -> None:
        self._storage = storage
        self._ingest = ingest
        self._links = links
        self._clock = clock

    def read(self, token: str) -> ReviewView:
        """What the link is about; changes nothing. Raises BadToken or UnknownMessage."""
        message, world = self._find(token)
        return _view(message, world)

    def submit(self, token: str, said: Mapping[int, Said]) -> ReviewView:
        """Take reviews by their products' numbers; done when this returns.

        The same again changes nothing; other words replace the former, which stay in the review's
        history. Numbers that the page does not show, and stars that there are not, are passed over.
        Raises BadToken, UnknownMessage or Contended.
        """
        message, world = self._find(token)
        shown = {one.number: one for one in _view(message, world).products}
        keys = _keys(message, world)
        events = [
            self._event(message, world, keys[number], one)
            for number, one in sorted(said.items())
            if number in shown and one.stars in _STARS
            and (shown[number].stars, shown[number].text) != (one.stars, one.text)
        ]  # fmt: skip
        if events:
            self._take(events)
            message, world = self._find(token)
        return _view(message, world)

    def _find(self, token: str) -> tuple[Message, World]:
        now = self._clock.now()
        message_id = self._links.read(Purpose.REVIEW, token, now=now).message_id
        with self._storage.deciding(urgent=True) as unit:
            unit.open_books({BOOK})
            message = unit.messages([message_id]).get(message_id)
            if message is None:
                raise UnknownMessage("the message is not on record any more")
            orders = [message.order_id] if message.order_id else []
            worlds = unit.load([message.customer_id], now=now, order_ids=orders)
        world = worlds.get(message.customer_id)
        if world is None:
            raise UnknownMessage("the customer is not on record any more")
        return message, world

    def _event(self, message: Message, world: World, key: str, said: Said) -> Event:
        review = _review_id(message, key)
        held = world.books.get((BOOK, f"review:{review}"))
        order = world.orders[message.order_id or ""]
        product = next(one for one in products_of(world, order) if one.key == key)
        text = said.text[:LONGEST]
        replaces = held.at.isoformat() if held is not None else ""
        told = hashlib.blake2b(f"{said.stars}\0{text}\0{replaces}".encode(), digest_size=8)
        data: dict[str, Any] = {
            "review_id": review,
            "order_id": order.id,
            "product_id": product.product_id or key,
            "rating": said.stars,
            "message_id": message.id,
            "campaign": message.campaign,
            "journey": message.journey_id,
            "step": message.step,
        }
        if text:
            data["text"] = text
        return Event(
            id=f"review:{review}:{told.hexdigest()}",
            source=OWN_SOURCE,
            type=SUBMITTED,
            time=self._clock.now(),
            customer=CustomerFacts(id=message.customer_id),
            order=order_reference(order.id),
            data=data,
        )

    def _take(self, events: Sequence[Event]) -> None:
        now = self._clock.now()
        incoming = [Incoming(event=one, body=serialize(one), received_at=now) for one in events]
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._ingest.take(incoming)
                return
            except Contended:
                if not left:
                    raise


def _keys(message: Message, world: World) -> dict[int, str]:
    order = world.orders.get(message.order_id or "")
    products = products_of(world, order) if order is not None else ()
    return {number: one.key for number, one in enumerate(products, 1)}


def _review_id(message: Message, key: str) -> str:
    """A name for what this customer says here of this product: told again, it is the same."""
    named = f"{message.order_id}\0{key}".encode()
    return f"own:{hashlib.blake2b(named, digest_size=12).hexdigest()}"


def _view(message: Message, world: World) -> ReviewView:
    """Products that the customer has; reviewed ones too, if that was here and can be changed."""
    order = world.orders.get(message.order_id or "")
    found = []
    for number, product in enumerate(products_of(world, order) if order else (), 1):
        held = world.books.get((BOOK, f"review:{_review_id(message, product.key)}"))
        if product.left_out is None:
            found.append(Reviewed(number=number, title=product.title or product.key))
        elif product.left_out == "reviewed" and held is not None:
            found.append(
                Reviewed(
                    number=number,
                    title=product.title or product.key,
                    stars=int(held.data["rating"]),
                    text=held.data.get("text", ""),
                )
            )
    return ReviewView(products=tuple(found), locale=message.locale)
