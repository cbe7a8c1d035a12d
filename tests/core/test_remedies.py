"""What would have to change: every reason has its sentence, and a free slot is really free."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core import guards
from engine.core.customer import Consent, Customer
from engine.core.decision import VerdictCode
from engine.core.guards import Allow, CapRule, Drop, GuardRules
from engine.core.message import Message, MessageStatus
from engine.core.reasons import GUARDS
from engine.core.remedies import Circumstances, free_slot, remedy
from engine.core.world import Contact, World
from tests.services.test_why import RULES, plan

NOW = datetime(2026, 3, 10, 16, tzinfo=UTC)
ADDRESS = "ada@example.com"
_BY_ITSELF = {VerdictCode.ENTERED, VerdictCode.FROZEN, VerdictCode.HELD_OUT}


def world(*contacts: Contact) -> World:
    consent = Consent(channel="email", address=ADDRESS, status="subscribed", at=NOW, source="t")
    return World(
        customer=Customer(id="c1", created_at=NOW, email=ADDRESS),
        consents={("email", ADDRESS): consent},
        contacts=list(contacts),
    )


def circumstances(held: World, rules: GuardRules, now: datetime = NOW) -> Circumstances:
    return Circumstances(
        world=held, rules=rules, now=now, campaign="review", plan=plan(), channel="email",
        message_id="m0",
    )  # fmt: skip


def capped(cap: CapRule) -> GuardRules:
    return GuardRules(
        store_zone=RULES.store_zone, zones=RULES.zones, quiet={}, caps=(cap,), min_gap=None,
        max_lateness=RULES.max_lateness,
    )  # fmt: skip


def message() -> Message:
    return Message(
        id="m0", campaign="review", revision="r", journey_id="j", step="ask", purpose="marketing",
        channel="email", customer_id="c1", entry_key="k", template="t", topic="offers",
        status=MessageStatus.SCHEDULED, created_at=NOW, send_at=NOW, due_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )  # fmt: skip


@pytest.mark.parametrize("code", [
    *(code for code in GUARDS if code != "journey_ended"),  # its end has a reason of its own
    *(code.value for code in VerdictCode if code not in _BY_ITSELF), "frozen", "held_out",
    "paused", "gone", "render_error", "unknown", "bounced", "failed", "pool_empty", "coupon_limit",
])  # fmt: skip
def test_every_reason_says_what_it_takes(code: str) -> None:
    (change,) = remedy(code, {}, circumstances(world(), RULES))
    assert change.code == code
    assert change.text
    assert "None" not in change.text


CONTACTS = st.lists(
    st.builds(
        Contact,
        st.integers(1, 30).map("m{}".format),
        st.integers(-20 * 24, 10 * 24).map(lambda hours: NOW + timedelta(hours=hours)),
        st.sampled_from(["email", "sms"]),
        st.sampled_from(["marketing", "transactional"]),
        st.just("other"),
        st.sampled_from([None, "offers", "reviews"]),
    ),
    max_size=8,
)


@given(
    CONTACTS,
    st.integers(1, 3),
    st.integers(1, 14),
    st.sampled_from([None, "email"]),
    st.sampled_from([None, "offers"]),
)
def test_a_free_slot_is_the_first_moment_at_which_the_cap_has_room(
    contacts: list[Contact], count: int, days: int, channel: str | None, topic: str | None
) -> None:
    cap = CapRule(
        channel="email" if channel else None, topic=topic, purpose="marketing", count=count,
        span=timedelta(days=days), label=f"{count} per {days}d",
    )  # fmt: skip
    rules, held = capped(cap), world(*contacts)
    free = free_slot(circumstances(held, rules), cap.label, topic)
    assert free is not None
    assert free >= NOW
    assert isinstance(guards.check(held, message(), free, rules), Allow)
    before = free - timedelta(microseconds=1)
    if before >= NOW:
        verdict = guards.check(held, message(), before, rules)
        assert isinstance(verdict, Drop)
        assert verdict.code == "cap"


def test_no_such_cap_any_more_names_no_time() -> None:
    assert free_slot(circumstances(world(), RULES), "9 per 9d") is None
