"""Customers as they come, and conditions of entry that a schedule may ask of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from config.durations import Duration, parse
from engine.core.answers import ANSWERS
from engine.core.book import Record
from engine.core.campaign import Entry, Plan, ScheduleTrigger
from engine.core.customer import Consent, Customer
from engine.core.keeping import Keeping
from engine.core.message import Message, SendResult
from engine.core.points import ACCOUNT, BOOK
from engine.core.shopping import BOOK as SHOPPING
from engine.core.shopping import PAGE
from engine.core.verbs import Delay
from engine.core.world import World
from engine.ports.stored import Processed
from engine.simulator.person import Person
from tests.core.shop import T0, plan, when

HOUR = timedelta(hours=1)
ADDRESSES = ("ann@example.com", "bob@example.com", "+43660123456")
ZONES = (None, "Europe/Vienna", "America/New_York")
_ENTRIES = (
    Entry(key="customer.id", re_entry="always"),
    Entry(key="customer.id", re_entry="never"),
    Entry(key="customer.id", re_entry=parse("2d")),
    Entry(key="customer.id", re_entry=parse("30h")),
)
_SIGNS = ("==", "!=", ">=", ">", "<=", "<")
_COMPARED = ("days_since_order", "days_since_first_order", "days_since_survey", "orders_count",
             "open_tickets", "points", "nps", "recency_score", "open_coupons")  # fmt: skip

moments = st.integers(-24 * 9, 40).map(lambda hours: None if hours > 30 else T0 + hours * HOUR)
comparisons = st.builds(
    lambda name, sign, number, turned: (
        f"{number} {sign} customer.{name}" if turned else f"(customer.{name}{sign} {number})"
    ),
    st.sampled_from(_COMPARED),
    st.sampled_from(_SIGNS),
    st.integers(0, 9),
    st.booleans(),
)
# All that is told of the world without orders, so that the judge and the core see the same.
clauses = st.one_of(
    comparisons,
    comparisons,
    st.sampled_from(
        [
            "true",
            "customer.email_consent",
            "!customer.sms_consent",
            '"vip" in customer.tags',
            'customer.attributes.level == "gold"',
            "customer.total_spent >= 50",
            "80 > customer.total_spent",
            "customer.average_order > 20.5",
            'customer.tier in ["silver", "gold"]',
            'customer.rfm != "111"',
            "customer.last_order_at != null",
            "customer.nps <= 6 || customer.email_consent",
            "customer.days_since_order >= 3 || customer.orders_count == 0",
            "customer.days_since_first_order % 2 == 0",
            "customer.days_since_order >= 99999999999",
        ]
    ),
)
conditions = st.one_of(clauses, st.lists(clauses, min_size=2, max_size=3).map(" && ".join))


class Silent:
    """A ledger that keeps nothing."""

    keeping = Keeping(decisions=frozenset(), traces=False, news=False)

    def decided(self, world: World) -> None: ...
    def processed(self, source: str, event_id: str, done: Processed) -> None: ...
    def sent(self, message: Message, result: SendResult) -> None: ...
    def held(self, campaign: str, reason: str, at: datetime) -> None: ...


@st.composite
def plans(
    draw: st.DrawFn, name: str = "look", segments: st.SearchStrategy[str] = conditions
) -> Plan:
    """A campaign that a schedule begins; nobody is held out."""
    trigger = ScheduleTrigger(cron="0 9 * * *", zone=None, segment=when(draw(segments)))
    given: dict[str, Any] = {
        "id": name,
        "trigger": trigger,
        "entry": draw(st.sampled_from(_ENTRIES)),
        "profile_filter": draw(st.one_of(st.none(), st.none(), clauses.map(when))),
    }
    return plan({"kind": Delay, "for_": Duration(days=1)}, **given)


@st.composite
def customers(draw: st.DrawFn, customer_id: str = "c-1") -> Customer:
    """A customer's row."""
    email, phone = draw(st.sampled_from([None, *ADDRESSES[:2]])), draw(st.booleans())
    return Customer(
        id=customer_id,
        created_at=T0,
        email=email,
        phone=ADDRESSES[2] if phone else None,
        zone=draw(st.sampled_from(ZONES)),
        tags=tuple(draw(st.sets(st.sampled_from(["vip", "sunset"])))),
        attributes=draw(st.sampled_from([{}, {"level": "gold"}, {"since": f"2024-{T0:%m-%d}"}])),
        orders_count=draw(st.integers(0, 5)),
        total_spent=Decimal(draw(st.sampled_from([0, 50, 80]))),
        first_order_at=draw(moments),
        last_order_at=draw(moments),
        open_tickets=draw(st.integers(0, 1)),
    )


records = st.one_of(
    st.builds(
        lambda key, kind, score, hours: Record(
            book=ANSWERS, key=key, at=T0 - hours * HOUR, data={"kind": kind, "score": score}
        ),
        st.sampled_from("ab"),
        st.sampled_from(["nps", "csat"]),
        st.integers(0, 9),
        st.integers(-20, 200),
    ),
    st.builds(
        lambda balance, tier: Record(
            book=BOOK, key=ACCOUNT, at=T0, data={"balance": balance, "pending": 0, "tier": tier}
        ),
        st.integers(0, 9),
        st.sampled_from(["silver", "bronze"]),
    ),
)
pages = st.builds(
    lambda score: Record(book=SHOPPING, key=PAGE, at=T0, data={"rfm": [score, 1, 1]}),
    st.integers(1, 5),
)
consents = st.builds(
    lambda address, status, hours: Consent(
        channel="sms" if address.startswith("+") else "email",
        address=address,
        status=status,
        at=T0 + hours * HOUR,
        source="test",
    ),
    st.sampled_from(ADDRESSES),
    st.sampled_from(["subscribed", "unsubscribed"]),
    st.integers(0, 99),
)


def let_enter(person: Person, campaign: str, at: datetime) -> None:
    """Let a person have entered then, under a key that is theirs alone."""
    key = person.customer.id
    person.past.note(campaign, key, key, entry_no=1, entered_at=at)
