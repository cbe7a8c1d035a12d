"""Campaigns of the starter library on the real services, with the starter's own policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from engine.core.message import MessageStatus
from engine.storage.coupons import SqlCouponPools
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, House

ROOT = Path(__file__).parents[2]


def library(new_house: NewHouse, *names: str) -> House:
    """A shop with these campaigns switched on for everybody, and with the starter's own policy."""
    folder = ROOT / "message_templates"
    files = [path for path in folder.rglob("*") if path.is_file()]
    return new_house(
        *(switched_on(name) for name in names),
        store=yaml.safe_load((ROOT / "config/store.yaml").read_text(encoding="utf-8")),
        templates={str(path.relative_to(folder)): path.read_text("utf-8") for path in files},
    )


def switched_on(name: str) -> dict[str, Any]:
    path = ROOT / "campaigns" / f"{name}.yaml"
    written: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    written.pop("holdout", None)
    return written | {"status": "live"}


def sent(house: House, name: str) -> list[str]:
    return [one.template for one in house.messages(name) if one.status is MessageStatus.SENT]


def test_win_back_ends_with_a_code_of_the_pool(new_house: NewHouse) -> None:
    house = library(new_house, "win-back")
    pools = SqlCouponPools(house.app.storage.database)
    pools.import_codes("welcome_back", ["BACK-ONE", "BACK-TWO"], house.clock.now())
    house.tell("order.placed", order=1)
    house.sweep(START)
    house.sweep(START + 95 * DAY + HOUR)
    house.run(40 * DAY)
    assert sent(house, "win-back") == ["win_back", "win_back_question", "win_back_offer"]
    last = house.received[-1]
    assert "BACK-ONE" in last.content.text
    assert (last.content.subject or "").startswith("10 % off")


def test_loyalty_from_the_welcome_to_the_last_warning(new_house: NewHouse) -> None:
    house = library(new_house, "loyalty-welcome", "loyalty-tier", "loyalty-expiring")
    house.tell("order.paid", order=1)
    house.tell("order.delivered", order=1)
    house.run(2 * DAY)
    assert sent(house, "loyalty-welcome") == ["loyalty_welcome"]
    house.run(400 * DAY)
    assert sent(house, "loyalty-expiring") == ["points_expiring", "points_last_days"]
