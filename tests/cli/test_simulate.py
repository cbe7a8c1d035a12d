"""``lagniappe simulate``: the campaigns tried on recorded customers, and nothing left behind."""

from __future__ import annotations

import csv
import html
import json
import re
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.simulator.page import page
from tests.cli import shop
from tests.cli.shop import END, START, Cli

SPAN = ("--no-effects", "--from", START.isoformat(), "--until", END.isoformat())


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A shop whose daemon has lived three weeks."""
    workspace = tmp_path_factory.mktemp("shop")
    shop.make(workspace)
    shop.fill(workspace)
    return Cli(workspace)


@pytest.fixture
def new(tmp_path: Path) -> Cli:
    """A workspace without a past, and a file with one."""
    shop.make(tmp_path)
    lines = "".join(json.dumps(told) + "\n" for _, told in shop.past())
    (tmp_path / "past.jsonl").write_text(lines, encoding="utf-8")
    return Cli(tmp_path)


def counted(rows: list[dict[str, Any]], key: str, value: str) -> dict[str, int]:
    return {row[key]: row[value] for row in rows if row[value]}


def test_its_own_history_comes_out_as_it_was(lived: Cli) -> None:
    report = lived.json("simulate", *SPAN)
    log = lived.json("log")
    sent = Counter(row["campaign"] for row in log if row["status"] in ("sent", "delivered"))
    assert counted(report["campaigns"], "id", "sent") == dict(sent)
    withheld = Counter(row["reason"] for row in log if row["status"] in ("skipped", "cancelled"))
    told: Counter[str] = Counter()
    for row in report["withheld"]:
        told[row["reason"]] += row["count"]
    assert told == withheld
    entered = {row["id"]: row["entered"] for row in lived.json("campaigns") if row["entered"]}
    assert counted(report["campaigns"], "id", "entered") == entered
    assert report["complete"] is True


def test_the_history_adds_up_and_the_same_comes_out_again(new: Cli) -> None:
    file = str(new.workspace / "past.jsonl")
    once, again = new.ok("simulate", file, "--format", "json"), new.ok(
        "simulate", file, "--format", "json"
    )  # fmt: skip
    assert once == again
    report = json.loads(once)
    told = [one for _, one in shop.past() if "order" in one]
    totals = {one["order"]["id"]: Decimal(one["order"]["total"]) for one in told}
    left_out = {one["order"]["id"] for one in told if one["order"].get("is_test")}
    refunded = {one["order"]["id"] for one in told if one["type"] == "order.refunded"}
    assert report["history"]["events"] == len(shop.past())
    assert report["history"]["orders"] == len(totals.keys() - left_out)
    net = sum(totals[each] for each in totals.keys() - left_out - refunded)
    assert Decimal(report["history"]["revenue"]) == net
    sent = report["messages"]["sent"]
    assert sent == sum(row["messages"] for row in report["hours"])
    assert sent == sum(row["messages"] for row in report["weeks"])
    assert sent == sum(row["email"] + row["sms"] + row["voice"] for row in report["days"])
    pressure = report["pressure"]["customers_by_messages"]
    assert sent == sum(row["messages"] * row["customers"] for row in pressure)
    assert sum(row["customers"] for row in pressure) == report["history"]["customers"]
    assert not list(new.workspace.glob("*.db*"))


def test_samples_share_out_the_customers(new: Cli) -> None:
    file = str(new.workspace / "past.jsonl")
    whole = new.json("simulate", file)["history"]
    assert new.json("simulate", file, "--customers", "100%")["history"] == whole
    assert new.json("simulate", file, "--customers", "3")["history"]["customers"] == 3
    seeds = {
        json.dumps(new.json("simulate", file, "--customers", "2", "--seed", str(seed))["history"])
        for seed in range(6)
    }
    assert len(seeds) > 1


@pytest.mark.parametrize("name", ["next.jsonl", "next.csv"])
def test_a_past_that_is_yet_to_come_is_lived_through(new: Cli, name: str) -> None:
    texts = {
        "next.jsonl": '{"id": "1", "source": "shop", "type": "order.placed", '
        '"time": "2090-03-01T10:00:00Z", "customer": {"id": "ann"}, "order": {"id": "1"}}\n',
        "next.csv": "order_id,customer_id,date\n1,ann,2090-03-01 10:00\n",
    }
    (new.workspace / name).write_text(texts[name], encoding="utf-8")
    report = new.json("simulate", str(new.workspace / name))
    assert report["history"]["orders"] == 1
    assert report["since"].startswith("2090-03-01")


def test_other_policies_drafts_and_choices(new: Cli) -> None:
    file = str(new.workspace / "past.jsonl")
    plain = new.json("simulate", file, "--no-effects")
    night = "policy.quiet_hours.email={from: '00:00', until: '23:59', then: drop}"
    quiet = new.json("simulate", file, "--set", night)
    assert "quiet_hours" not in {row["reason"] for row in plain["withheld"]}
    assert "quiet_hours" in {row["reason"] for row in quiet["withheld"]}
    assert quiet["messages"]["sent"] < plain["messages"]["sent"]
    one = new.json("simulate", file, "--campaign", "thanks")
    assert [row["id"] for row in one["campaigns"]] == ["thanks"]
    assert "newsletter" not in {row["id"] for row in plain["campaigns"]}
    drafts = new.json("simulate", file, "--drafts")
    assert "newsletter" in {row["id"] for row in drafts["campaigns"]}


def test_what_came_before_is_history(new: Cli) -> None:
    report = new.json("simulate", str(new.workspace / "past.jsonl"), "--from", "2026-03-17")
    assert counted(report["campaigns"], "id", "entered") == {"review": 1, "thanks": 2}
    assert report["history"]["events"] == len(shop.past())
    assert min(row["day"] for row in report["days"]) >= "2026-03-17"


def test_people_see_tables_and_lines(new: Cli) -> None:
    shown = new.ok("simulate", str(new.workspace / "past.jsonl"))
    assert "thanks" in shown
    assert "█" in shown
    assert "no consent to marketing" in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--campaign", "thank"], "there is no campaign thank; did you mean thanks?"),
        (["--set", "min_gap=2d"], "policy.PLACE=VALUE"),
        (["--set", "policy.=2d"], "policy.PLACE=VALUE"),
        (["--set", "policy.min_gap=soon"], "soon is not a duration"),
        (["--set", "policy.min_ga=2d"], "did you mean min_gap?"),
        (["--set", "policy.quiet_hours.emai.from=8"], "did you mean email?"),
        (["--set", "policy.caps=[{channel"], "the { opened here is not closed"),
        (["--customers", "0%"], "which part, 10%"),
        (["--until", "2020-01-01"], "end on 2020-01-01 00:00; write a --from before the --until"),
        (["--from", "2019-01-01", "--until", "2020-01-01"], "past.jsonl is of this time"),
        (["--from", "2090-01-01"], "it would begin on 2090-01-01 00:00 and end on"),
        (["--codes", "thanks=-5"], "no offer has a pool thanks"),
        (["nowhere.jsonl"], "there is no file nowhere.jsonl"),
    ],
)
def test_mistakes_are_told(new: Cli, args: list[str], told: str) -> None:
    file = [] if args[0].endswith("jsonl") else [str(new.workspace / "past.jsonl")]
    result = new("simulate", *file, *args)
    assert result.exit_code in (1, 2)
    assert told in result.output


def behaving(cli: Cli, text: str) -> Any:
    """The report when customers behave like this."""
    (cli.workspace / "behaviour.yaml").write_text(f"version: 1\n{text}", encoding="utf-8")
    file, behaviour = cli.workspace / "past.jsonl", cli.workspace / "behaviour.yaml"
    return cli.json("simulate", str(file), "--behaviour", str(behaviour))


def test_what_customers_buy_is_told_apart_from_the_history(new: Cli) -> None:
    plain = new.json("simulate", str(new.workspace / "past.jsonl"), "--no-effects")
    report = behaving(new, "campaigns: {review: {buy: 100%, open: 0%, click: 0%}}\n"
                           "costs: {email: 0.01}\n")  # fmt: skip
    assert report["history"] == plain["history"]
    bought = {row["campaign"]: row["messages"] for row in report["reactions"]
              if row["reaction"] == "buy"}  # fmt: skip
    assert list(bought) == ["review"]
    assert report["bought"]["orders"] == bought["review"] > 0
    assert Decimal(report["bought"]["revenue"]) > 0
    # Who buys again is thanked again.
    sent = counted(report["campaigns"], "id", "sent")
    assert sent["thanks"] == counted(plain["campaigns"], "id", "sent")["thanks"] + bought["review"]
    assert Decimal(report["messages"]["cost"]) == report["messages"]["sent"] * Decimal("0.01")


def test_a_message_may_cost_a_small_part_of_a_cent(new: Cli) -> None:
    report = behaving(new, "costs: {email: 0.00569}\n")
    cost = report["messages"]["sent"] * Decimal("0.00569")
    assert Decimal(report["messages"]["cost"]) == cost.quantize(Decimal("0.01"))


def test_what_costs_less_than_a_cent_is_told(new: Cli) -> None:
    report = behaving(new, "costs: {email: 0.0001}\n")
    cost = Decimal(report["messages"]["cost"])
    assert cost == report["messages"]["sent"] * Decimal("0.0001") < Decimal("0.005")
    assert "Sending costs less than 0.01 " in page(report)


def test_who_has_unsubscribed_gets_no_more_marketing(new: Cli) -> None:
    report = behaving(new, "channels: {email: {unsubscribe: 100%}}\n")
    plain = new.json("simulate", str(new.workspace / "past.jsonl"), "--no-effects")
    some, all_of_it = (counted(one["campaigns"], "id", "sent") for one in (report, plain))
    assert some["thanks"] == all_of_it["thanks"]
    assert 0 < some["review"] <= all_of_it["review"]
    gone = [row for row in report["reactions"] if row["reaction"] == "unsubscribe"]
    assert [row["campaign"] for row in gone] == ["review"]


def test_files_hold_the_same_report(new: Cli) -> None:
    file, out = str(new.workspace / "past.jsonl"), new.workspace / "out"
    report = new.json("simulate", file, "--out", str(out))
    assert json.loads((out / "report.json").read_text(encoding="utf-8")) == report
    with (out / "days.csv").open(newline="") as stream:
        days = list(csv.DictReader(stream))
    assert sum(int(row["email"]) for row in days) == report["messages"]["sent"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.search(r"""(?:src|href)\s*=|url\(|@import""", page)
    assert 'name="viewport"' in page
    for row in report["campaigns"]:
        assert html.escape(row["name"]) in page
    assert page.count("<svg") == page.count("</svg>") >= 4
    charts = re.findall(r'<svg role="img" aria-label="([^"]+)"', page)
    assert len(charts) == page.count("<svg") == page.count("<figcaption>")
    assert f"{report['messages']['sent']:,}" in page


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("channels: {email: {open: 0.5}}", "write a share in percent, as in 5.3%"),
        ("channels: {email: {opne: 5%}}", "opne"),
        ("segments: [{if: customer.order_count > 1, buy: 5%}]", "customer.order_count"),
        ("campaigns: {review: {scores: {nps: {'11': 1}}}}", "score from 0 to 10"),
    ],
)
def test_a_faulty_behaviour_is_told_with_its_place(new: Cli, text: str, told: str) -> None:
    (new.workspace / "behaviour.yaml").write_text(f"version: 1\n{text}\n", encoding="utf-8")
    result = new(
        "simulate", str(new.workspace / "past.jsonl"),
        "--behaviour", str(new.workspace / "behaviour.yaml"),
    )  # fmt: skip
    assert result.exit_code == 1
    assert "behaviour.yaml:2:" in result.output
    assert told in result.output


@pytest.mark.parametrize("width", [80, 120])
def test_what_people_see_fits_their_terminal(
    new: Cli, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    file = str(new.workspace / "past.jsonl")
    lines = new.ok("simulate", file, "--drafts", "--set", "policy.rate_limits.email=1/d").split(
        "\n"
    )
    assert max(map(len, lines)) <= width
    heads = next(line for line in lines if line.startswith("CAMPAIGN"))
    assert ("FINISHED" in heads) == (width == 120)
    told = " ".join(" ".join(lines).split())
    assert "emails of hello@example.com would stand in line: at 1/d" in told
    monkeypatch.delenv("COLUMNS")
    assert "would stand in line: at 1/d the last would leave at" in new.ok(
        "simulate", file, "--drafts", "--set", "policy.rate_limits.email=1/d"
    )
