"""Places: region and postal code of customers, and the zone in which schedules look at them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns; whoever told a zone goes on in it, others get theirs when next told of."""
    op.add_column("customers", sa.Column("region", sa.Text(), nullable=True))
    op.add_column("customers", sa.Column("postal_code", sa.Text(), nullable=True))
    op.add_column("customers", sa.Column("zone", _KEY, nullable=True))
    op.drop_index("ix_customers_timezone_id", table_name="customers")
    op.execute("UPDATE customers SET zone = timezone WHERE timezone IS NOT NULL")
    op.create_index("ix_customers_zone_id", "customers", ["zone", "id"])
