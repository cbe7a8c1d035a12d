"""The short form of ``make chaos``: every fault point met, every message accounted for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engine.ports.faults import Fault
from tests.chaos.books import Row, balance
from tests.chaos.page import BEGIN, END, PAGE, ROWS, filled_in
from tests.chaos.plan import Outcome, Plan
from tests.chaos.run import Chaos

_SHORT = Plan(
    orders=150, seconds=5.0, kills=1, failures=0, lives=(2.0, 6.0), stretch=3, slow=1.5,
    silence=1.5, down=1.0, downs=1, at_most=90.0, hurry_orphans=True, passages=2, in_flight=10,
)  # fmt: skip


def check(outcome: Outcome) -> None:
    books = outcome.books
    assert books.breaches == []
    assert (books.messages, books.lost, books.duplicated) == (300, 0, 0)
    assert books.left_in_doubt == 0
    assert books.in_doubt == books.settled_by.total() > 0
    assert outcome.missing == []
    assert {fault for fault, _ in outcome.tally.faults} == set(Fault)


def test_one_process_on_sqlite(tmp_path: Path) -> None:
    check(Chaos(folder=tmp_path, url=f"sqlite:///{tmp_path / 'lagniappe.db'}", plan=_SHORT).run())


def test_three_workers_on_postgresql(tmp_path: Path, new_postgresql: Callable[[], str]) -> None:
    check(Chaos(folder=tmp_path, url=new_postgresql(), plan=_SHORT, workers=3).run())


def test_the_page_has_a_place_for_the_table_and_shows_what_a_run_tells() -> None:
    page = PAGE.read_text(encoding="utf-8")
    anew = filled_in(page, [])
    assert anew.count(BEGIN) == anew.count(END) == 1
    assert anew.partition(BEGIN)[0] == page.partition(BEGIN)[0]
    assert anew.partition(END)[2] == page.partition(END)[2]
    lines = page.partition(BEGIN)[2].strip().splitlines()
    shown = [line.split("|")[1].strip() for line in lines[: len(ROWS) + 2]]
    assert shown[2:] == [name for name, _ in ROWS]


def row(number: int, step: str, status: str, **more: str) -> Row:
    told = {"reason": None, "error_code": None, "recipient": None, **more}
    return Row(
        id=f"{step}-{number}", entry_key=f"shop:{number}", step=step, status=status, **told
    )  # fmt: skip


def call(message_id: str, *, to: str = "a@example.com", taken: bool = True) -> dict[str, object]:
    return {"api": "sendgrid", "message_id": message_id, "to": to, "conduct": "202",
            "taken": taken}  # fmt: skip


WHOLE = [row(1, "mail", "sent"), row(1, "text", "failed", error_code="http_400")]


@pytest.mark.parametrize(
    ("rows", "journal", "figure"),
    [
        (WHOLE, [call("mail-1"), call("mail-1")], "duplicated"),
        ([*WHOLE, row(2, "mail", "sent")], [call("mail-1"), call("mail-2")], "duplicated"),
        (WHOLE[:1], [call("mail-1")], "lost"),
        (WHOLE, [], "lost"),
        ([WHOLE[0], row(1, "text", "scheduled")], [call("mail-1")], "lost"),
        ([WHOLE[0], row(1, "text", "skipped")], [call("mail-1")], "lost"),
        ([WHOLE[0], row(1, "text", "unknown")], [call("mail-1")], "left_in_doubt"),
    ],
)
def test_the_books_find_what_is_wrong(
    rows: list[Row], journal: list[dict[str, object]], figure: str
) -> None:
    books = balance(accepted=["placed-1"], rows=rows, journal=journal, settled={}, doubts=set())
    assert getattr(books, figure) == 1
    assert books.breaches


def test_the_books_are_content_with_what_is_right() -> None:
    books = balance(
        accepted=["placed-1"], rows=WHOLE, journal=[call("mail-1")], settled={}, doubts=set()
    )
    assert (books.breaches, books.lost, books.duplicated, books.sent) == ([], 0, 0, 1)
    assert books.not_sent == {"failed: http_400": 1}


def test_what_the_provider_has_and_the_log_denies_is_found() -> None:
    denied = [row(1, "mail", "failed", error_code="http_400"), WHOLE[1]]
    books = balance(
        accepted=["placed-1"], rows=denied, journal=[call("mail-1")], settled={}, doubts=set()
    )
    assert books.breaches == ["message mail-1 is failed, but the provider took it"]
