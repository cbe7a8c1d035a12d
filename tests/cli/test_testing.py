"""``lagniappe test``: exit codes, formats, picking, coverage, and what ``init`` brings along."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from engine.cli.main import app
from tests.rehearsal.shop import file_of, workspace

GIVEN = "given: [{event: order.delivered, order: {id: 1, total: 20}}]"
GOOD = f"name: goes well\n{GIVEN}\nexpect: {{journey: completed}}"
BAD = f'name: "goes <wrong> & badly"\n{GIVEN}\nexpect: nothing'


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    return workspace(tmp_path / "shop", {"plain": file_of("plain", GOOD, BAD)})


def run(shop: Path, *args: str) -> Result:
    return CliRunner().invoke(app, ["--workspace", str(shop), "test", *args])


def test_a_failure_is_told_at_its_line_with_what_happened(shop: Path) -> None:
    told = run(shop)
    assert told.exit_code == 1, told.output
    lines = told.stdout.splitlines()
    assert lines[0] == "ok    plain: goes well"
    assert lines[1] == "FAIL  plain: goes <wrong> & badly"
    place = "campaigns/plain.test.yaml:9:"
    assert [line for line in lines if line.startswith(place) and "[sent-unexpectedly]" in line]
    entered = "  2026-03-02 10:00  mail: entered the campaign: "
    assert [line for line in lines if line.startswith(entered)]
    assert [line for line in lines if line.startswith("plain ") and "100%" not in line]
    assert lines[-1].startswith("1 passed, 1 failed in ")


def test_all_well_is_zero(shop: Path) -> None:
    assert run(shop, "-k", "goes well").exit_code == 0
    assert run(shop, "plain", "-k", "GOES WELL", "--fail-under", "10").exit_code == 0


def test_coverage_lists_what_is_never_reached_and_can_fail(shop: Path) -> None:
    told = run(shop, "--coverage", "-k", "well")
    assert told.exit_code == 0
    assert "  campaigns/plain.yaml:13:9: the if of step again is always met" in told.stdout
    below = run(shop, "--fail-under", "90.5", "-k", "well")
    assert below.exit_code == 1
    assert "below 90.5%" in below.stderr


def test_json_is_one_document(shop: Path) -> None:
    told = run(shop, "--format", "json")
    assert told.exit_code == 1
    data = json.loads(told.stdout)
    assert (data["version"], data["passed"], data["failed"]) == (1, 1, 1)
    good, bad = data["tests"]
    assert (good["passed"], good["failures"], good["happened"]) == (True, [], [])
    assert bad["file"] == "campaigns/plain.test.yaml"
    assert bad["failures"][0]["code"] == "sent-unexpectedly"
    plain = next(one for one in data["coverage"] if one["campaign"] == "plain")
    assert (plain["tests"], plain["steps"], plain["steps_reached"]) == (2, 3, 3)
    assert plain["never"][0]["text"] == "the if of step again is always met"


def test_github_gets_annotations(shop: Path) -> None:
    told = run(shop, "--format", "github", "--coverage")
    assert "::error file=campaigns/plain.test.yaml,line=9," in told.stdout
    assert "::warning file=campaigns/plain.yaml,line=13,col=9" in told.stdout


def test_junit_is_read_by_who_reads_it(shop: Path, tmp_path: Path) -> None:
    path = tmp_path / "report.xml"
    assert run(shop, "--junit", str(path)).exit_code == 1
    suites = ET.parse(path).getroot()
    assert (suites.get("tests"), suites.get("failures"), suites.get("errors")) == ("2", "1", "0")
    (suite,) = suites
    good, bad = suite
    assert (suite.get("name"), good.get("classname")) == ("plain", "plain")
    assert list(good) == []
    assert bad.get("name") == "goes <wrong> & badly"
    assert bad[0].tag == "failure"
    assert "plain.test.yaml:9:" in (bad[0].text or "")


def test_a_file_that_cannot_be_read_is_an_error_of_the_report(shop: Path, tmp_path: Path) -> None:
    (shop / "campaigns" / "other.test.yaml").write_text("version: one\ncampaign: plain\n")
    path = tmp_path / "report.xml"
    told = run(shop, "--junit", str(path), "-k", "well")
    assert told.exit_code == 1
    assert "campaigns/other.test.yaml:1:1: error:" in told.stdout
    root = ET.parse(path).getroot()
    (case,) = root.findall(".//testcase[@classname='files']")
    assert (root.get("errors"), case.get("name")) == ("1", "campaigns/other.test.yaml")
    assert (case.findtext("error") or "").count("error:") == 2


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (("plian",), 2, "did you mean plain?"),
        (("-k", "nowhere"), 2, 'no test has "nowhere" in its name'),
        (("drafted",), 1, "there are no tests"),
        (("--fail-under", "101"), 2, "fail-under"),
    ],
)
def test_wrong_usage(shop: Path, args: tuple[str, ...], code: int, told: str) -> None:
    found = run(shop, *args)
    assert found.exit_code == code
    assert told in found.stderr


def test_campaigns_are_named_by_files_as_well(shop: Path) -> None:
    for name in ("campaigns/plain.yaml", "campaigns/plain.test.yaml", "plain"):
        assert "1 passed" in run(shop, name, "-k", "well").stdout


def test_a_broken_file_of_another_campaign_is_not_of_the_one_named(shop: Path) -> None:
    campaigns = shop / "campaigns"
    (campaigns / "drafted.test.yaml").write_text("version: 1\ncampaign: [\n")
    (campaigns / "named-freely.test.yaml").write_text("version: 1\ncampaign: everything\n")
    (campaigns / "new.yaml").write_text("id: [\n")
    (campaigns / "new.test.yaml").write_text(file_of("new", GOOD))
    told = run(shop, "plain", "-k", "well")
    assert told.exit_code == 0, told.output
    assert "error" not in told.stdout
    assert run(shop, "everything").exit_code == 1
    assert run(shop).stdout.rstrip().partition(" errors in ")[0].endswith("1 failed, 4")


def test_a_broken_file_of_no_known_campaign_fails_whatever_is_named(shop: Path) -> None:
    (shop / "campaigns" / "odd.test.yaml").write_text(file_of("plian", GOOD))
    told = run(shop, "plain", "-k", "well")
    assert told.exit_code == 1
    assert 'there is no campaign "plian"' in told.stdout
    assert "campaigns/odd.test.yaml cannot be used" in run(shop, "odd.test.yaml").stderr


def test_a_broken_file_may_be_named(shop: Path) -> None:
    (shop / "campaigns" / "plain.test.yaml").write_text("version: 1\ncampaign: [\n")
    told = run(shop, "campaigns/plain.test.yaml")
    assert told.exit_code == 1
    assert "campaigns/plain.test.yaml:2:11: error: " in told.stdout


@pytest.mark.parametrize("named", ["plain", "campaigns/plain.yaml", "plain.test.yaml"])
def test_of_a_campaign_that_cannot_be_read_it_says_so(shop: Path, named: str) -> None:
    (shop / "campaigns" / "plain.yaml").write_text("id: [\n")
    told = run(shop, named)
    assert told.exit_code == 1
    assert "campaigns/plain.yaml cannot be used; lagniappe check says why" in told.stderr


def test_check_reads_the_tests_too(shop: Path) -> None:
    path = shop / "campaigns" / "plain.test.yaml"
    path.write_text(path.read_text().replace("journey: completed", "journey: complete"))
    told = CliRunner().invoke(app, ["--workspace", str(shop), "check", "--format", "json"])
    problems = [one for one in json.loads(told.stdout)["diagnostics"]
                if one["file"].endswith(".test.yaml")]  # fmt: skip
    assert [(one["code"], one["suggestion"]) for one in problems] == [
        ("unknown-value", "completed")
    ]


def test_init_brings_the_tests(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["init", str(tmp_path / "new")])
    assert made.exit_code == 0
    assert (tmp_path / "new" / "campaigns" / "thank-you.test.yaml").is_file()
    assert (tmp_path / "new" / "config" / "campaign-tests.schema.json").is_file()
    assert f"lagniappe --workspace {tmp_path / 'new'} test" in made.stdout
    played = run(tmp_path / "new", "thank-you")
    assert played.exit_code == 0, played.output


def test_schema_of_tests() -> None:
    told = CliRunner().invoke(app, ["schema", "--tests"])
    assert json.loads(told.stdout)["title"] == "Lagniappe campaign tests"
