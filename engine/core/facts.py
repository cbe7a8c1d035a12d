"""Every field that a condition may name, what it means, and how it is read from a world.

Only what a condition looks at is read. ``customer``, ``order`` and ``ticket`` are as
they are now, ``trigger`` as it was at entry, ``event`` is the one just come (None outside of it).
A missing order or ticket leaves each of its fields empty, yes-or-no fields too, so a comparison
with it is unmet with ``no_value`` and never true by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, Final

from engine.core.answers import last_answer_at, latest_score
from engine.core.assumed_delivery import ASSUMED
from engine.core.coupon import open_coupons
from engine.core.customer import Customer, Order, Ticket
from engine.core.evaluate import Activation
from engine.core.guards import consented
from engine.core.message import Channel
from engine.core.order_state import fact_time, is_fully_refunded, refunded_total
from engine.core.points import loyalty_page
from engine.core.shopping import bought_products, next_replenishment, rfm_scores
from engine.core.step_results import NULLABLE_RESULTS, result_value
from engine.core.survey import SurveyKind
from engine.core.transition import Transition
from engine.core.vocabulary import Field, FieldType
from engine.core.world import World

_DAY = timedelta(days=1)
_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
BOOL, INT, NUMBER = FieldType.BOOL, FieldType.INT, FieldType.NUMBER
STRING, TIMESTAMP, STRINGS = FieldType.STRING, FieldType.TIMESTAMP, FieldType.STRINGS

OPEN_PREFIXES = frozenset({"customer.attributes", "order.attributes", "trigger.data", "event.data"})


class Facts(Activation):
    """What getters read from, and what they have read; no field costs anything until it is asked.

    ``trigger`` and ``results`` are those of the journey (``Journey.trigger``). What a step has not
    brought about yet is False, and an unassigned variant None. Fields of days count spans of 24
    hours, the same in every zone.
    """

    __slots__ = ("customer", "event", "now", "order", "results", "ticket", "trigger", "world")

    def __init__(
        self,
        world: World,
        now: datetime,
        order: Order | None = None,
        ticket: Ticket | None = None,
        trigger: Mapping[str, Any] = _NOTHING,
        results: Mapping[str, Mapping[str, Any]] = _NOTHING,
        event: Transition | None = None,
    ) -> None:
        super().__init__()
        self.world = world
        self.customer = world.customer
        self.order = order
        self.ticket = ticket
        self.trigger = trigger
        self.results = results
        self.event = event
        self.now = now

    def find(self, name: str) -> object:
        """Read a field of the world, a name below an open prefix, or a step's result."""
        get = _GETTERS.get(name)
        return get(self) if get is not None else _other(name, self)


Getter = Callable[[Facts], object]
_Declared = tuple[Field, Getter]


def _customer(kind: FieldType, doc: str, read: Callable[[Customer], object], *,
              required: bool = False) -> _Declared:  # fmt: skip
    return Field(type=kind, nullable=not required, doc=doc), lambda facts: read(facts.customer)


def _row(kind: FieldType, doc: str, name: str, *, required: bool = False) -> _Declared:
    """A field that stands in the customer's row as it is."""
    return Field(type=kind, nullable=not required, doc=doc), attrgetter(f"customer.{name}")


def _order(kind: FieldType, doc: str, read: Callable[[Order], object]) -> _Declared:
    def get(facts: Facts) -> object:
        return None if facts.order is None else read(facts.order)

    return Field(type=kind, nullable=True, doc=doc), get


def _ticket(kind: FieldType, doc: str, read: Callable[[Ticket], object]) -> _Declared:
    def get(facts: Facts) -> object:
        return None if facts.ticket is None else read(facts.ticket)

    return Field(type=kind, nullable=True, doc=doc), get


def _days(of: str, doc: str) -> _Declared:
    """Whole spans of 24 hours since a moment that another field tells; never negative."""

    def get(facts: Facts) -> object:
        moment = _GETTERS[of](facts)
        return max(0, (facts.now - moment) // _DAY) if isinstance(moment, datetime) else None

    return Field(type=INT, nullable=True, doc=doc), get


def _loyalty(kind: FieldType, doc: str, name: str, *, missing: int | None = None) -> _Declared:
    """A field of the loyalty account; without one it is ``missing``."""
    field = Field(type=kind, nullable=missing is None, doc=doc)
    return field, lambda facts: loyalty_page(facts.world).get(name, missing)


def _rfm(doc: str, place: int) -> _Declared:
    """One of the customer's three scores; empty until they have been computed."""

    def get(facts: Facts) -> object:
        scores = rfm_scores(facts.world)
        return scores[place] if scores else None

    return Field(type=INT, nullable=True, doc=doc), get


def _consent(channel: Channel, doc: str) -> _Declared:
    return Field(type=BOOL, doc=doc), lambda facts: consented(facts.world, channel)


def _score(kind: SurveyKind, doc: str) -> _Declared:
    return Field(type=INT, nullable=True, doc=doc), lambda facts: latest_score(facts.world, kind)


def _days_since_survey(facts: Facts) -> int | None:
    answered = last_answer_at(facts.world)
    return None if answered is None else max(0, (facts.now - answered) // _DAY)


def _trigger(kind: FieldType, doc: str, key: str) -> _Declared:
    return Field(type=kind, nullable=True, doc=doc), lambda facts: facts.trigger.get(key)


def _event(kind: FieldType, doc: str, read: Callable[[Transition], object]) -> _Declared:
    def get(facts: Facts) -> object:
        return None if facts.event is None else read(facts.event)

    return Field(type=kind, nullable=True, doc=doc), get


def _name(customer: Customer) -> str | None:
    return " ".join(filter(None, (customer.first_name, customer.last_name))) or None


def _average(customer: Customer) -> float | None:
    return float(customer.total_spent) / customer.orders_count if customer.orders_count else None


def _number(value: object) -> float | None:
    return None if value is None else float(value)  # type: ignore[arg-type]


def _texts(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value))


def _happened(kind: str) -> Callable[[Order], object]:
    return lambda order: fact_time(order, kind) is not None


def _when(kind: str) -> Callable[[Order], object]:
    return lambda order: fact_time(order, kind)


_DECLARED: dict[str, _Declared] = {
    "customer.id": _row(STRING, "Our id of the customer", "id", required=True),
    "customer.email": _row(STRING, "Email address", "email"),
    "customer.phone": _row(STRING, "Phone number, as +436601234567", "phone"),
    "customer.first_name": _row(STRING, "First name", "first_name"),
    "customer.last_name": _row(STRING, "Last name", "last_name"),
    "customer.name": _customer(STRING, "First and last name", _name),
    "customer.locale": _row(STRING, "Language, as de-AT", "locale"),
    "customer.timezone": _row(STRING, "Time zone, as Europe/Vienna", "timezone"),
    "customer.country": _row(STRING, "Country, as AT", "country"),
    "customer.region": _row(STRING, "State or province, as IN", "region"),
    "customer.postal_code": _row(STRING, "Postal code", "postal_code"),
    "customer.tags": _customer(STRINGS, "Tags", lambda c: list(c.tags), required=True),
    "customer.orders_count": _row(
        INT, "Orders so far, without tests and cancelled ones", "orders_count",
        required=True,
    ),
    "customer.total_spent": _customer(
        NUMBER, "Money spent, less refunds, in the shop's currency",
        lambda c: float(c.total_spent), required=True,
    ),
    "customer.average_order": _customer(NUMBER, "Money spent for each order", _average),
    "customer.first_order_at": _row(TIMESTAMP, "First order", "first_order_at"),
    "customer.last_order_at": _row(TIMESTAMP, "Newest order", "last_order_at"),
    "customer.created_at": _row(TIMESTAMP, "First known", "created_at"),
    "customer.days_since_order": _days("customer.last_order_at", "Days since the newest order"),
    "customer.days_since_first_order": _days(
        "customer.first_order_at", "Days since the first order"
    ),
    "customer.open_tickets": _row(
        INT, "Support tickets not yet solved", "open_tickets", required=True
    ),
    "customer.open_coupons": (
        Field(type=INT, doc="Offers of which the customer has a usable coupon"),
        lambda facts: len(open_coupons(facts.world, facts.now)),
    ),
    "customer.email_consent": _consent(
        "email", "Has agreed to marketing at the present email address"
    ),
    "customer.sms_consent": _consent(
        "sms", "Has agreed to marketing at the present phone number"
    ),
    "customer.nps": _score("nps", "Newest answer to an NPS survey, 0 to 10"),
    "customer.csat": _score("csat", "Newest answer to a CSAT survey, 1 to 5"),
    "customer.ces": _score("ces", "Newest answer to a CES survey, 1 to 7"),
    "customer.days_since_survey": (
        Field(type=INT, nullable=True, doc="Days since the newest answer to any survey"),
        _days_since_survey,
    ),
    "customer.points": _loyalty(INT, "Loyalty points that can be spent", "balance", missing=0),
    "customer.points_pending": _loyalty(
        INT, "Points of orders that may still be returned", "pending", missing=0
    ),
    "customer.points_expiring_at": _loyalty(
        TIMESTAMP, "When the points expire unless something happens", "expires_at"
    ),
    "customer.tier": _loyalty(STRING, "Loyalty tier, by its id", "tier"),
    "customer.rfm": (
        Field(type=STRING, nullable=True, doc="Recency, frequency and value scores, as 543"),
        lambda facts: "".join(map(str, rfm_scores(facts.world))) or None,
    ),
    "customer.recency_score": _rfm("1 to 5: fifths of the shop's customers by newest order", 0),
    "customer.frequency_score": _rfm("1 to 5: fifths of the shop's customers by orders", 1),
    "customer.value_score": _rfm("1 to 5: fifths of the shop's customers by money spent", 2),
    "customer.product_ids": (
        Field(type=STRINGS, doc="Products bought and kept, the newest first"),
        lambda facts: list(bought_products(facts.world)),
    ),
    "customer.replenish_at": (
        Field(type=TIMESTAMP, nullable=True, doc="When something bought is next used up"),
        lambda facts: next_replenishment(facts.world, facts.now),
    ),
    "order.id": _order(STRING, "Our id of the order, as shopify:1", lambda o: o.id),
    "order.number": _order(STRING, "What the customer sees, as #1001", lambda o: o.number),
    "order.placed_at": _order(TIMESTAMP, "When it was placed", lambda o: o.placed_at),
    "order.currency": _order(STRING, "Currency, as EUR", lambda o: o.currency),
    "order.total": _order(NUMBER, "Total to pay", lambda o: _number(o.total)),
    "order.subtotal": _order(NUMBER, "Total of the goods", lambda o: _number(o.subtotal)),
    "order.shipping": _order(NUMBER, "Cost of shipping", lambda o: _number(o.shipping)),
    "order.tax": _order(NUMBER, "Tax", lambda o: _number(o.tax)),
    "order.discount": _order(NUMBER, "Discount", lambda o: _number(o.discount)),
    "order.is_gift": _order(BOOL, "Is a gift", lambda o: o.is_gift),
    "order.is_test": _order(BOOL, "Is a test of the shop", lambda o: o.is_test),
    "order.country": _order(STRING, "Country of delivery, as AT", lambda o: o.country),
    "order.channel": _order(STRING, "Sales channel, as web or pos", lambda o: o.channel),
    "order.item_count": _order(
        INT, "Pieces bought", lambda o: sum(line.quantity for line in o.lines.values())
    ),
    "order.line_count": _order(INT, "Order lines", lambda o: len(o.lines)),
    "order.skus": _order(
        STRINGS, "Stock numbers", lambda o: _texts(line.sku for line in o.lines.values())
    ),
    "order.product_ids": _order(
        STRINGS, "Product ids", lambda o: _texts(line.product_id for line in o.lines.values())
    ),
    "order.titles": _order(
        STRINGS, "Names of the products", lambda o: _texts(line.title for line in o.lines.values())
    ),
    "order.discount_codes": _order(STRINGS, "Discount codes", lambda o: list(o.discount_codes)),
    "order.paid": _order(BOOL, "Has been paid", _happened("paid")),
    "order.shipped": _order(BOOL, "A parcel has been shipped", _happened("shipped")),
    "order.delivered": _order(BOOL, "Has been delivered", _happened("delivered")),
    "order.delivery_assumed": _order(
        BOOL, "Counts as delivered because nobody said otherwise", lambda o: ASSUMED in o.facts
    ),
    "order.refunded": _order(BOOL, "Has been refunded in full", is_fully_refunded),
    "order.partially_refunded": _order(
        BOOL, "Has been refunded in part",
        lambda o: fact_time(o, "refunded") is not None and not is_fully_refunded(o),
    ),
    "order.cancelled": _order(BOOL, "Has been cancelled", _happened("cancelled")),
    "order.returned": _order(BOOL, "Has come back", _happened("returned")),
    "order.disputed": _order(BOOL, "Payment is or was disputed", _happened("disputed")),
    "order.has_open_return": _order(BOOL, "A return is under way", lambda o: o.has_open_return),
    "order.refunded_total": _order(
        NUMBER, "Money given back", lambda o: float(refunded_total(o))
    ),
    "order.paid_at": _order(TIMESTAMP, "When it was paid", _when("paid")),
    "order.shipped_at": _order(TIMESTAMP, "When the first parcel was shipped", _when("shipped")),
    "order.delivered_at": _order(TIMESTAMP, "When it was delivered", _when("delivered")),
    "order.days_since_delivery": _days("order.delivered_at", "Days since it was delivered"),
    "order.days_since_placed": _days("order.placed_at", "Days since it was placed"),
    "ticket.id": _ticket(STRING, "Our id of the ticket", lambda t: t.id),
    "ticket.status": _ticket(STRING, "open, pending or solved", lambda t: t.status.value),
    "ticket.subject": _ticket(STRING, "Subject", lambda t: t.subject),
    "ticket.channel": _ticket(STRING, "How it came, as email or chat", lambda t: t.channel),
    "ticket.priority": _ticket(STRING, "Priority", lambda t: t.priority),
    "ticket.tags": _ticket(STRINGS, "Tags", lambda t: list(t.tags)),
    "ticket.rating": _ticket(INT, "The customer's rating, 0 to 10", lambda t: t.rating),
    "ticket.opened_at": _ticket(TIMESTAMP, "When it was opened", lambda t: t.opened_at),
    "ticket.solved_at": _ticket(TIMESTAMP, "When it was solved", lambda t: t.solved_at),
    "ticket.order_id": _ticket(STRING, "The order it is about", lambda t: t.order_id),
    "trigger.type": _trigger(STRING, "Type of the event that began the journey", "type"),
    "trigger.time": _trigger(TIMESTAMP, "When that happened", "time"),
    "trigger.id": _trigger(STRING, "Its id", "id"),
    "event.type": _event(STRING, "Type of the event just come", lambda e: e.type),
    "event.time": _event(TIMESTAMP, "When it happened", lambda e: e.time),
    "event.id": _event(STRING, "Its id", lambda e: e.id),
}  # fmt: skip

FIELDS: Mapping[str, Field] = {name: field for name, (field, _) in _DECLARED.items()}
_GETTERS: Mapping[str, Getter] = {name: get for name, (_, get) in _DECLARED.items()}
_OPEN: Mapping[str, Getter] = {
    "customer.attributes": lambda facts: facts.customer.attributes,
    "order.attributes": lambda facts: None if facts.order is None else facts.order.attributes,
    "trigger.data": lambda facts: facts.trigger.get("data"),
    "event.data": lambda facts: None if facts.event is None else facts.event.data,
}


def value_of(name: str, world: World, *, order: Order | None, ticket: Ticket | None,
             trigger: Mapping[str, Any], now: datetime) -> object:  # fmt: skip
    """One field's value, for instance that of an entry key; None when it is empty."""
    return Facts(world, now=now, order=order, ticket=ticket, trigger=trigger).find(name)


@lru_cache(maxsize=4096)  # names are those of conditions
def _below(name: str) -> tuple[Getter | None, tuple[str, ...]]:
    """What reads the open prefix that a name is below, None where it is below none, and the rest
    of it; else the step and what is asked of it."""
    parts = name.split(".")
    read = _OPEN.get(".".join(parts[:2]))
    if read is not None:
        return read, tuple(parts[2:])
    step, _, asked = name.partition(".")
    return None, (step, asked)


def _other(name: str, facts: Facts) -> object:
    """A name below an open prefix, or a step's result."""
    read, rest = _below(name)
    if read is None:
        step, asked = rest
        found = facts.results.get(step)
        value = None if found is None else result_value(asked, found.get(asked))
        return value if value is not None or asked in NULLABLE_RESULTS else False
    value = read(facts)
    for part in rest:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
