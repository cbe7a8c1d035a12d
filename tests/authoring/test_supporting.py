"""Emails that do not say how to reach support are found, once, where the foot stands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.cli.checking import report_of
from tests.authoring.test_policy_faults import STORE

EMAIL, PHONE, HOURS = (
    "{{ shop.support_email }}", "{{ shop.support_phone }}", "{{ shop.support_hours }}"
)  # fmt: skip
LAYOUT = ["message_templates/_layout/email.mjml", "message_templates/_layout/email.txt"]
SECTION = "<mj-section><mj-column><mj-text>Good day.</mj-text></mj-column></mj-section>"


def found(
    workspace: Path, foot: str, *, foot_text: str | None = None, **support: str
) -> list[tuple[str, str]]:
    """What is told of two templates with one layout whose foot is this."""
    brand: dict[str, Any] = STORE["brand"]
    store = STORE | {"brand": brand | {"support": brand["support"] | support}}
    files = {
        "config/store.yaml": json.dumps(store),
        LAYOUT[0]: "<mjml><mj-body>{{ content }}<mj-section><mj-column>"
        f"<mj-text>{foot}</mj-text></mj-column></mj-section></mj-body></mjml>",
        LAYOUT[1]: f"{{{{ content }}}}\n{foot_text or foot}",
    }
    for name in ("one", "two"):
        files |= {
            f"message_templates/{name}/subject.txt": "Hello",
            f"message_templates/{name}/body.txt": "Good day.",
            f"message_templates/{name}/body.mjml": SECTION,
        }
    for name, content in files.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(content, encoding="utf-8")
    told = report_of(workspace).diagnostics
    return [(one.code, one.at.file) for one in told if one.code != "no-campaigns"]


@pytest.mark.parametrize(
    ("foot", "code"),
    [
        ("nothing", "no-support-contact"),
        (HOURS, "no-support-contact"),
        (EMAIL, "no-support-hours"),
        (PHONE, "no-support-hours"),
        (f"{EMAIL} {HOURS}", None),
        (f"{PHONE}, {HOURS}", None),
    ],
)
def test_what_a_layout_lacks_is_told_once_at_the_layout(
    tmp_path: Path, foot: str, code: str | None
) -> None:
    told = found(tmp_path, foot, phone="+1 504-555-0142", hours="Mon & Tue, 9 to 5")
    assert told == ([(code, file) for file in LAYOUT] if code else [])


def test_hours_that_nobody_has_are_not_asked_for(tmp_path: Path) -> None:
    assert found(tmp_path, EMAIL) == []


def test_the_text_part_is_held_to_it_too(tmp_path: Path) -> None:
    assert found(tmp_path, EMAIL, foot_text="Bye") == [("no-support-contact", LAYOUT[1])]


def test_a_document_of_its_own_is_told_at_itself(tmp_path: Path) -> None:
    found(tmp_path, EMAIL)
    own = tmp_path / "message_templates/one/body.mjml"
    own.write_text(f"<mjml><mj-body>{SECTION}</mj-body></mjml>", encoding="utf-8")
    told = [one for one in report_of(tmp_path).diagnostics if one.code == "no-support-contact"]
    assert [one.at.file for one in told] == ["message_templates/one/body.mjml"]
