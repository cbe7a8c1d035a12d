"""``check`` tells every problem of every file at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from config.diagnostic_report import as_text
from config.diagnostics import Severity
from config.policy import Policy
from engine.authoring.check import check
from engine.ports.rendering import Templates
from tests.authoring.campaigns import simple
from tests.authoring.workspace import TEMPLATES

ROOT = Path(__file__).parents[2]


def _workspace(root: Path, policy: str | None = None) -> None:
    (root / "campaigns").mkdir()
    (root / "config").mkdir()
    (root / "message_templates/broken").mkdir(parents=True)
    (root / "message_templates/broken/body.mjml").write_text("one\ntwo\n{% if %}\n")
    shipped = (ROOT / "config/store.yaml").read_text(encoding="utf-8")
    (root / "config/store.yaml").write_text(shipped if policy is None else policy)
    (root / "campaigns/one.yaml").write_text(simple("one"))


def _open(opened: list[Policy | None]):  # type: ignore[no-untyped-def]
    def open_templates(workspace: Path, policy: Policy | None) -> Templates:
        opened.append(policy)
        return TEMPLATES

    return open_templates


def test_problems_of_every_kind_come_together(tmp_path: Path) -> None:
    _workspace(tmp_path)
    (tmp_path / "config/events.yaml").write_text("version: 1\nevents: {bad: {}}\n")
    (tmp_path / "campaigns/two.yaml").write_text(simple("two", event="order.plced"))
    opened: list[Policy | None] = []
    report = check(tmp_path, _open(opened))
    assert report.has_errors
    assert [(one.at.file, one.code) for one in report.diagnostics] == [
        ("campaigns/two.yaml", "unknown-event"),
        ("config/events.yaml", "bad-event-type"),
        ("message_templates/broken/body.mjml", "template-syntax"),
    ]
    assert opened[0] is not None
    told = as_text(report.diagnostics, report.sources)
    assert "{% if %}" in told
    assert "events: {bad: {}}" in told


def test_a_faulty_policy_does_not_hide_the_rest(tmp_path: Path) -> None:
    _workspace(tmp_path, "version: 1\nbrnd: {}\n")
    (tmp_path / "campaigns/two.yaml").write_text("id: Two\n")
    opened: list[Policy | None] = []
    report = check(tmp_path, _open(opened))
    files = {one.at.file for one in report.diagnostics}
    assert {"config/store.yaml", "campaigns/two.yaml"} <= files
    assert opened == [None]
    (tmp_path / "config/store.yaml").unlink()
    report = check(tmp_path, _open(opened))
    codes = {(one.at.file, one.code) for one in report.diagnostics}
    assert ("config/store.yaml", "unreadable-file") in codes


def test_an_empty_workspace_is_told(tmp_path: Path) -> None:
    report = check(tmp_path, _open([]))
    assert ("campaigns", "no-campaigns") in {(one.at.file, one.code) for one in report.diagnostics}


def test_texts_need_a_sender(tmp_path: Path) -> None:
    policy = (ROOT / "config/store.yaml").read_text(encoding="utf-8")
    _workspace(tmp_path, policy)
    steps = "  - send_sms: thank_you\n  - send_sms: thank_you"
    (tmp_path / "campaigns/text.yaml").write_text(simple("text", steps=steps))
    codes = [one.code for one in check(tmp_path, _open([])).diagnostics]
    assert "no-sms-sender" not in codes
    senders = policy.index("  sms:", policy.index("senders:"))
    until = policy.index("\n\n", senders)
    (tmp_path / "config/store.yaml").write_text(policy[:senders] + policy[until:])
    found = check(tmp_path, _open([])).diagnostics
    assert [one.at.line for one in found if one.code == "no-sms-sender"] == [8]


@pytest.mark.parametrize(
    ("url", "allow", "code"),
    [
        ("https://shop.example.com/hook", "", None),
        ("http://shop.example.com/hook", "", "insecure-webhook"),
        ("http://127.0.0.1:8080/hook", "", "private-webhook"),
        ("https://169.254.169.254/latest/meta-data", "", "private-webhook"),
        ("https://2130706433/", "", "private-webhook"),
        ("https://[fd00::1]/hook", "", "private-webhook"),
        ("https://localhost/hook", "", "private-webhook"),
        ("https://erp.internal/hook", "", "private-webhook"),
        ("https://erp.internal/hook", "[10.0.0.0/8]", "private-webhook"),
        ("http://erp.internal/hook", "[erp.internal]", None),
        ("http://10.1.2.3/hook", "[10.0.0.0/8]", None),
    ],
)
def test_webhooks_that_would_be_refused_or_overheard(
    tmp_path: Path, url: str, allow: str, code: str | None
) -> None:
    policy = (ROOT / "config/store.yaml").read_text(encoding="utf-8")
    _workspace(tmp_path, policy + (f"\nwebhooks:\n  allow: {allow}\n" if allow else ""))
    steps = f"  - call_webhook: {url}"
    (tmp_path / "campaigns/text.yaml").write_text(simple("text", steps=steps))
    found = check(tmp_path, _open([])).diagnostics
    told = [one for one in found if one.code.endswith("-webhook")]
    assert [one.code for one in told] == ([code] if code else [])
    assert [one.at.line for one in told] == ([8] if code else [])


def test_the_repository_itself_can_be_checked() -> None:
    report = check(ROOT, _open([]))
    assert not [one for one in report.diagnostics if one.at.file.startswith("config/")]


def test_queues_are_those_of_the_store(tmp_path: Path) -> None:
    store = yaml.safe_load((ROOT / "config/store.yaml").read_text(encoding="utf-8"))
    step = "  - assign_call: {queue: suport, script: recovery}"
    for written, expected, near in (
        (store | {"calls": {}}, "calls: queues:", None),
        (store, "one of support", "support"),
    ):
        root = tmp_path / str(near)
        root.mkdir()
        _workspace(root, json.dumps(written))
        (root / "campaigns/two.yaml").write_text(simple("two", steps=step))
        found = [one for one in check(root, _open([])).diagnostics if one.code == "unknown-queue"]
        assert [one.suggestion for one in found] == [near]
        assert expected in (found[0].expected or "")


def test_topics_are_those_of_the_store(tmp_path: Path) -> None:
    _workspace(tmp_path)
    (tmp_path / "campaigns/two.yaml").write_text(
        simple("two").replace("purpose: transactional", "purpose: marketing\ntopic: ofers")
    )
    (found,) = check(tmp_path, _open([])).diagnostics[:1]
    assert (found.code, found.suggestion) == ("unknown-topic", "offers")
    assert "surveys" in (found.expected or "")
    (tmp_path / "campaigns/two.yaml").write_text(
        simple("two").replace("purpose: transactional", "purpose: transactional\ntopic: offers")
    )
    (found,) = check(tmp_path, _open([])).diagnostics[:1]
    assert (found.code, found.severity) == ("transactional-topic", Severity.WARNING)
    (tmp_path / "campaigns/two.yaml").write_text(
        simple("two").replace("purpose: transactional", "purpose: marketing\ntopic: offers")
    )
    codes = {one.code for one in check(tmp_path, _open([])).diagnostics}
    assert not codes & {"unknown-topic", "transactional-topic"}
