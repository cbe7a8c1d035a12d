"""``lagniappe referrals``: what people see, and what they decide about flagged ones."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.bootstrap import build
from tests.cli import shop
from tests.cli.shop import END, Cli, event

DAY = timedelta(days=1)
PROGRAM = """\
loyalty: {orders: none, pending: 0s}
referrals:
  friends:
    name: Bring a friend
    text: Coffee is better in company.
    shop_url: https://shop.example.com/welcome
    reward: {points: 500, text: 500 points}
    friend: {text: $10 off}
"""
INVITE = """\
version: 1
id: invite
name: Invite
stage: advocacy
status: live
purpose: marketing
trigger: {event: order.delivered, filter: customer.first_name == "Ada"}
exit_on: [order.refunded]
steps:
  - id: ask
    ask_referral: {program: friends, template: invite}
"""
FIELDS = {
    "id", "status", "program", "code", "referrer", "friend", "order", "via", "ordered_at",
    "next_look_at", "converted_at", "decision", "decision_reason", "reasons",
}  # fmt: skip


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Ada has brought Bob, who looks well, and Cem, whose address is a lent one."""
    shop.make(tmp_path)
    store = tmp_path / "config/store.yaml"
    store.write_text(store.read_text(encoding="utf-8") + PROGRAM, encoding="utf-8")
    (tmp_path / "campaigns/invite.yaml").write_text(INVITE, encoding="utf-8")
    for name in ("subject.txt", "body.txt", "body.html"):
        path = tmp_path / "message_templates/invite" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("{{ referral.code }} {{ links.unsubscribe }}\n", encoding="utf-8")
    cli = Cli(tmp_path)
    tell(cli, event("order.delivered", END, "ada", 1))
    code = code_of(cli)
    tell(cli, bought("bob", 2, code), bought("cem", 3, code, email="cem@mailinator.com"))
    return cli


def tell(cli: Cli, *events: dict[str, Any]) -> None:
    cli.ok("ingest", "-", stdin="\n".join(map(json.dumps, events)))
    live(cli)


def live(cli: Cli) -> None:
    """What a daemon does with what has come in or fallen due."""
    app = build(cli.workspace, {}, clock=cli.clock)
    app.worker.quiesce()
    app.close()


def code_of(cli: Cli) -> str:
    app = build(cli.workspace, {}, clock=cli.clock)
    (line,) = app.storage.book("referral_codes")
    app.close()
    return line.record.key


def bought(key: str, number: int, code: str, **customer: Any) -> dict[str, Any]:
    order = {"discount_codes": [code]}
    return event("order.paid", END, key, number, order=order, customer=customer)


def rows(cli: Cli, *options: str) -> dict[str, dict[str, Any]]:
    """The referrals by the friend's order."""
    return {str(row["order"]): row for row in cli.json("referrals", *options)}


def test_referrals_are_listed_with_what_was_found(cli: Cli) -> None:
    found = rows(cli)
    assert set(found) == {"shop:2", "shop:3"}
    assert all(set(row) == FIELDS for row in found.values())
    well, odd = found["shop:2"], found["shop:3"]
    assert (well["status"], well["via"], well["reasons"]) == ("pending", "code", [])
    assert datetime.fromisoformat(well["next_look_at"]) == END + 30 * DAY
    assert odd["status"] == "flagged"
    assert odd["reasons"] == ["mailinator.com lends addresses for a short time (to be decided)"]
    assert set(rows(cli, "--flagged")) == {"shop:3"}
    assert set(rows(cli, "list", "--flagged")) == {"shop:3"}
    table = cli.ok("referrals")
    assert "flagged" in table
    assert "cem@" not in table + cli.ok("referrals", "show", odd["id"])
    lines = list(csv.DictReader(io.StringIO(cli.ok("referrals", "--format", "csv"))))
    assert sorted(line["order"] for line in lines) == ["shop:2", "shop:3"]
    assert len(cli.ok("referrals", "--format", "jsonl").splitlines()) == 2


def test_one_is_shown_with_both_customers_and_the_order(cli: Cli) -> None:
    row = rows(cli)["shop:3"]
    shown = cli.ok("referrals", "show", row["id"])
    for told in (row["id"], row["referrer"], row["friend"], "shop:3", "the code in the order"):
        assert told in shown
    assert "found      mailinator.com" in shown


def test_an_approved_one_is_paid_and_cannot_be_decided_again(cli: Cli) -> None:
    referral = rows(cli)["shop:3"]["id"]
    assert f"{referral} is pending" in cli.ok("referrals", "approve", referral)
    cli.clock.advance_to(END + 31 * DAY)
    live(cli)
    found = rows(cli)
    assert [row["status"] for row in found.values()] == ["converted"] * 2
    assert found["shop:3"]["decision"] == "approve"
    assert "decided    approve" in cli.ok("referrals", "show", referral)
    assert "1000 points" in cli.ok("customers", "points", "ada@example.com")
    assert rows(cli, "--flagged") == {}
    late = cli("referrals", "reject", referral, "--reason", "late")
    assert late.exit_code == 1
    assert "the referral is converted already" in late.output + late.stderr


def test_a_rejected_one_is_never_paid(cli: Cli) -> None:
    referral = rows(cli)["shop:3"]["id"]
    unsaid = cli("referrals", "reject", referral)
    assert unsaid.exit_code == 2
    assert rows(cli)["shop:3"]["status"] == "flagged"
    told = cli.ok("referrals", "reject", referral, "--reason", "a colleague")
    assert f"{referral} is rejected" in told
    cli.clock.advance_to(END + 60 * DAY)
    live(cli)
    found = rows(cli)
    assert (found["shop:2"]["status"], found["shop:3"]["status"]) == ("converted", "rejected")
    assert found["shop:3"]["decision_reason"] == "a colleague"
    assert "500 points" in cli.ok("customers", "points", "ada@example.com")
    again = cli("referrals", "approve", referral)
    assert again.exit_code == 1
    assert "the referral is rejected already" in again.output + again.stderr


@pytest.mark.parametrize("action", [["show"], ["approve"], ["reject", "--reason", "x"]])
def test_what_there_is_not_is_told(cli: Cli, action: list[str]) -> None:
    result = cli("referrals", *action, "nothing")
    assert result.exit_code == 1
    assert "there is no referral nothing; list them with: lagniappe referrals" in (
        result.output + result.stderr
    )


def test_a_shop_without_referrals_has_none(tmp_path: Path) -> None:
    shop.make(tmp_path)
    bare = Cli(tmp_path)
    bare.ok("db", "upgrade")
    assert "no referrals yet" in bare.ok("referrals")
    assert "no referral waits for you" in bare.ok("referrals", "--flagged")
    assert bare.json("referrals") == []
