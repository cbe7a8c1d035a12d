"""What is not as expected is told at its line, with what happened instead and why."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.diagnostic_report import as_text
from config.diagnostics import Diagnostic
from config.yaml_source import load
from engine.authoring.compile import compile_campaign
from engine.authoring.rehearsals import read_tests
from engine.rehearsal.run import Report, run_tests
from tests.rehearsal.shop import CAMPAIGNS, file_of, played, workspace
from triggers.event_types import BUILT_IN

GIVEN = "given: [{event: order.delivered, order: {id: 1, total: 20}}]"


def told(report: Report) -> list[str]:
    """Each problem in one line, without its file and line."""
    found = [*report.diagnostics, *(one for each in report.results for one in each.failures)]
    return [_line(one) for one in found]


def _line(one: Diagnostic) -> str:
    expected = f" expected {one.expected}" if one.expected else ""
    return f"{one.at.column} {one.message} [{one.code}]{expected}"


def _cases(name: str) -> list[tuple[str, str]]:
    """Blocks of a file: what a test says, and below it, indented, the problems that it has."""
    text = (Path(__file__).parent / f"{name}.txt").read_text(encoding="utf-8")
    blocks = (block.split("\n") for block in text.strip().split("\n\n"))
    return [(head, "\n".join(line.strip() for line in lines)) for head, *lines in blocks]


UNMET, STUCK = _cases("unmet"), _cases("stuck")
UNFIT = (
    ("customer: {timezone: Mars}", "event-refused"),
    ("customer: {timezone: UTC, id: 7}\nholdout: true", "no-such-customer"),
)


@pytest.fixture(scope="module")
def failures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """The problems of each test of the tables above, by what tells it from the others."""
    tests = [f"name: {at}\n{GIVEN}\nexpect:\n  {expect}" for at, (expect, _) in enumerate(UNMET)]
    tests += [f"name: s{at}\ngiven: [{given}]\nexpect: nothing"
              for at, (given, _) in enumerate(STUCK)]  # fmt: skip
    tests += [f"name: u{at}\n{more}\ngiven: [after: 1d]\nexpect: nothing"
              for at, (more, _) in enumerate(UNFIT)]  # fmt: skip
    report = played(tmp_path_factory.mktemp("failing"), "plain", *tests)
    assert not report.diagnostics, as_text(report.diagnostics, report.sources)
    return {one.name: [_line(each) for each in one.failures] for one in report.results}


@pytest.mark.parametrize("at", range(len(UNMET)), ids=[expect for expect, _ in UNMET])
def test_each_expectation_that_is_not_met(failures: dict[str, list[str]], at: int) -> None:
    assert failures[str(at)] == UNMET[at][1].split("\n")


@pytest.mark.parametrize("at", range(len(STUCK)), ids=[given for given, _ in STUCK])
def test_each_story_that_cannot_be_told(failures: dict[str, list[str]], at: int) -> None:
    assert failures[f"s{at}"] == [STUCK[at][1]]


def test_a_story_that_stops_tells_its_path_until_then(tmp_path: Path) -> None:
    story = f"""
    name: t
    customer: {{consent: {{email: unsubscribed}}}}
    {GIVEN.replace("]", ", {click: invite}]")}
    expect: nothing
    """
    (result,) = played(tmp_path, "inviting", story).results
    assert [one.code for one in result.failures] == ["not-sent"]
    assert [one.text for one in result.happened][1].startswith("invite: not sent: ")


@pytest.mark.parametrize("at", range(len(UNFIT)))
def test_each_customer_that_cannot_be(failures: dict[str, list[str]], at: int) -> None:
    (problem,) = failures[f"u{at}"]
    assert f"[{UNFIT[at][1]}]" in problem


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("name: t\ngiven: [{opn: mail}]\nexpect: nothing", ["unknown-field"]),
        ("name: t\ngiven: [{open: mial}]\nexpect: nothing", ["unknown-step"]),
        ("name: t\ngiven: [{open: mail, click: mail}]\nexpect: nothing", ["line-acts"]),
        ("name: t\ngiven: [{open: mail, score: 3}]\nexpect: nothing", ["line-word"]),
        ("name: t\ngiven: [{answer: mail}]\nexpect: nothing", ["line-word"]),
        ("name: t\ngiven: [{call: mail}]\nexpect: nothing", ["line-word"]),
        ("name: t\ngiven: [{backfill: true}]\nexpect: nothing", ["line-word"]),
        ("name: t\ngiven: [{}]\nexpect: nothing", ["line-acts"]),
        ("name: t\ngiven: []\nexpect: nothing", ["empty-list"]),
        ("name: t\ngiven: [{at: 2026-03-02, after: 1d}]\nexpect: nothing", ["line-when"]),
        ("name: t\ngiven: [{at: tomorrow}]\nexpect: nothing", ["bad-moment"]),
        ("name: t\ngiven: [{at: 2026-02-30 10:00}]\nexpect: nothing", ["bad-moment"]),
        ("name: t\ngiven: [{after: 1d, by: bea}]\nexpect: nothing", ["line-word"]),
        ("name: t\ngiven: [{open: mail, by: bea}]\nexpect: nothing", ["unknown-customer"]),
        ("name: t\ngiven: [{at: 9999-12-31 10:00}]\nexpect: nothing", ["bad-moment"]),
        ("name: t\ngiven: [{at: 0001-01-01}]\nexpect: nothing", ["bad-moment"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: everything", ["unknown-value"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {}", ["expects-nothing"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {customer: {tags: []}}", ["expects-nothing"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {skips: []}", ["empty-list"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {messages: [{email: note, contains: ''}]}",
         ["invalid-value"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {journey: waiting}", ["unknown-value"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {journey: done}", ["unknown-value"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {journey: {}}", ["journey-state"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {journey: {waiting: x}}", ["unknown-step"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {messages: [email: nota]}", ["unknown-template"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {messages: [{step: x}]}", ["expected-message"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {messages: [{email: note, to: x}]}",
         ["unknown-customer"]),
        ("name: t\ngiven: [{after: 1d}]\nexpect: {skips: [step: x]}", ["unknown-step"]),
        ("name: t\nwith: [plan]\ngiven: [{after: 1d}]\nexpect: nothing", ["unknown-campaign"]),
        ("name: t\nvariants: {mail: a}\ngiven: [{after: 1d}]\nexpect: nothing", ["unknown-step"]),
    ],
)  # fmt: skip
def test_each_file_that_cannot_be_played(text: str, problems: list[str]) -> None:
    document = load(file_of("plain", text), "campaigns/plain.test.yaml")
    plan = compile_campaign(load(CAMPAIGNS["plain"], "campaigns/plain.yaml"), BUILT_IN)
    found = read_tests(document, [plan])
    assert [one.code for one in found.diagnostics] == problems
    assert found.file is None


def test_pools_and_topics_that_the_shop_does_not_have(tmp_path: Path) -> None:
    test = """\
        name: t
        pools: {sumer: 0, summer: 0}
        given: [{decline: tps}, {decline: [offers, ofers]}]
        expect: nothing
        """
    shop = workspace(tmp_path, {"plain": file_of("plain", test)})
    store = shop / "config" / "store.yaml"
    topics = {"offers": {"name": "Offers"}, "tips": {"name": "Tips"}}
    store.write_text(json.dumps(json.loads(store.read_text()) | {"topics": topics}))
    assert [line.partition(" expected")[0] for line in told(run_tests(shop))] == [
        '13 there is no pool "sumer" [unknown-pool]',
        '23 there is no topic "tps" [unknown-topic]',
        '48 there is no topic "ofers" [unknown-topic]',
    ]


@pytest.mark.parametrize(
    ("more", "test", "place"),
    [
        ("customer: {frist_name: Ada}\n", "", (3, 24)),
        ("", "customer: {frist_name: Ada}\n", (5, 28)),
        ("customer: {last_name: Byron}\n", "customer: {frist_name: Ada}\n", (6, 28)),
    ],
)
def test_a_wrong_fact_of_the_customer_is_told_where_it_stands(
    tmp_path: Path, more: str, test: str, place: tuple[int, int]
) -> None:
    (result,) = played(
        tmp_path, "plain", f"name: t\n{test}{GIVEN}\nexpect: nothing", more=more
    ).results
    assert [(one.at.line, one.at.column) for one in result.failures] == [place]


def test_two_tests_of_one_name(tmp_path: Path) -> None:
    report = played(tmp_path, "plain", *["name: t\ngiven: [after: 1d]\nexpect: nothing"] * 2)
    (problem,) = report.diagnostics
    assert (problem.code, problem.at.line, problem.at.column) == ("same-name", 7, 11)


def test_two_tests_of_one_name_in_two_files(tmp_path: Path) -> None:
    test = file_of("plain", f"name: t\n{GIVEN}\nexpect: nothing")
    other = file_of("everything", f"name: t\n{GIVEN}\nexpect: nothing")
    report = run_tests(workspace(tmp_path, {"plain": test, "plainer": test, "third": other}))
    (problem,) = (one for one in report.diagnostics if one.code == "same-name")
    assert problem.at.file == "campaigns/plainer.test.yaml"
    assert "campaigns/plain.test.yaml" in problem.message
    assert [one.campaign for one in report.results] == ["plain", "everything"]


def test_a_campaign_that_is_not_there(tmp_path: Path) -> None:
    shop = workspace(tmp_path, {"gone": file_of("plian", f"name: t\n{GIVEN}\nexpect: nothing")})
    report = run_tests(shop)
    (problem,) = told(report)
    assert problem.startswith('11 there is no campaign "plian" [unknown-campaign]')
    assert problem.endswith("expected one of drafted, everything, inviting, plain")


def test_a_broken_campaign_is_told_and_not_played(tmp_path: Path) -> None:
    shop = workspace(tmp_path, {"plain": file_of("plain", f"name: t\n{GIVEN}\nexpect: nothing")})
    broken = CAMPAIGNS["plain"].replace("order.total", "order.totl")
    (shop / "campaigns" / "plain.yaml").write_text(broken)
    report = run_tests(shop)
    assert not report.results
    assert not report.passed
    assert {one.at.file for one in report.diagnostics} == {"campaigns/plain.yaml"}


@pytest.mark.parametrize("broken", ["version: 1\nid: plain\n", "steps: [\n"])
def test_a_campaign_that_cannot_be_read_is_told_with_its_tests(tmp_path: Path, broken: str) -> None:
    shop = workspace(tmp_path, {"plain": file_of("plain", f"name: t\n{GIVEN}\nexpect: nothing")})
    (shop / "campaigns" / "plain.yaml").write_text(broken)
    report = run_tests(shop)
    assert not report.passed
    assert {one.at.file for one in report.diagnostics} == {
        "campaigns/plain.yaml",
        "campaigns/plain.test.yaml",
    }


def test_two_files_of_one_campaign_are_told_and_not_played(tmp_path: Path) -> None:
    shop = workspace(tmp_path, {"plain": file_of("plain", f"name: t\n{GIVEN}\nexpect: nothing")})
    (shop / "campaigns" / "second.yaml").write_text(CAMPAIGNS["plain"])
    report = run_tests(shop)
    assert not report.results
    assert [one.code for one in report.diagnostics] == ["duplicate-campaign-id"]


def test_broken_event_types_fail_the_run(tmp_path: Path) -> None:
    shop = workspace(
        tmp_path, {"plain": file_of("plain", f"name: t\n{GIVEN}\nexpect: {{goal: false}}")}
    )
    (shop / "config" / "events.yaml").write_text("version: 1\nevents: [\n")
    report = run_tests(shop)
    assert {one.at.file for one in report.diagnostics} == {"config/events.yaml"}
    assert not report.passed


def test_a_campaign_that_stops_itself_ends_the_story(tmp_path: Path) -> None:
    shop = workspace(tmp_path, {"plain": file_of("plain", f"name: t\n{GIVEN}\nexpect: nothing")})
    limited = CAMPAIGNS["plain"].replace("exit_on", "volume_limit: 1/d\nexit_on")
    two = "".join(f"  - {{id: m{number}, send_email: note}}\n" for number in range(2))
    (shop / "campaigns" / "plain.yaml").write_text(limited + two)
    report = run_tests(shop)
    assert [one.code for each in report.results for one in each.failures] == ["campaign-held"]


def test_what_happened_is_told_with_a_failure_alone(tmp_path: Path) -> None:
    good = f"name: good\n{GIVEN}\nexpect: {{goal: false}}"
    bad = f"name: bad\n{GIVEN}\nexpect: {{goal: true}}"
    passed, failed = played(tmp_path, "plain", good, bad).results
    assert passed.happened == ()
    entered, made = (one.text for one in failed.happened[:2])
    assert entered.startswith("mail: entered the campaign: ")
    assert made == "mail: message made, to be sent now"
    assert f"{failed.happened[0].at:%H:%M %Z}" == "10:00 CST"
