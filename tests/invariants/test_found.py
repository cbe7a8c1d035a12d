"""Lives that broke a promise once, step by step."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tests.databases import NewDatabase
from tests.invariants.life import bought
from tests.invariants.machine import ShopLife
from tests.invariants.strategies import CAMPAIGNS, ZONES
from tests.services.house import STORE, TEXTING

_OPEN_HANDED = {
    "senders": TEXTING,
    "quiet_hours": {"email": "none", "sms": "none"},
    "caps": [],
    "min_gap": "0s",
    "on_unknown": {"after": "1h", "do": "hold"},
    "retry": {"attempts": 3, "first": "30s", "most": "10m"},
}
_NOTE = {"id": "s1", "send_email": {"template": "note", "max_lateness": "3d"}}


def _note_on_each_order(name: str) -> dict[str, Any]:
    return {
        "version": 1, "id": name, "stage": "retention", "status": "live", "purpose": "marketing",
        "trigger": {"event": "order.placed"}, "entry": {"key": "order.id", "re_entry": "always"},
        "steps": [_NOTE],
    }  # fmt: skip


def test_slots_of_answers_that_are_not_on_record_are_not_given_away(
    new_sqlite: NewDatabase,
) -> None:
    """Two slots, and a crash while an answer of a call is known to the process alone."""
    life = type("Life", (ShopLife,), {"database": new_sqlite()})()
    first, second, third = map(_note_on_each_order, CAMPAIGNS[:3])
    try:
        life.open(
            store={**STORE, **_OPEN_HANDED},
            start=datetime(2026, 3, 7, 18, tzinfo=UTC),
            first=first,
            second=second,
            third=third,
            zones=list(ZONES),
            batch=1,
            slots=2,
            seed="",
            people=[replace(bought(0), total="20.00", channels=("email",))] * 5,
            mood="down",
        )
        life.meanwhile(what="cancel")
        for commit in reversed(range(5)):
            life.crash_at_commit(after=False, commit=commit, worker=0)
            life.promises_hold()
    finally:
        life.teardown()
