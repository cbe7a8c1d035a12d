"""What has counted for as long as any rule looks back makes no difference any more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from engine.core import guards
from engine.core.guards import CapRule, GuardRules, SurveyRule
from engine.core.world import Contact
from tests.core.test_remedies import NOW, capped, message, world

TOPICS = st.sampled_from([None, "offers", "surveys"])
DAYS = st.integers(0, 20).map(lambda days: timedelta(days=days))
HOURS = st.integers(-25 * 24, 5 * 24).map(lambda hours: NOW + timedelta(hours=hours))
CONTACTS = st.lists(
    st.builds(
        Contact,
        st.integers(0, 9).map("m{}".format),
        HOURS | DAYS.map(lambda ago: NOW - ago),
        st.sampled_from(["email", "sms"]),
        st.sampled_from(["marketing", "marketing", "transactional"]),
        st.just("other"),
        TOPICS,
    ),
    max_size=8,
    unique_by=lambda one: one.message_id,
)
CAPS = st.builds(
    CapRule,
    channel=st.sampled_from([None, "email"]),
    topic=TOPICS,
    purpose=st.just("marketing"),
    count=st.integers(1, 2),
    span=DAYS,
    label=st.just("so many"),
)


@st.composite
def rules(draw: st.DrawFn) -> GuardRules:
    return replace(
        capped(draw(CAPS)),
        caps=tuple(draw(st.lists(CAPS, max_size=2))),
        min_gap=draw(st.none() | DAYS),
        surveys=draw(
            st.none()
            | st.builds(SurveyRule, topic=st.just("surveys"), min_gap=DAYS, label=st.just("long"))
        ),
    )


@given(CONTACTS, rules(), TOPICS)
def test_who_has_counted_long_enough_changes_no_verdict(
    contacts: list[Contact], rules: GuardRules, topic: str | None
) -> None:
    asked = replace(message(), topic=topic)
    left = [
        one
        for one in contacts
        if one.message_id == asked.id or one.at + rules.counts_for(one) > NOW
    ]
    assert all(rules.counts_for(one) <= rules.look_back for one in contacts)
    assert guards.check(world(*left), asked, NOW, rules) == guards.check(
        world(*contacts), asked, NOW, rules
    )
