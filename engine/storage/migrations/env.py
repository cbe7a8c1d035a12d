"""Alembic's entry: runs migrations on the connection, and in the transaction, of the caller."""

from __future__ import annotations

from alembic import context

from engine.storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by writing it anew
    # The caller's transaction is around everything, so a migration is whole or not at all.
    transactional_ddl=False,
)
context.run_migrations()
