"""``lagniappe log resolve``: a person ends the doubt about a message."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from tests.cli import shop
from tests.cli.shop import Cli


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("shop")
    shop.make(workspace)
    shop.fill(workspace)
    return workspace


@pytest.fixture
def doubtful(filled: Path, tmp_path: Path) -> tuple[Cli, str]:
    """A shop whose process was killed during one hand-over."""
    workspace = tmp_path / "shop"
    shutil.copytree(filled, workspace)
    cli = Cli(workspace)
    key = str(next(one["id"] for one in cli.json("log") if one["status"] == "sent"))
    with sqlite3.connect(workspace / "lagniappe.db") as connection:
        connection.execute("UPDATE messages SET status = 'unknown' WHERE id = ?", [key])
    return cli, key


def status(cli: Cli, key: str) -> str:
    return str(next(one["status"] for one in cli.json("log") if one["id"] == key))


@pytest.mark.parametrize(
    ("option", "becomes", "says"),
    [
        ("--sent", "sent", "counts as sent"),
        ("--resend", "scheduled", "is sent again by the daemon"),
        ("--abandon", "cancelled", "is given up"),
    ],
)
def test_a_person_ends_the_doubt(
    doubtful: tuple[Cli, str], option: str, becomes: str, says: str
) -> None:
    cli, key = doubtful
    assert [one["id"] for one in cli.json("log", "--status", "unknown")] == [key]
    assert says in cli.ok("log", "resolve", key[:8], option)
    assert status(cli, key) == becomes
    shown = cli.ok("log", "show", key)
    assert "doubt ended" in shown
    assert "by hand" in shown


@pytest.mark.parametrize("options", [[], ["--sent", "--abandon"]])
def test_one_ending_must_be_named(doubtful: tuple[Cli, str], options: list[str]) -> None:
    cli, key = doubtful
    answer = cli("log", "resolve", key, *options)
    assert answer.exit_code == 2
    assert "--sent, --resend and --abandon" in answer.stderr
    assert status(cli, key) == "unknown"


def test_what_is_not_in_doubt_is_left_alone(doubtful: tuple[Cli, str]) -> None:
    cli, key = doubtful
    cli.ok("log", "resolve", key, "--sent")
    answer = cli("log", "resolve", key, "--resend")
    assert answer.exit_code == 1
    assert "is sent, not unknown" in answer.stderr
    answer = cli("log", "resolve", "nothing", "--sent")
    assert "there is no message nothing" in answer.stderr
