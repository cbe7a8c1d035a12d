"""Planted faults of policy: each is found, at its line and column, and named as in its ``.out``.

The first line of a case may change the store (``# store: {JSON}``) or put another campaign of
``policy_faults/beside`` next to it (``# beside: NAME``).
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from config.diagnostic_report import as_text
from engine.authoring.check import Report
from engine.cli.checking import report_of

HERE = Path(__file__).parent / "policy_faults"
CASES = sorted(HERE.glob("*.yaml"))
_CODE = re.compile(r" \[([a-z-]+)\]$", re.MULTILINE)

STORE: dict[str, Any] = {
    "version": 1,
    "brand": {
        "name": "Bellerive", "url": "https://shop.example.com",
        "postal_address": "Bellerive, 1 Rampart Street", "support": {"email": "help@example.com"},
    },
    "currency": "USD", "timezone": "America/Chicago",
    "senders": {"email": {"from_name": "Bellerive", "from_email": "hello@example.com"},
                "sms": {"from": "+15045550100"}},
    "topics": {"news": {"name": "News"}},
    "surveys": {"min_gap": "30d", "topic": "news"},
    "reviews": {"sites": {"google": "https://reviews.example.com/bellerive"}},
}  # fmt: skip
_HELP = " {{ shop.support_email }} {{ shop.support_hours }}"
_FOOT = " {{ links.unsubscribe }} {{ shop.postal_address }}" + _HELP
BODIES = {
    "plain": "Good day." + _FOOT,
    "question": "How likely are you to recommend us, from 0 to 10? {{ survey.url }}" + _FOOT,
    "review_request": "{% for one in review.products %}{{ one.review_url }} {% endfor %}" + _FOOT,
    "review_invitation": "Would you write an honest review? {{ shop.url }}" + _FOOT,
    "review_reminder": "Still time for your review: {{ shop.url }}" + _FOOT,
    "review_praise": "Please leave us a 5-star review: {{ review.url }}" + _FOOT,
    "coupon_mail": "Ten percent for you." + _FOOT,
    "community": "Meet us at {{ shop.community_url }}." + _FOOT,
    "trapped": "Good day. {{ shop.postal_address }}" + _HELP,
    "unaddressed": "Good day. {{ links.unsubscribe }}" + _HELP,
}
TEXTS = {"text": "Good day from {{ shop.name }}. Reply STOP to opt out", "text_bare": "Good day."}


def check(case: Path, workspace: Path) -> Report:
    """The problems of a workspace with this campaign in it."""
    source = case.read_text(encoding="utf-8")
    word, _, given = source.partition("\n")[0].removeprefix("# ").partition(": ")
    store = STORE | (json.loads(given) if word == "store" else {})
    files = {
        "config/store.yaml": json.dumps(store, indent=1),
        f"campaigns/{case.name}": source,
    }
    if word == "beside":
        beside = HERE / "beside" / f"{given}.yaml"
        files[f"campaigns/{beside.name}"] = beside.read_text(encoding="utf-8")
    for name, body in BODIES.items():
        files[f"message_templates/{name}/subject.txt"] = "Hello"
        files[f"message_templates/{name}/body.txt"] = body
        files[f"message_templates/{name}/body.html"] = f"<html><body><p>{body}</p></body></html>"
    for name, body in TEXTS.items():
        files[f"message_templates/{name}/sms.txt"] = body
    for name, content in files.items():
        path = workspace / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return report_of(workspace)


def test_there_are_thirty_and_more() -> None:
    assert len(CASES) >= 30
    assert {path.stem for path in HERE.glob("*.out")} == {case.stem for case in CASES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_the_fault_is_found_and_named(case: Path, tmp_path: Path) -> None:
    report = check(case, tmp_path)
    told = as_text(report.diagnostics, report.sources)
    if os.environ.get("WRITE_GOLDEN"):
        case.with_suffix(".out").write_text(told, encoding="utf-8")
    assert told == case.with_suffix(".out").read_text(encoding="utf-8")
    assert report.diagnostics
    assert len(_CODE.findall(told)) == len(report.diagnostics)


def test_a_shop_that_asks_everybody_alike_has_no_fault(tmp_path: Path) -> None:
    """What looks like some of the faults, and is none."""
    case = HERE / "fair" / "fair.yaml"
    assert check(case, tmp_path).diagnostics == ()
