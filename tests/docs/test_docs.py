"""What a reader types from the pages works, and prints what the pages show."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from engine.bootstrap import build
from engine.cli.starter import copy_starter
from tests.docs.console import Console, fits
from tests.docs.pages import DOCS, ROOT, all_pages, marked_blocks
from triggers.event import Event
from triggers.event_types import BUILT_IN
from triggers.sources.native import parse_line

NOW = datetime(2026, 4, 1, tzinfo=UTC)
TUTORIAL = DOCS / "tutorial" / "first-campaign.md"


def test_tutorial(tmp_path: Path) -> None:
    console = Console(tmp_path)
    try:
        for block in marked_blocks(TUTORIAL.read_text(encoding="utf-8")):
            console.follow(block)
    finally:
        console.close()


def test_every_console_block_is_run() -> None:
    for path in all_pages():
        page = path.read_text(encoding="utf-8")
        if path == TUTORIAL:
            run = sum(block.file is None for block in marked_blocks(page))
            assert page.count("```console") == run


def test_declared_events_are_taken_in(tmp_path: Path) -> None:
    page = (DOCS / "how-to" / "declare-custom-events.md").read_text(encoding="utf-8")
    (block,) = marked_blocks(page)
    copy_starter(ROOT, tmp_path)
    (tmp_path / str(block.file)).write_text(block.text, encoding="utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    app = build(tmp_path, {})
    try:
        told = parse_line(shown.encode(), received_at=app.clock.now(), catalog=app.catalog)
    finally:
        app.close()
    assert isinstance(told, Event), told


def test_events_shown_are_events() -> None:
    shown = 0
    for path in all_pages():
        for text in re.findall(r"```json\n(.*?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            lines = text.splitlines() if text.count('{"id"') > text.count("\n ") + 1 else [text]
            for line in lines:
                if '"source"' in line and '"shop.quiz_done"' not in line:
                    told = parse_line(line.encode(), received_at=NOW, catalog=BUILT_IN)
                    assert isinstance(told, Event), (path.name, told)
                    shown += 1
    assert shown >= 4


def test_campaigns_shown_are_the_starters() -> None:
    shown = 0
    for path in all_pages():
        page = path.read_text(encoding="utf-8")
        for name, text in re.findall(
            r"<!-- starter: ([\w-]+) -->\n```yaml\n(.*?)```", page, re.DOTALL
        ):
            file = (ROOT / "campaigns" / f"{name}.yaml").read_text(encoding="utf-8")
            assert text == file[file.index("version: 1") :], name
            shown += 1
    assert shown


def test_dots_stand_for_anything() -> None:
    assert fits("a ... c\n...\nend\n", "a b c\none\ntwo\nend\n")
    assert fits("a\n...\nend\n", "a\nend\n")
    assert not fits("a\n", "a\nb\n")
    assert not fits("a b\n", "a c\n")
