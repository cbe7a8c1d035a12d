"""Topics: what a message is about, for those who decline one topic and keep another."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a column; messages that exist keep none."""
    op.add_column("messages", sa.Column("topic", _KEY, nullable=True))
