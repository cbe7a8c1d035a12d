"""The schema, once for SQLite and PostgreSQL.

Times are microseconds since the epoch (UTC), money is ten-thousandths of the currency unit, JSON
is text: compact, ordered, compared alike by both databases. Rows are written by ``flush`` and read
by ``worlds`` as driver tuples; cold paths use these tables through SQLAlchemy Core.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "pk": "pk_%(table_name)s"}
)

# SQLite gives a rowid alias, and so a counter, only to a column declared INTEGER.
Serial = BigInteger().with_variant(Integer(), "sqlite")

customers = Table(
    "customers",
    metadata,
    Column("id", String, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("email", Text),
    Column("phone", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("locale", Text),
    Column("timezone", Text),
    Column("country", Text),
    Column("birthday", Text),  # ISO date
    Column("tags", Text, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("orders_count", Integer, nullable=False),
    Column("total_spent", BigInteger, nullable=False),
    Column("first_order_at", BigInteger),
    Column("last_order_at", BigInteger),
    Column("open_tickets", Integer, nullable=False),
    Column("stamps", Text, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("kind", String, nullable=False),  # "email", "phone", "id:<source>"
    Column("value", String, nullable=False),
    Column("customer_id", String, nullable=False, index=True),
    PrimaryKeyConstraint("value", "kind"),  # in the order in which they are looked up
)

aliases = Table(  # customers that a merge ended, and where they went
    "aliases",
    metadata,
    Column("customer_id", String, primary_key=True),
    Column("merged_into", String, nullable=False, index=True),
    Column("merged_at", BigInteger, nullable=False),
)

identity_conflicts = Table(
    "identity_conflicts",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("other_id", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event_source", String, nullable=False),
    Column("event_id", String, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer_id", String, index=True),
    Column("known", Boolean, nullable=False),
    Column("number", Text),
    Column("placed_at", BigInteger),
    Column("currency", Text),
    Column("total", BigInteger),
    Column("subtotal", BigInteger),
    Column("shipping", BigInteger),
    Column("tax", BigInteger),
    Column("discount", BigInteger),
    Column("discount_codes", Text, nullable=False),
    Column("is_gift", Boolean, nullable=False),
    Column("is_test", Boolean, nullable=False),
    Column("country", Text),
    Column("channel", Text),
    Column("status_url", Text),
    Column("cancel_reason", Text),
    Column("has_open_return", Boolean, nullable=False),
    Column("attributes", Text, nullable=False),
    Column("fulfilments", Text, nullable=False),
    Column("refunds", Text, nullable=False),
    Column("facts", Text, nullable=False),
    Column("stamps", Text, nullable=False),
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", String, primary_key=True),
    Column("id", String, primary_key=True),
    Column("product_id", Text),
    Column("variant_id", Text),
    Column("sku", Text),
    Column("title", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("url", Text),
    Column("image_url", Text),
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", String, primary_key=True),
    Column("customer_id", String, index=True),
    Column("order_id", String),
    Column("status", Text, nullable=False),
    Column("subject", Text),
    Column("channel", Text),
    Column("priority", Text),
    Column("tags", Text, nullable=False),
    Column("rating", Integer),
    Column("opened_at", BigInteger),
    Column("solved_at", BigInteger),
    Column("stamps", Text, nullable=False),
)

WAITING, DONE, REJECTED = 0, 1, 2

events = Table(
    "events",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("source", String, nullable=False),
    Column("id", String, nullable=False),
    Column("type", String, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("backfill", Boolean, nullable=False),
    Column("state", SmallInteger, nullable=False),  # WAITING | DONE | REJECTED
    Column("customer_id", String),
    Column("reason", Text),  # of a rejection
    Column("verdicts", Text),  # JSON list: the campaigns it could have entered
    Column("body", Text, nullable=False),
    Index("ux_events_id_source", "id", "source", unique=True),
    Index("ix_events_customer_id_time", "customer_id", "time"),
    Index(
        "ix_events_waiting",
        "seq",
        sqlite_where=text("state = 0"),
        postgresql_where=text("state = 0"),
    ),
    Index(
        "ix_events_rejected",
        "seq",
        sqlite_where=text("state = 2"),
        postgresql_where=text("state = 2"),
    ),
)

journeys = Table(
    "journeys",
    metadata,
    Column("id", String, primary_key=True),
    Column("campaign", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("entry_key", String, nullable=False),
    Column("entry_no", Integer, nullable=False),
    Column("customer_id", String, nullable=False, index=True),
    Column("status", String, nullable=False),
    Column("step", String, nullable=False),
    Column("waiting", String, nullable=False),
    Column("due_at", BigInteger),
    Column("clock", BigInteger, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("order_id", String),
    Column("ticket_id", String),
    Column("awaiting", String),
    Column("parked", Boolean, nullable=False),
    Column("ended_at", BigInteger),
    Column("reason", Text),
    Column("goal_until", BigInteger),
    Column("goal_at", BigInteger),
    Column("data", Text, nullable=False),  # trigger, results, seen, variants
    Index(
        "ix_journeys_due",
        "due_at",
        sqlite_where=text("status = 'live' AND NOT parked"),
        postgresql_where=text("status = 'live' AND NOT parked"),
    ),
    Index(
        "ix_journeys_parked",
        "campaign",
        sqlite_where=text("parked"),
        postgresql_where=text("parked"),
    ),
    Index(
        "ux_journeys_live",
        "campaign",
        "entry_key",
        unique=True,
        sqlite_where=text("status = 'live'"),
        postgresql_where=text("status = 'live'"),
    ),
)

messages = Table(
    "messages",
    metadata,
    Column("id", String, primary_key=True),
    Column("campaign", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("journey_id", String, nullable=False),
    Column("step", String, nullable=False),
    Column("purpose", String, nullable=False),
    Column("channel", String, nullable=False),
    Column("customer_id", String, nullable=False),
    Column("entry_key", String, nullable=False),
    Column("template", String, nullable=False),
    Column("status", String, nullable=False),
    Column("created_at", BigInteger, nullable=False, index=True),
    Column("send_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("recipient", Text),
    Column("order_id", String),
    Column("ticket_id", String),
    Column("variant", Text),
    Column("locale", Text),
    Column("provider", String),
    Column("sender", Text),
    Column("subject", Text),
    Column("reason", Text),
    Column("error_code", Text),
    Column("attempts", Integer, nullable=False),
    Column("cost", BigInteger),
    Column("sent_at", BigInteger),
    Column("delivered_at", BigInteger),
    Column("opened_at", BigInteger),
    Column("clicked_at", BigInteger),
    Column("provider_message_id", Text),
    Column("owner", String),
    Index("ix_messages_customer_id_created_at", "customer_id", "created_at"),
    Index(
        "ix_messages_scheduled",
        "send_at",
        sqlite_where=text("status = 'scheduled'"),
        postgresql_where=text("status = 'scheduled'"),
    ),
    Index(
        "ix_messages_doubt",
        "status",
        sqlite_where=text("status IN ('sending', 'unknown')"),
        postgresql_where=text("status IN ('sending', 'unknown')"),
    ),
)

contents = Table(  # what was really sent
    "contents",
    metadata,
    Column("message_id", String, primary_key=True),
    Column("sample_id", String, nullable=False),  # the zlib dictionary
    Column("packed", LargeBinary, nullable=False),
)

samples = Table(  # one rendering of a template revision for the sample customer
    "samples",
    metadata,
    Column("id", String, primary_key=True),  # hash of the bytes
    Column("template", String, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

decisions = Table(  # one row for all that one transaction decided of one journey
    "decisions",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("customer_id", String, nullable=False, index=True),
    Column("campaign", String, nullable=False),
    Column("revision", String, nullable=False),
    Column("journey_id", String, nullable=False),
    Column("entries", Text, nullable=False),  # JSON list of {kind, step, code, message, trace}
)

consents = Table(
    "consents",
    metadata,
    Column("channel", String, nullable=False),
    Column("address", String, nullable=False),
    Column("status", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("proof", Text),
    PrimaryKeyConstraint("address", "channel"),
)

consent_history = Table(
    "consent_history",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("channel", String, nullable=False),
    Column("address", String, nullable=False),
    Column("status", String, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("proof", Text),
    Index("ix_consent_history_channel_address", "channel", "address"),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("channel", String, nullable=False),
    Column("address", String, nullable=False),
    Column("scope", String, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("address", "channel"),
)

revisions = Table(  # every campaign source that journeys may still stand on
    "revisions",
    metadata,
    Column("campaign", String, primary_key=True),
    Column("revision", String, primary_key=True),
    Column("source", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("campaign", String, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

volumes = Table(  # messages made in one window of a volume_limit
    "volumes",
    metadata,
    Column("campaign", String, primary_key=True),
    Column("window", BigInteger, primary_key=True),  # its first microsecond
    Column("count", Integer, nullable=False),
)

occurrences = Table(  # fires of schedule and date triggers
    "occurrences",
    metadata,
    Column("campaign", String, primary_key=True),
    Column("zone", String, primary_key=True),
    Column("key", String, primary_key=True),  # local date and time
    Column("at", BigInteger, nullable=False),
    Column("cursor", String, nullable=False),  # last customer swept
    Column("done", Boolean, nullable=False),
)

webhook_calls = Table(
    "webhook_calls",
    metadata,
    Column("id", String, primary_key=True),
    Column("journey_id", String, nullable=False),
    Column("step", String, nullable=False),
    Column("campaign", String, nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", String, nullable=False),  # waiting | done | failed
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("reason", Text),
    Index(
        "ix_webhook_calls_due",
        "due_at",
        sqlite_where=text("status = 'waiting'"),
        postgresql_where=text("status = 'waiting'"),
    ),
)

workers = Table(  # heartbeats: a message whose worker is gone is in doubt
    "workers",
    metadata,
    Column("id", String, primary_key=True),
    Column("role", String, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)
