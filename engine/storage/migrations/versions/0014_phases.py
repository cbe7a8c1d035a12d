"""What each campaign had in force since when, and when it was held."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the table, with what is on record so far: first loadings, and the present holds."""
    op.create_table(
        "phases",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("revision", _KEY, nullable=False),
        sa.Column("status", _KEY, nullable=False),
        sa.Column("hold", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_phases"),
    )
    op.create_index("ix_phases_campaign_seq", "phases", ["campaign", "seq"])
    op.execute(
        'INSERT INTO phases (campaign, "at", revision, status, hold)'
        " SELECT revisions.campaign, stored_at AS begun, revision, '', COALESCE(reason, '')"
        " FROM revisions LEFT JOIN holds"
        ' ON holds.campaign = revisions.campaign AND holds."at" <= stored_at'
        ' UNION ALL SELECT campaign, "at", COALESCE((SELECT revision FROM revisions'
        ' WHERE revisions.campaign = holds.campaign AND stored_at <= holds."at"'
        " ORDER BY stored_at DESC, revision DESC LIMIT 1), ''), '', reason FROM holds"
        " ORDER BY 2, 1, 3"
    )
