"""What ``check`` says of referral programs and of campaigns that pay for them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.policy import Policy
from config.yaml_source import load
from engine.authoring.compile import compile_campaign
from engine.authoring.rules import referrals as rules
from tests.services.house import STORE
from triggers.event_types import BUILT_IN

POINTS: dict[str, Any] = {"points": 500, "text": "500 points"}
COUPON: dict[str, Any] = {"offer": "thanks", "text": "5 off"}
INVITE = {"ask_referral": {"program": "friends", "template": "invite"}}
AWARD = {"award_points": {"points": 500}}
ISSUE = {"issue_coupon": {"offer": "thanks"}}


def codes(step: Any, *, reward: Any = POINTS, loyalty: Any = None, **given: Any) -> list[str]:
    """What is said of a campaign of one step, started by a conversion unless told otherwise."""
    program = {"name": "Friends", "text": "Come", "shop_url": "https://shop.example.com",
               "reward": reward, "friend": {"text": "5 off"}}  # fmt: skip
    policy = Policy.model_validate(
        {**STORE, "version": "1", "referrals": {"friends": program}, "loyalty": loyalty}
    )
    text = json.dumps(
        {"version": 1, "id": "pay", "name": "Pay", "stage": "advocacy", "status": "live",
         "purpose": "marketing", "trigger": {"event": "referral.converted"},
         "steps": [step]} | given
    )  # fmt: skip
    draft = compile_campaign(load(text.encode(), "campaigns/pay.yaml"), BUILT_IN)
    return [one.code for one in rules.programs(draft, policy)]


@pytest.mark.parametrize(
    ("step", "reward", "found"),
    [
        (AWARD, POINTS, ["reward-twice"]),
        (AWARD, COUPON, []),
        (ISSUE, COUPON, ["reward-twice"]),
        (ISSUE, POINTS, []),
    ],
)
def test_a_reward_on_top_of_the_programs_is_told(step: Any, reward: Any, found: list[str]) -> None:
    assert codes(step, reward=reward) == found
    assert codes(step, reward=reward, trigger={"event": "order.delivered"}) == []


def test_points_that_nobody_gives_are_told() -> None:
    assert codes(INVITE) == ["unkept-reward"]
    assert codes(INVITE, loyalty={}) == []
    assert codes(INVITE, reward=COUPON) == []


def test_a_program_that_there_is_not() -> None:
    other = {"ask_referral": {"program": "freinds", "template": "invite"}}
    assert codes(other) == ["unknown-referral-program"]
