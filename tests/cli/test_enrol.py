"""``lagniappe campaigns enrol`` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.cli.failure import WRONG_USAGE
from engine.storage.database import Database
from tests.cli import shop
from tests.cli.shop import Cli

FOLLOW_UP = """\
version: 1
id: follow-up
name: How are things
stage: advocacy
status: live
purpose: transactional
trigger: {event: order.delivered, max_age: 1d}
entry: {key: order.id, re_entry: never}
exit_on: [order.refunded]
steps:
  - id: ask
    send_email: review
"""


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("past")
    shop.make(workspace)
    shop.fill(workspace)
    return workspace


@pytest.fixture
def cli(past: Path, tmp_path: Path) -> Cli:
    """A copy of the shop, with a campaign that is new."""
    workspace = tmp_path / "shop"
    for file in past.rglob("*"):
        if file.is_file():
            to = workspace / file.relative_to(past)
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_bytes(file.read_bytes())
    (workspace / "campaigns" / "follow-up.yaml").write_text(FOLLOW_UP, encoding="utf-8")
    return Cli(workspace)


def enrolled(cli: Cli) -> int:
    rows = {one["id"]: one for one in cli.json("campaigns", "list")}
    return int(rows["follow-up"]["entered"])


def test_json_without_yes_only_shows(cli: Cli) -> None:
    told = cli.json("campaigns", "enrol", "follow-up", "--since", "60d")
    assert told["entering"] == 3  # ada, ben, eve; cem had his money back
    assert {one["code"]: one["count"] for one in told["not_entering"]} == {"exit_already": 1}
    assert told["steps"] == [{"step": "ask", "channel": "email", "template": "review",
                              "sent": 3, "withheld": 0, "waiting": 0}]  # fmt: skip
    assert sum(day["messages"] for day in told["days"]) == 3
    assert sum(day["entries"] for day in told["days"]) == 3
    subjects = {one["messages"][0]["subject"] for one in told["examples"]}
    assert subjects == {"How was it, Ada?", "How was it, Ben?", "How was it, Eve?"}
    assert told["enrolled"] is None
    assert enrolled(cli) == 0


def test_yes_does_it_once(cli: Cli) -> None:
    told = cli.json("campaigns", "enrol", "follow-up", "--since", "60d", "--yes")
    assert told["enrolled"] == {"entered": 3, "held_out": 0, "refused": []}
    assert enrolled(cli) == 3
    again = cli.json("campaigns", "enrol", "follow-up", "--since", "60d", "--yes")
    assert again["enrolled"]["entered"] == 0
    assert {one["code"]: one["count"] for one in again["not_entering"]} == {
        "already_in": 3, "exit_already": 1
    }  # fmt: skip
    assert enrolled(cli) == 3
    why = " ".join(cli.ok("why", "ada@example.com", "--campaign", "follow-up").split())
    assert "by hand, for order.delivered of 2026-03-08" in why
    assert "takes step ask 2026-03-23 17:00 CDT, the start that it was given" in why


def test_people_see_what_would_go_out(cli: Cli) -> None:
    shown = cli("campaigns", "enrol", "follow-up", "--since", "60d", "--per-day", "2")
    assert shown.exit_code == WRONG_USAGE
    assert "say --yes" in shown.output
    assert "3 customers would enter" in shown.output
    assert "its max_age of 1d is waived" in shown.output
    assert "1 would not: what ends the campaign has happened since" in shown.output
    assert '"How was it, Ada?"' in shown.output
    assert enrolled(cli) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("newsletter", "--since", "60d"), "status: draft"),
        (("win-back", "--since", "60d"), "schedule or a date"),
        (("reviews", "--since", "60d"), "did you mean review?"),
        (("review", "--since", "2027-01-01"), "--since must lie before now"),
        (("review", "--since", "soon"), "soon is no time"),
        (("review", "--since", "9d", "--over", "2d", "--per-day", "5"), "exclude each other"),
    ],
)
def test_what_cannot_be_is_told(cli: Cli, arguments: tuple[str, ...], words: str) -> None:
    result = cli("campaigns", "enrol", *arguments, "--yes")
    assert result.exit_code != 0
    assert words in result.output


def test_beside_a_daemon_it_shows_and_does_nothing(cli: Cli) -> None:
    (file,) = cli.workspace.rglob("*.db")
    daemon = Database(f"sqlite:///{file}")
    daemon.claim_workspace()
    try:
        refused = cli("campaigns", "enrol", "follow-up", "--since", "60d", "--yes")
        assert refused.exit_code != 0
        assert "stop it, enrol, and start it again" in refused.output
        assert cli.json("campaigns", "enrol", "follow-up", "--since", "60d")["entering"] == 3
    finally:
        daemon.close()
    assert enrolled(cli) == 0


@pytest.mark.parametrize("codes", [0, 5])
def test_codes_that_are_there_now_are_all_that_there_are(cli: Cli, codes: int) -> None:
    campaign = cli.workspace / "campaigns" / "follow-up.yaml"
    text = FOLLOW_UP.replace("transactional", "marketing").replace(
        "  - id: ask\n    send_email: review\n",
        "  - id: gift\n    issue_coupon: thanks_10\n"
        "  - id: ask\n    send_email: {template: review, coupon: gift}\n",
    )
    campaign.write_text(text, encoding="utf-8")
    with (cli.workspace / "config/store.yaml").open("a", encoding="utf-8") as store:
        store.write("offers:\n  thanks_10: {kind: pool, pool: spring, value: 10 % off}\n")
    if codes:
        file = cli.workspace / "codes.csv"
        file.write_text("".join(f"S-{each}\n" for each in range(codes)), encoding="utf-8")
        cli.ok("coupons", "import", "spring", str(file))
    told = cli.json("campaigns", "enrol", "follow-up", "--since", "60d")
    sent = sum(step["sent"] for step in told["steps"] if step["step"] == "ask")
    assert told["entering"] == 3
    assert sent == (1 if codes else 0)  # ben has not consented, and one of the others was asked
