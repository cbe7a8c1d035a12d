"""What platforms tell: events of a few people, late, doubled, out of order, with wrong clocks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.invariants.strategies import PEOPLE, ZONES

KINDS = (
    *("order.placed",) * 5, *("order.delivered",) * 3, "order.paid", "order.shipped",
    "order.cancelled", "order.cancelled", "order.refunded", "order.refunded", "order.disputed",
    "order.returned", "ticket.opened", "ticket.opened", "ticket.solved", "survey.answered",
    *("customer.updated",) * 2, *("customer.subscribed",) * 4, "customer.unsubscribed",
)  # fmt: skip
# Ends a marketing campaign about the order, whatever else the campaign says (unless it says it).
ENDING = frozenset({"order.cancelled", "order.disputed", "order.returned", "order.refunded"})
CHANNELS = ("email", "sms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing to tell: who, what, and how long ago or how far ahead its clock says it was."""

    kind: str
    person: int
    order: int
    age: timedelta
    zone: str | None
    total: str
    partial: bool  # a refund of a part
    named: bool  # the report says who the customer is
    channels: tuple[str, ...]
    from_desk: bool  # told by the help desk, which knows people by ids of its own
    verified: bool


told = st.builds(
    Told,
    kind=st.sampled_from(KINDS),
    person=st.sampled_from(PEOPLE),
    order=st.integers(0, 3),
    age=st.sampled_from(
        [timedelta(0)] * 5
        + [timedelta(minutes=7), timedelta(hours=3), timedelta(days=2), timedelta(hours=-2)]
    ),
    zone=st.sampled_from([None, None, *ZONES]),
    total=st.sampled_from(["20.00", "80.00", "250.00"]),
    partial=st.booleans(),
    named=st.sampled_from([True, True, True, False]),
    channels=st.sampled_from([("email",), ("email", "sms"), ("sms",)]),
    from_desk=st.sampled_from([False, False, False, True]),
    verified=st.booleans(),
)


_PLAIN = Told(
    kind="order.placed", person=0, order=0, age=timedelta(0), zone=None, total="80.00",
    partial=False, named=True, channels=CHANNELS, from_desk=False, verified=True,
)  # fmt: skip


def bought(person: int) -> Told:
    """This person places an order, just now."""
    return replace(_PLAIN, person=person)


def email_of(person: int) -> str:
    return f"person{person}@example.com"


def phone_of(person: int) -> str:
    return f"+1504555{1000 + person}"


def address_of(person: int, channel: str) -> str:
    return email_of(person) if channel == "email" else phone_of(person)


@dataclass(slots=True)
class Teller:
    """Writes events; keeps count, so that each has an id of its own."""

    count: int = 0
    written: list[dict[str, Any]] = field(default_factory=list)
    orders: dict[int, int] = field(default_factory=dict)  # placed so far, by person

    def write(self, told: Told, now: datetime) -> dict[str, Any]:
        """The event as its platform would send it."""
        self.count += 1
        at = now - told.age
        source = "desk" if told.from_desk and not told.kind.startswith("order.") else "shop"
        event: dict[str, Any] = {
            "id": f"e{self.count}", "source": source, "type": told.kind, "time": at.isoformat(),
            "customer": self._customer(told, source, at),
        }  # fmt: skip
        family = told.kind.partition(".")[0]
        if family == "order":
            event["order"] = self._order(told)
            if not told.named:
                del event["customer"]
        elif family == "ticket":
            event["ticket"] = {"id": f"t{told.person}-{told.order}", "subject": "Help"}
        elif family == "survey":
            event["data"] = {"kind": "nps", "score": told.order * 3}
        self.written.append(event)
        return event

    def everyone(self, now: datetime, zones: list[str]) -> list[dict[str, Any]]:
        """Each person signs up in a zone of their own, with both addresses, agreeing to both."""
        joined = replace(_PLAIN, kind="customer.subscribed", age=timedelta(hours=1))
        return [
            self.write(replace(joined, person=person, zone=zone), now)
            for person, zone in zip(PEOPLE, zones, strict=True)
        ]

    def _order(self, told: Told) -> dict[str, Any]:
        """A new order when one is placed; else one of the last, or the next, told too early."""
        placed = self.orders.get(told.person, 0)
        if told.kind == "order.placed":
            placed = self.orders[told.person] = placed + 1
        number = f"o{told.person}-{max(1, placed + (told.order % 4 == 3) - told.order % 3)}"
        if told.kind == "order.placed":
            number = f"o{told.person}-{placed}"
        order: dict[str, Any] = {
            "id": number, "number": f"#{number}", "total": told.total, "currency": "USD"
        }  # fmt: skip
        if told.kind == "order.refunded":
            order["refunds"] = [{"id": "part", "amount": "5.00"} if told.partial else {"id": "all"}]
        return order

    @staticmethod
    def _customer(told: Told, source: str, at: datetime) -> dict[str, Any]:
        person = told.person
        customer: dict[str, Any] = {
            "id": f"{source}{person}", "first_name": f"Person {person}",
            "birthday": f"1990-{at:%m-%d}" if told.verified else None,
        }  # fmt: skip
        # What the desk verifies joins its record with the shop's; before, they are two people.
        if source == "shop" or told.verified or told.kind.startswith("customer."):
            customer |= {"email": email_of(person), "email_verified": told.verified}
        if told.kind.startswith("customer."):
            customer["phone"] = phone_of(person)
            if told.zone is not None:
                customer["timezone"] = told.zone
        status = {"customer.subscribed": "subscribed", "customer.unsubscribed": "unsubscribed"}
        if told.kind in status:
            customer["consent"] = {
                channel: {"status": status[told.kind]} for channel in told.channels
            }
        return {key: value for key, value in customer.items() if value is not None}


def kills(event: dict[str, Any]) -> bool:
    """Whether the event ends marketing about its order for good."""
    if event["type"] == "order.refunded":
        return bool(event["order"]["refunds"][0]["id"] == "all")
    return event["type"] in ENDING
