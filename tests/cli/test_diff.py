"""``lagniappe diff``: what a change would do, each edit alone and all of them together."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.cli import shop
from tests.cli.shop import Cli

EDITS = {
    "campaigns/review.yaml": ("delay: 3d", "delay: 4d"),
    "campaigns/thanks.yaml": ("order.total >= 20", "order.total >= 10"),
    "message_templates/thanks/body.txt": ("is with us", "has come in"),
    "config/store.yaml": ("count: 1, per: 7d", "count: 3, per: 7d"),
}
NAMES = {
    "campaigns/review.yaml": "campaigns/review.yaml",
    "campaigns/thanks.yaml": "campaigns/thanks.yaml",
    "message_templates/thanks/body.txt": "message_templates/thanks",
    "config/store.yaml": "config/store.yaml: caps",
}
COUNTS = ("added", "removed", "moved", "changed")


@pytest.fixture
def two(tmp_path: Path) -> tuple[Cli, Path]:
    """A workspace, the same as it was before, and a file with a past."""
    before, now = tmp_path / "before", tmp_path / "now"
    shop.make(before)
    shop.make(now)
    told = [one for _, one in shop.past()]
    for number, day in ((2001, 2), (2002, 4)):  # fay is asked twice within a week
        at = shop.START + day * shop.DAY
        told += [shop.event("order.placed", at, "fay", number),
                 shop.event("order.delivered", at + shop.DAY, "fay", number)]  # fmt: skip
    lines = "".join(json.dumps(one) + "\n" for one in told)
    (now / "past.jsonl").write_text(lines, encoding="utf-8")
    return Cli(now), before


def change(workspace: Path, *files: str) -> None:
    for file in files:
        path, (old, new) = workspace / file, EDITS[file]
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")


def args(two: tuple[Cli, Path], *more: str) -> tuple[str, ...]:
    cli, before = two
    file = str(cli.workspace / "past.jsonl")
    return ("diff", str(before), str(cli.workspace), "--events", file, "--no-effects", *more)


def counts(row: dict[str, Any]) -> dict[str, int]:
    return {key: row[key] for key in COUNTS}


def test_equal_versions_are_equal(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    found = cli.json(*args(two))
    assert found["equal"] is True
    assert found["total"]["before"] == found["total"]["after"] > 0
    assert counts(found["total"]) == dict.fromkeys(COUNTS, 0)
    for part in ("changes", "added_because", "removed_because", "withheld", "rewordings", "edits",
                 "gone", "thresholds"):  # fmt: skip
        assert found[part] == [], part
    assert found["pressure"]["before"] == found["pressure"]["after"]
    assert "equal" in cli.ok(*args(two))


def test_edits_that_move_nothing_are_edits_still(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    for name in ("review", "thanks"):
        path = cli.workspace / f"campaigns/{name}.yaml"
        path.write_text("# as agreed\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    for more in ((), ("--no-alone",)):
        assert cli.json(*args(two, *more))["equal"] is False
        assert "are equal" not in cli.ok(*args(two, *more))


def test_each_edit_alone_and_all_together(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    change(cli.workspace, *EDITS)
    found = cli.json(*args(two))
    alone = {row["edit"]: row["alone"] for row in found["edits"]}
    assert set(alone) == set(NAMES.values())
    # What an edit does alone is what it does when it is the only one.
    for file in ("campaigns/review.yaml", "config/store.yaml"):
        name = NAMES[file]
        shop.make(cli.workspace)
        change(cli.workspace, file)
        only = cli.json(*args(two))
        assert [row["edit"] for row in only["edits"]] == [name]
        assert counts(only["total"]) == counts(alone[name]), name
        assert only["edits"][0]["changes"] == only["changes"]
    # The shop's past says by hand what each must do.
    assert counts(alone["campaigns/thanks.yaml"]) == {
        "added": 1, "removed": 0, "moved": 0, "changed": 0}  # fmt: skip
    assert counts(alone["message_templates/thanks"])["changed"] == 8
    assert counts(alone["message_templates/thanks"])["added"] == 0
    moved = alone["campaigns/review.yaml"]
    assert moved["moved"] > 0
    assert moved["added"] == moved["removed"] == moved["changed"] == 0
    capped = alone["config/store.yaml: caps"]
    assert capped["added"] > 0
    assert capped["removed"] == capped["moved"] == capped["changed"] == 0
    assert capped["withheld"] == -capped["added"]


def test_a_reworded_template_shows_what_is_new(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    change(cli.workspace, "message_templates/thanks/body.txt")
    found = cli.json(*args(two))
    (only,) = found["rewordings"]
    assert (only["campaign"], only["template"], only["channel"]) == ("thanks", "thanks", "email")
    assert only["messages"] == found["total"]["changed"] == found["total"]["after"] - sum(
        1 for row in found["changes"] if row["campaign"] != "thanks"
    ) - _reviews(cli)  # fmt: skip
    lines = only["example"]
    assert any(line.startswith("-Your order") and "is with us" in line for line in lines)
    assert any(line.startswith("+Your order") and "has come in" in line for line in lines)


def _reviews(cli: Cli) -> int:
    report = cli.json("simulate", str(cli.workspace / "past.jsonl"), "--no-effects")
    return sum(row["sent"] for row in report["campaigns"] if row["id"] != "thanks")


def test_a_later_ask_moves_by_as_much(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    change(cli.workspace, "campaigns/review.yaml")
    (only,) = cli.json(*args(two))["changes"]
    assert (only["campaign"], only["channel"]) == ("review", "email")
    assert only["moved_by_hours"] == 24


def test_a_renamed_step_sends_the_same_message(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    path = cli.workspace / "campaigns/thanks.yaml"
    path.write_text(path.read_text().replace("id: thank\n", "id: say\n"), encoding="utf-8")
    found = cli.json(*args(two))
    assert counts(found["total"]) == dict.fromkeys(COUNTS, 0)
    assert [row["edit"] for row in found["edits"]] == ["campaigns/thanks.yaml"]


def test_an_entry_less_moves_none_of_the_later_ones(two: tuple[Cli, Path]) -> None:
    cli, before = two
    orders = [
        shop.event("order.placed", shop.START + number * 5 * shop.DAY, "ada", 3000 + number,
                   order={"total": total})
        for number, total in enumerate(("30.00", "80.00", "90.00"))
    ]  # fmt: skip
    lines = "".join(json.dumps(one) + "\n" for one in orders)
    (cli.workspace / "past.jsonl").write_text(lines, encoding="utf-8")
    for workspace, least in ((before, 20), (cli.workspace, 50)):
        path = workspace / "campaigns/thanks.yaml"
        text = path.read_text(encoding="utf-8").replace("total >= 20", f"total >= {least}")
        text = text.replace("key: order.id, re_entry: never", "key: customer.id, re_entry: always")
        path.write_text(text, encoding="utf-8")
    total = cli.json(*args(two))["total"]
    assert (total["before"], total["after"]) == (3, 2)
    assert counts(total) == {"added": 0, "removed": 1, "moved": 0, "changed": 0}


def test_what_needs_another_edit_says_so(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    events = "version: 1\nevents:\n  shop.pinged: {}\n"
    (cli.workspace / "config/events.yaml").write_text(events, encoding="utf-8")
    path = cli.workspace / "campaigns/thanks.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in (
        ("event: order.placed, filter: order.total >= 20", "event: shop.pinged"),
        ("key: order.id", "key: customer.id"),
        ("send_email: thanks", "send_email: review"),
    ):
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    found = cli.json(*args(two))
    rows = {row["edit"]: row for row in found["edits"]}
    assert "thanks cannot be used" in rows["campaigns/thanks.yaml"]["fault"]
    assert rows["campaigns/thanks.yaml"]["alone"] is None
    assert rows["config/events.yaml"]["fault"] is None
    assert found["gone"] == []


def test_a_layout_is_an_edit_of_its_own(two: tuple[Cli, Path]) -> None:
    cli, before = two
    change(cli.workspace, "campaigns/review.yaml")
    layout = cli.workspace / "message_templates/_layout/email.txt"
    layout.parent.mkdir()
    layout.write_text("{{ content }}\nBellerive\n{{ links.unsubscribe }}\n", encoding="utf-8")
    file = str(cli.workspace / "past.jsonl")
    for versions, kind in (
        ((before, cli.workspace), "added"),
        ((cli.workspace, before), "removed"),
    ):
        found = cli.json("diff", *map(str, versions), "--events", file, "--no-effects")
        rows = {row["edit"]: row for row in found["edits"]}
        assert set(rows) == {"campaigns/review.yaml", "message_templates/_layout"}
        assert rows["campaigns/review.yaml"]["alone"]["changed"] == 0
        assert rows["message_templates/_layout"]["change"] == kind
        assert rows["message_templates/_layout"]["alone"]["changed"] == found["total"]["before"]
        assert rows["message_templates/_layout"]["alone"]["moved"] == 0


def test_a_template_that_is_asked_for_in_vain_is_an_edit(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    change(cli.workspace, "campaigns/review.yaml")
    shutil.rmtree(cli.workspace / "message_templates/thanks")
    found = cli.json(*args(two))
    thanked = sum(row["before"] for row in found["changes"] if row["campaign"] == "thanks")
    alone = {row["edit"]: (row["change"], row["alone"]["removed"]) for row in found["edits"]}
    assert alone == {
        "campaigns/review.yaml": ("changed", 0),
        "message_templates/thanks": ("removed", thanked),
    }
    assert found["gone"] == ["thanks"]
    # nobody asks for it any more, or nobody has asked for it yet: then it goes with the campaign
    (cli.workspace / "campaigns/thanks.yaml").unlink()
    names = {row["edit"] for row in cli.json(*args(two))["edits"]}
    assert names == {"campaigns/review.yaml", "campaigns/thanks.yaml"}


def test_a_campaign_in_another_file_is_the_same(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    change(cli.workspace, "campaigns/review.yaml", "campaigns/thanks.yaml")
    folder = cli.workspace / "campaigns"
    (folder / "review.yaml").rename(folder / "ask.yaml")
    found = cli.json(*args(two))
    rows = {row["edit"]: row for row in found["edits"]}
    assert set(rows) == {"campaigns/ask.yaml", "campaigns/thanks.yaml"}
    assert rows["campaigns/ask.yaml"]["change"] == "changed"
    assert rows["campaigns/ask.yaml"]["alone"]["moved"] == found["total"]["moved"] > 0


def test_what_lies_beside_campaigns_and_moves_nobody_is_no_edit(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    for name in ("config/policy.py", "config/__pycache__/policy.cpython-311.pyc"):
        (cli.workspace / name).parent.mkdir(exist_ok=True)
        (cli.workspace / name).write_bytes(b"pass")
    assert cli.json(*args(two))["equal"] is True


def test_a_template_may_be_a_link(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    shared = cli.workspace / "shared"
    (cli.workspace / "message_templates/thanks").rename(shared)
    (cli.workspace / "message_templates/thanks").symlink_to(shared, target_is_directory=True)
    assert cli.json(*args(two))["equal"] is True


CROSSED = ("sends > +5%", "sends > +0", "sends.thanks > +0", "withheld <= 100",
           "pressure.max >= 1")  # fmt: skip
KEPT = ("sends > +500%", "sends < -50%", "sends.review > +0", "sends.sms >= 1", "cost > 0",
        "pressure.p99 > 50")  # fmt: skip


def bounds(*all_of_them: str) -> list[str]:
    return [word for each in all_of_them for word in ("--fail-if", each)]


def test_bounds_decide_the_exit_code(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    change(cli.workspace, "campaigns/thanks.yaml")
    result = cli(*args(two, "--format", "json", *bounds(*CROSSED, *KEPT)))
    assert result.exit_code == 1
    told = {row["threshold"]: row["failed"] for row in json.loads(result.stdout)["thresholds"]}
    assert told == dict.fromkeys(CROSSED, True) | dict.fromkeys(KEPT, False)
    for bound in CROSSED:
        assert f"lagniappe: {bound}" in result.stderr
    cli.ok(*args(two, *bounds(*KEPT)))


@pytest.mark.parametrize(
    ("bound", "told"),
    [
        ("send > 5%", "did you mean sends"),
        ("sends.thank > 5", "did you mean sends.thanks"),
        ("pressure.p98 > 5", "pressure.p"),
        ("sends", "FIGURE OP AMOUNT"),
        ("sends = 5", "FIGURE OP AMOUNT"),
    ],
)
def test_a_wrong_bound_is_wrong_usage(two: tuple[Cli, Path], bound: str, told: str) -> None:
    cli, _ = two
    result = cli(*args(two, "--fail-if", bound))
    assert result.exit_code == 2
    assert told in result.output


def test_other_formats_tell_the_same(two: tuple[Cli, Path]) -> None:
    cli, _ = two
    change(cli.workspace, *EDITS)
    out = cli.workspace / "comment.md"
    found = cli.json(*args(two, "--out", str(out), "--fail-if", "cost > 1"))
    lines = [json.loads(line) for line in cli.ok(*args(two, "--format", "jsonl")).splitlines()]
    assert [row for row in lines if row["kind"] == "edit"] == [
        {"kind": "edit", **row} for row in found["edits"]
    ]
    text, shown = out.read_text(encoding="utf-8"), cli.ok(*args(two))
    for name in NAMES.values():
        assert name in text
        assert name in shown
    assert "+Your order" in text
    assert "✅ `cost > 1`" in text
    total = found["total"]
    assert f"{total['before']:,} messages before, {total['after']:,} after" in text
    assert Decimal(str(total["cost_after"])) == 0


def test_what_people_see_fits_their_terminal(
    two: tuple[Cli, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cli, _ = two
    change(cli.workspace, *EDITS)
    monkeypatch.setenv("COLUMNS", "80")
    shown = cli.ok(*args(two), "--fail-if", "sends > +500%").split("\nthanks, email of")[0]
    assert max(map(len, shown.split("\n"))) <= 80
    assert "COST" not in shown  # nobody has told a price
    for name in NAMES.values():
        assert name in shown
