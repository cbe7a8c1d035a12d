"""What ``check`` says of points and tiers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from config.loyalty import Loyalty
from config.policy import POLICY_FILE, load_policy
from config.yaml_source import SourceError, load
from engine.authoring.compile import compile_campaign
from engine.authoring.rules import loyalty as rules
from tests.services.house import STORE
from triggers.event_types import BUILT_IN

TIERS = [
    {"id": "silver", "name": "Silver", "points": 100},
    {"id": "gold", "name": "Gold", "points": 300},
]
LOYALTY = Loyalty.model_validate({"tiers": TIERS})
AWARD = {"award_points": {"points": 10}}


def codes(loyalty: Loyalty | None = LOYALTY, **given: Any) -> list[str]:
    text = json.dumps(
        {"version": 1, "id": "club", "name": "Club", "stage": "loyalty", "status": "live",
         "purpose": "marketing", "trigger": {"event": "order.placed"}, "steps": [AWARD]} | given
    )  # fmt: skip
    draft = compile_campaign(load(text.encode(), "campaigns/club.yaml"), BUILT_IN)
    return [one.code for one in rules.check(draft, loyalty)]


def test_a_good_campaign_passes() -> None:
    filter_ = 'customer.tier == "gold" && customer.points >= 100'
    assert codes(trigger={"event": "order.placed", "filter": filter_}) == []


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("transactional-points", {"purpose": "transactional"}),
        ("points-for-points", {"trigger": {"event": "points.earned"}}),
        ("points-for-points", {"trigger": {"event": "tier.reached"}}),
        ("no-order", {"trigger": {"event": "customer.created"},
                      "steps": [{"award_points": {"points": 1, "per": 2}}]}),
    ],
)  # fmt: skip
def test_points_that_cannot_be_given(code: str, given: dict[str, Any]) -> None:
    assert codes(**given) == [code]


@pytest.mark.parametrize(
    ("event", "condition", "found"),
    [
        ("order.placed", 'customer.tier == "glod"', 1),
        ("order.placed", '"glod" != customer.tier', 1),
        ("order.placed", 'customer.tier in ["gold", "glod", "bronze"]', 2),
        ("tier.reached", "trigger.data.tier == 'glod'", 1),
        ("tier.reached", 'trigger.data.previous == "silver"', 0),
        ("order.placed", 'customer.first_name == "glod"', 0),
    ],
)
def test_tiers_that_do_not_exist(event: str, condition: str, found: int) -> None:
    trigger = {"event": event, "filter": condition}
    assert codes(trigger=trigger, steps=[{"exit": "done"}]) == ["unknown-tier"] * found


def test_without_a_program_points_come_to_nothing() -> None:
    assert codes(None) == ["no-loyalty"]
    asked = {"event": "order.placed", "filter": "customer.points > 5"}
    assert codes(None, trigger=asked, steps=[{"exit": "done"}]) == ["no-loyalty"]
    assert codes(None, steps=[{"exit": "done"}]) == []


@pytest.mark.parametrize(
    ("loyalty", "code"),
    [
        ({"redeem": {"five_off": 50}}, "unknown-offer"),
        ({"tiers": [TIERS[1], TIERS[0]]}, "invalid-value"),
        ({"tiers": [TIERS[0], TIERS[0]]}, "invalid-value"),
        ({"tiers": [{"id": "a", "name": "A"}]}, "invalid-value"),
        ({"actions": [{"event": "points.earned", "points": 5}]}, "invalid-value"),
        ({"actions": [{"event": "shop.visit", "points": 5, "per": "1d"}]}, "invalid-value"),
        ({"expire": {"after": "30d", "warn": "30d"}}, "invalid-value"),
        ({"orders": "1 for 1"}, "invalid-value"),
        ({"products": [{"times": 2}]}, "invalid-value"),
    ],
)
def test_policies_that_cannot_be_meant(loyalty: dict[str, Any], code: str) -> None:
    text = json.dumps({**STORE, "loyalty": loyalty})
    with pytest.raises(SourceError) as caught:
        load_policy(load(text.encode(), POLICY_FILE))
    assert [one.code for one in caught.value.diagnostics] == [code]
