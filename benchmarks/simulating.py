"""A year of customers in seconds: what ``lagniappe simulate`` takes, with every campaign live.

Measured is the command itself, as its user waits for it: the file is read, the workspace compiled,
the past lived through with default customers, and three messages of each template rendered.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.command import Taken, run
from benchmarks.figure import Figure
from benchmarks.histories import write_baskets, write_cdnow, write_synthetic
from benchmarks.workspaces import Bench, workspace
from engine.core.customer import Customer
from engine.core.projection import order_key, project, ticket_key
from engine.core.world import Changes, World
from triggers.sources.native import deserialize

_MEMORY = 1000.0  # megabytes, of all processes
_AT_ONCE = 200_000  # events for the bare limit

Write = Callable[[Path, bool], int]


def music_shop(bench: Bench) -> list[Figure]:
    """CDNOW's 69,659 orders over 18 months."""
    return _measured(bench, "CDNOW's orders", write_cdnow, 30.0)


def grocer(bench: Bench) -> list[Figure]:
    """Complete Journey's 155,848 baskets over a year."""
    return _measured(bench, "a grocer's baskets", write_baskets, 60.0)


def million(bench: Bench) -> list[Figure]:
    """A million events of a made-up shop."""
    return _measured(bench, "made-up events", _write_made_up, 360.0)


def _write_made_up(file: Path, quick: bool) -> int:
    return write_synthetic(file, 30_000 if quick else 1_000_000)


def _measured(bench: Bench, name: str, write: Write, seconds: float) -> list[Figure]:
    if bench.url is not None:  # no database takes part
        return []
    with workspace(bench) as folder, tempfile.TemporaryDirectory() as scratch:
        file = Path(scratch) / "events.jsonl"
        count = write(file, bench.quick)
        bare = _bare(file)
        messages, taken = _simulate(folder, file, count)
    wanted = None if bench.quick else seconds
    what = f"simulating {count:,} of {name}"
    return [
        Figure(
            database="memory", name=what, value=count / taken.seconds, unit="events/s",
            wanted=None if wanted is None else count / wanted, limit=bare,
            per_cpu=count / taken.processor_seconds,
            limit_name="read and projected by the core alone, one process",
        ),
        _at_most(f"{what}: time", taken.seconds, "s", wanted),
        _at_most(f"{what}: processor time", taken.processor_seconds, "s"),
        _at_most(f"{what}: memory of all processes", taken.megabytes, "MB", _MEMORY),
        Figure(database="memory", name=f"{what}: messages", value=messages, unit="messages"),
    ]  # fmt: skip


def _simulate(folder: Path, file: Path, count: int) -> tuple[int, Taken]:
    """As its user does it: how many messages went out, and what it took."""
    where = [sys.executable, "-m", "engine.cli.main", "--workspace", str(folder)]
    taken = run([*where, "simulate", str(file), "--drafts", "--format", "json"])
    report = json.loads(taken.output)
    lived = report["history"]["events"]
    if lived != count:
        raise RuntimeError(f"only {lived:,} of {count:,} events were lived through")
    return report["messages"]["sent"], taken


def _bare(file: Path) -> float:
    """Events per second when they are only parsed and projected into their customers' worlds.

    Customers are told apart by the source's id alone; nobody is enrolled, nothing sent.
    """
    worlds: dict[str, World] = {}
    owners: dict[str, str] = {}
    done, began = 0, time.process_time()
    with file.open("rb") as lines:
        for line in lines:
            event = deserialize(line)
            thing = order_key(event) or ticket_key(event) or ""
            facts = event.customer
            who = facts.id if facts is not None and facts.id is not None else None
            who = who or owners.get(thing, thing)
            owners[thing] = who
            world = worlds.get(who)
            if world is None:
                customer = Customer(id=who, created_at=event.time)
                world = worlds[who] = World(customer=customer, complete=True)
            project(world, event)
            world.changes = Changes()
            done += 1
            if done == _AT_ONCE:
                break
    return done / (time.process_time() - began)


def _at_most(name: str, value: float, unit: str, wanted: float | None = None) -> Figure:
    return Figure(database="memory", name=name, value=value, unit=unit, wanted=wanted, at_most=True)
