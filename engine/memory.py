"""Memory, set for work in large batches: the cyclic garbage collector and the C library's heap."""

from __future__ import annotations

import ctypes
import gc
import sys

_OBJECTS = 100_000  # more than a batch makes
_M_ARENA_MAX = -8  # glibc's malloc.h


def settle() -> None:
    """Take what has been loaded so far out of the collector's rounds, and make rounds rare.

    Call it once, when a process is about to begin its work. A batch makes some ten thousand
    objects, none of them in cycles: counting references frees them all. With Python's own
    thresholds the collector would walk the batch, modules and plans again and again meanwhile,
    for a fifth of the processor's time. It still runs, for what libraries leave in cycles.
    """
    _share_one_heap()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_OBJECTS, 20, 20)


def _share_one_heap() -> None:
    """Have all threads allocate from one heap, where the C library is glibc.

    It gives each thread a heap of its own, which is spared nothing here, for the interpreter's
    lock is held by one at a time anyway. But what one thread allocates and another frees, a
    message on its way to the sender for instance, leaves holes that only the first can fill: over
    100,000 messages the process grew by a third.
    """
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 1)
