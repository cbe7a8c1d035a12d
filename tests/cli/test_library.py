"""Taking a campaign out of the starter library into a shop's own workspace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.policy import load_policy
from config.yaml_source import Document, SourceError, load
from engine.authoring.lacking import excerpt, lacking
from engine.authoring.library import Entry, program, programs, read_library
from engine.authoring.lint_policy import lint_policy
from engine.cli.checking import open_templates
from engine.cli.starter import STARTER
from engine.ports.rendering import Templates
from tests.cli.shop import Cli

BARE = """\
version: 1
brand:
  name: Bellerive
  url: https://shop.example.com
  postal_address: Bellerive, 1 Rampart Street, New Orleans
  support: {email: help@example.com}
currency: USD
timezone: America/Chicago
senders:
  email: {from_name: Bellerive, from_email: hello@example.com}
  sms: {from: "+15045550123"}
  voice: {from: "+15045550123"}
"""
LIBRARY = read_library(STARTER)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    store = tmp_path / "config/store.yaml"
    store.parent.mkdir()
    store.write_text(BARE, encoding="utf-8")
    return Cli(tmp_path)


def contents(root: Path) -> dict[str, bytes]:
    files = (path for path in root.rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_a_campaign_comes_with_all_that_it_needs(cli: Cli) -> None:
    cli.ok("campaigns", "add", "thank-you")
    mine, library = contents(cli.workspace), contents(STARTER)
    added = mine.keys() - {"config/store.yaml"}
    assert {name: mine[name] for name in added} == {name: library[name] for name in added}
    assert {name.rpartition("/")[0] for name in added} == {
        "campaigns", "config", "message_templates/thank_you", "message_templates/_layout",
    }  # fmt: skip
    assert [name for name in library if name.startswith("message_templates/thank_you/")] == [
        name for name in library if name in mine and "/thank_you/" in name
    ]
    assert cli("check").exit_code == 0
    assert "campaigns/thank-you.test.yaml" in added
    assert cli("test").exit_code == 0


def test_what_the_store_lacks_is_printed_to_be_pasted(cli: Cli) -> None:
    told = cli("campaigns", "add", "review-request")
    assert told.exit_code == 1
    assert "campaigns/review-request.yaml:" in told.stdout
    pasted = told.stdout.partition("make them yours):\n\n")[2]
    assert pasted.startswith("topics:\n  reviews: ")
    store = cli.workspace / "config/store.yaml"
    store.write_text(BARE + pasted, encoding="utf-8")
    assert cli("check").exit_code == 0, cli("check").stdout


@pytest.mark.parametrize("again", ["the campaign", "its file", "a template", "the campaign's id"])
def test_nothing_is_overwritten_and_nothing_half_written(cli: Cli, again: str) -> None:
    if again == "the campaign":
        assert cli("campaigns", "add", "thank-you").exit_code == 0
    elif again == "its file":
        (cli.workspace / "campaigns").mkdir()
        (cli.workspace / "campaigns/thank-you.yaml").write_text("mine")
    elif again == "the campaign's id":
        (cli.workspace / "campaigns/deep").mkdir(parents=True)
        (cli.workspace / "campaigns/deep/mine.yaml").write_text("id: thank-you\n")
    else:
        (cli.workspace / "message_templates/thank_you").mkdir(parents=True)
        (cli.workspace / "message_templates/thank_you/sms.txt").write_text("mine")
    before = contents(cli.workspace)
    told = cli("campaigns", "add", "thank-you")
    assert told.exit_code == 1
    assert "here already" in told.stderr
    assert "nothing was changed" in told.stderr
    assert contents(cli.workspace) == before
    assert not list(cli.workspace.glob(".adding-*"))


def test_a_workspace_that_cannot_be_written_to_the_end_is_left_as_it_was(cli: Cli) -> None:
    (cli.workspace / "campaigns").write_text("a file, where a folder must come")
    before = contents(cli.workspace)
    told = cli("campaigns", "add", "review-request")
    assert told.exit_code == 1
    assert "nothing was changed" in told.stderr
    assert contents(cli.workspace) == before
    assert sorted(path.name for path in cli.workspace.iterdir()) == ["campaigns", "config"]


def test_templates_of_ones_own_are_kept_on_demand(cli: Cli) -> None:
    cli.ok("campaigns", "add", "thank-you")
    text = cli.workspace / "message_templates/thank_you/sms.txt"
    text.write_text("{{ shop.name }}: merci!", encoding="utf-8")
    (cli.workspace / "campaigns/thank-you.yaml").unlink()
    assert cli("campaigns", "add", "thank-you").exit_code == 1
    assert "Kept as they are: message_templates/thank_you" in cli.ok(
        "campaigns", "add", "thank-you", "--keep"
    )
    assert text.read_text(encoding="utf-8") == "{{ shop.name }}: merci!"


def test_as_gives_it_another_id(cli: Cli) -> None:
    cli.ok("campaigns", "add", "thank-you")
    cli.ok("campaigns", "add", "thank-you", "--as", "merci")
    made = (cli.workspace / "campaigns/merci.yaml").read_text(encoding="utf-8")
    library = (STARTER / "campaigns/thank-you.yaml").read_text(encoding="utf-8")
    assert made == library.replace("\nid: thank-you\n", "\nid: merci\n")
    assert cli("check").exit_code == 0
    wrong = cli("campaigns", "add", "thank-you", "--as", "Not an id!")
    assert wrong.exit_code == 2
    assert "Not an id!" in wrong.stderr


def test_what_belongs_together_comes_together(cli: Cli) -> None:
    store = cli.workspace / "config/store.yaml"
    store.write_text(BARE + "calls: {queues: {support: {}}}\n", encoding="utf-8")
    cli.ok("campaigns", "add", "delivery", "--as", "parcel")
    made = {path.stem for path in (cli.workspace / "campaigns").iterdir()}
    assert made == {
        entry.id.replace("delivery", "parcel") for entry in program(LIBRARY, "delivery")
    }
    assert len(made) > 1


def test_the_library_is_listed(cli: Cli) -> None:
    cli.ok("campaigns", "add", "thank-you")
    rows = json.loads(cli.ok("campaigns", "add", "--format", "json"))
    assert rows == json.loads(cli.ok("campaigns", "add", "--list", "--format", "json"))
    assert {row["id"] for row in rows if row["here"]} == {"thank-you"}
    files = {path.relative_to(STARTER).as_posix() for path in STARTER.glob("campaigns/*.yaml")
             if not path.name.endswith(".test.yaml")}  # fmt: skip
    assert {row["file"] for row in rows} == files
    table = cli.ok("campaigns", "add")
    for row in rows:
        assert row["about"].startswith(row["line"])
        assert len(row["line"]) > len(row["id"])
        assert row["id"] in table


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["reveiw-request"], 1, "did you mean review-request?"),
        (["delivry"], 1, "did you mean delivery?"),
        (["zzz"], 1, "lagniappe campaigns add lists"),
        (["--as", "x"], 2, "NAME"),
    ],
)
def test_mistakes_are_helped_with(cli: Cli, args: list[str], code: int, told: str) -> None:
    done = cli("campaigns", "add", *args)
    assert done.exit_code == code
    assert told in done.stderr
    assert list(contents(cli.workspace)) == ["config/store.yaml"]


@pytest.fixture(scope="module")
def templates() -> Templates:
    return open_templates(STARTER, None)


def _store(text: str) -> Document:
    return load(text, "config/store.yaml")


def problems(entries: tuple[Entry, ...], store: str, templates: Templates) -> set[tuple[str, str]]:
    policy = load_policy(_store(store))
    found = (one for entry in entries for one in lint_policy(entry.draft, policy, templates))
    return {(one.code, one.path) for one in found}


@pytest.mark.parametrize("name", sorted(programs(LIBRARY)))
def test_what_is_to_be_pasted_is_all_that_a_bare_shop_lacks_and_no_more(
    name: str, templates: Templates
) -> None:
    entries = program(LIBRARY, name)
    whole = (STARTER / "config/store.yaml").read_text(encoding="utf-8")
    paths = lacking([one.draft for one in entries], _store(BARE), _store(whole), templates)
    pasted = excerpt(_store(whole), paths)
    assert problems(entries, BARE + pasted, templates) == problems(entries, whole, templates)
    for left_out in paths:
        fewer = excerpt(_store(whole), [path for path in paths if path != left_out])
        try:
            left = problems(entries, BARE + fewer, templates)
        except SourceError:  # the rest refers to it
            continue
        assert left != problems(entries, whole, templates)
    enough = lacking(
        [one.draft for one in entries], _store(BARE + pasted), _store(whole), templates
    )
    assert enough == ()
