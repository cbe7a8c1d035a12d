"""``lagniappe simulate`` tells what rate limits and pools of codes would hold up."""

from __future__ import annotations

import csv
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.cli import shop
from tests.cli.shop import START, Cli

GIFT = """\
version: 1
id: gift
name: A gift
stage: loyalty
status: live
purpose: marketing
trigger: {event: order.delivered}
entry: {key: order.id, re_entry: never}
steps:
  - id: gift
    issue_coupon: thanks_10
  - id: carry
    send_email: {template: review, coupon: gift}
"""
OFFER = "offers:\n  thanks_10: {kind: pool, pool: spring, value: 10 % off}\n"
BUYERS = 6


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """Six customers are delivered to at the same moment, each is due a code of a pool."""
    shop.make(tmp_path)
    for name in ("thanks", "review", "win-back", "newsletter"):
        (tmp_path / f"campaigns/{name}.yaml").unlink()
    (tmp_path / "campaigns/gift.yaml").write_text(GIFT, encoding="utf-8")
    with (tmp_path / "config/store.yaml").open("a", encoding="utf-8") as store:
        store.write(OFFER)
    told = []
    for number in range(BUYERS):
        key, at = f"buyer{number}", START + shop.DAY
        told.append(shop.event("order.placed", START, key, number))
        told.append(shop.event("order.delivered", at, key, number))
    lines = "".join(json.dumps(one) + "\n" for one in told)
    (tmp_path / "past.jsonl").write_text(lines, encoding="utf-8")
    return Cli(tmp_path)


def report(cli: Cli, *args: str) -> Any:
    return cli.json("simulate", str(cli.workspace / "past.jsonl"), "--no-effects", *args)


def test_a_pool_of_unknown_size_tells_what_is_needed(cli: Cli) -> None:
    found = report(cli)
    assert found["messages"]["sent"] == BUYERS
    (pool,) = found["pools"]
    assert (pool["pool"], pool["size"], pool["given"], pool["left"]) == (
        "spring",
        None,
        BUYERS,
        None,
    )
    assert (pool["dry_at"], pool["without"], pool["campaigns"]) == (None, 0, [])


def test_a_pool_that_runs_dry_tells_when_and_who_goes_without(cli: Cli) -> None:
    found = report(cli, "--codes", "spring=4")
    (pool,) = found["pools"]
    assert (pool["size"], pool["given"], pool["left"], pool["without"]) == (4, 4, 0, 2)
    assert pool["dry_at"] == (START + shop.DAY).isoformat()
    assert pool["campaigns"] == [{"campaign": "gift", "steps": 2}]
    assert found["messages"]["sent"] == 4
    assert [(row["reason"], row["count"]) for row in found["withheld"]] == [("no_coupon", 2)]
    shown = cli.ok("simulate", str(cli.workspace / "past.jsonl"), "--codes", "spring=4")
    assert "its 4 codes are used up on 3 Mar 2026 at 09:00" in " ".join(shown.split())


def test_the_workspaces_own_codes_count(cli: Cli) -> None:
    codes = cli.workspace / "codes.csv"
    codes.write_text("code\n" + "".join(f"SPRING-{each}\n" for each in range(5)))
    (of_file,) = report(cli, "--codes", f"spring={codes}")["pools"]
    assert of_file["size"] == 5
    cli.ok("coupons", "import", "spring", str(codes))
    (pool,) = report(cli)["pools"]
    assert pool == of_file
    assert report(cli, "--codes", "spring=9")["pools"][0]["size"] == 9
    assert report(cli, "--customers", "50%")["pools"][0]["size"] is None
    # A simulation takes none of them, and none is in its report.
    assert json.loads(cli.ok("coupons", "pools", "--format", "json"))[0]["free"] == 5
    assert "SPRING-1" not in json.dumps(report(cli))


def test_codes_that_were_given_out_meanwhile_are_there_again(cli: Cli) -> None:
    codes = cli.workspace / "codes.csv"
    codes.write_text("code\n" + "".join(f"SPRING-{each}\n" for each in range(8)))
    cli.ok("coupons", "import", "spring", str(codes))
    lines = (cli.workspace / "past.jsonl").read_text(encoding="utf-8").splitlines()
    told = [(datetime.fromisoformat(one["time"]), one) for one in map(json.loads, lines)]
    told.sort(key=lambda one: one[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop, "past", lambda: told)
        shop.fill(cli.workspace)
    assert json.loads(cli.ok("coupons", "pools", "--format", "json"))[0]["free"] == 2
    (own,) = cli.json("simulate", "--no-effects", "--from", START.isoformat())["pools"]
    assert (own["size"], own["given"], own["left"]) == (8, BUYERS, 2)
    later = (START + 2 * shop.DAY).isoformat()
    (since,) = cli.json("simulate", "--no-effects", "--from", later)["pools"]
    assert (since["size"], since["given"]) == (2, 0)


def test_a_rate_limit_tells_how_long_messages_wait(cli: Cli) -> None:
    (quick,) = report(cli)["senders"]
    assert (quick["rate"], quick["messages"], quick["waited"]) == ("1000/s", BUYERS, 0)
    assert quick["queue_since"] is None
    found = report(cli, "--set", "policy.rate_limits.email=1/m")
    (slow,) = found["senders"]
    assert slow["sender"] == "hello@example.com"
    assert (slow["waited"], slow["longest_wait"], slow["queue"]) == (BUYERS - 1, 300.0, BUYERS - 1)
    assert slow["queue_since"] == (START + shop.DAY).isoformat()
    assert found["messages"]["sent"] == BUYERS
    shown = cli.ok(
        "simulate", str(cli.workspace / "past.jsonl"), "--set", "policy.rate_limits.email=1/m",
        "--out", str(cli.workspace / "out"),
    )  # fmt: skip
    assert "at 1/m the last would leave at 09:05, and none wait longer than 5 min" in " ".join(
        shown.split()
    )
    with (cli.workspace / "out/senders.csv").open(newline="") as stream:
        assert [row["waited"] for row in csv.DictReader(stream)] == [str(BUYERS - 1)]


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        ("spring", "write POOL=500, or POOL=FILE.csv"),
        ("sprnig=4", "did you mean spring?"),
        ("spring=nowhere.csv", "No such file"),
    ],
)
def test_mistakes_are_told(cli: Cli, codes: str, told: str) -> None:
    result = cli("simulate", str(cli.workspace / "past.jsonl"), "--codes", codes)
    assert result.exit_code == 2
    assert told in result.output
