"""``python -m benchmarks``: every measurement, in processes of their own, as one table."""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks import accepting, lateness, over_tls, processing, recommending, sending, simulating
from benchmarks.figure import Figure, table
from benchmarks.process import Measurement, alone
from benchmarks.workspaces import Bench, postgresql

_MEMORY = 250.0  # megabytes
_CAMPAIGNS = 20

_MEASUREMENTS: tuple[tuple[str, Measurement, int | None], ...] = (
    ("accepting", accepting.together, None),
    ("accepting", accepting.apart, None),
    ("processing", processing.mixed, None),
    ("processing", processing.first_orders_only, None),
    ("processing", processing.mixed, _CAMPAIGNS),
    ("processing", processing.first_orders_only, _CAMPAIGNS),
    ("sending", sending.due_steps, None),
    ("sending", sending.due_steps, _CAMPAIGNS),
    ("tls", over_tls.to_a_provider, None),
    ("lateness", lateness.while_ingesting, None),
    ("waiting", processing.few_waiting, None),
    ("waiting", processing.many_waiting, None),
    ("waiting", sending.few_waiting, None),
    ("waiting", sending.many_waiting, None),
    ("recommending", recommending.night, None),
    ("dates", recommending.held_out, None),
    ("simulate", simulating.music_shop, None),
    ("simulate", simulating.grocer, None),
    ("simulate", simulating.million, None),
)
# Those that tell their own memory; dates are a test's.
_NOT_THE_LOOP = ("recommending", "dates", "simulate")


def main() -> int:
    """Measure, telling each figure when it is there; the table and its JSON at the end."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller amounts: minutes, rougher")
    parser.add_argument("--only", choices=["sqlite", "postgresql"], help="one database")
    parser.add_argument("--part", help="one part: " + ", ".join(dict.fromkeys(_parts())))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    told = parser.parse_args()
    figures: list[Figure] = []
    with ExitStack() as stack:
        benches: list[Bench] = []
        if told.only != "postgresql":
            benches.append(Bench(database="SQLite", url=None, quick=told.quick))
        if told.only != "sqlite":
            server = stack.enter_context(postgresql())
            server.create("bench")
            url = server.url("bench")
            benches.append(Bench(database="PostgreSQL", url=url, quick=told.quick))
        for bench in benches:
            found: list[Figure] = []
            peak = 0.0
            for part, measure, campaigns in _MEASUREMENTS:
                if told.part not in (None, part):
                    continue
                if bench.url is not None:
                    server.drop("bench")
                    server.create("bench")
                changed = bench if campaigns is None else replace(bench, campaigns=campaigns)
                some, megabytes = alone(measure, changed)
                if part not in _NOT_THE_LOOP:
                    peak = max(peak, megabytes)
                found += some
                for figure in some:
                    print(f"{figure.database}: {figure.name}: {figure.value:,.0f} {figure.unit}",
                          file=sys.stderr, flush=True)  # fmt: skip
            if told.part not in _NOT_THE_LOOP:
                name = "peak memory of any of these"
                found.append(Figure(database=bench.database, name=name, value=peak, unit="MB",
                                    wanted=_MEMORY, at_most=True))  # fmt: skip
            figures += found
    print(table(figures))
    if told.json is not None:
        machine = {"python": platform.python_version(), "machine": platform.platform()}
        body = {"machine": machine, "figures": [figure.as_json() for figure in figures]}
        told.json.write_text(json.dumps(body, indent=1) + "\n")
    return 0


def _parts() -> Iterator[str]:
    return (part for part, *_ in _MEASUREMENTS)


if __name__ == "__main__":
    sys.exit(main())
