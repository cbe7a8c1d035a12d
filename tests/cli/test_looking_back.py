"""Looking back over a shop's past: log, why, events, campaigns, customers, preview."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest

from tests.cli import shop
from tests.cli.shop import Cli


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("shop")
    shop.make(workspace)
    shop.fill(workspace)
    return workspace


@pytest.fixture
def cli(filled: Path, tmp_path: Path) -> Cli:
    """Each test has a copy, so that none sees what another did."""
    workspace = tmp_path / "shop"
    shutil.copytree(filled, workspace)
    return Cli(workspace)


# --- log ------------------------------------------------------------------------------------------


def test_the_bare_log_is_its_list(cli: Cli) -> None:
    assert cli.ok("log") == cli.ok("log", "list")
    assert cli.ok("log", "--campaign", "review") == cli.ok("log", "list", "--campaign", "review")


def test_every_message_is_in_the_log_in_order(cli: Cli) -> None:
    rows = cli.json("log")
    assert [one["created_at"] for one in rows] == sorted(one["created_at"] for one in rows)
    told = {(one["campaign"], one["recipient"], one["status"], one["reason"]) for one in rows}
    assert ("review", "ada@example.com", "sent", None) in told
    assert ("review", "ben@example.com", "skipped", "no_consent") in told
    assert ("thanks", "mal@example.com", "sent", None) in told
    assert all(len(one["id"]) == 36 for one in rows)


@pytest.mark.parametrize(("options", "count"), [
    (["--customer", "ada"], 3),
    (["--customer", "ADA@Example.com"], 3),
    (["--customer", "shop:1003"], 1),
    (["--campaign", "review"], 2),
    (["--status", "skipped"], 1),
    (["--status", "skipped", "--status", "sent"], 8),
    (["--channel", "sms"], 0),
    (["--since", "2026-03-18"], 2),
    (["--since", "4d"], 1),
    (["--until", "2026-03-02T09:00:01"], 2),
    (["--limit", "3"], 3),
    (["--campaign", "review", "--customer", "cem"], 0),
])  # fmt: skip
def test_filters(cli: Cli, options: list[str], count: int) -> None:
    assert len(cli.json("log", *options)) == count


def test_a_limit_keeps_the_newest(cli: Cli) -> None:
    assert cli.json("log", "--limit", "2") == cli.json("log")[-2:]


def test_the_formats_tell_the_same(cli: Cli) -> None:
    rows = cli.json("log")
    lines = [json.loads(line) for line in cli.ok("log", "--format", "jsonl").splitlines()]
    assert lines == rows
    cells = list(csv.DictReader(io.StringIO(cli.ok("log", "--format", "csv"), newline="")))
    assert [one["id"] for one in cells] == [one["id"] for one in rows]
    assert list(cells[0]) == list(rows[0])


def test_the_documented_fields_are_the_printed_ones(cli: Cli) -> None:
    document = (Path(__file__).parents[2] / "docs/reference/cli-json.md").read_text()
    for args in (["log"], ["events"], ["campaigns"]):
        for name in cli.json(*args)[0]:
            assert f"`{name}`" in document, f"{name} of {args[0]} is not documented"
    for name, value in cli.json("customers", "show", "ada").items():
        for row in value if isinstance(value, list) else [value] if name != "version" else []:
            for field in row:
                assert f"`{field}`" in document


@pytest.mark.parametrize("options", [
    ["--status", "gone"], ["--channel", "fax"], ["--since", "yesterday"], ["--limit", "0"],
    ["--follow", "--format", "json"],
])  # fmt: skip
def test_wrong_filters_are_wrong_usage(cli: Cli, options: list[str]) -> None:
    told = cli("log", *options)
    assert told.exit_code == 2
    assert told.stderr.startswith("lagniappe: ")


def test_show_tells_all_by_the_beginning_of_an_id(cli: Cli, tmp_path: Path) -> None:
    (row,) = cli.json("log", "--campaign", "review", "--status", "sent")
    page = tmp_path / "mail.html"
    told = cli.ok("log", "show", row["id"][:8], "--html", str(page))
    assert told.startswith("sent 2026-03-08 09:00 CDT through preview")
    assert "Subject: How was it, Ada?" in told
    assert "Tell us: https://shop.example.com" in told
    assert "pause: waits until 2026-03-08 09:00 CDT" in told
    assert "Unsubscribe" in page.read_text()
    whole = cli.json("log", "show", row["id"])
    assert whole["message"] == row
    assert whole["content"]["html"] == page.read_text()
    assert [one["kind"] for one in whole["trace"]] == ["message", "sent"]


def test_show_of_a_withheld_message_tells_the_guard(cli: Cli) -> None:
    (row,) = cli.json("log", "--status", "skipped")
    told = cli.ok("log", "show", row["id"])
    assert told.startswith("not sent: no consent to marketing by email")
    assert cli("log", "show", row["id"], "--html", "x.html").exit_code == 1


def test_an_unknown_or_ambiguous_message_is_told(cli: Cli) -> None:
    assert "there is no message zzz" in cli("log", "show", "zzz").stderr
    assert cli("log", "show", "").exit_code == 1


# --- why ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("customer", "campaign", "outcome", "words"), [
    ("ada", "thanks", "sent", 'through preview "Thank you, Ada"'),
    ("ben", "review", "not_sent", "no consent to marketing by email (it is none on record"),
    ("cem", "review", "exited", "order.refunded happened; nothing was sent"),
    ("dora", "review", "never_triggered", ("had order.shipped (2026-03-21 10:00 CDT) but the "
     "campaign starts on order.delivered")),
    ("eve", "thanks", "not_entered", "needs order.total >= 20, but order.total is 12.5"),
    ("eve", "review", "waiting", "waits at step pause until 2026-03-24 10:00 CDT"),
    ("tess", "thanks", "not_entered", "the order is a test"),
    ("ada", "win-back", "never_triggered", "customer.days_since_order is 16; the next look is"),
    ("ada", "newsletter", "never_triggered", "the campaign is a draft"),
])  # fmt: skip
def test_why(cli: Cli, customer: str, campaign: str, outcome: str, words: str) -> None:
    told = cli.json("why", customer, "--campaign", campaign)
    (answer,) = told["campaigns"]
    assert answer["outcome"] == outcome
    assert words in answer["answer"]
    text = " ".join(cli.ok("why", customer, "--campaign", campaign).split())
    assert words in text


def test_why_answers_for_every_campaign(cli: Cli) -> None:
    told = cli.json("why", "ada")
    assert {one["campaign"] for one in told["campaigns"]} == {
        "thanks", "review", "win-back", "newsletter",
    }  # fmt: skip
    assert told["customer"]["email"] == "ada@example.com"


def test_unknown_names_are_told_with_the_nearest(cli: Cli) -> None:
    assert "there is no customer nobody" in cli("why", "nobody").stderr
    assert "did you mean review?" in cli("why", "ada", "--campaign", "reviw").stderr


def test_why_takes_an_order_by_its_number_and_keeps_to_it(cli: Cli) -> None:
    for named in ("#1005", "1005", "shop:1005"):
        told = cli.json("why", named)
        assert (told["customer"]["email"], told["order"]) == ("eve@example.com", "shop:1005")
    told = cli.json("why", "#1001")
    orders = {one["text"].partition(" ")[2].partition(",")[0] for one in told["timeline"]
              if one["kind"] == "event" and one["code"].startswith("order.")}  # fmt: skip
    assert orders == {"#1001"}


def test_why_takes_a_message_by_the_beginning_of_its_id(cli: Cli) -> None:
    (row,) = cli.json("log", "--status", "skipped")
    told = cli.json("why", row["id"][:13])
    assert told["message"]["id"] == row["id"]
    assert (told["message"]["status"], told["message"]["code"]) == ("skipped", "no_consent")
    assert told["message"]["changes"][0]["text"].startswith("an opt-in to email marketing")
    (answer,) = told["campaigns"]
    assert (answer["campaign"], answer["journeys"]) == (row["campaign"], [row["journey_id"]])
    assert f"message {row['id'][:8]}: not sent: no consent" in cli.ok("why", row["id"])


def test_why_looks_ahead(cli: Cli) -> None:
    told = cli.json("why", "eve", "--campaign", "review")
    (sent, ends) = told["campaigns"][0]["next"]
    assert (sent["kind"], sent["at"], sent["step"]) == ("sent", "2026-03-24T15:00:00Z", "ask")
    assert (sent["channel"], sent["template"]) == ("email", "review")
    assert (ends["kind"], ends["at"]) == ("completed", "2026-04-07T15:00:00Z")
    assert told["next"] == told["campaigns"][0]["next"]
    text = cli.ok("why", "eve")
    ahead = text[text.index("If nothing else happens") :]
    assert '2026-03-24 10:00  review · ask: email "review"' in ahead


def test_why_tells_what_was_known_then(cli: Cli) -> None:
    now = cli.json("why", "cem", "--campaign", "review")
    then = cli.json(
        "why", "cem", "--campaign", "review", "--at", now["campaigns"][0]["facts"][1]["at"]
    )
    assert now["campaigns"][0]["outcome"] == "exited"
    assert then["campaigns"][0]["outcome"] == "waiting"
    assert then["next"] is None
    assert then["at"] < now["at"]
    assert "as known 2026-" in cli.ok("why", "cem", "--at", "2026-03-20")
    ahead = cli("why", "cem", "--at", "2036-01-01")
    assert ahead.exit_code == 2
    assert "lies ahead" in ahead.stderr


def test_the_timeline_can_be_asked_for_in_parts(cli: Cli) -> None:
    whole = cli.json("why", "ada")["timeline"]
    cut = whole[len(whole) // 2]["at"]
    before = cli.json("why", "ada", "--until", cut)["timeline"]
    after = cli.json("why", "ada", "--since", cut)["timeline"]
    assert before + after == whole
    assert len(before) > 0
    assert "What happened" in cli.ok("why", "ada", "--campaign", "review", "--since", cut)


def test_what_why_prints_is_documented(cli: Cli) -> None:
    document = (Path(__file__).parents[2] / "docs/reference/cli-json.md").read_text()
    told = cli.json("why", "eve")
    rows = [told, *told["campaigns"], *told["timeline"], *told["next"]]
    rows += [one for each in told["campaigns"] for one in (*each["changes"], *each["facts"])]
    for name in {name for row in rows for name in row}:
        assert f"`{name}`" in document or f'"{name}"' in document, name


# --- control characters ---------------------------------------------------------------------------


@pytest.mark.parametrize("args", [
    ["why", "mal"], ["customers", "show", "mal"], ["log", "--customer", "mal"],
    ["events", "show", "order.placed-1006"], ["events", "--customer", "mal"],
])  # fmt: skip
def test_the_terminal_gets_no_control_characters(cli: Cli, args: list[str]) -> None:
    told = cli.ok(*args)
    assert not [sign for sign in told if ord(sign) < 32 and sign != "\n"]


def test_the_spreadsheet_gets_no_formulas(cli: Cli) -> None:
    for args in (["log"], ["events"], ["campaigns"]):
        text = cli.ok(*args, "--format", "csv")
        for line in csv.reader(io.StringIO(text, newline="")):
            assert not [cell for cell in line if cell[:1] in ("=", "+", "@")]


# --- events, campaigns, customers -----------------------------------------------------------------


def test_events_and_their_verdicts(cli: Cli) -> None:
    rows = cli.json("events", "--limit", "1000")
    assert len(rows) == len(shop.past())
    assert {one["state"] for one in rows} == {"processed"}
    assert len(cli.json("events", "--type", "order.delivered")) == 5
    assert len(cli.json("events", "--customer", "ada")) == 6
    told = cli.ok("events", "show", "order.placed-1005")
    assert "thanks: did not enter: filter not met: needs order.total >= 20" in told
    assert cli.json("events", "show", "order.placed-1005")["verdicts"][0]["code"] == "filter"
    assert cli.json("events", "--rejected") == []
    assert "there is no event x" in cli("events", "show", "x").stderr


def test_campaigns_tell_how_they_do(cli: Cli) -> None:
    rows = {one["id"]: one for one in cli.json("campaigns")}
    review = rows["review"]
    assert (review["entered"], review["live"], review["sent"]) == (5, 1, 1)
    assert review["skipped"] == {"no_consent": 1}
    assert review["conversion"] == review["goals"] / review["entered"]
    assert rows["thanks"]["goals"] is None
    assert rows["newsletter"]["status"] == "draft"
    assert "no_consent" in cli.ok("campaigns")


def test_a_broken_file_is_told_while_its_last_good_version_is_not_known(cli: Cli) -> None:
    (cli.workspace / "campaigns" / "bad.yaml").write_text("version: 1\nid: bad\n")
    rows = {one["id"]: one for one in cli.json("campaigns")}
    assert rows["bad"]["status"] == "broken"
    assert "campaigns/bad.yaml:" in rows["bad"]["reason"]


def test_why_says_that_a_campaign_is_broken_rather_than_unknown(cli: Cli) -> None:
    (cli.workspace / "campaigns" / "bad.yaml").write_text("version: 1\nid: bad\n")
    asked = cli("why", "eve", "--campaign", "bad")
    assert asked.exit_code == 1
    assert "bad is broken" in asked.stderr
    assert "campaigns/bad.yaml:1: " in asked.stderr


def test_with_a_broken_store_file_people_can_still_look_and_pull_the_brake(cli: Cli) -> None:
    before = cli.json("log")
    with (cli.workspace / "config" / "store.yaml").open("a") as file:
        file.write("nonsense: 1\n")
    for args in (["log"], ["events"], ["customers", "show", "eve"], ["log", "--customer", "eve"]):
        told = cli(*args)
        assert told.exit_code == 0, told.output
        assert "config/store.yaml cannot be used" in told.stderr
    assert cli.json("log") == before
    assert "is paused" in cli.ok("campaigns", "pause", "review")
    refused = cli("ingest", "-", stdin="{}")
    assert refused.exit_code == 1
    assert "config/store.yaml:" in refused.stderr


def test_a_campaign_that_no_daemon_has_seen_yet_can_be_paused(cli: Cli) -> None:
    campaigns = cli.workspace / "campaigns"
    made = (campaigns / "thanks.yaml").read_text().replace("id: thanks", "id: fresh")
    (campaigns / "fresh.yaml").write_text(made)
    assert "is paused" in cli.ok("campaigns", "pause", "fresh")


def test_a_slip_in_the_database_setting_founds_no_empty_shop(cli: Cli, tmp_path: Path) -> None:
    told = cli("log", LAGNIAPPE_DATABASE_URL=f"sqlite:///{tmp_path}/nowhere/lagniappe.db")
    assert told.exit_code == 1
    assert "there is no such directory for the database" in told.stderr
    assert not (tmp_path / "nowhere").exists()


def test_a_missing_file_leaves_its_rows(cli: Cli) -> None:
    (cli.workspace / "campaigns" / "review.yaml").unlink()
    rows = {one["id"]: one for one in cli.json("campaigns")}
    assert rows["review"]["status"] == "gone"
    assert rows["review"]["sent"] == 1


def test_pause_and_resume(cli: Cli) -> None:
    assert "is paused" in cli.ok("campaigns", "pause", "review")
    assert "already" in cli.ok("campaigns", "pause", "review")
    rows = {one["id"]: one for one in cli.json("campaigns")}
    assert (rows["review"]["status"], rows["review"]["reason"]) == ("held", "paused by hand")
    (told,) = cli.json("why", "eve", "--campaign", "review")["campaigns"]
    assert told["answer"] == "stands still at step pause: paused by hand"
    assert "is resumed" in cli.ok("campaigns", "resume", "review")
    assert "was not held" in cli.ok("campaigns", "resume", "review")
    assert "did you mean review?" in cli("campaigns", "pause", "reveiw").stderr
    drafted = cli("campaigns", "resume", "newsletter")
    assert drafted.exit_code == 1
    assert "status: draft" in drafted.stderr


def test_a_customer_with_all_that_is_known(cli: Cli) -> None:
    told = cli.json("customers", "show", "ada")
    assert told["customer"]["orders_count"] == 2
    assert {"kind": "id:shop", "value": "ada"} in told["identities"]
    assert [one["id"] for one in told["orders"]] == ["shop:1008", "shop:1001"]
    assert told["consents"][0]["status"] == "subscribed"
    text = cli.ok("customers", "show", "ada")
    assert "#1001" in text
    (journey,) = cli.json("customers", "show", "eve")["journeys"]
    assert (journey["campaign"], journey["step"]) == ("review", "pause")


# --- preview --------------------------------------------------------------------------------------


def test_preview_of_a_template_writes_files(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = cli.ok("preview", "thanks", "--out", str(out), "--locale", "de")
    assert "Danke, Camille" in told
    assert {path.name for path in out.iterdir()} == {
        "thanks.email.de.html", "thanks.email.de.txt",
    }  # fmt: skip


def test_preview_of_a_campaign_for_a_real_customer(cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    told = cli.ok("preview", "review", "--customer", "ada", "--out", str(out))
    assert "How was it, Ada?" in told
    before = cli.json("log")
    told = cli.ok("preview", "win-back", "--out", str(out))
    assert "step ask" in told
    assert cli.json("log") == before
    assert "token" not in (out / "review.email.en-US.txt").read_text()


def test_preview_tells_what_it_cannot_find(cli: Cli) -> None:
    told = cli("preview", "thx")
    assert told.exit_code == 1
    assert "there is no template or campaign thx" in told.stderr
    assert cli("preview", "thanks", "--locale", "../../x").exit_code == 2


@pytest.mark.parametrize("args", [
    ["log"], ["events"], ["campaigns"], ["why", "ada"], ["customers", "show", "ada"],
    ["events", "show", "order.placed-1001"], ["doctor"],
])  # fmt: skip
def test_at_eighty_columns_nothing_runs_over(
    cli: Cli, args: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    wide = [line for line in cli.ok(*args).splitlines() if len(line) > 80]
    assert not [line for line in wide if "lagniappe" not in line and '"' not in line]
