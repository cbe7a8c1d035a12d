"""Writing back what changed of consents, suppressions and preferences."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from sqlalchemy import Connection

from engine.core.customer import Suppression
from engine.core.permissions import standing
from engine.core.world import Changes, World
from engine.storage import tables
from engine.storage.bulk import BulkTable, delete_many
from engine.storage.permission_locks import change_permissions
from engine.storage.permission_rows import (
    consent_row,
    preferences_row,
    statement_row,
    suppression_row,
)

# Two customers may share an address: the newest word counts, whoever writes last, and of words of
# one instant no permission over a withdrawal.
_CONSENTS = BulkTable.of(
    tables.consents,
    only_if='excluded."at" > old."at" OR (excluded."at" = old."at"'
    " AND (excluded.status <> 'subscribed' OR old.status = 'subscribed'))",
)
_HISTORY = BulkTable.of(tables.consent_history, conflict=("address", "id"))
# What blocks every message is not narrowed by what blocks less.
_SUPPRESSIONS = BulkTable.of(
    tables.suppressions, only_if="old.scope <> 'all' OR excluded.scope = 'all'"
)
_PREFERENCES = BulkTable.of(tables.preferences, only_if='excluded."at" >= old."at"')


def write_permissions(connection: Connection, worlds: Sequence[World]) -> None:
    """Write what these worlds changed, with every statement that they were told."""
    changes = [
        each
        for world in worlds
        if (each := world.changes).consents
        or each.overruled
        or each.suppressions
        or each.lifted
        or each.preferences
    ]
    if not changes:
        return
    change_permissions(connection, set(_narrowed(changes)))
    consents = [consent for each in changes for consent in each.consents]
    if len(consents) > 1:
        consents.sort(key=standing)  # of one key the last row is written
    rows = [consent_row(consent) for consent in consents]
    _CONSENTS.upsert(connection, rows)
    overruled = (consent_row(consent) for each in changes for consent in each.overruled)
    _HISTORY.keep(connection, [statement_row(row) for row in (*rows, *overruled)])
    lifted = {(one.channel, one.address) for each in changes for one in each.lifted}
    delete_many(connection, tables.suppressions, ("channel", "address"), sorted(lifted))
    suppress(connection, [one for each in changes for one in each.suppressions])
    wishes = sorted((one for each in changes for one in each.preferences), key=lambda one: one.at)
    _PREFERENCES.upsert(connection, [preferences_row(one) for one in wishes])


def suppress(connection: Connection, suppressions: Collection[Suppression]) -> None:
    """Block addresses; of one that has several rows what blocks everything is written."""
    widest = sorted(suppressions, key=lambda one: one.scope == "all")
    _SUPPRESSIONS.upsert(connection, [suppression_row(one) for one in widest])


def _narrowed(changes: Sequence[Changes]) -> Iterator[str]:
    """The addresses to which less is permitted now, or may be."""
    for each in changes:
        yield from (one.address for one in each.consents if one.status != "subscribed")
        yield from (one.address for one in each.suppressions)
        yield from (one.address for one in each.preferences)
