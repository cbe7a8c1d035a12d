"""What good campaigns compile to."""

from __future__ import annotations

from datetime import time

import pytest

from config.durations import Duration, Rate
from engine.authoring.compile import revision_of
from engine.core.campaign import (
    CampaignStatus,
    DateTrigger,
    EventTrigger,
    OrderExit,
    Plan,
    ScheduleTrigger,
    Stage,
)
from engine.core.verbs import (
    Branch,
    CallWebhook,
    Delay,
    EmitEvent,
    EventMatch,
    Exit,
    SendEmail,
    SendSms,
    Split,
    Step,
    UpdateCustomer,
    WaitFor,
)
from tests.authoring.campaigns import (
    BIRTHDAY,
    EVERY_FIELD,
    GOOD,
    PARCEL,
    REVIEW_REQUEST,
    TICKET,
    simple,
)
from tests.authoring.workspace import plan_of, problems_of


def _sources(plan: Plan) -> dict[str, str]:
    return {step.id: step.condition.source for step in plan.steps if step.condition is not None}


def _step(plan: Plan, step_id: str) -> Step:
    return plan.steps[plan.step_index[step_id]]


@pytest.mark.parametrize("name", GOOD)
def test_good_campaigns_have_no_problem(name: str) -> None:
    assert problems_of(GOOD[name], f"campaigns/{name}.yaml") == ()


def test_the_design_documents_example() -> None:
    plan = plan_of(REVIEW_REQUEST)
    assert plan.id == "review-request"
    assert plan.name == "Review request after delivery"
    assert (plan.stage, plan.status) == (Stage.ADVOCACY, CampaignStatus.LIVE)
    assert plan.trigger == EventTrigger(event="order.delivered")
    assert plan.filter is not None
    assert plan.filter.source == "order.total >= 20 && !order.is_gift"
    assert plan.max_age == Duration(days=3)
    assert (plan.entry.key, plan.entry.re_entry) == ("order.id", "never")
    assert plan.holdout == 10.0
    assert [match.event for match in plan.exit_on] == [
        "order.returned",
        "order.refunded",
        "review.submitted",
    ]
    assert not plan.exit_on_full_refund_only
    assert plan.goal is not None
    assert plan.goal.within == Duration(days=30)
    assert plan.volume_limit == Rate(count=2000, unit="d")
    ids = ["step_1", "nps", "step_3", "step_3_1_1", "step_3_2_1", "ask", "step_5", "remind"]
    assert [step.id for step in plan.steps] == ids
    delay, branch = plan.steps[0], plan.steps[2]
    assert isinstance(delay, Delay)
    assert delay.for_ == Duration(days=3)
    assert (delay.until, delay.days) == (time(10), frozenset(range(5)))
    assert isinstance(branch, Branch)
    assert [arm.target for arm in branch.arms] == [3, 4, 5]
    assert branch.arms[2].condition is None
    assert [step.next for step in plan.steps] == [1, 2, 5, 5, 5, 6, 7, 8]
    assert _sources(plan) == {"remind": "customer.sms_consent && !ask.clicked"}
    assert plan.reads == {
        "ask.clicked",
        "customer.open_tickets",
        "customer.orders_count",
        "customer.sms_consent",
        "nps.happened",
        "order.has_open_return",
        "order.id",
        "order.is_gift",
        "order.total",
    }


def test_every_verb_and_field() -> None:
    plan = plan_of(EVERY_FIELD)
    assert isinstance(plan.trigger, ScheduleTrigger)
    assert (plan.trigger.cron, plan.trigger.zone) == ("30 9 * * MON-FRI", "Europe/Vienna")
    assert plan.holdout == 2.5
    assert plan.in_flight == "migrate"
    assert plan.exit_on[0] == EventMatch(event="order.placed", match="customer")
    assert plan.exit_on[1].condition is not None
    first, split = _step(plan, "first"), _step(plan, "order_seen")
    assert isinstance(first, Delay)
    assert first.days == frozenset({0, 2, 5, 6})
    assert isinstance(split, Split)
    assert [(one.name, one.weight, one.target) for one in split.variants] == [
        ("a", 50, 2),
        ("b", 30, 3),
        ("nothing", 20, 4),
    ]
    assert _step(plan, "ask").next == _step(plan, "ask_b").next == split.next == 4
    email, sms = _step(plan, "ask"), _step(plan, "ask_b")
    assert isinstance(email, SendEmail)
    assert email.max_lateness == Duration(seconds=36 * 3600)
    assert isinstance(sms, SendSms)
    assert sms.template == "thank_you"
    answered, paid = _step(plan, "answered"), _step(plan, "paid")
    assert isinstance(answered, WaitFor)
    assert answered.match is not None
    assert (answered.match.match, answered.since) == ("customer", "now")
    assert isinstance(paid, WaitFor)
    assert paid.until is not None
    update = next(step for step in plan.steps if isinstance(step, UpdateCustomer))
    assert (update.add_tags, update.remove_tags) == (("fan",), ("lost", "sleepy"))
    assert update.attributes == {
        "score": 9,
        "ratio": 0.5,
        "vip": True,
        "code": "007",
        "note": "plain",
    }
    emit = next(step for step in plan.steps if isinstance(step, EmitEvent))
    assert emit.data == {
        "score": 9,
        "share": 1,
        "passed": True,
        "favourite": "7",
        "topics": ["tea"],
    }
    calls = [step for step in plan.steps if isinstance(step, CallWebhook)]
    assert [call.data for call in calls] == [{"list": [1, "a"]}, {}]
    exits = [step for step in plan.steps if isinstance(step, Exit)]
    assert [step.reason for step in exits] == ["thanked", "exit"]
    assert calls[-1].next == len(plan.steps)


def test_the_key_follows_from_the_trigger() -> None:
    keys = {name: plan_of(source).entry.key for name, source in GOOD.items()}
    assert keys == {
        "review-request": "order.id",
        "every-field": "customer.id",
        "ticket": "ticket.id",
        "birthday": "customer.id",
        "parcel": "trigger.data.fulfilment_id",
    }
    assert plan_of(TICKET).entry.re_entry == Duration(days=30)
    assert plan_of(PARCEL).entry.re_entry == "always"
    assert plan_of(simple("x", event="order.paid")).entry.key == "order.id"
    assert plan_of(simple("x", event="shop.packed")).entry.key == "order.id"
    assert plan_of(simple("x", event="survey.answered")).entry.key == "customer.id"


def test_date_trigger() -> None:
    trigger = DateTrigger(field="customer.birthday", offset_days=-7, at=time(9))
    assert plan_of(BIRTHDAY).trigger == trigger
    bare = BIRTHDAY.replace(', offset: -7d, at: "9:00"', "")
    assert plan_of(bare).trigger == DateTrigger(
        field="customer.birthday", offset_days=0, at=time(10)
    )


def test_marketing_about_an_order_ends_by_itself() -> None:
    marketing = simple("x").replace("transactional", "marketing")
    plan = plan_of(marketing)
    assert tuple(match.event for match in plan.exit_on) == OrderExit
    assert plan.exit_on_full_refund_only
    assert plan_of(simple("x")).exit_on == ()
    by_customer = marketing.replace("steps:", "entry: customer.id\nsteps:")
    assert plan_of(by_customer).exit_on == ()
    none = plan_of(marketing.replace("steps:", "exit_on: []\nsteps:"))
    assert (none.exit_on, none.exit_on_full_refund_only) == ((), False)


def test_steps_of_else_may_stand_below_or_beside_it() -> None:
    arms = "  - branch:\n      - if: order.total > 9\n        steps: []\n      - else:\n"
    below = plan_of(simple("x", steps=arms + "          steps:\n            - delay: 3d"))
    beside = plan_of(simple("x", steps=arms + "        steps:\n          - delay: 3d"))
    assert below.steps == beside.steps
    assert len(below.steps) == 2


def test_an_order_is_known_where_the_entry_key_asks_for_it() -> None:
    source = simple("x", event="survey.answered").replace(
        "steps:", "profile_filter: order.total > 20\nentry: order.id\nsteps:"
    )
    assert plan_of(source).is_order_keyed


def test_undeclared_data_of_a_custom_event_is_open() -> None:
    source = simple("x", event="shop.pinged").replace(
        "steps:", "profile_filter: trigger.data.anything == 'x'\nsteps:"
    )
    assert "trigger.data.anything" in plan_of(source).reads


@pytest.mark.parametrize("change", [("\n", "\r\n"), ("\n", "\r"), ("version", "\ufeffversion")])
def test_line_ends_and_byte_order_marks_make_no_revision(change: tuple[str, str]) -> None:
    source = simple("x")
    assert revision_of(source.replace(*change, -1 if change[0] == "\n" else 1)) == revision_of(
        source
    )
    assert plan_of(source.replace(*change, 1 if change[0] != "\n" else -1)).revision == revision_of(
        source
    )


def test_another_text_is_another_revision() -> None:
    assert revision_of(simple("x")) != revision_of(simple("x") + "# a comment\n")
    assert len(revision_of("")) == 12


def test_a_value_from_an_arm_may_be_used_after_the_branch() -> None:
    steps = (
        "  - branch:\n"
        "      - if: order.total > 9\n"
        "        steps:\n"
        "          - id: ask\n"
        "            send_email: thank_you\n"
        "  - if: '!ask.clicked'\n"
        "    send_sms: thank_you"
    )
    last = plan_of(simple("x", steps=steps)).steps[-1]
    assert last.condition is not None
    assert last.condition.names == {"ask.clicked"}
