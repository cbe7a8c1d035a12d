"""Whose message, whose call, which task: a line and an expectation mean one and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rehearsal import shop
from tests.rehearsal.test_playing import passes

CALLS = {
    "two-calls": """\
        trigger: order.delivered
        steps:
          - id: one
            assign_call: {queue: support, within: 1d, script: recovery, priority: high}
          - id: two
            assign_call: {queue: support, within: 1d, script: recovery, priority: low}
        """,
    "after-call": """\
        trigger: order.delivered
        steps:
          - id: call
            assign_call: {queue: support, within: 1d, script: recovery, timeout: 7d}
          - if: call.outcome == "reached"
            send_email: note
        """,
    "giving": """\
        trigger: order.delivered
        entry: {key: customer.id, re_entry: never}
        exit_on: [coupon.redeemed, referral.converted]
        steps:
          - id: invite
            ask_referral: {program: friends, template: invite}
          - id: gift
            if: order.total < 100
            issue_coupon: thanks
          - delay: 60d
        """,
}
PURPOSE = {"giving": "marketing"}
CONSENT = "customer: {consent: {email: subscribed}}"
ADA = "{event: order.delivered, order: {id: 1, total: 20}}"
BEA = "{event: order.delivered, order: {id: 2, total: 20}, by: bea}"
LATER = "{after: 1h, event: order.delivered, order: {id: 3, total: 20}"
OTHERS = "others: {bea: {first_name: Bea, consent: {email: subscribed}}}"


@pytest.fixture(autouse=True)
def campaigns(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, body in CALLS.items():
        monkeypatch.setitem(
            shop.CAMPAIGNS, name, shop.campaign(name, body, PURPOSE.get(name, "transactional"))
        )


def test_a_line_about_a_message_is_about_ones_own(tmp_path: Path) -> None:
    story = f"""
    name: opens hers, though bea's is newer
    {OTHERS}
    given: [{ADA}, {LATER}, by: bea}}, {{after: 1h, open: mail}}]
    expect: {{messages: [email: note, {{email: note, to: bea}}, {{email: note, to: bea}}]}}
    """
    passes(shop.played(tmp_path, "plain", story))


@pytest.mark.parametrize(("given", "by"), [((ADA, f"{LATER}, by: bea}}"), ""),
                                           ((BEA, f"{LATER}}}"), ", by: bea")])  # fmt: skip
def test_a_call_is_with_whom_it_is_about(tmp_path: Path, given: tuple[str, str], by: str) -> None:
    first, second = given
    story = f"""
    name: the one who was reached is written to
    {OTHERS}
    given: [{first}, {second}, {{after: 1h, call: call, outcome: reached{by}}}]
    expect: {{messages: [{{email: note{by.replace("by", "to")}}}]}}
    """
    passes(shop.played(tmp_path, "after-call", story))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("{priority: high}, {queue: support}", ""),
        ("{queue: support}, {priority: high}", ""),
        ("{queue: support}, {step: two}", ""),
        ("{queue: support}, {priority: high}, {step: one}", "no such call task is assigned"),
        ("{priority: low}", "more call tasks are assigned: support (high, step one)"),
        ("{priority: low}, {step: two}", "no such call task is assigned"),
    ],
)
def test_each_task_meets_one_expectation_in_any_order(
    tmp_path: Path, wanted: str, said: str
) -> None:
    story = f"name: t\ngiven: [{ADA}]\nexpect: {{tasks: [{wanted}]}}"
    (result,) = shop.played(tmp_path, "two-calls", story).results
    assert [one.message.startswith(said) for one in result.failures] == [True] * bool(said)


@pytest.mark.parametrize(("times", "passed"), [(1, True), (2, False)])
def test_one_refusal_meets_one_expectation(tmp_path: Path, times: int, passed: bool) -> None:
    wanted = ", ".join(["{refused: filter}"] * times)
    story = f"""
    name: t
    given: [{{event: order.delivered, order: {{id: 1, total: 5}}}}]
    expect: {{journeys: [{wanted}]}}
    """
    assert shop.played(tmp_path, "plain", story).passed is passed


@pytest.mark.parametrize(
    ("attribute", "passed"),
    [("vip: true", True), ("vip: 1", False), ("n: 1", True), ("n: true", False), ("n: '1'", False)],
)
def test_yes_is_not_one(tmp_path: Path, attribute: str, passed: bool) -> None:
    story = f"""
    name: t
    given: [{{event: order.delivered, order: 1, customer: {{attributes: {{vip: true, n: 1}}}}}}]
    expect: {{customer: {{attributes: {{{attribute}}}}}}}
    """
    assert shop.played(tmp_path, "plain", story).passed is passed


@pytest.mark.parametrize(
    ("by", "journeys"),
    [("", "{exited: coupon.redeemed}, completed"),
     (", by: bea", "completed, {exited: coupon.redeemed}")],
)  # fmt: skip
def test_who_orders_uses_a_coupon_of_their_own(tmp_path: Path, by: str, journeys: str) -> None:
    story = f"""
    name: t
    {CONSENT}
    {OTHERS}
    given: [{ADA}, {{after: 1h, event: order.delivered, order: {{id: 2, total: 20}}, by: bea}},
            {{after: 1h, event: order.placed, order: {{id: 3, total: 20}}, using: gift{by}}}]
    expect: {{journeys: [{journeys}]}}
    """
    passes(shop.played(tmp_path, "giving", story))


@pytest.mark.parametrize("first", ["", "bea"])
def test_a_friend_uses_the_invitation_of_the_customer(tmp_path: Path, first: str) -> None:
    ada, bea = ("exited: referral.converted", "waiting: step_3")
    second = "" if first else ", by: bea"
    friend = "cy: {first_name: Cy, email: cy@cy.example, consent: {email: subscribed}}"
    story = f"""
    name: t
    {CONSENT}
    {OTHERS[:-1]}, {friend}}}
    given:
      - {BEA if first else ADA}
      - {{after: 1h, event: order.delivered, order: {{id: 9, total: 20}}{second}}}
      - {{after: 1h, event: order.paid, by: cy, order: {{id: 5, total: 50}}, using: invite}}
    until: 40d
    expect: {{journeys: [{{{bea if first else ada}}}, {{{ada if first else bea}}}]}}
    """
    passes(shop.played(tmp_path, "giving", story))


def test_an_invitation_is_no_coupon(tmp_path: Path) -> None:
    ordered = "{after: 1h, event: order.placed, order: {id: 2, total: 20}, using: gift}"
    story = f"""
    name: t
    {CONSENT}
    given: [{{event: order.delivered, order: {{id: 1, total: 100}}}}, {ordered}]
    expect: {{coupons: []}}
    """
    ((problem,),) = (one.failures for one in shop.played(tmp_path, "giving", story).results)
    assert problem.code == "no-code"


def test_nobody_is_held_out_by_chance(tmp_path: Path) -> None:
    names = [f"f{number}" for number in range(30)]  # of each tenth it would be so
    others = ", ".join(f"{name}: {{}}" for name in names)
    told = "\n".join(
        f"      - {{event: order.delivered, by: {name}, order: {{id: {name}}}}}" for name in names
    )
    story = f"""
    name: t
    others: {{{others}}}
    given:
{told}
    until: 1h
    expect: {{journeys: [{", ".join(["{waiting: nps}"] * len(names))}]}}
    """
    report = shop.played(tmp_path, "everything", story)
    assert "held_out" not in str(report.results[0].failures)


def test_why_a_message_to_another_was_not_sent(tmp_path: Path) -> None:
    story = f"""
    name: t
    {OTHERS}
    given: [{ADA}, {{event: order.delivered, order: {{id: 2, total: 5}}, by: bea}}]
    expect: {{messages: [email: note, email: note, {{email: note, to: bea}}]}}
    """
    ((problem,),) = (one.failures for one in shop.played(tmp_path, "plain", story).results)
    assert "order.total is 5" in problem.message
