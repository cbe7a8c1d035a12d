"""``lagniappe calls``: what people see and do with call tasks."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from engine.bootstrap import build
from tests.cli import shop
from tests.cli.shop import END, Cli, event

QUEUES = """
calls:
  queues:
    support: {hours: "Mon-Fri 09:00-17:00", retry: {attempts: 2, after: 4h}}
"""
CARE = """\
version: 1
id: care
name: Care
stage: support
status: live
purpose: transactional
trigger: {event: order.delivered}
steps:
  - id: call
    assign_call: {queue: support, within: 4h, script: care, priority: urgent}
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    shop.make(tmp_path)
    store = tmp_path / "config/store.yaml"
    store.write_text(store.read_text() + QUEUES)
    (tmp_path / "campaigns/care.yaml").write_text(CARE)
    (tmp_path / "message_templates/care").mkdir()
    (tmp_path / "message_templates/care/script.txt").write_text("Is {{ order.number }} well?\n")
    cli = Cli(tmp_path)
    assert cli.ok("check", "--format", "json")
    told = json.dumps(event("order.delivered", END, "ada", 7))
    cli.ok("ingest", "-", stdin=told)
    work(cli)
    return cli


def work(cli: Cli) -> None:
    """What a daemon does with what has come in."""
    app = build(cli.workspace, {}, clock=cli.clock)
    app.worker.quiesce()
    app.close()


def only(cli: Cli, *options: str) -> dict[str, object]:
    (row,) = cli.json("calls", *options)
    return dict(row)


def test_a_task_is_listed_shown_claimed_and_completed(cli: Cli) -> None:
    row = only(cli)
    assert (row["state"], row["queue"], row["priority"]) == ("open", "support", "urgent")
    named = str(row["id"])[:6]
    assert "support" in cli.ok("calls")
    shown = cli.ok("calls", "show", named)
    assert "Is #7 well?" in shown
    assert "care, after order.delivered" in shown
    assert "is yours, ann" in cli.ok("calls", "claim", named, "--as", "ann")
    late = cli("calls", "claim", named, "--as", "bob")
    assert late.exit_code == 1
    assert "ann has claimed this call already" in late.output
    cli.ok("calls", "complete", named, "--outcome", "well", "--note", "Likes it", "--as", "ann")
    assert "no open call" in cli.ok("calls")
    done = only(cli, "--state", "completed")
    assert (done["outcome"], done["note"], done["assignee"]) == ("well", "Likes it", "ann")
    again = cli("calls", "complete", named, "--outcome", "ill")
    assert again.exit_code == 1
    assert "this call is closed" in again.output
    work(cli)
    (told,) = [one for one in cli.json("events") if one["type"] == "call.completed"]
    assert told["source"] == "lagniappe"
    history = json.loads(cli.ok("calls", "show", named, "--format", "json"))["history"]
    assert [(one["what"], one["who"]) for one in history] == [
        ("claimed", "ann"), ("completed", "ann"),
    ]  # fmt: skip


def test_tasks_are_put_off_tried_again_and_given_up(cli: Cli) -> None:
    named = str(only(cli)["id"])
    assert cli.json("calls", "--overdue") == []
    assert only(cli, "--due-by", "7d")["id"] == named
    assert cli.json("calls", "--queue", "sales") == []
    cli.ok("calls", "snooze", named, "--until", "2d")
    assert cli("calls", "snooze", named, "--until", "2020-01-01").exit_code == 1
    cli.clock.advance_to(cli.clock.now() + timedelta(days=3))
    assert only(cli, "--overdue")["overdue"] is True
    assert "try again" in cli.ok("calls", "no-answer", named)
    cli.ok("calls", "release", named, "--to", "bob")
    assert only(cli, "--assignee", "bob")["attempts"] == 1
    assert "the last; given up" in cli.ok("calls", "no-answer", named, "--note", "Voice mail")
    assert only(cli, "--state", "no_answer")["note"] == "Voice mail"
    assert cli.json("calls", "--state", "all") == cli.json("calls", "--state", "no_answer")


def test_what_is_not_there_is_told(cli: Cli) -> None:
    failed = cli("calls", "claim", "nothing")
    assert failed.exit_code == 1
    assert "there is no call nothing" in failed.output
