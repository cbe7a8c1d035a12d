"""Street of customers, by which households are known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; customers get theirs when next told of."""
    op.add_column("customers", sa.Column("street", sa.Text(), nullable=True))
