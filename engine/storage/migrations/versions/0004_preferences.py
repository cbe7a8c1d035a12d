"""Preferences of an address; the purpose of a consent; each statement in the history once."""

from __future__ import annotations

import hashlib

import orjson
import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_PAGE = 5000


def upgrade() -> None:
    """Create the table; give what exists its purpose, and history its key."""
    op.create_table(
        "preferences",
        sa.Column("channel", _KEY, nullable=False),
        sa.Column("address", _KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("declined", sa.Text(), nullable=False),
        sa.Column("paused_until", sa.BigInteger(), nullable=True),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("address", "channel", name="pk_preferences"),
        sqlite_with_rowid=False,
    )
    for table in ("consents", "consent_history"):
        op.add_column(table, sa.Column("purpose", _KEY, nullable=False, server_default="marketing"))
    # Its real values come next, page by page; until then it is empty.
    op.add_column("consent_history", sa.Column("id", _KEY, nullable=False, server_default=""))
    _name_statements()
    op.create_index(
        "ux_consent_history_address_id", "consent_history", ["address", "id"], unique=True
    )
    op.drop_index("ix_consent_history_address", "consent_history")


def _name_statements() -> None:
    """Hash each row, and keep the first of equal ones."""
    connection = op.get_bind()
    page = sa.text(
        'SELECT seq, channel, address, status, "at", source, proof, purpose FROM consent_history'
        " WHERE seq > :after ORDER BY seq LIMIT :page"
    )
    after = 0
    while rows := connection.execute(page, {"after": after, "page": _PAGE}).fetchall():
        after = rows[-1][0]
        connection.execute(
            sa.text("UPDATE consent_history SET id = :id WHERE seq = :seq"),
            [{"seq": row[0], "id": _hash(list(row[1:]))} for row in rows],
        )
    connection.execute(
        sa.text(
            "DELETE FROM consent_history WHERE seq NOT IN"
            " (SELECT min(seq) FROM consent_history GROUP BY address, id)"
        )
    )


def _hash(told: list[object]) -> str:
    return hashlib.blake2b(orjson.dumps(told), digest_size=12).hexdigest()
