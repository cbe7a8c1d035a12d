"""Taking in files: every good line once, however often, and each bad one told."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.cli.starter import STARTER
from engine.storage.database import Database
from tests.cli import shop
from tests.cli.shop import END, Cli, event

ORDERS = [event("order.placed", END, f"c{number}", number) for number in range(20)]
CSV = """\
Order ID,Created at,Email,Total,Currency,Lineitem name
1,2026-03-20 10:00:00 -0500,a@example.com,80.00,USD,Roast
2,2026-03-20 11:00:00 -0500,b@example.com,not a number,USD,Roast
3,2026-03-20 12:00:00 -0500,c@example.com,12.00,USD,Pot
"""


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(f"{json.dumps(one)}\n" for one in rows)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    workspace = tmp_path / "shop"
    workspace.mkdir()
    shop.make(workspace)
    return Cli(workspace)


def test_a_file_twice_is_once(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(lines(ORDERS))
    assert cli.ok("ingest", str(file)) == "20 read: 20 new, 0 known already, 0 refused\n"
    assert cli.ok("ingest", str(file)) == "20 read: 0 new, 20 known already, 0 refused\n"
    assert len(cli.json("events")) == 20
    assert {one["status"] for one in cli.json("log")} == {"scheduled"}


def test_a_pipe_is_read_like_a_file(cli: Cli) -> None:
    told = cli.ok("ingest", "-", stdin=lines(ORDERS[:3]) + "\n\n")
    assert told == "3 read: 3 new, 0 known already, 0 refused\n"


@pytest.mark.parametrize("name", ["events.jsonl.gz", "events", "-"])
def test_what_gzip_has_compressed_is_read_as_it_was(cli: Cli, tmp_path: Path, name: str) -> None:
    packed = gzip.compress(lines(ORDERS).encode())
    file = tmp_path / name
    if name != "-":
        file.write_bytes(packed)
    told = cli.ok("ingest", name if name == "-" else str(file), stdin=packed)
    assert told == "20 read: 20 new, 0 known already, 0 refused\n"


@pytest.mark.parametrize("kept", [15, 200])
def test_a_compressed_file_that_is_cut_off_is_told(cli: Cli, tmp_path: Path, kept: int) -> None:
    file = tmp_path / "orders.csv.gz"
    file.write_bytes(gzip.compress(lines(ORDERS).encode())[:kept])
    told = cli("ingest", str(file))
    assert told.exit_code == 1
    assert told.stderr.endswith(f"{file} is compressed, and damaged or cut off\n")


@pytest.mark.parametrize("text", [b"PK\x03\x04\x14\0", "Order ID,Total\n".encode("utf-16")])
def test_what_is_no_text_is_told_and_not_printed(cli: Cli, tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "orders.xlsx"
    file.write_bytes(text)
    told = cli("ingest", str(file))
    assert told.exit_code == 1
    assert "is no text in UTF-8; save it as CSV" in told.stderr
    assert len(told.stderr.splitlines()) == 1


def test_good_lines_are_kept_and_bad_ones_told_with_their_number(cli: Cli) -> None:
    bad = {**ORDERS[1], "order": {"id": "9", "totl": "1"}}
    text = lines(ORDERS[:1]) + lines([bad]) + "{nonsense\n" + lines(ORDERS[2:4])
    told = cli("ingest", "-", stdin=text)
    assert told.exit_code == 1
    assert told.stdout == "5 read: 3 new, 0 known already, 2 refused\n"
    assert "-:2: order.totl" in told.stderr
    assert "-:3: " in told.stderr
    assert len(cli.json("events")) == 3


def test_many_bad_lines_are_counted_and_not_all_told(cli: Cli) -> None:
    told = cli("ingest", "-", stdin="{}\n" * 100)
    assert told.exit_code == 1
    assert len(told.stderr.splitlines()) == 21
    assert "and 80 more were refused" in told.stderr


def test_orders_from_csv_are_guessed(cli: Cli, tmp_path: Path) -> None:
    told = cli("ingest", "-", stdin=CSV)
    assert told.exit_code == 1
    assert told.stdout == "3 read: 2 new, 0 known already, 1 refused\n"
    assert "-:3: " in told.stderr
    file = tmp_path / "orders.csv"
    file.write_text(CSV)
    assert "0 new, 2 known already" in cli("ingest", str(file)).stdout
    assert "2 new" in cli("ingest", str(file), "--source", "old-shop").stdout
    assert {one["source"] for one in cli.json("events")} == {"csv", "old-shop"}


def test_history_enrols_nobody(cli: Cli) -> None:
    cli.ok("ingest", "-", "--backfill", stdin=lines(ORDERS))
    assert cli.json("log") == []
    verdicts = [one for row in cli.json("events") for one in row["verdicts"]]
    assert {one["code"] for one in verdicts} == {"backfill"}


def test_another_source_name_takes_the_place_of_theirs(cli: Cli) -> None:
    cli.ok("ingest", "-", "--source", "legacy", stdin=lines(ORDERS[:2]))
    assert {one["source"] for one in cli.json("events")} == {"legacy"}


def test_what_cannot_be_read_is_told(cli: Cli, tmp_path: Path) -> None:
    assert "there is no file" in cli("ingest", str(tmp_path / "none.jsonl")).stderr
    assert "is a directory" in cli("ingest", str(tmp_path)).stderr
    array = cli("ingest", "-", stdin=json.dumps(ORDERS))
    assert array.exit_code == 1
    assert "jq -c" in array.stderr
    assert cli.ok("ingest", "-", stdin="") == "0 read: 0 new, 0 known already, 0 refused\n"


def test_beside_a_running_daemon_events_are_left_to_it(cli: Cli) -> None:
    cli.ok("db", "upgrade")
    daemon = Database(f"sqlite:///{cli.workspace / 'lagniappe.db'}")
    daemon.claim_workspace()
    try:
        told = cli.ok("ingest", "-", stdin=lines(ORDERS))
    finally:
        daemon.close()
    assert told == "20 read: 20 handed to the running daemon, 0 refused\n"
    assert {one["state"] for one in cli.json("events")} == {"waiting"}


class Program:
    """The real program in a process of its own."""

    def __init__(self, workspace: Path, *args: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli.main", "-w", str(workspace), *args],
            cwd=workspace,
            env={**os.environ, "PYTHONPATH": str(STARTER)},
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # A run in the background (nohup, some CI) ignores Ctrl-C, and children inherit that.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def line(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told

    def interrupt(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=30)
        return self.process.returncode, errors


def test_follow_tells_new_messages_and_ends_quietly(cli: Cli) -> None:
    now = datetime.now(tz=END.tzinfo)
    rows = [event("order.placed", now, f"d{number}", 100 + number) for number in range(3)]
    cli.clock.advance_to(now)
    cli.ok("ingest", "-", stdin=lines(rows[:1]))
    program = Program(cli.workspace, "log", "--follow", "--format", "jsonl")
    try:
        first = program.line()
        cli.clock.advance_to(datetime.now(tz=END.tzinfo))
        cli.ok("ingest", "-", stdin=lines(rows[1:]))
        later = [program.line(), program.line()]
        code, errors = program.interrupt()
    finally:
        program.process.kill()
    assert [one["recipient"] for one in (first, *later)] == [
        "d0@example.com", "d1@example.com", "d2@example.com",
    ]  # fmt: skip
    assert (code, errors) == (130, "")


def test_ctrl_c_in_the_middle_keeps_what_is_in_and_goes_on_later(cli: Cli) -> None:
    program = Program(cli.workspace, "ingest", "-")
    assert program.process.stdin is not None
    many = [event("order.placed", END, f"c{number}", number) for number in range(600)]
    program.process.stdin.write(lines(many))
    program.process.stdin.flush()
    deadline = time.monotonic() + 30
    while len(cli.json("events", "--limit", "1000")) < 500:
        assert time.monotonic() < deadline
    code, errors = program.interrupt()
    assert code == 130
    assert "500 events are in" in errors
    assert "Traceback" not in errors
    again = cli.ok("ingest", "-", stdin=lines(many))
    assert again == "600 read: 100 new, 500 known already, 0 refused\n"


CONSENTS = """\
email,phone,channel,status,at,source,proof
ada@example.com,,,subscribed,2026-01-05T09:00:00Z,old-tool,form
gone@example.com,,,bounced,2026-01-05,old-tool,
ada@example.com,,,unsubscribed,2025-01-01,old-tool,
ada@example.com,,,subscribed,,old-tool,
"""


def test_consents_come_by_csv_of_nobody_in_particular(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "consents.csv"
    file.write_text(CONSENTS)
    result = cli("ingest", str(file))
    assert result.exit_code == 1
    assert "4 read: 3 new, 0 known already, 1 refused" in result.stdout
    assert f"{file}:5: at is empty" in " ".join(result.stderr.split())
    file.write_text(CONSENTS.rpartition("ada")[0])
    assert "3 read: 0 new, 3 known already" in cli.ok("ingest", "--as", "consents", str(file))
    told = cli.json("customers", "consents", "ada@example.com")
    assert [(one["status"], one["at"][:4], one["source"]) for one in told] == [
        ("unsubscribed", "2025", "old-tool"), ("subscribed", "2026", "old-tool"),
    ]  # fmt: skip
    assert {one["purpose"] for one in told} == {"marketing"}
    assert cli("customers", "show", "ada@example.com").exit_code == 1, "nobody came into being"
    order = tmp_path / "order.jsonl"
    order.write_text(lines([event("order.placed", END, "gone", 900)]))
    cli.ok("ingest", str(order))
    shown = cli.json("customers", "show", "gone@example.com")
    assert [one["reason"] for one in shown["suppressions"]] == ["hard_bounce"]
    assert [one["reason"] for one in cli.json("log")] == ["suppressed"]
    assert "STATUS" in cli.ok("customers", "consents", "ada@example.com")
    assert cli("customers", "consents", "nobody@example.com").stdout == (
        "nothing was ever told of their consent\n"
    )
