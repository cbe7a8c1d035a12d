"""Every code that the engine can store has its sentence, with actual and wanted values."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.durations import Duration
from engine.core import reasons, trace, wording
from engine.core.campaign import CampaignStatus, Entry, EventTrigger, Plan, ScheduleTrigger, Stage
from engine.core.decision import Decision, DecisionKind, EntryVerdict, VerdictCode
from engine.core.evaluate import Activation, evaluate
from engine.core.expression import Condition, compile_condition
from engine.core.facts import FIELDS, OPEN_PREFIXES
from engine.core.message import Message, MessageStatus
from engine.core.record import trace_of
from engine.core.verbs import Arm, Branch, SendEmail
from engine.core.vocabulary import Vocabulary

NOW = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)
CHICAGO = ZoneInfo("America/Chicago")
ROOT = Path(__file__).resolve().parents[2] / "engine"
VOCABULARY = Vocabulary(fields=FIELDS, open_prefixes=OPEN_PREFIXES)


def condition(source: str) -> Condition:
    return compile_condition(source, VOCABULARY)


def plan(**changes: Any) -> Plan:
    steps = (
        SendEmail(index=0, id="ask", next=1, template="t",
                  condition=condition("customer.sms_consent")),
        Branch(index=1, id="fork", next=2, arms=(
            Arm(condition=condition("order.total > 100"), target=2),
            Arm(condition=None, target=2),
        )),
    )  # fmt: skip
    given: dict[str, Any] = {
        "id": "review", "revision": "r1", "name": "Review", "stage": Stage.ADVOCACY,
        "status": CampaignStatus.LIVE, "purpose": "marketing", "priority": 50,
        "trigger": EventTrigger(event="order.delivered"), "entry": Entry(key="order.id"),
        "steps": steps,
        "filter": condition("order.total >= 20 && !order.is_gift"),
        "profile_filter": condition("customer.open_tickets == 0"),
        "max_age": Duration(days=3), "holdout": 10.0,
    }  # fmt: skip
    return Plan(**{**given, **changes})


def unmet(one: Condition, values: dict[str, object]) -> dict[str, Any]:
    return trace_of(evaluate(one, Activation(values)))


def decision(
    kind: DecisionKind, code: str = "", told: dict[str, Any] | None = None, step: str = ""
) -> Decision:
    return Decision(kind=kind, at=NOW, customer_id="c", campaign="review", revision="r1",
                    journey_id="j", step=step, code=code, trace=told)  # fmt: skip


def verdict(code: VerdictCode, told: dict[str, Any] | None = None) -> EntryVerdict:
    return EntryVerdict(campaign="review", revision="r1", code=code, transition="order.delivered",
                        trace=told)  # fmt: skip


def message(status: MessageStatus, **changes: Any) -> Message:
    given: dict[str, Any] = {
        "id": "m", "campaign": "review", "revision": "r1", "journey_id": "j", "step": "ask",
        "purpose": "marketing", "channel": "email", "customer_id": "c", "entry_key": "o:1",
        "template": "t", "status": status, "created_at": NOW, "send_at": NOW, "due_at": NOW,
        "expires_at": NOW,
    }  # fmt: skip
    return Message(**{**given, **changes})


# --- no code without a sentence -------------------------------------------------------------------


def calls() -> Iterator[ast.Call]:
    for folder in ("core", "services"):
        for file in sorted((ROOT / folder).glob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Call):
                    yield node


def name_of(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def literal(call: ast.Call, position: int, keyword: str) -> str | None:
    nodes: list[ast.expr] = [one.value for one in call.keywords if one.arg == keyword]
    if len(call.args) > position:
        nodes.append(call.args[position])
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            return node.value
    return None


def found_reasons() -> set[str]:
    """Codes of guards, exits and withdrawals that the sources spell out."""
    places = {"Drop": (0, "code"), "Defer": (1, "code"), "exit_journey": (2, "reason"),
              "cancel_message": (3, "reason")}  # fmt: skip
    found = {
        code
        for call in calls()
        if name_of(call) in places and (code := literal(call, *places[name_of(call)]))
    }
    return found | {"paused", "completed", "volume_limit"}


def found_decisions() -> set[tuple[str, str]]:
    """(kind, code) of every decision whose code the sources spell out."""
    found = set()
    for call in calls():
        if name_of(call) not in ("decide", "_decide"):
            continue
        kinds = [
            node.attr
            for node in ast.walk(call)
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "DecisionKind"
        ]
        code = literal(call, 99, "code")
        found |= {(kind, code or "") for kind in kinds}
    return found


def test_the_search_finds_the_codes() -> None:
    guards = {"no_address", "suppressed", "no_consent", "quiet_hours", "cap", "min_gap", "too_late"}
    assert guards <= found_reasons()
    assert {"frozen", "hold_while", "profile_filter", "journey_ended"} <= found_reasons()
    assert ("STEP_SKIPPED", "if") in found_decisions()
    assert {DecisionKind[kind] for kind, _ in found_decisions()} == set(DecisionKind)


@pytest.mark.parametrize("code", sorted(found_reasons()))
def test_every_reason_has_words_of_its_own(code: str) -> None:
    assert code in reasons.GUARDS or code in reasons.ENDS
    assert "_" not in reasons.ended(code).replace("hold_while", "").replace(
        "profile_filter", ""
    ).replace("volume_limit", "").replace("max_lateness", "")
    assert reasons.withheld(code, None)


@pytest.mark.parametrize(("kind", "code"), sorted(found_decisions()))
def test_every_decision_has_a_sentence(kind: str, code: str) -> None:
    text = trace.decision_text(decision(DecisionKind[kind], code), plan())
    assert text
    assert "None" not in text
    raw = code if "_" in code and code not in ("hold_while", "volume_limit") else "?"
    assert raw not in text


@pytest.mark.parametrize("code", list(VerdictCode))
def test_every_verdict_has_a_sentence_with_and_without_its_plan(code: VerdictCode) -> None:
    for known in (None, plan()):
        text = trace.verdict_text(verdict(code), known)
        assert text
        assert "None" not in text


@pytest.mark.parametrize("status", list(MessageStatus))
def test_every_status_has_a_sentence(status: MessageStatus) -> None:
    text = trace.message_text(message(status))
    assert text
    assert "None" not in text


# --- actual and wanted values ---------------------------------------------------------------------

GUARDED: list[tuple[str, dict[str, Any], str]] = [
    ("cap", {"cap": "3 per 7d", "actual": 3, "wanted": "< 3"},
     "marketing cap 3 per 7d reached (3 in the last 7 days)"),
    ("cap", {"cap": "1 per 1d12h", "actual": 2, "wanted": "< 1"},
     "marketing cap 1 per 1d12h reached (2 in the last 1 day 12 hours)"),
    ("no_consent", {"channel": "email", "actual": None, "wanted": "subscribed"},
     "no consent to marketing by email (it is none on record; wanted: subscribed)"),
    ("no_consent", {"channel": "sms", "actual": "unsubscribed", "wanted": "subscribed"},
     "no consent to marketing by sms (it is unsubscribed; wanted: subscribed)"),
    ("suppressed", {"reason": "hard bounce", "scope": "all"},
     "the address is suppressed for every message (hard bounce)"),
    ("no_address", {"channel": "sms"}, "the customer has no phone number"),
    ("no_sender", {"channel": "sms"},
     "the shop has named no sender for sms (senders in config/store.yaml)"),
    ("quiet_hours",
     {"local": "22:10", "zone": "Europe/Paris", "quiet": "21:00-08:00",
      "until": "2026-03-02T07:00:00+00:00"},
     ("quiet hours 21:00-08:00 (it was 22:10 in Europe/Paris), "
      "put off until 2026-03-02 01:00 CST")),
    ("min_gap", {"last": "2026-03-01T15:00:00+00:00", "until": "2026-03-02T11:00:00+00:00"},
     ("too soon after another marketing message (the last one: 2026-03-01 09:00 CST), "
      "put off until 2026-03-02 05:00 CST")),
    ("too_late", {"due_at": "2026-03-01T15:00:00+00:00", "expires_at": "2026-03-02T15:00:00+00:00"},
     "too late: due 2026-03-01 09:00 CST, to be sent by 2026-03-02 09:00 CST at the latest"),
    ("too_late",
     {"due_at": "2026-03-01T15:00:00+00:00", "expires_at": "2026-03-01T19:00:00+00:00",
      "guard": "quiet_hours", "until": "2026-03-02T15:00:00+00:00",
      "local": "22:10", "zone": "Europe/Paris", "quiet": "21:00-08:00"},
     ("too late: due 2026-03-01 09:00 CST, to be sent by 2026-03-01 13:00 CST at the latest; "
      "quiet hours 21:00-08:00 (it was 22:10 in Europe/Paris) until 2026-03-02 09:00 CST")),
    ("journey_ended", {"reason": "order.refunded"},
     "its journey has ended (order.refunded happened)"),
    ("volume_limit", {"limit": "2000/d"}, "the campaign reached its volume_limit of 2000/d"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "told", "sentence"), GUARDED)
def test_guards_tell_their_values(code: str, told: dict[str, Any], sentence: str) -> None:
    assert reasons.withheld(code, told, zone=CHICAGO) == sentence
    dropped = trace.decision_text(decision(DecisionKind.DROPPED, code, told), zone=CHICAGO)
    assert dropped == f"not sent: {sentence}"


def test_a_filter_quotes_the_part_that_failed_with_its_values() -> None:
    campaign = plan()
    assert campaign.filter is not None
    told = unmet(campaign.filter, {"order.total": 12.5, "order.is_gift": False})
    text = trace.verdict_text(verdict(VerdictCode.FILTER, told), campaign)
    assert text == "did not enter: filter not met: needs order.total >= 20, but order.total is 12.5"
    told = unmet(campaign.filter, {"order.total": 20.0, "order.is_gift": True})
    text = trace.verdict_text(verdict(VerdictCode.FILTER, told), campaign)
    assert text == "did not enter: filter not met: needs !order.is_gift, but order.is_gift is true"
    unknown_revision = trace.verdict_text(verdict(VerdictCode.FILTER, told))
    assert unknown_revision == "did not enter: filter not met: order.is_gift is true"


def test_an_empty_value_is_named() -> None:
    campaign = plan()
    assert campaign.filter is not None
    told = unmet(campaign.filter, {"order.total": None, "order.is_gift": False})
    text = trace.verdict_text(verdict(VerdictCode.FILTER, told), campaign)
    assert text.endswith("needs order.total >= 20, but order.total has no value")


def test_a_segment_is_told_apart_from_the_filter() -> None:
    segment = condition("customer.days_since_order >= 90")
    campaign = plan(trigger=ScheduleTrigger(cron="0 9 * * *", zone=None, segment=segment))
    told = unmet(segment, {"customer.days_since_order": 12})
    text = trace.verdict_text(verdict(VerdictCode.FILTER, told), campaign)
    assert "segment not met: needs customer.days_since_order >= 90" in text
    assert "customer.days_since_order is 12" in text


def test_steps_branches_and_exits_quote_their_conditions() -> None:
    campaign = plan()
    ask, fork = campaign.steps
    assert ask.condition is not None
    assert isinstance(fork, Branch)
    assert fork.arms[0].condition is not None
    told = unmet(ask.condition, {"customer.sms_consent": False})
    skipped = decision(DecisionKind.STEP_SKIPPED, "if", told, step="ask")
    assert trace.decision_text(skipped, campaign) == (
        "step skipped: needs customer.sms_consent, but customer.sms_consent is false"
    )
    missed = unmet(fork.arms[0].condition, {"order.total": 30.0})
    other = decision(DecisionKind.BRANCHED, "arm_2", {"unmet": [missed]}, step="fork")
    assert trace.decision_text(other, campaign) == (
        "took else (needs order.total > 100, but order.total is 30)"
    )
    taken = decision(DecisionKind.BRANCHED, "arm_1", None, step="fork")
    assert trace.decision_text(taken, campaign) == "took arm 1: order.total > 100"
    taken = decision(DecisionKind.BRANCHED, "arm_1", {"met": {"order.total": 120.0}}, step="fork")
    assert trace.decision_text(taken, campaign) == (
        "took arm 1: order.total > 100, as order.total is 120"
    )
    assert campaign.profile_filter is not None
    told = unmet(campaign.profile_filter, {"customer.open_tickets": 2})
    left = decision(DecisionKind.EXITED, "profile_filter", told)
    assert trace.decision_text(left, campaign) == (
        "left: profile_filter is no longer met: needs customer.open_tickets == 0, "
        "but customer.open_tickets is 2"
    )


def test_an_entry_quotes_the_conditions_that_were_met() -> None:
    values = {"order.total": 80.0, "customer.open_tickets": 0}
    entered = decision(DecisionKind.ENTERED, "", {"met": values})
    campaign = plan()
    assert campaign.filter is not None
    assert campaign.profile_filter is not None
    told = trace.decision_text(entered, campaign)
    wanted = f"{campaign.filter.source} && {campaign.profile_filter.source}"
    assert told == (
        f"entered the campaign: {wanted}, as order.total is 80 and customer.open_tickets is 0"
    )
    assert trace.decision_text(entered).endswith(
        "campaign, as order.total is 80 and customer.open_tickets is 0"
    )
    bare = decision(DecisionKind.ENTERED, "", None)
    assert trace.decision_text(bare, campaign) == "entered the campaign"


def test_an_exit_tells_the_event_or_the_step() -> None:
    refunded = decision(DecisionKind.EXITED, "order.refunded", {"event": "order.refunded:s:1:r"})
    assert trace.decision_text(refunded) == "left: order.refunded happened (order.refunded:s:1:r)"
    authored = decision(DecisionKind.EXITED, "they answered")
    assert trace.decision_text(authored) == "left by its exit step: they answered"


def test_a_message_tells_why_it_is_where_it_is() -> None:
    told = {"cap": "3 per 7d", "actual": 3, "wanted": "< 3"}
    dropped = decision(DecisionKind.DROPPED, "cap", told)
    skipped = message(MessageStatus.SKIPPED, reason="cap")
    assert trace.message_text(skipped, dropped) == (
        "not sent: marketing cap 3 per 7d reached (3 in the last 7 days)"
    )
    assert trace.message_text(skipped) == "not sent: marketing cap reached"
    failed = message(MessageStatus.FAILED, reason="does not exist", error_code="http_400",
                     provider="sendgrid")  # fmt: skip
    assert trace.message_text(failed) == (
        "failed: sendgrid did not take it: does not exist, code http_400"
    )
    again = message(MessageStatus.SCHEDULED, reason="busy", attempts=2)
    assert "attempt 2 did not get through (busy)" in trace.message_text(again)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner,
                                                                max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(JSON)
def test_any_value_can_be_shown_briefly(value: object) -> None:
    assert 0 < len(wording.value(value)) <= 80


@given(
    st.sampled_from(list(DecisionKind)),
    st.text(max_size=20) | st.sampled_from(sorted(reasons.GUARDS)),
    st.dictionaries(
        st.sampled_from(["until", "at", "due_at", "cap", "actual", "zone", "quiet", "scope"]),
        st.text(max_size=12),
    ),
)
def test_odd_codes_and_traces_of_another_release_are_told_too(
    kind: DecisionKind, code: str, told: dict[str, Any]
) -> None:
    code = code if kind is not DecisionKind.BRANCHED else "arm_7"
    assert trace.decision_text(decision(kind, code, told), plan())
