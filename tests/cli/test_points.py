"""``lagniappe customers points``: the ledger, a reward, a correction."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli import shop
from tests.cli.shop import END, Cli, event

LOYALTY = """\
offers:
  five_off: {value: 5 off}
loyalty:
  pending: 0s
  redeem: {five_off: 50}
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """A shop in which ada has bought once."""
    shop.make(tmp_path)
    store = tmp_path / "config/store.yaml"
    store.write_text(store.read_text(encoding="utf-8") + LOYALTY, encoding="utf-8")
    found = Cli(tmp_path)
    found.ok("ingest", "-", stdin=json.dumps(event("order.paid", END, "ada", 1)))
    return found


def test_the_ledger_is_shown_with_causes_and_balance(cli: Cli) -> None:
    shown = cli.ok("customers", "points", "ada@example.com")
    assert "order shop:1" in shown
    assert "80 points, 0 pending" in shown
    rows = cli.json("customers", "points", "ada@example.com")
    assert [(row["kind"], row["points"], row["balance"]) for row in rows] == [
        ("matured", 80, 80), ("order", 0, 0),
    ]  # fmt: skip


def test_rewards_and_corrections_are_told_and_refused(cli: Cli) -> None:
    who = ("customers", "points", "ada@example.com")
    assert "-50 points: reward five_off; 30 are left" in cli.ok(*who, "redeem", "50")
    for action, number, why in (
        ("redeem", "60", "no reward for 60 points"),
        ("adjust", "-31", "not so many points"),
    ):
        refused = cli(*who, action, number)
        assert refused.exit_code == 1
        assert why in refused.output + refused.stderr
    assert "-10 points: by a person; 20 are left" in cli.ok(*who, "adjust", "-10")
    assert "late parcel; 25 are left" in cli.ok(*who, "adjust", "5", "--note", "late parcel")
    wrong = cli(*who, "redeem")
    assert wrong.exit_code == 2


def test_without_a_program_nothing_is_taken(tmp_path: Path) -> None:
    shop.make(tmp_path)
    bare = Cli(tmp_path)
    bare.ok("ingest", "-", stdin=json.dumps(event("order.paid", END, "ada", 1)))
    assert "no points were ever booked" in bare.ok("customers", "points", "ada@example.com")
    refused = bare("customers", "points", "ada@example.com", "adjust", "5")
    assert refused.exit_code == 1
    assert "no loyalty program" in refused.output + refused.stderr
