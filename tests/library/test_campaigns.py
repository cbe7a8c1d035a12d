"""The starter campaigns as files: sound, explained, and each with templates of its own."""

from pathlib import Path

import pytest

from config.diagnostic_report import as_text
from engine.authoring.loader import campaign_files
from engine.authoring.schema import SCHEMA_FILE
from engine.core.campaign import CampaignStatus, Plan
from engine.core.verbs import AssignCall, AwardPoints, IssueCoupon, SendMessage
from engine.ports.rendering import SCRIPT
from tests.library.walk import WORKSPACE, campaigns, open_templates, plan, policy, report

NAMES = tuple(sorted(path.stem for path in campaign_files(WORKSPACE / "campaigns")))
# What promises money or points waits until the shop has made the figures its own.
DRAFTS = {
    "loyalty-expiring",
    "loyalty-tier",
    "loyalty-welcome",
    "referral-invite",
    "referral-thanks",
}
# Spare words in the templates' folder that no campaign sends: the acknowledgement by text.
UNUSED = {("thank_you", "sms")}
# About an order and nothing else, or saying nothing at all, so that no consent is needed.
TRANSACTIONAL = {
    "delivery-arrived",
    "delivery-check-in",
    "delivery-delay",
    "delivery-failed",
    "delivery-lost",
    "delivery-news",
    "thank-you",
    "win-back-sunset",
}


def messages(of: Plan) -> set[tuple[str, str]]:
    """The (template, channel) pairs that a plan sends."""
    return {(step.template, step.channel) for step in of.steps if isinstance(step, SendMessage)}


def scripts(of: Plan) -> set[tuple[str, str]]:
    """What a plan has people say on the telephone, as pairs likewise."""
    return {(step.script, SCRIPT) for step in of.steps if isinstance(step, AssignCall)}


def test_check_finds_nothing() -> None:
    found = report()
    assert as_text(found.diagnostics, found.sources) == as_text((), {})
    assert tuple(sorted(campaigns())) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_file_says_what_it_is_for(name: str) -> None:
    path = WORKSPACE / "campaigns" / f"{name}.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    relative = Path("..") / SCHEMA_FILE
    assert lines[0] == f"# yaml-language-server: $schema={relative.as_posix()}"
    assert (path.parent / relative).is_file()
    comment = "\n".join(line for line in lines[1:] if line.startswith("#"))
    assert "# Should move: " in comment
    assert "# Timing: " in comment


def test_every_template_is_sent_by_a_campaign() -> None:
    templates = open_templates(WORKSPACE, policy())
    written = set()
    for name in templates.names():
        info = templates.info(name)
        assert info is not None
        written |= {(name, channel) for channel in info.channels}
    sent = set().union(*(messages(plan(name)) | scripts(plan(name)) for name in NAMES))
    assert written - UNUSED == sent


def test_only_what_promises_nothing_is_live() -> None:
    drafts = {name for name in NAMES if plan(name).status is CampaignStatus.DRAFT}
    assert drafts == DRAFTS
    gifts = {
        name
        for name in set(NAMES) - drafts
        for step in plan(name).steps
        if isinstance(step, AwardPoints | IssueCoupon)
    }
    # Win-back's pool has no code before somebody uploads some.
    assert gifts == {"win-back"}
    assert policy().offers["welcome_back"].kind == "pool"


def test_promotion_is_marketing_and_counted() -> None:
    marketing = {name for name in NAMES if plan(name).purpose == "marketing"}
    assert set(NAMES) - marketing == TRANSACTIONAL
    for name in marketing:
        assert plan(name).goal is not None
        assert plan(name).volume_limit is not None
