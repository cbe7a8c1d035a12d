"""The cyclic garbage collector, set for work in large batches."""

from __future__ import annotations

import gc

_OBJECTS = 100_000  # more than a batch makes


def settle() -> None:
    """Take what has been loaded so far out of the collector's rounds, and make rounds rare.

    Call it once, when a process is about to begin its work. A batch makes some ten thousand
    objects, none of them in cycles: counting references frees them all. With Python's own
    thresholds the collector would walk the batch, modules and plans again and again meanwhile,
    for a fifth of the processor's time. It still runs, for what libraries leave in cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, 20, 20)
