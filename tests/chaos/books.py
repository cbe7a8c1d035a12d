"""The accounts of one run: what was accepted, what is on record, what the provider has."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from tests.chaos.crew import log_lines

CAMPAIGN = "notes"
STEPS = ("mail", "text")
HANDED_OVER = frozenset({"sent", "delivered", "bounced"})
_ENDED = HANDED_OVER | {"failed", "skipped", "cancelled"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One message as the log has it."""

    id: str
    entry_key: str
    step: str
    status: str
    reason: str | None
    error_code: str | None
    recipient: str | None


@dataclass(slots=True, kw_only=True)
class Books:
    """The figures, and every breach of a promise in plain words."""

    accepted_events: int = 0
    messages: int = 0
    sent: int = 0
    duplicated: int = 0
    lost: int = 0
    in_doubt: int = 0  # messages that were unknown at any time
    left_in_doubt: int = 0
    settled_by: Counter[str] = field(default_factory=Counter)
    not_sent: Counter[str] = field(default_factory=Counter)  # by status and reason
    conducts: Counter[str] = field(default_factory=Counter)
    breaches: list[str] = field(default_factory=list)

    @property
    def settled(self) -> int:
        """How many doubts ended."""
        return self.in_doubt - self.left_in_doubt


def read_journal(journal: Path) -> list[dict[str, Any]]:
    """Every call that reached the provider, in order."""
    whole = journal.read_text().rpartition("\n")[0]
    return [json.loads(line) for line in whole.splitlines()]


def read_rows(engine: Engine) -> list[Row]:
    """The messages of the campaign under test."""
    query = text(
        "SELECT id, entry_key, step, status, reason, error_code, recipient FROM messages"
        " WHERE campaign = :campaign"
    )
    with engine.connect() as connection:
        found = connection.execute(query, {"campaign": CAMPAIGN}).mappings()
        return [Row(**row) for row in found]


def read_settled(engine: Engine) -> dict[str, str]:
    """Who ended the doubt about which message, by the decisions on record."""
    settled: dict[str, str] = {}
    with engine.connect() as connection:
        query = text("SELECT entries FROM decisions WHERE entries LIKE '%settled%' ORDER BY seq")
        for (entries,) in connection.execute(query):
            for _at, kind, _step, _code, message, trace in json.loads(entries):
                if kind == "settled":
                    settled[message] = trace["by"]
    return settled


def read_doubts(logs: Iterable[Path]) -> set[str]:
    """The messages that processes said to be in doubt."""
    return {
        told["message"]
        for log in logs
        for told in log_lines(log)
        if told.get("event") == "hand_over_failed" and told["outcome"] == "unknown"
    }


def balance(
    *,
    accepted: Sequence[str],
    rows: Sequence[Row],
    journal: Sequence[Mapping[str, Any]],
    settled: Mapping[str, str],
    doubts: set[str],
) -> Books:
    """Hold what was accepted, what stands in the log and what the provider took side by side."""
    books = Books(accepted_events=len(accepted), messages=len(rows))
    taken = Counter(line["message_id"] for line in journal if line["taken"])
    books.sent = len(taken)
    books.conducts = Counter(line["conduct"] or "refused as malformed" for line in journal)
    _find_doubles(books, taken, journal, rows)
    by_place: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        by_place[row.entry_key.rpartition(":")[2], row.step].append(row)
    for event in accepted:
        order = event.removeprefix("placed-")
        for step in STEPS:
            _account(books, order, step, by_place[order, step], taken, settled)
    books.left_in_doubt = sum(row.status in ("unknown", "sending") for row in rows)
    # A receipt may come before anybody knew that there was a doubt: it counts all the same.
    ours = {row.id for row in rows}
    in_doubt = (doubts | settled.keys()) & ours
    books.in_doubt = len(in_doubt)
    books.settled_by = Counter(settled.get(each, "late answer") for each in in_doubt)
    books.settled_by["late answer"] -= books.left_in_doubt
    books.settled_by += Counter()  # without what is 0
    return books


def _find_doubles(
    books: Books,
    taken: Counter[str],
    journal: Sequence[Mapping[str, Any]],
    rows: Sequence[Row],
) -> None:
    for message, times in taken.items():
        if times > 1:
            books.duplicated += times - 1
            books.breaches.append(f"message {message} was taken {times} times")
    addresses = {(line["api"], line["to"], line["message_id"]) for line in journal if line["taken"]}
    for (api, to), count in Counter((api, to) for api, to, _ in addresses).items():
        if count > 1:
            books.duplicated += count - 1
            books.breaches.append(f"{to} got {count} messages by {api}")
    known = {row.id for row in rows}
    for message in taken.keys() - known:
        books.breaches.append(f"the provider has {message}, which is not on record")


def _account(
    books: Books,
    order: str,
    step: str,
    rows: Sequence[Row],
    taken: Mapping[str, int],
    settled: Mapping[str, str],
) -> None:
    if len(rows) != 1:
        books.lost += not rows
        books.breaches.append(f"order {order} has {len(rows)} messages of step {step}")
        return
    (row,) = rows
    if row.status not in _ENDED:
        if row.status not in ("unknown", "sending"):
            books.lost += 1
        books.breaches.append(f"message {row.id} of order {order} is still {row.status}")
    elif row.status in HANDED_OVER:
        if row.id not in taken and settled.get(row.id) != "person":
            books.lost += 1
            books.breaches.append(f"message {row.id} is {row.status}, but nobody took it")
    else:
        why = row.error_code if row.status == "failed" else row.reason
        books.not_sent[f"{row.status}: {why or 'no reason'}"] += 1
        if not why:
            books.lost += 1
            books.breaches.append(f"message {row.id} is {row.status} without a reason")
        if row.id in taken and row.id not in settled:
            books.breaches.append(f"message {row.id} is {row.status}, but the provider took it")
