"""Memory, set for work in large batches: the cyclic garbage collector and the C library's heap."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_OBJECTS = 100_000  # more than a batch makes
_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3  # glibc's malloc.h
_LARGE = 128 * 1024  # bytes: what glibc begins with


def settle() -> None:
    """Take what has been loaded so far out of the collector's rounds, and make rounds rare.

    Call it once, when a process is about to begin its work. A batch makes some ten thousand
    objects, none of them in cycles: counting references frees them all. With Python's own
    thresholds the collector would walk the batch, modules and plans again and again meanwhile,
    for a fifth of the processor's time. It still runs, for what libraries leave in cycles.
    """
    _share_heaps()
    gc.collect()
    gc.freeze()
    collect_rarely()


def collect_rarely() -> None:
    """Make the collector's rounds rare."""
    gc.set_threshold(_OBJECTS, 20, 20)


def never_collect() -> None:
    """No rounds of the collector any more: for a process that ends when its work is told.

    Even one round at the end would look at all that it keeps, for nothing.
    """
    gc.disable()


@contextmanager
def about_to_fork() -> Iterator[None]:
    """Keep the collector's hands off all that there is, in this process and those forked meanwhile.

    A round writes into every object that it looks at, and what is written to is shared no more.
    What the C library keeps for later is given back first, or each process would fill a copy.
    """
    gc.collect()
    gc.freeze()
    trim = _libc("malloc_trim")
    if trim is not None:
        trim(0)
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def uncollected() -> Iterator[None]:
    """No rounds of the collector meanwhile: for work that keeps much and leaves nothing in cycles.

    A round looks at all that was made since the last one, to find that it is still needed.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def give_back_large_blocks() -> None:
    """Have each large block that is let go of returned to the system, where it is glibc's.

    It raises what it takes for large whenever one is let go of. A table that grows for a year would
    then leave a hole at each of its sizes, a quarter of all that is not Python's own small blocks.
    """
    mallopt = _libc("mallopt")
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)


def _share_heaps() -> None:
    """Have all threads allocate from two heaps, where the C library is glibc.

    It gives each thread a heap of its own. What one thread allocates and another frees, a message
    on its way to the sender for instance, leaves holes there that only the first can fill. With
    one heap for all the threads wait for each other: a message costs 7 % more.
    """
    mallopt = _libc("mallopt")
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 2)


def _libc(name: str) -> Callable[..., int] | None:
    """A function of the C library that only glibc has."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None
