"""A simulation's report in a real browser: no script, no network, on a telephone and at night."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from engine.simulator.behaviour import Behaviour
from engine.simulator.page import page
from engine.simulator.preparation import Sample
from engine.simulator.report import Document, document
from engine.simulator.simulation import simulate
from tests.pictures.browser import started
from tests.simulator.test_simulation import prepared

LONG = "Donaudampfschifffahrtsgesellschaftskapitaensmuetzenabzeichenverleihung"
TAPPED = 44  # CSS pixels: WCAG 2.2, 2.5.5 Target Size (Enhanced)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Document:
    """A report with something in every section, and with words that nothing breaks."""
    made = prepared(tmp_path_factory.mktemp("shop"))
    behaviour = Behaviour()
    setup = made.setup(
        since=None, until=None, afterwards=timedelta(days=30), behaviour=behaviour
    )  # fmt: skip
    outcome = simulate(setup, made.history(setup, Sample()), lambda now, taken: True)
    found: Document = json.loads(json.dumps(document(outcome, made.frame(setup, "default"))))
    found["campaigns"][0]["name"] = LONG
    found["samples"][0]["subject"] = found["samples"][0]["text"] = LONG * 3
    found["surveys"] = [
        {"kind": kind, "answers": 3, "mean": 4.0, "scores": [{"score": 4, "answers": 3}]}
        for kind in ("csat", "nps", "ces")
    ]
    found["coupons"] = [
        {"offer": LONG[:60], "status": status, "coupons": 12_345}
        for status in ("issued", "redeemed", "expired", "released", "owed")
    ]
    found["pools"] = [
        {"pool": "spring", "size": 4, "given": 4, "redeemed": 1, "left": 0, "without": 9,
         "dry_at": found["since"], "campaigns": []},
    ]  # fmt: skip
    found["senders"] = [
        {"channel": "sms", "sender": "+15045550100", "rate": "1/s", "messages": 5000,
         "waited": 4200, "longest_wait": 4199.0, "queue": 4200, "queue_since": found["since"],
         "queue_until": found["reached"]},
    ]  # fmt: skip
    return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with started() as found:
        yield found


@pytest.fixture(scope="module")
def file(report: Document, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page with everything unfolded that folds."""
    target = tmp_path_factory.mktemp("out") / "report.html"
    target.write_text(page(report).replace("<details", "<details open"), encoding="utf-8")
    return target


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_read_without_script_or_network(
    browser: Any, file: Path, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        java_script_enabled=False,
        offline=True,
    )
    asked, told = list[str](), list[str]()
    context.on("request", lambda request: asked.append(request.url))
    try:
        leaf = context.new_page()
        leaf.on("console", lambda message: told.append(message.text))
        leaf.goto(file.as_uri())
        assert asked == [file.as_uri()]
        assert told == []
        assert leaf.evaluate("document.documentElement.scrollWidth") <= width
        cut = leaf.evaluate(
            "[...document.querySelectorAll('th, td, li, p, dd, dt, summary, h1, h2, pre')]"
            ".filter(one => one.checkVisibility() && one.getBoundingClientRect().right"
            " > innerWidth + 1 && !one.closest('thead')).map(one => one.outerHTML)"
        )
        assert cut == []
        low = leaf.evaluate(
            "[...document.querySelectorAll('summary')]"
            f".filter(one => one.getBoundingClientRect().height < {TAPPED}).length"
        )
        assert low == 0
    finally:
        context.close()


def test_charts_are_told_to_who_cannot_see_them(browser: Any, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False, offline=True)
    try:
        leaf = context.new_page()
        leaf.goto(file.as_uri())
        charts = leaf.get_by_role("img").all()
        assert len(charts) == leaf.locator("svg").count() >= 7
        for chart in charts:
            label = chart.get_attribute("aria-label")
            assert label is not None
            assert any(letter.isdigit() for letter in label) or "by how many" in label, label
            assert chart.bounding_box()["height"] >= 100
        assert leaf.get_by_role("table").count() >= 3
        assert leaf.get_by_role("heading", level=1).count() == 1
    finally:
        context.close()
