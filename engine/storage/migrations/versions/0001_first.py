"""The first schema.

Complete and frozen: a released migration is never edited, and none imports the tables of today.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEY = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

_QUEUE = {"autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_threshold": 5000}


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


def upgrade() -> None:
    """Create every table."""
    _create_people()
    _create_shopping()
    _create_campaigns()
    _create_messages()


def _create_people() -> None:
    op.create_table(
        "customers",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("first_name", sa.Text(), nullable=True),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("timezone", _KEY, nullable=True),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("birthday", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("orders_count", sa.Integer(), nullable=False),
        sa.Column("total_spent", sa.BigInteger(), nullable=False),
        sa.Column("first_order_at", sa.BigInteger(), nullable=True),
        sa.Column("last_order_at", sa.BigInteger(), nullable=True),
        sa.Column("open_tickets", sa.Integer(), nullable=False),
        sa.Column("stamps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_customers"),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index("ix_customers_timezone_id", "customers", ["timezone", "id"])
    op.create_table(
        "identities",
        sa.Column("kind", _KEY, nullable=False),
        sa.Column("value", _KEY, nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.PrimaryKeyConstraint("value", "kind", name="pk_identities"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_identities_customer_id", "identities", ["customer_id"])
    op.create_table(
        "aliases",
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("merged_into", _KEY, nullable=False),
        sa.Column("merged_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", name="pk_aliases"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_aliases_merged_into", "aliases", ["merged_into"])
    op.create_table(
        "identity_conflicts",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("other_id", _KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("event_source", _KEY, nullable=False),
        sa.Column("event_id", _KEY, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_identity_conflicts"),
    )
    op.create_table(
        "consents",
        sa.Column("channel", _KEY, nullable=False),
        sa.Column("address", _KEY, nullable=False),
        sa.Column("status", _KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("address", "channel", name="pk_consents"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "consent_history",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("channel", _KEY, nullable=False),
        sa.Column("address", _KEY, nullable=False),
        sa.Column("status", _KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_consent_history"),
    )
    op.create_index("ix_consent_history_address", "consent_history", ["address"])
    op.create_table(
        "suppressions",
        sa.Column("channel", _KEY, nullable=False),
        sa.Column("address", _KEY, nullable=False),
        sa.Column("scope", _KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("address", "channel", name="pk_suppressions"),
        sqlite_with_rowid=False,
    )


def _create_shopping() -> None:
    op.create_table(
        "orders",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("customer_id", _KEY, nullable=True),
        sa.Column("known", sa.Boolean(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("placed_at", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("total", sa.BigInteger(), nullable=True),
        sa.Column("subtotal", sa.BigInteger(), nullable=True),
        sa.Column("shipping", sa.BigInteger(), nullable=True),
        sa.Column("tax", sa.BigInteger(), nullable=True),
        sa.Column("discount", sa.BigInteger(), nullable=True),
        sa.Column("discount_codes", sa.Text(), nullable=False),
        sa.Column("is_gift", sa.Boolean(), nullable=False),
        sa.Column("is_test", sa.Boolean(), nullable=False),
        sa.Column("country", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("status_url", sa.Text(), nullable=True),
        sa.Column("cancel_reason", sa.Text(), nullable=True),
        sa.Column("has_open_return", sa.Boolean(), nullable=False),
        sa.Column("attributes", sa.Text(), nullable=False),
        sa.Column("fulfilments", sa.Text(), nullable=False),
        sa.Column("refunds", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("stamps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_orders"),
        postgresql_with={"fillfactor": 85},
    )
    op.create_index("ix_orders_customer_id", "orders", ["customer_id"])
    op.create_table(
        "order_lines",
        sa.Column("order_id", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        sa.Column("product_id", sa.Text(), nullable=True),
        sa.Column("variant_id", sa.Text(), nullable=True),
        sa.Column("sku", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("image_url", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("order_id", "id", name="pk_order_lines"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "tickets",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("customer_id", _KEY, nullable=True),
        sa.Column("order_id", _KEY, nullable=True),
        sa.Column("status", _KEY, nullable=False),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("rating", sa.Integer(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("solved_at", sa.BigInteger(), nullable=True),
        sa.Column("stamps", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_tickets"),
    )
    op.create_index("ix_tickets_customer_id", "tickets", ["customer_id"])
    op.create_table(
        "events",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("source", _KEY, nullable=False),
        sa.Column("id", _KEY, nullable=False),
        sa.Column("type", _KEY, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.Column("backfill", sa.Boolean(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("customer_id", _KEY, nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("verdicts", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_events"),
        postgresql_with=_QUEUE,
    )
    op.create_index("ix_events_customer_id_time", "events", ["customer_id", "time"])
    op.create_index("ix_events_rejected", "events", ["seq"], **_where("state = 2"))
    op.create_index("ix_events_waiting", "events", ["seq"], **_where("state = 0"))
    op.create_index("ux_events_id_source", "events", ["id", "source"], unique=True)


def _create_campaigns() -> None:
    op.create_table(
        "journeys",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("revision", _KEY, nullable=False),
        sa.Column("entry_key", _KEY, nullable=False),
        sa.Column("entry_no", sa.Integer(), nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("status", _KEY, nullable=False),
        sa.Column("step", _KEY, nullable=False),
        sa.Column("waiting", _KEY, nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("clock", sa.BigInteger(), nullable=False),
        sa.Column("entered_at", sa.BigInteger(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("order_id", _KEY, nullable=True),
        sa.Column("ticket_id", _KEY, nullable=True),
        sa.Column("awaiting", _KEY, nullable=True),
        sa.Column("parked", sa.Boolean(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("goal_until", sa.BigInteger(), nullable=True),
        sa.Column("goal_at", sa.BigInteger(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("customer_id", "id", name="pk_journeys"),
        postgresql_with=_QUEUE,
    )
    op.create_index(
        "ix_journeys_campaign_status",
        "journeys",
        ["campaign", "status", "revision", "entered_at", "customer_id"],
    )
    op.create_index(
        "ix_journeys_due",
        "journeys",
        ["due_at"],
        **_where("status = 'live' AND NOT parked AND due_at IS NOT NULL"),
    )
    op.create_index("ix_journeys_parked", "journeys", ["campaign", "id"], **_where("parked"))
    op.create_index(
        "ux_journeys_live",
        "journeys",
        ["campaign", "entry_key"],
        unique=True,
        **_where("status = 'live'"),
    )
    op.create_table(
        "decisions",
        sa.Column("seq", _SERIAL, autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("revision", _KEY, nullable=False),
        sa.Column("journey_id", _KEY, nullable=False),
        sa.Column("entries", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_decisions"),
    )
    op.create_index("ix_decisions_customer_id", "decisions", ["customer_id"])
    op.create_table(
        "revisions",
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("revision", _KEY, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("stored_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "revision", name="pk_revisions"),
    )
    op.create_table(
        "holds",
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", name="pk_holds"),
    )
    op.create_table(
        "volumes",
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "window", name="pk_volumes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "occurrences",
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("zone", _KEY, nullable=False),
        sa.Column("key", _KEY, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("cursor", _KEY, nullable=False),
        sa.Column("done", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("campaign", "zone", "key", name="pk_occurrences"),
    )


def _create_messages() -> None:
    op.create_table(
        "messages",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("revision", _KEY, nullable=False),
        sa.Column("journey_id", _KEY, nullable=False),
        sa.Column("step", _KEY, nullable=False),
        sa.Column("purpose", _KEY, nullable=False),
        sa.Column("channel", _KEY, nullable=False),
        sa.Column("customer_id", _KEY, nullable=False),
        sa.Column("entry_key", _KEY, nullable=False),
        sa.Column("template", _KEY, nullable=False),
        sa.Column("status", _KEY, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("send_at", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("order_id", _KEY, nullable=True),
        sa.Column("ticket_id", _KEY, nullable=True),
        sa.Column("variant", sa.Text(), nullable=True),
        sa.Column("locale", sa.Text(), nullable=True),
        sa.Column("provider", _KEY, nullable=True),
        sa.Column("sender", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cost", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("delivered_at", sa.BigInteger(), nullable=True),
        sa.Column("opened_at", sa.BigInteger(), nullable=True),
        sa.Column("clicked_at", sa.BigInteger(), nullable=True),
        sa.Column("provider_message_id", sa.Text(), nullable=True),
        sa.Column("owner", _KEY, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_messages"),
        postgresql_with=_QUEUE,
    )
    op.create_index("ix_messages_created_at_id", "messages", ["created_at", "id"])
    op.create_index(
        "ix_messages_customer_id_created_at",
        "messages",
        ["customer_id", "created_at"],
    )
    op.create_index(
        "ix_messages_doubt", "messages", ["status"], **_where("status IN ('sending', 'unknown')")
    )
    op.create_index(
        "ix_messages_scheduled",
        "messages",
        ["channel", "send_at"],
        **_where("status = 'scheduled'"),
    )
    op.create_table(
        "contents",
        sa.Column("message_id", _KEY, nullable=False),
        sa.Column("sample_id", _KEY, nullable=False),
        sa.Column("packed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name="pk_contents"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "samples",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("template", _KEY, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_samples"),
    )
    op.create_table(
        "webhook_calls",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("journey_id", _KEY, nullable=False),
        sa.Column("step", _KEY, nullable=False),
        sa.Column("campaign", _KEY, nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("status", _KEY, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_webhook_calls"),
    )
    op.create_index(
        "ix_webhook_calls_due", "webhook_calls", ["due_at"], **_where("status = 'waiting'")
    )
    op.create_table(
        "workers",
        sa.Column("id", _KEY, nullable=False),
        sa.Column("role", _KEY, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
