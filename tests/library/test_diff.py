"""Four edits of the starter library on a made-up shop: each is named with what it does, alone."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.synthetic.shop import Span, events
from tests.cli.shop import Cli

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
ROOT = Path(__file__).parents[2]
DELAY, FILTER = "campaigns/review-request.yaml", "campaigns/thank-you.yaml"
TEMPLATE, CAP = "message_templates/thank_you", "config/store.yaml: caps"
EDITS = {
    DELAY: ("delay: {for: 10d,", "delay: {for: 12d,"),
    FILTER: ('filter: "!order.cancelled"', 'filter: "!order.cancelled && order.total >= 60"'),
    f"{TEMPLATE}/subject.txt": ("", "Dear customer: "),
    f"{TEMPLATE}/subject.de.txt": ("", "Sehr geehrt: "),
    "config/store.yaml": ("marketing, count: 3, per: 7d", "marketing, count: 1, per: 14d"),
}
# Enough of the library for its campaigns to compete, and no more than that to be read six times.
CAMPAIGNS = ("thank-you", "review-request", "cross-sell")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The comparison of the library with the library as it was edited."""
    before, folder = (tmp_path_factory.mktemp(name) for name in ("before", "edited"))
    for workspace in (before, folder):
        lay(workspace)
    for file, (old, new) in EDITS.items():
        path = folder / file
        content = path.read_text(encoding="utf-8")
        assert old in content
        path.write_text(content.replace(old, new, 1) if old else new + content, encoding="utf-8")
    span = Span(customers=40, begin=BEGIN, until=BEGIN + timedelta(days=60), seed=7)
    history = folder / "history.jsonl"
    history.write_bytes(
        b"".join(orjson.dumps(one, option=orjson.OPT_APPEND_NEWLINE) for one in events(span))
    )
    return Cli(folder).json("diff", str(before), "--events", str(history), "--no-effects")


def lay(workspace: Path) -> None:
    """Some campaigns of the library, and the templates that they name."""
    shutil.copytree(ROOT / "config", workspace / "config")
    (workspace / "campaigns").mkdir()
    read = ""
    for name in CAMPAIGNS:
        file = shutil.copy(ROOT / f"campaigns/{name}.yaml", workspace / "campaigns")
        read += Path(file).read_text(encoding="utf-8")
    for path in (ROOT / "message_templates").iterdir():
        if path.name.startswith("_") or path.name in read:
            copy = shutil.copytree if path.is_dir() else shutil.copy
            target = workspace / "message_templates" / path.name
            target.parent.mkdir(exist_ok=True)
            copy(path, target)


def effect(told: Any, edit: str) -> tuple[dict[str, Any], dict[str, dict[str, int]]]:
    """What one edit does alone: in all, and by campaign."""
    (row,) = [each for each in told["edits"] if each["edit"] == edit]
    assert row["fault"] is None, json.dumps(row)
    return row["alone"], {each["campaign"]: each for each in row["changes"]}


def test_the_four_edits_are_named_and_no_other(told: Any) -> None:
    assert {row["edit"] for row in told["edits"]} == {DELAY, FILTER, TEMPLATE, CAP}
    assert told["gone"] == []


def test_a_filter_only_takes_away(told: Any) -> None:
    alone, changes = effect(told, FILTER)
    assert alone["removed"] == alone["before"] - alone["after"] > 0
    assert alone["added"] == alone["moved"] == alone["changed"] == alone["withheld"] == 0
    assert set(changes) == {"thank-you"}


def test_a_template_only_says_other_words(told: Any) -> None:
    alone, changes = effect(told, TEMPLATE)
    assert alone["added"] == alone["removed"] == alone["moved"] == alone["withheld"] == 0
    assert set(changes) == {"thank-you"}
    assert alone["changed"] == changes["thank-you"]["before"] > 0
    (example,) = [row["example"] for row in told["rewordings"] if row["template"] == "thank_you"]
    assert any(line.startswith("+Subject: Dear customer: ") for line in example)


def test_a_delay_moves_what_waits_for_it(told: Any) -> None:
    _, changes = effect(told, DELAY)
    assert changes["review-request"]["moved"] > 0
    assert "thank-you" not in changes


def test_a_tighter_cap_holds_marketing_back(told: Any) -> None:
    alone, changes = effect(told, CAP)
    assert alone["removed"] + alone["moved"] > 0
    assert "thank-you" not in changes


def test_all_together_is_the_joint_effect(told: Any) -> None:
    total = told["total"]
    assert total["after"] - total["before"] == total["added"] - total["removed"]
    (thanks,) = [row for row in told["changes"] if row["campaign"] == "thank-you"]
    _, filtered = effect(told, FILTER)
    assert thanks["removed"] == filtered["thank-you"]["removed"]
    assert thanks["changed"] == thanks["after"] == thanks["before"] - thanks["removed"]
