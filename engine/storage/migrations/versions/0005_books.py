"""Books: what the shop's programs keep of a customer, a record a row."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the table; nothing that exists changes."""
    op.create_table(
        "books",
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("book", _KEY, nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "book", "key", name="pk_books"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_books_book_key", "books", ["book", "key"])
    op.create_index(
        "ix_books_due",
        "books",
        ["due_at"],
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
