"""Work in a process of its own, so that what it takes does not stay."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection
from typing import TypeVar

from engine.memory import about_to_fork

T = TypeVar("T")


def apart(work: Callable[[], T]) -> T:
    """What ``work`` returns, done in a process that is forked for it where that can be.

    The modules that it loads and the memory that it takes go with that process. What it returns
    must be something that can be pickled. Raises what ``work`` raises: where it fails it is done
    again here, so it must not change anything.
    """
    if "fork" not in get_all_start_methods():
        return work()
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_do, args=(work, theirs), daemon=True)
    with about_to_fork():
        process.start()
    theirs.close()
    try:
        found: T = ours.recv()
    except EOFError:
        return work()
    finally:
        ours.close()
        process.join()
    return found


def _do(work: Callable[[], T], answer: Connection) -> None:
    try:
        found = work()
    except Exception:  # whoever waits does it again, and meets it there
        return
    answer.send(found)
