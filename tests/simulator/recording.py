"""Recordings of a daemon as files: what came in, what went out, and what was decided of it.

A line is one JSON object. ``begin`` says when the story begins and ends and in which workspace it
was lived; ``came`` is an event as it arrived, also one of our own that tells of customers; every
other line is what was decided: a ``verdict`` on an event, a ``journey`` with its decisions, a
``message`` with a hash of its words, a ``customer``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from engine.ports.stored import Incoming
from engine.simulator.recorded import Done, Recollection, divide, part_of
from engine.simulator.witness import Words
from engine.storage.database import Database
from engine.storage.recordings import recordings
from engine.storage.scalars import moment
from tests.simulator.both import Outcome
from triggers.sources.native import deserialize, serialize

FOLDER = Path(__file__).parent / "recordings"
WORKSPACE = FOLDER / "shop"
Decided = dict[str, dict[str, Any]]
_JOURNEY = ("campaign", "entry_key", "entry_no", "status", "due_at", "goal_at", "customer_id")
_MESSAGE = (
    "journey_id", "step", "channel", "status", "reason", "send_at", "expires_at",
    "sent_at", "delivered_at", "opened_at", "clicked_at",
)  # fmt: skip
_CUSTOMER = ("orders_count", "total_spent", "email", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A story as it was recorded, ready to be lived through again."""

    workspace: str  # a hash of its files
    start: datetime
    until: datetime
    arrivals: list[Incoming]
    recollection: Recollection
    decided: Decided


def workspace_hash(workspace: Path) -> str:
    """A hash over the workspace's files."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(each for each in workspace.rglob("*") if each.is_file()):
        digest.update(f"{path.relative_to(workspace)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def decided(outcome: Outcome) -> Decided:
    """What a recording keeps of an outcome: nothing that only a database knows."""
    return {
        "verdict": {
            f"{source}/{key}": [[one[0], one[2]] for one in verdicts]
            for (source, key), verdicts in outcome["verdicts"].items()
            if verdicts
        },
        "journey": {
            key: {
                **_told(row, _JOURNEY),
                "decisions": [one[:5] for one in outcome["decisions"].get(key, ())],
            }
            for key, row in outcome["journeys"].items()
        },
        "message": {
            key: {**_told(row, _MESSAGE), "words": _words(outcome, key)}
            for key, row in outcome["messages"].items()
        },
        "customer": {key: _told(row, _CUSTOMER) for key, row in outcome["customers"].items()},
    }


def _told(row: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: row[name] for name in names if row[name] is not None}


def _words(outcome: Outcome, message: str) -> str | None:
    given = outcome["given"].get(message)
    return None if given is None else Words.of(given.content).digest.hex()


def write(path: Path, url: str, start: datetime, until: datetime, found: Decided) -> None:
    """Write down what a daemon's database holds, and what was ``found`` to be decided."""
    database = Database(url)
    try:
        told = [(one.arrived, deserialize(one.body)) for one in recordings(database)]
    finally:
        database.close()
    lines: list[dict[str, Any]] = [
        {"begin": start.isoformat(), "until": until.isoformat(),
         "workspace": workspace_hash(WORKSPACE)},
        *({"came": at.isoformat(), "event": json.loads(serialize(event))}
          for at, event in told if part_of(event) != "echo"),
        *({kind: key, "decided": one} for kind, part in found.items()
          for key, one in sorted(part.items())),
    ]  # fmt: skip
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")


def read(path: Path) -> Recording:
    """A recording that ``write`` wrote."""
    begin, *lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    start = datetime.fromisoformat(begin["begin"])
    arrivals: list[Incoming] = []
    reactions: list[Done] = []
    found: Decided = {"verdict": {}, "journey": {}, "message": {}, "customer": {}}
    for line in lines:
        if "came" in line:
            at, event = datetime.fromisoformat(line["came"]), deserialize(json.dumps(line["event"]))
            if part_of(event) == "told":
                arrivals.append(Incoming(event=event, body=serialize(event), received_at=at))
            else:
                reactions.append(Done(at=at, event=event))
        else:
            kind = next(iter(line))
            found[kind][line[kind]] = line["decided"]
    sent = {
        key: moment(one["sent_at"]) for key, one in found["message"].items() if "sent_at" in one
    }
    return Recording(
        workspace=begin["workspace"],
        start=start,
        until=datetime.fromisoformat(begin["until"]),
        arrivals=arrivals,
        recollection=divide(reactions, sent, {}, start)[1],
        decided=found,
    )


def departures(wanted: Decided, found: Decided, tolerance: int = 0) -> Iterator[str]:
    """Where an outcome departs from what was recorded; instants by more than ``tolerance`` µs."""
    for part in wanted:
        for key in sorted({*wanted[part], *found[part]}):
            left, right = wanted[part].get(key), found[part].get(key)
            if not _alike(left, right, tolerance):
                yield f"{part} {key}:\n  {left}\n  {right}"


def _alike(one: object, other: object, tolerance: int) -> bool:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(
            _alike(one[key], other[key], tolerance) for key in one
        )
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other, [tolerance] * len(one)))
    if isinstance(one, int) and isinstance(other, int) and min(one, other) > _AN_INSTANT:
        return abs(one - other) <= tolerance
    return one == other


_AN_INSTANT = 10**15  # microseconds since the epoch, in 2001; no count is as large
