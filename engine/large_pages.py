"""Large pages for a heap that grows to hundreds of megabytes.

Such a heap's objects are read here and there, and the processor remembers where only a few
thousand pages are. With pages of 4 KB it must look up nearly each object's page in memory first,
which in a virtual machine takes longer than reading the object; pages of 2 MB it remembers.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

LARGE: Final = 2**21  # bytes
_COLLAPSE: Final = 25  # MADV_COLLAPSE of Linux 6.1 and later, madvise(2)


class LargePages:
    """Those of what this process allocates from now on.

    Only advice: a kernel that cannot do it, or has no room, leaves the memory as it is. What was
    there before is let alone, so that processes forked from one another go on sharing it.
    """

    def __init__(
        self,
        maps: Callable[[], str] = lambda: _maps(),
        advise: Callable[[int], None] = lambda block: _advise(block),
    ) -> None:
        self._maps = maps
        self._advise = advise
        self._known = set(blocks(maps().splitlines()))

    def gather(self) -> None:
        """Have what was allocated since the last time moved into large pages.

        It takes some milliseconds for each.
        """
        for block in blocks(self._maps().splitlines()):
            if block not in self._known:
                self._known.add(block)
                self._advise(block)


def blocks(maps: Iterable[str]) -> Iterator[int]:
    """Where a large page would fit into private memory that is no file's; proc_pid_maps(5)."""
    for line in maps:
        place, rights, _, _, inode, *name = line.split()
        if rights == "rw-p" and inode == "0" and (not name or name == ["[heap]"]):
            begin, end = (int(one, 16) for one in place.split("-"))
            yield from range(-(-begin // LARGE) * LARGE, end - LARGE + 1, LARGE)


def _maps() -> str:
    try:
        return Path("/proc/self/maps").read_text()
    except OSError:  # not Linux
        return ""


def _advise(block: int) -> None:
    if sys.platform == "linux":
        madvise = ctypes.CDLL(None).madvise
        madvise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
        madvise(block, LARGE, _COLLAPSE)
