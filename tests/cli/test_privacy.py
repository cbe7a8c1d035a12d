"""``customers export`` and ``customers erase``, as people type them."""

from __future__ import annotations

import json
import re
import shutil
import stat
from pathlib import Path

import pytest

from engine.storage.database import Database
from tests.cli import shop
from tests.cli.shop import Cli


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("shop")
    shop.make(workspace)
    shop.fill(workspace)
    return workspace


@pytest.fixture
def cli(filled: Path, tmp_path: Path) -> Cli:
    workspace = tmp_path / "shop"
    shutil.copytree(filled, workspace)
    return Cli(workspace)


def test_an_export_holds_everything_on_record(cli: Cli) -> None:
    told = json.loads(cli.ok("customers", "export", "ada@example.com"))
    assert list(told) == [
        "version", "exported_at", "customer", "identities", "consents", "consent_history",
        "suppressions", "preferences", "orders", "tickets", "events", "journeys", "decisions",
        "messages", "books", "conflicts",
    ]  # fmt: skip
    assert told["version"] == 1
    assert told["customer"]["first_name"] == "Ada"
    assert told["exported_at"] == "2026-03-23T15:00:00Z"
    assert {one["id"] for one in told["orders"]} == {"shop:1001", "shop:1008"}
    assert {one["id"] for one in told["events"] if one["source"] == "shop"} == {
        "order.placed-1001", "order.shipped-1001", "order.delivered-1001", "order.placed-1008",
        "order.delivered-1008",
    }  # fmt: skip
    assert told["events"][0]["body"]["customer"]["email"] == "ada@example.com"
    assert told["consents"] == told["consent_history"][-1:]
    assert len(told["consent_history"]) == 6
    assert len(told["messages"]) == len(cli.json("log", "--customer", "ada"))
    sent = next(one for one in told["messages"] if one["campaign"] == "thanks")
    assert sent["content"]["subject"] == "Thank you, Ada"
    assert sent["answer"]
    assert {one["campaign"] for one in told["journeys"]} == {"thanks", "review"}
    assert all(one["text"] and "code" in one for one in told["decisions"])


def test_an_export_to_a_file_is_for_its_owner_only(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "ada.json"
    file.write_text("{}")
    file.chmod(0o644)
    said = cli.ok("customers", "export", "ada", "--out", str(file))
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text("utf-8"))["customer"]["email"] == "ada@example.com"
    assert "ada.json" in said
    refused = cli("customers", "export", "ada", "--out", str(tmp_path))
    assert refused.exit_code == 1
    assert "cannot be written" in refused.stderr


def test_erasing_needs_a_yes(cli: Cli) -> None:
    before = cli.json("log")
    refused = cli("customers", "erase", "ada")
    assert refused.exit_code == 2
    assert "say --yes" in refused.stderr
    assert "orders: 2" in refused.stdout
    assert cli.json("log") == before


def test_an_erased_customer_is_known_to_no_command(cli: Cli) -> None:
    before = cli.json("log")
    counts = cli.json("campaigns")
    message = next(one["id"] for one in before if one["recipient"] == "ada@example.com")
    cli.ok("customers", "erase", "ada", "--yes")
    assert cli("customers", "show", "ada@example.com").exit_code == 1
    assert cli("log", "show", message).exit_code == 1
    after = cli.json("log")
    assert len(after) == len(before)
    assert not re.search(r"\bada\b", json.dumps(after), re.IGNORECASE)  # as a word: ids are hex
    told = cli.json("campaigns")
    for one, was in zip(told, counts, strict=True):
        assert {**one, "live": 0, "exited": 0} == {**was, "live": 0, "exited": 0}
    for one in after:
        cli.ok("log", "show", one["id"])
    for one in cli.json("events"):
        cli.ok("events", "show", one["id"])
    assert cli("customers", "erase", "ada", "--yes").exit_code == 1


def test_the_running_daemon_is_not_worked_against(cli: Cli) -> None:
    daemon = Database(f"sqlite:///{cli.workspace / 'lagniappe.db'}")
    daemon.claim_workspace()
    try:
        refused = cli("customers", "erase", "ada", "--yes")
    finally:
        daemon.close()
    assert refused.exit_code == 1
    assert "stop it" in refused.stderr
    cli.ok("customers", "show", "ada")
