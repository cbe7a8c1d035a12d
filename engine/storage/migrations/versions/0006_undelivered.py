"""Since when orders are on their way, for those that are to count as delivered some day.

Orders that exist get it with the next news of them.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add a column and its index, which holds only the orders that wait."""
    op.add_column("orders", sa.Column("undelivered_since", sa.BigInteger(), nullable=True))
    where = sa.text("undelivered_since IS NOT NULL")
    op.create_index(
        "ix_orders_undelivered",
        "orders",
        ["undelivered_since", "id"],
        sqlite_where=where,
        postgresql_where=where,
    )
