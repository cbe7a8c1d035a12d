"""``lagniappe diff`` tells what live journeys will do, and that is what they do."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, text

from engine.bootstrap import build
from engine.ports.clock import VirtualClock
from engine.providers.immediate import ImmediateSender
from tests.cli import shop
from tests.cli.shop import END, Cli

REVIEW = "campaigns/review.yaml"
MIGRATE = ("goal: {", "in_flight: migrate\ngoal: {")
WEEK_GONE = ("  - id: week\n    delay: 14d\n", "")
PAUSE_GONE = ("  - id: pause\n    delay: 3d\n", "")
LATER = ("delay: 14d", "delay: 20d")
PAUSED = ("status: live", "status: paused")
NO_REFUND = ("exit_on: [order.refunded, review.submitted]", "exit_on: [review.submitted]")
REFUND = (NO_REFUND[1], NO_REFUND[0])
Told = tuple[datetime, dict[str, Any]]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop whose daemon has lived three weeks."""
    return live(tmp_path_factory.mktemp("lived"))


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, whose review request goes on after a refund, as gus's order was."""
    at = shop.START + 16 * shop.DAY
    refund = (at, shop.event("order.refunded", at, "gus", 3001))
    return live(tmp_path_factory.mktemp("careless"), [NO_REFUND], [refund])


def live(workspace: Path, edits: Sequence[tuple[str, str]] = (), more: Sequence[Told] = ()) -> Path:
    shop.make(workspace)
    change(workspace, edits)
    told = [*shop.past(), *more]
    for number, day in ((3001, 10), (3002, 12)):  # gus and hal have been asked
        key, at = ("hal", "gus")[number % 2], shop.START + day * shop.DAY
        told += [
            (at, shop.event("order.placed", at, key, number)),
            (at + shop.DAY, shop.event("order.delivered", at + shop.DAY, key, number)),
        ]
    told.sort(key=lambda one: one[0])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shop, "past", lambda: told)
        shop.fill(workspace)
    return workspace


@dataclass(frozen=True)
class Stand:
    campaign: str
    revision: str
    step: str
    status: str
    reason: str | None
    migrated_to: str | None  # where its latest migration put it


def journeys(workspace: Path) -> dict[str, Stand]:
    engine = create_engine(f"sqlite:///{workspace / 'lagniappe.db'}")
    migrated: dict[str, str] = {}
    with engine.connect() as connection:
        for journey, entries in connection.execute(
            text("SELECT journey_id, entries FROM decisions ORDER BY seq")
        ):
            for _, kind, step, *_ in json.loads(entries):
                if kind == "migrated":
                    migrated[journey] = step
        rows = connection.execute(
            text("SELECT id, campaign, revision, step, status, reason FROM journeys")
        ).all()
    engine.dispose()
    return {
        row[0]: Stand(row[1], row[2], row[3], row[4], row[5], migrated.get(row[0])) for row in rows
    }


def load(workspace: Path, later: timedelta) -> None:
    """Load the workspace as the daemon does, and let it work on for some time."""
    clock = VirtualClock(END)
    app = build(
        workspace, {}, clock=clock, sends=True,
        make_sender=lambda providers: ImmediateSender(
            providers, max_in_flight=100, clock=clock.now
        ),
    )  # fmt: skip
    app.sender.start()
    try:
        app.reload()
        app.revisions.migrate(app.handover, clock.now())
        if later:
            clock.advance_to(END + later)
            app.worker.quiesce()
    finally:
        app.sender.stop()
        app.close()


def happened(before: Stand, now: Stand) -> tuple[str, str | None]:
    """Loading may have let it go on at once, so where the migration put it counts."""
    if now.migrated_to is None:
        assert now.revision == before.revision
        return "finish", None
    if now.status == "exited":
        return "exit", now.reason
    if now.migrated_to == before.step:
        return ("complete", None) if now.status == "completed" else ("stay", None)
    return "move", now.migrated_to


@pytest.mark.parametrize(
    ("edits", "seen"),
    [
        ([MIGRATE], {"stay"}),
        ([MIGRATE, WEEK_GONE], {"stay", "complete"}),
        ([MIGRATE, PAUSE_GONE], {"move", "stay"}),
        ([LATER], {"finish"}),
    ],
)
def test_what_is_told_is_what_happens(
    lived: Path, tmp_path: Path, edits: list[tuple[str, str]], seen: set[str]
) -> None:
    told = told_and_done(lived, tmp_path, edits)
    assert {kind for _, _, kind, _ in told} == seen


def test_what_ended_an_order_before_ends_its_journey_now(careless: Path, tmp_path: Path) -> None:
    told = told_and_done(careless, tmp_path, [MIGRATE, REFUND])
    ended = {fate: count for fate, count in told.items() if fate[2] == "exit"}
    assert ended == {("review", "week", "exit", "order.refunded"): 2}  # cem and gus
    assert {kind for _, _, kind, _ in told} == {"exit", "stay"}


def test_waits_that_are_given_an_id_stay(tmp_path: Path) -> None:
    named = ("  - id: week\n    delay: 14d\n", "  - delay: 14d\n")
    former = live(tmp_path / "former", [named])
    cli = copied(former, tmp_path)
    change(cli.workspace, [MIGRATE, (named[1], named[0])])
    told = diffed(cli, former)
    waiting = sum(count for (_, step, _, _), count in told.items() if step == "step_3")
    assert {kind for _, _, kind, _ in told} == {"stay"}
    load(cli.workspace, timedelta())
    now = [one for one in journeys(cli.workspace).values() if one.campaign == "review"]
    assert [one.status for one in now if one.migrated_to == "week"] == ["live"] * waiting


def told_and_done(
    former: Path, tmp_path: Path, edits: list[tuple[str, str]]
) -> Counter[tuple[str, str, str, str | None]]:
    """What is told of an edit, which is what happens to each journey when it is loaded."""
    cli = copied(former, tmp_path)
    change(cli.workspace, edits)
    before = journeys(cli.workspace)
    told = diffed(cli, former)
    assert journeys(cli.workspace) == before, "diff only reads"
    load(cli.workspace, timedelta())
    now = journeys(cli.workspace)
    found = Counter(
        (one.campaign, one.step, *happened(one, now[key]))
        for key, one in before.items()
        if one.status == "live" and one.campaign == "review"
    )
    assert told == found
    return told


@pytest.mark.parametrize("gone", [False, True])
def test_journeys_of_a_stopped_campaign_stand_still(
    lived: Path, tmp_path: Path, gone: bool
) -> None:
    cli = copied(lived, tmp_path)
    if gone:
        (cli.workspace / REVIEW).unlink()
    else:
        change(cli.workspace, [PAUSED])
    before = journeys(cli.workspace)
    told = diffed(cli, lived)
    assert {kind for _, _, kind, _ in told} == {"stand"}
    load(cli.workspace, timedelta(days=60))
    now = journeys(cli.workspace)
    standing = {key: one for key, one in before.items()
                if one.status == "live" and one.campaign == "review"}  # fmt: skip
    assert told.total() == len(standing) > 0
    assert {key: now[key] for key in standing} == standing


@pytest.mark.parametrize("held", [False, True])
def test_journeys_go_on_when_their_campaign_is_live_again(
    lived: Path, tmp_path: Path, held: bool
) -> None:
    cli = copied(lived, tmp_path)
    change(cli.workspace, [PAUSED])
    load(cli.workspace, timedelta(days=30))
    if held:
        cli.ok("campaigns", "pause", "review")
    paused = Path(shutil.copytree(cli.workspace, tmp_path / "paused"))
    change(cli.workspace, [PAUSED[::-1]])
    before = journeys(cli.workspace)
    standing = {key: one for key, one in before.items()
                if one.status == "live" and one.campaign == "review"}  # fmt: skip
    told = diffed(cli, paused)
    resumed = Counter(("review", one.step, "resume", None) for one in standing.values())
    assert resumed.total() > 0
    assert told == (Counter() if held else resumed), "a person's hold outlasts the file's"
    load(cli.workspace, timedelta(days=60))
    now = journeys(cli.workspace)
    went_on = {key for key, one in standing.items() if now[key] != one}
    assert went_on == (set() if held else set(standing))


def test_equal_versions_move_nobody(lived: Path, tmp_path: Path) -> None:
    cli = copied(lived, tmp_path)
    found = cli.json("diff", str(lived))
    assert found["equal"] is True
    assert found["live_journeys"] == []


def test_a_revision_of_the_repository_is_the_version_before(tmp_path: Path) -> None:
    shop.make(tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "Begin")
    change(tmp_path, [LATER])
    cli, file = Cli(tmp_path), tmp_path / "past.jsonl"
    file.write_text(shop.lines(), encoding="utf-8")
    found = cli.json("diff", "--events", str(file))
    assert [row["edit"] for row in found["edits"]] == [REVIEW]
    assert found["before"].startswith("HEAD (")
    assert found["live_journeys"] is None
    assert not list(tmp_path.glob("*.db*"))
    git(tmp_path, "commit", "-qam", "Wait longer")
    assert cli.json("diff", "--events", str(file))["equal"] is True
    older = cli.json("diff", "HEAD~1", "HEAD", "--events", str(file))
    assert older["edits"] == found["edits"]
    wrong = cli("diff", "no-such-branch", "--events", str(file))
    assert wrong.exit_code == 2
    assert "no-such-branch is neither a folder nor a revision" in wrong.output


def test_campaigns_may_be_a_submodule(tmp_path: Path) -> None:
    workspace, campaigns = tmp_path / "shop", tmp_path / "campaigns"
    shop.make(workspace)
    shutil.move(workspace / "campaigns", campaigns)
    for folder in (campaigns, workspace):
        git(folder, "init", "-q")
        if folder == workspace:
            allowed = ("-c", "protocol.file.allow=always")
            git(folder, *allowed, "submodule", "add", str(campaigns), "campaigns")
        git(folder, "add", "-A")
        git(folder, "commit", "-qm", "Begin")
    cli, file = Cli(workspace), tmp_path / "past.jsonl"
    file.write_text(shop.lines(), encoding="utf-8")
    assert cli.json("diff", "--events", str(file))["equal"] is True
    change(workspace, [LATER])
    git(workspace / "campaigns", "commit", "-qam", "Wait longer")
    found = cli.json("diff", "--events", str(file))
    assert [row["edit"] for row in found["edits"]] == [REVIEW]
    shutil.rmtree(workspace / "campaigns")
    result = cli("diff", "HEAD", str(workspace), "--events", str(file))
    assert result.exit_code == 2
    assert "HEAD" in result.output


def test_a_link_out_of_the_workspace_cannot_be_read_from_a_revision(tmp_path: Path) -> None:
    workspace, shared = tmp_path / "shop", tmp_path / "shared"
    shop.make(workspace)
    (workspace / "message_templates/thanks").rename(shared)
    (workspace / "message_templates/thanks").symlink_to("../../shared", target_is_directory=True)
    (workspace / "elsewhere").symlink_to("/")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "Begin")
    result = Cli(workspace)("diff")
    assert result.exit_code == 1
    assert "message_templates/thanks is a link to ../../shared, outside" in result.output


def test_the_workflow_of_the_page_runs(tmp_path: Path) -> None:
    page = Path("docs/how-to/review-a-change.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert block is not None
    steps = yaml.safe_load(block.group(1))["jobs"]["diff"]["steps"]
    (run,) = [each["run"] for each in steps if each.get("run", "").startswith("lagniappe diff")]
    shop.make(tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-qm", "Begin")
    (tmp_path / "recording.jsonl").write_text(shop.lines(), encoding="utf-8")
    change(tmp_path, [LATER])
    places = {
        "origin/$GITHUB_BASE_REF": "HEAD",
        "recording.jsonl": str(tmp_path / "recording.jsonl"),
        "comment.md": str(tmp_path / "comment.md"),
    }
    Cli(tmp_path).ok(*(places.get(word, word) for word in shlex.split(run)[1:]))
    comment = (tmp_path / "comment.md").read_text(encoding="utf-8")
    assert comment.startswith("### HEAD (")
    assert REVIEW in comment
    assert "✅ `sends > +5%`" in comment


def test_without_git_a_revision_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.make(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    result = Cli(tmp_path)("diff")
    assert result.exit_code == 1
    assert "without the program git" in result.output


def git(folder: Path, *args: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *who, *args], check=True, capture_output=True)


def copied(lived: Path, tmp_path: Path) -> Cli:
    return Cli(Path(shutil.copytree(lived, tmp_path / "shop")))


def change(workspace: Path, edits: Sequence[tuple[str, str]]) -> None:
    path = workspace / REVIEW
    content = path.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in content
        content = content.replace(old, new)
    path.write_text(content, encoding="utf-8")


def diffed(cli: Cli, before: Path) -> Counter[tuple[str, str, str, str | None]]:
    found: dict[str, Any] = cli.json("diff", str(before), "--no-effects")
    return Counter(
        {
            (row["campaign"], row["step"], row["fate"], row["to"]): row["journeys"]
            for row in found["live_journeys"]
        }
    )
