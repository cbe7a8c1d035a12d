"""Which policy the programs' pages were last written by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table; empty, it has every page looked at once."""
    op.create_table(
        "editions",
        sa.Column("book", _KEY, nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("edition", _KEY, nullable=False),
        sa.PrimaryKeyConstraint("book", "key", name="pk_editions"),
        sqlite_with_rowid=False,
    )
