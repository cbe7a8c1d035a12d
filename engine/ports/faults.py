"""Named moments at which a test of reliability may end this process, or have it fail.

Off, ``passing`` looks at one empty dictionary. ``arm`` is called by ``engine.bootstrap`` alone, for
``LAGNIAPPE_FAULTS``; it is for tests, and refused beside providers that reach customers.
"""

from __future__ import annotations

import difflib
import json
import os
import signal
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Literal

from engine.ports.storage import Unavailable

Action = Literal["kill", "raise"]


class Fault(StrEnum):
    """Every moment that has a name. A new one is listed here, passed in one place, and tested."""

    ACCEPT_WRITTEN = "accept.written"  # events written, not committed
    ACCEPT_COMMITTED = "accept.committed"  # durable, their sender not told yet
    EVENTS_CLAIMED = "events.claimed"  # waiting events read, nothing decided
    DECIDED = "decision.decided"  # worlds changed in memory, nothing written
    DECISION_WRITTEN = "decision.written"  # written, not committed
    DECISION_COMMITTED = "decision.committed"  # committed, nothing handed over
    HANDOVER_COMMITTED = "handover.committed"  # ``sending`` on record, the sender not told
    CALL_BEGINS = "call.begins"  # in the sender, the provider not called
    CALL_ANSWERED = "call.answered"  # the provider has answered, nobody was told
    RESULTS_COLLECTED = "results.collected"  # answers taken from the sender, in memory only
    RESULTS_WRITTEN = "results.written"  # a batch of answers noted, not committed
    RESULTS_RECORDED = "results.recorded"  # committed, still on the list of what is to be recorded
    ORPHANS_FOUND = "orphans.found"  # a dead worker's messages found, not yet in doubt
    REVISION_PAGE = "revision.page"  # between two pages of journeys that move to a new revision
    DRAINING = "drain.begun"  # told to end, calls still under way
    OUTBOX_CLAIMED = "outbox.claimed"  # webhook calls leased, not made
    OUTBOX_POSTED = "outbox.posted"  # a call made, not recorded
    RECEIPTS_APPLIED = "receipts.applied"  # receipts in memory, not written
    RECEIPTS_STORED = "receipts.stored"  # durable, the provider not told
    SETTLEMENT_ASKED = "settlement.asked"  # a provider has told of messages in doubt
    SETTLEMENT_DECIDED = "settlement.decided"  # the policy ends a doubt, not written
    RETENTION_PAGE = "retention.page"  # between two pages of what is forgotten
    ERASURE_DECIDED = "erasure.decided"  # all of a customer found, nothing erased yet
    ERASURE_COMMITTED = "erasure.committed"  # committed, the file's free pages not yet wiped


class Injected(Unavailable):
    """The failure that a test has asked for; like a database that went away at that moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What happens at the ``passage``-th time that the moment comes, 1 for the first; once."""

    fault: Fault
    action: Action = "kill"
    passage: int = 1


_lock: Final = threading.Lock()
_armed: Final[dict[Fault, Charge]] = {}
_passed: Final[dict[Fault, int]] = {}


def passing(fault: Fault) -> None:
    """This moment is now. Does not return, or raises ``Injected``, where that was asked for."""
    if _armed:
        _pass(fault)


def arm(charges: Iterable[Charge]) -> None:
    """Ask for these faults and no others; for none, with an empty list."""
    with _lock:
        _armed.clear()
        _passed.clear()
        _armed.update((charge.fault, charge) for charge in charges)


def read_charges(text: str) -> list[Charge]:
    """``NAME[:kill|raise[:PASSAGE]]``, several parted by commas.

    Raises ``ValueError`` that says what is wrong and what is meant, perhaps.
    """
    return [_read(part.strip()) for part in text.split(",") if part.strip()]


def _read(text: str) -> Charge:
    name, action, passage = (*text.split(":"), "", "")[:3]
    if name not in set(Fault):
        near = difflib.get_close_matches(name, list(Fault), n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{name!r} is no fault point{hint}")
    passage = passage or "1"
    if text.count(":") > 2 or not (passage.isascii() and passage.isdigit()) or int(passage) < 1:
        raise ValueError(f"{text!r}: write NAME, NAME:kill or NAME:raise:3 for the third time")
    if action in ("", "kill"):
        return Charge(fault=Fault(name), passage=int(passage))
    if action == "raise":
        return Charge(fault=Fault(name), action="raise", passage=int(passage))
    raise ValueError(f"{text!r}: a fault point can kill or raise, not {action}")


def _pass(fault: Fault) -> None:
    with _lock:
        charge = _armed.get(fault)
        if charge is None:
            return
        _passed[fault] = _passed.get(fault, 0) + 1
        if _passed[fault] < charge.passage:
            return
        del _armed[fault]
        # Past every buffer, for nothing else is written after it.
        told = {"event": "fault", "point": fault.value, "action": charge.action}
        os.write(2, (json.dumps(told) + "\n").encode())
        if charge.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()  # the signal comes to whichever thread; this one must do nothing more
    raise Injected(f"a fault was asked for at {fault.value}")
