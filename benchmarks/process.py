"""Each measurement in a fresh process: no warm cache, no memory left over from the one before."""

from __future__ import annotations

import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.figure import Figure
from benchmarks.workspaces import Bench

Measurement = Callable[[Bench], list[Figure]]


def alone(measure: Measurement, bench: Bench) -> tuple[list[Figure], float]:
    """What it measured, and the most memory that its process ever had, or one that it began.

    In megabytes.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measured, measure, bench).result()


def _measured(measure: Measurement, bench: Bench) -> tuple[list[Figure], float]:
    figures = measure(bench)
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return figures, max(resource.getrusage(each).ru_maxrss for each in whose) / 1024
