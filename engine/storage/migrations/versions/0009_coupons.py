"""Coupons: pools of codes, and which of them were told to run low."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Create the tables; nothing that exists changes."""
    op.create_table(
        "pool_codes",
        sa.Column("pool", _KEY, nullable=False),
        sa.Column("code_key", _KEY, nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("claim", _KEY, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pool", "code_key", name="pk_pool_codes"),
    )
    op.create_index(
        "ix_pool_codes_free",
        "pool_codes",
        ["pool", "seq", "code_key"],
        sqlite_where=sa.text("claim = ''"),
        postgresql_where=sa.text("claim = ''"),
    )
    op.create_table(
        "low_pools",
        sa.Column("pool", _KEY, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pool", name="pk_low_pools"),
        sqlite_with_rowid=False,
    )
