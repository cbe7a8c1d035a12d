"""Why, asked as support asks: by whatever is at hand, about files that have changed since."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli import shop
from tests.cli.shop import DAY, END, START, Cli

MORE = {
    "campaigns/club.yaml": """\
version: 1
id: club
name: The regulars' club
stage: loyalty
status: live
purpose: transactional
trigger: {event: order.delivered}
entry: {key: customer.id, re_entry: {after: 90d}}
exit_on: [{event: order.placed, match: customer}]
steps:
  - id: month
    delay: 30d
""",
    "campaigns/fresh.yaml": """\
version: 1
id: fresh
name: While it is fresh
stage: onboarding
status: live
purpose: transactional
trigger: {event: order.delivered, filter: order.total >= 50}
profile_filter: order.days_since_delivery < 45
entry: {key: order.id, re_entry: never}
steps:
  - id: day
    delay: 1d
""",
    "campaigns/loyal.yaml": """\
version: 1
id: loyal
name: To the loyal
stage: loyalty
status: live
purpose: marketing
trigger:
  schedule: {cron: "0 9 * * *", timezone: customer}
  segment: customer.orders_count >= 5 && customer.open_tickets == 0 && customer.email_consent
entry: {key: customer.id}
steps:
  - id: ask
    send_email: review
""",
    "campaigns/effort.yaml": """\
version: 1
id: effort
name: Effort
stage: support
status: live
purpose: transactional
trigger: {event: ticket.solved}
entry: {key: ticket.id, re_entry: never}
steps:
  - id: day
    delay: 1d
  - id: rated
    if: ticket.rating != null
    exit: rated already
  - id: ask
    send_email: thanks
""",
}


def _ticket(kind: str, at: datetime, key: str, number: str, **more: Any) -> dict[str, Any]:
    return {
        "id": f"{kind}-{number}", "source": "desk", "type": kind, "time": at.isoformat(),
        "customer": {"email": f"{key}@example.com", "email_verified": True},
        "ticket": {"id": number, **more},
    }  # fmt: skip


def _events() -> list[dict[str, Any]]:
    day = [START + number * DAY for number in range(21)]
    fay: dict[str, Any] = {"customer": {"phone": "+447700900116", "phone_verified": True}}
    return [
        shop.event("order.placed", day[2], "fay", 1011, **fay),
        shop.event("order.delivered", day[4], "fay", 1011, **fay),
        shop.event("order.placed", day[9], "fay", 1012, **fay),
        *(shop.event(kind, day[at], "gus", number) for kind, at, number in (
            ("order.placed", 2, 1021), ("order.delivered", 4, 1021),
            ("order.placed", 8, 1022), ("order.delivered", 9, 1022),
        )),
        _ticket("ticket.opened", day[5], "fay", "T77"),
        _ticket("ticket.solved", day[6], "fay", "T77", rating=5),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("support")
    shop.make(workspace)
    for name, text in MORE.items():
        (workspace / name).write_text(text, encoding="utf-8")
    shop.fill(workspace, _events())
    return workspace


@pytest.fixture
def cli(filled: Path) -> Cli:
    """For questions alone: asking changes nothing."""
    return Cli(filled)


@pytest.fixture
def changed(filled: Path, tmp_path: Path) -> Cli:
    """A copy, of which the files may change."""
    shutil.copytree(filled, tmp_path / "shop")
    return Cli(tmp_path / "shop")


def _edit(cli: Cli, name: str, old: str, new: str) -> None:
    path = cli.workspace / "campaigns" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def _loaded(cli: Cli, days: int) -> Cli:
    """The files as they are, taken up so many days after the end; and asked from there on."""
    later = Cli(cli.workspace, END + days * DAY)
    later.ok("campaigns")
    return later


def _rows(cli: Cli, sql: str) -> list[Any]:
    with closing(sqlite3.connect(cli.workspace / "lagniappe.db")) as connection:
        return [row[0] for row in connection.execute(sql)]


def _answer(cli: Cli, *args: str) -> dict[str, Any]:
    (told,) = cli.json("why", *args)["campaigns"]
    assert isinstance(told, dict)
    return told


# --- by what is at hand ---------------------------------------------------------------------------


@pytest.mark.parametrize("named", [
    "FAY@Example.COM", "+44 7700 900116", "07700 900116", "07700-900116", "#1012", "1011",
    "shop:1011", "desk:T77", "T77", "shop:fay",
])  # fmt: skip
def test_a_customer_by_what_they_tell_on_the_telephone(cli: Cli, named: str) -> None:
    assert cli.json("why", named)["customer"]["email"] == "fay@example.com"


def test_a_customer_by_an_id_in_capitals(cli: Cli) -> None:
    known = cli.json("why", "fay")["customer"]["id"]
    assert cli.json("why", known.upper())["customer"]["id"] == known


def test_a_journey_by_its_id(cli: Cli) -> None:
    (journey,) = _answer(cli, "ben", "--campaign", "review")["journeys"]
    told = cli.json("why", journey)
    assert [(one["campaign"], one["code"]) for one in told["campaigns"]] == [
        ("review", "no_consent")
    ]
    assert told["timeline"]
    early = cli("why", journey, "--at", "2026-03-02")
    assert "that journey had not begun by then" in early.stderr


def test_a_message_by_the_providers_id(cli: Cli) -> None:
    (row,) = cli.json("log", "--customer", "ada", "--campaign", "review", "--status", "sent")
    told = cli.json("why", row["provider_message_id"])
    assert told["message"]["id"] == row["id"]
    assert told["message"]["code"] == "sent"


def test_digits_too_few_for_a_number_name_nobody(cli: Cli) -> None:
    told = cli("why", "900116")
    assert told.exit_code == 1
    assert "there is no customer 900116" in told.stderr


def test_a_misspelt_address_is_told_the_nearest(cli: Cli) -> None:
    assert "did you mean fay@example.com?" in cli("why", "fax@example.com").stderr


@pytest.mark.parametrize("named", [
    "review", "Review", "review.yaml", "campaigns/review.yaml", "Review request", "REVIEW REQUEST",
])  # fmt: skip
def test_a_campaign_by_its_id_file_or_name(cli: Cli, named: str) -> None:
    assert _answer(cli, "ben", "--campaign", named)["campaign"] == "review"


def test_a_misspelt_campaign_is_told_the_nearest(cli: Cli) -> None:
    assert "did you mean review?" in cli("why", "ben", "--campaign", "riview").stderr
    assert "did you mean Review request?" in cli("why", "ben", "--campaign", "Review rquest").stderr


# --- the rule that decided ------------------------------------------------------------------------


def test_an_order_under_way_is_judged_as_it_would_be_on_arrival(cli: Cli) -> None:
    told = _answer(cli, "dora", "--campaign", "fresh")
    assert told["code"] == "wrong_event"
    assert "had order.shipped" in told["answer"]
    assert "would not be met" not in told["answer"]


def test_what_would_keep_it_out_on_arrival_too_is_told(changed: Cli) -> None:
    _edit(changed, "fresh.yaml", "order.total >= 50", "order.total >= 90")
    told = _answer(_loaded(changed, 1), "dora", "--campaign", "fresh")
    assert (
        "its filter would not be met either: needs order.total >= 90, but order.total is 80"
        in (told["answer"])
    )


def test_all_that_a_segment_still_wants_is_told(cli: Cli) -> None:
    told = _answer(cli, "ben", "--campaign", "loyal")
    assert told["code"] == "segment"
    assert (
        "needs customer.orders_count >= 5, but customer.orders_count is 1; "
        "needs customer.email_consent, but customer.email_consent is false; the next look is"
    ) in told["answer"]
    assert [one["text"] for one in told["changes"]] == [
        "a look with customer.orders_count >= 5 && customer.email_consent"
    ]


def test_an_exit_by_an_event_says_when_the_customer_may_enter_anew(cli: Cli) -> None:
    told = _answer(cli, "fay", "--campaign", "club")
    assert (told["outcome"], told["code"]) == ("exited", "order.placed")
    (change,) = told["changes"]
    assert change["text"].endswith("from 2026-06-04 09:00 CDT on (re_entry: after 90d)")
    assert datetime.fromisoformat(change["at"]) == START + 94 * DAY - timedelta(
        hours=1
    )  # summer time


def test_an_exit_step_shows_its_condition_and_the_values(cli: Cli) -> None:
    told = _answer(cli, "fay", "--campaign", "effort")
    assert "rated already (ticket.rating != null, as ticket.rating is 5)" in told["answer"]
    assert told["facts"][-1]["trace"] == {"met": {"ticket.rating": 5}}


def test_a_cap_names_the_messages_that_had_taken_it(cli: Cli) -> None:
    (row,) = cli.json("log", "--customer", "gus", "--status", "skipped")
    told = cli.json("why", row["id"])["message"]
    assert told["code"] == "cap"
    assert told["answer"].startswith(
        "not sent: marketing cap 1 per 7d reached (1 in the last 7 days), "
        "taken by review 2026-03-09 09:00 CDT"
    )


def test_what_the_customer_did_with_a_message_is_told(changed: Cli) -> None:
    (row,) = changed.json("log", "--customer", "ada", "--campaign", "review", "--status", "sent")
    at = int((START + 7 * DAY).timestamp()) * 1_000_000
    with closing(sqlite3.connect(changed.workspace / "lagniappe.db")) as connection:
        connection.execute("UPDATE messages SET opened_at = ? WHERE id = ?", (at, row["id"]))
        connection.commit()
    (told,) = changed.json("why", row["id"])["campaigns"]
    assert (
        'preview "How was it, Ada?", opened 2026-03-09 10:00 CDT (step ask, email)'
        in (told["answer"])
    )
    assert "opened" in {one["kind"] for one in told["facts"]}


# --- files that have changed since ----------------------------------------------------------------


def test_a_refusal_is_quoted_from_the_version_that_refused(changed: Cli) -> None:
    _edit(changed, "thanks.yaml", "order.total >= 20", "order.total >= 5")
    told = _answer(_loaded(changed, 2), "eve", "--campaign", "thanks")
    assert told["code"] == "filter"
    assert "needs order.total >= 20, but order.total is 12.5" in told["answer"]


def test_a_broken_file_is_told_with_its_last_good_version(changed: Cli) -> None:
    _edit(changed, "fresh.yaml", "order.delivered", "order.deliverd")
    told = changed.json("why", "dora", "--campaign", "fresh")
    (note,) = told["notes"]
    assert note.startswith("fresh: its file is broken now (campaigns/fresh.yaml:7: ")
    assert told["campaigns"][0]["code"] == "wrong_event"
    assert note in " ".join(changed.ok("why", "dora", "--campaign", "fresh").split())


def test_a_missing_file_is_told_of_who_was_in(changed: Cli) -> None:
    (changed.workspace / "campaigns/effort.yaml").unlink()
    told = changed.json("why", "fay", "--campaign", "effort")
    assert told["notes"] == ["effort: its file is missing now"]
    assert "ticket.rating is 5" in told["campaigns"][0]["answer"]


def test_asking_stores_and_takes_up_nothing(changed: Cli) -> None:
    before = _rows(changed, "SELECT revision FROM revisions ORDER BY 1")
    _edit(changed, "thanks.yaml", "order.total >= 20", "order.total >= 5")
    (message, *_) = _rows(changed, "SELECT id FROM messages ORDER BY id")
    for asked in (
        ("why", "eve"), ("log", "show", message), ("events", "show", "order.placed-1011"),
        ("customers", "export", "eve@example.com"),
    ):  # fmt: skip
        changed.ok(*asked)
        assert _rows(changed, "SELECT revision FROM revisions ORDER BY 1") == before


# --- back then ------------------------------------------------------------------------------------


def test_back_then_the_version_of_then_answers(changed: Cli) -> None:
    _edit(changed, "newsletter.yaml", "status: draft", "status: live")
    later = _loaded(changed, 2)
    now = _answer(later, "eve", "--campaign", "newsletter")
    then = _answer(later, "eve", "--campaign", "newsletter", "--at", END.isoformat())
    assert (now["code"], then["code"]) == ("no_event", "draft")


def test_back_then_a_pause_counts_from_when_it_began(changed: Cli) -> None:
    paused = Cli(changed.workspace, END + DAY / 2)
    paused.ok("campaigns", "pause", "review")
    later = Cli(changed.workspace, END + 5 * DAY)
    before = _answer(later, "eve", "--campaign", "review", "--at", END.isoformat())
    after = _answer(later, "eve", "--campaign", "review", "--at", (END + DAY).isoformat())
    assert (before["code"], after["code"]) == ("delay", "paused")
    assert "stands still at step pause: paused by hand" in after["answer"]


def test_back_then_a_campaign_that_was_not_there_is_not_told(changed: Cli) -> None:
    text = (changed.workspace / "campaigns/club.yaml").read_text(encoding="utf-8")
    new = changed.workspace / "campaigns/circle.yaml"
    new.write_text(text.replace("id: club", "id: circle"), encoding="utf-8")
    later = _loaded(changed, 2)
    asked = later("why", "eve", "--campaign", "circle", "--at", END.isoformat())
    assert "circle was not there yet: it was first loaded 2026-03-25 10:00 CDT" in asked.stderr
    whole = later.json("why", "eve", "--at", END.isoformat())
    assert "circle" not in {one["campaign"] for one in whole["campaigns"]}


def test_back_then_what_is_not_on_record_is_said_in_a_line(changed: Cli) -> None:
    (note,) = changed.json("why", "eve", "--at", END.isoformat())["notes"]
    assert note.startswith("not on record of that time, and so left out: what segments saw")
    assert note.endswith("consents, points and the profile are today's")
    text = changed.ok("why", "eve", "--at", END.isoformat())
    assert note in " ".join(text.split())
    assert changed.json("why", "eve")["notes"] == []


def test_back_then_a_pause_counts_until_it_was_lifted(changed: Cli) -> None:
    Cli(changed.workspace, END + DAY / 2).ok("campaigns", "pause", "review")
    Cli(changed.workspace, END + 2 * DAY).ok("campaigns", "resume", "review")
    later = Cli(changed.workspace, END + 5 * DAY)
    codes = [
        _answer(later, "eve", "--campaign", "review", "--at", (END + days * DAY).isoformat())[
            "code"
        ]
        for days in (0, 1, 3)
    ]
    assert codes == ["delay", "paused", "delay"]


def test_back_then_a_file_that_went_back_counts_as_it_was(changed: Cli) -> None:
    _edit(changed, "newsletter.yaml", "status: draft", "status: live")
    _loaded(changed, 2)
    _edit(changed, "newsletter.yaml", "status: live", "status: draft")
    later = _loaded(changed, 4)
    told = [
        _answer(later, "eve", "--campaign", "newsletter", "--at", (END + days * DAY).isoformat())
        for days in (1, 3, 4)
    ]
    assert [one["code"] for one in told] == ["draft", "no_event", "draft"]


def test_back_then_a_file_that_is_gone_since_still_answers(changed: Cli) -> None:
    (changed.workspace / "campaigns/fresh.yaml").unlink()
    told = changed.json("why", "dora", "--campaign", "fresh", "--at", END.isoformat())
    assert told["campaigns"][0]["code"] == "wrong_event"
    assert len(told["notes"]) == 1


def test_back_then_the_caps_count_what_had_gone_out_by_then(cli: Cli) -> None:
    (row,) = cli.json("log", "--customer", "gus", "--status", "skipped")
    (change,) = cli.json("why", row["id"], "--at", row["created_at"])["message"]["changes"]
    assert change["text"] == (
        "a slot of the cap 1 per 7d: the next is free 2026-03-16 09:00 CDT "
        "(taken by review 2026-03-09 09:00 CDT)"
    )
    (change,) = cli.json("why", row["id"])["message"]["changes"]
    assert change["text"] == "a new entry: the cap 1 per 7d has room again now"
