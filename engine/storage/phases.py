"""The phases of campaigns: what each had in force since when, and whether it was held."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import Connection

from engine.ports.history import Phase
from engine.ports.stored import Loaded
from engine.storage import tables
from engine.storage.bulk import BulkTable, fetch
from engine.storage.scalars import moment

_HOLDS = BulkTable.of(tables.holds)
_ALL = 'SELECT campaign, "at", revision, status, hold FROM phases ORDER BY seq'
_LAST = "SELECT revision, status, hold FROM phases WHERE campaign = {p} ORDER BY seq DESC LIMIT 1"
_NONE = ("", "", "")


def hold(connection: Connection, campaign: str, reason: str, at: int) -> None:
    """Hold a campaign from a moment (in microseconds) on; one held already keeps its reason."""
    _HOLDS.keep(connection, [(campaign, reason, at)])
    revision, status, held = _last(connection, campaign)
    if not held:
        _begin(connection, [(campaign, at, revision, status, reason)])


def lift(connection: Connection, campaign: str, at: int) -> None:
    """Lift a campaign's hold, if there is one."""
    connection.execute(tables.holds.delete().where(tables.holds.c.campaign == campaign))
    revision, status, held = _last(connection, campaign)
    if held:
        _begin(connection, [(campaign, at, revision, status, "")])


def load(connection: Connection, loaded: Collection[Loaded], at: int, *, whole: bool) -> None:
    """Note that these are in force; ``whole``: and no other campaign."""
    last = {row[0]: (row[2], row[3], row[4]) for row in fetch(connection, _ALL)}
    present = {one.campaign: (one.revision, one.status) for one in loaded}
    if whole:
        present = dict.fromkeys(last, ("", "")) | present
    _begin(
        connection,
        [
            (campaign, at, *now, last.get(campaign, _NONE)[2])
            for campaign, now in sorted(present.items())
            if now != last.get(campaign, _NONE)[:2]
        ],
    )


def phases(connection: Connection) -> Sequence[Phase]:
    """All of them, in the order in which they began."""
    return [
        Phase(campaign=row[0], at=moment(row[1]), revision=row[2], status=row[3], hold=row[4])
        for row in fetch(connection, _ALL)
    ]


def _last(connection: Connection, campaign: str) -> tuple[str, str, str]:
    """The revision, the status and the hold of a campaign's last phase."""
    rows = fetch(connection, _LAST, campaign)
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else _NONE


def _begin(connection: Connection, rows: Sequence[tuple[str, int, str, str, str]]) -> None:
    if rows:
        names = ("campaign", "at", "revision", "status", "hold")
        connection.execute(
            tables.phases.insert(), [dict(zip(names, row, strict=True)) for row in rows]
        )
