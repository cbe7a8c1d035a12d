"""A year of customers in seconds: what ``lagniappe simulate`` takes, with every campaign live.

Measured is what its user waits for: the file is read, the workspace compiled, the past lived
through with default customers, and three messages of each template rendered.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.histories import write_baskets, write_cdnow, write_synthetic
from benchmarks.process_memory import Watched
from benchmarks.workspaces import Bench, workspace
from engine.core.customer import Customer
from engine.core.projection import order_key, project, ticket_key
from engine.core.world import Changes, World
from engine.simulator.behaviour import Behaviour
from engine.simulator.preparation import Sample, prepare
from engine.simulator.shards import processors, simulate_together, workers_for
from triggers.sources.native import deserialize

_MEMORY = 1000.0  # megabytes, of all processes
_AFTERWARDS = timedelta(days=30)
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
        # In a process of its own: the memory that is told is the simulation's alone.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            count, bare = pool.submit(_written, write, file, bench.quick).result()
        with Watched() as watched:
            messages = _simulate(folder, file, count)
        taken, busy = watched.seconds, watched.processor_seconds
    wanted = None if bench.quick else seconds
    what = f"simulating {count:,} of {name}"
    return [
        Figure(
            database="memory", name=what, value=count / taken, unit="events/s",
            wanted=None if wanted is None else count / wanted, per_cpu=count / busy, limit=bare,
            limit_name="read and projected by the core alone, one process",
        ),
        _at_most(f"{what}: time", taken, "s", wanted),
        _at_most(f"{what}: processor time", busy, "s"),
        _at_most(f"{what}: memory of all processes", watched.megabytes, "MB", _MEMORY),
        Figure(database="memory", name=f"{what}: messages", value=messages, unit="messages"),
    ]  # fmt: skip


def _simulate(folder: Path, file: Path, count: int) -> int:
    """As the command does it; how many messages went out."""
    prepared = prepare(
        folder, {}, only=(), drafts=True, changes={}, render=3, seed="1"
    )  # fmt: skip
    with file.open("rb") as lines:
        for _, refused in prepared.read(enumerate(lines), processors()):
            raise RuntimeError(f"a line was refused: {refused.problems[0]}")
    setup = prepared.setup(
        since=None, until=None, afterwards=_AFTERWARDS, behaviour=Behaviour()
    )  # fmt: skip
    outcome = simulate_together(
        setup, prepared.history(setup, Sample()), prepared.groups, lambda moment, taken: True,
        workers=workers_for(count),
    )  # fmt: skip
    if not outcome.complete or outcome.figures.events != count:
        raise RuntimeError(
            f"only {outcome.figures.events:,} of {count:,} events were lived through"
        )
    return outcome.figures.sent.total()


def _written(write: Write, file: Path, quick: bool) -> tuple[int, float]:
    """How many events were written, and the bare limit for them."""
    return write(file, quick), _bare(file)


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
