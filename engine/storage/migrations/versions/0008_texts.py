"""Texts: whom a text from a number answers is found by the number that was written to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index; email messages are not in it."""
    op.create_index(
        "ix_messages_texts",
        "messages",
        ["recipient", "created_at"],
        sqlite_where=sa.text("channel = 'sms'"),
        postgresql_where=sa.text("channel = 'sms'"),
    )
