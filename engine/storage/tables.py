"""The schema, once for SQLite and PostgreSQL.

Times are microseconds since the epoch (UTC), money is ten-thousandths of the currency unit, JSON
is text: compact, ordered, compared alike by both databases. Rows are written by ``flush`` and read
by ``worlds`` as driver tuples; cold paths use these tables through SQLAlchemy Core.

Every index costs each write, so there is one only where a query would otherwise read a whole
table in the loop or in front of a waiting person.
"""

from __future__ import annotations

from typing import Any

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

# Keys compare by byte in both databases: quicker than by a language's rules, the same order
# everywhere, unharmed by an upgrade of the C library, and a range of a prefix is a range.
Key = String().with_variant(String(collation="C"), "postgresql")


def where(condition: str) -> dict[str, Any]:
    """Make an index partial, in both databases."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# Small rows that are looked up by key live in the key's own tree.
IN_KEY: dict[str, Any] = {"sqlite_with_rowid": False}

# Updates that touch no index stay on their page where there is room (PostgreSQL's HOT).
_ROOMY: dict[str, Any] = {"postgresql_with": {"fillfactor": 85}}

# A queue's table turns over many times before a fifth of it has changed, which is what
# PostgreSQL's own vacuum waits for; dead rows at the head of a queue slow every claim.
_VACUUM = {"autovacuum_vacuum_scale_factor": 0.02, "autovacuum_vacuum_threshold": 5000}
_QUEUE: dict[str, Any] = {"postgresql_with": _VACUUM}

customers = Table(
    "customers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("created_at", BigInteger, nullable=False),
    Column("email", Text),
    Column("phone", Text),
    Column("first_name", Text),
    Column("last_name", Text),
    Column("locale", Text),
    Column("timezone", Key),
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
    Column("region", Text),
    Column("postal_code", Text),
    Column("street", Text),
    Column("zone", Key),  # given or derived; NULL: the store's
    Index("ix_customers_zone_id", "zone", "id"),  # schedules sweep a zone at a time
    **_ROOMY,
)

identities = Table(
    "identities",
    metadata,
    Column("kind", Key, nullable=False),  # "email", "phone", "id:<source>"
    Column("value", Key, nullable=False),
    Column("customer_id", Key, nullable=False, index=True),
    PrimaryKeyConstraint("value", "kind"),  # in the order in which they are looked up
    **IN_KEY,
)

aliases = Table(  # customers that a merge ended, and where they went
    "aliases",
    metadata,
    Column("customer_id", Key, primary_key=True),
    Column("merged_into", Key, nullable=False, index=True),
    Column("merged_at", BigInteger, nullable=False),
    **IN_KEY,
)

identity_conflicts = Table(
    "identity_conflicts",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("customer_id", Key, nullable=False),
    Column("other_id", Key, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event_source", Key, nullable=False),
    Column("event_id", Key, nullable=False),
)

orders = Table(
    "orders",
    metadata,
    Column("id", Key, primary_key=True),
    Column("customer_id", Key, index=True),
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
    Column("undelivered_since", BigInteger),  # the last news, while only the arrival is missing
    Index("ix_orders_number", "number", **where("number IS NOT NULL")),  # for who asks
    Index(
        "ix_orders_undelivered",
        "undelivered_since",
        "id",
        **where("undelivered_since IS NOT NULL"),
    ),
    **_ROOMY,
)

order_lines = Table(
    "order_lines",
    metadata,
    Column("order_id", Key, primary_key=True),
    Column("id", Key, primary_key=True),
    Column("product_id", Text),
    Column("variant_id", Text),
    Column("sku", Text),
    Column("title", Text, nullable=False),
    Column("position", Integer, nullable=False),  # lines keep the order in which they were told
    Column("quantity", Integer, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("url", Text),
    Column("image_url", Text),
    **IN_KEY,
)

tickets = Table(
    "tickets",
    metadata,
    Column("id", Key, primary_key=True),
    Column("customer_id", Key, index=True),
    Column("order_id", Key),
    Column("status", Key, nullable=False),
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
    Column("source", Key, nullable=False),
    Column("id", Key, nullable=False),
    Column("type", Key, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("backfill", Boolean, nullable=False),
    Column("state", SmallInteger, nullable=False),  # WAITING | DONE | REJECTED
    Column("customer_id", Key),
    Column("reason", Text),  # of a rejection
    Column("verdicts", Text),  # JSON list: the campaigns it could have entered
    Column("body", Text, nullable=False),
    Index("ux_events_id_source", "id", "source", unique=True),
    Index("ix_events_customer_id_time", "customer_id", "time"),
    Index("ix_events_waiting", "seq", **where("state = 0")),
    Index("ix_events_rejected", "seq", **where("state = 2")),
    **_QUEUE,
)

journeys = Table(
    "journeys",
    metadata,
    Column("id", Key, nullable=False),
    Column("campaign", Key, nullable=False),
    Column("revision", Key, nullable=False),
    Column("entry_key", Key, nullable=False),
    Column("entry_no", Integer, nullable=False),
    Column("customer_id", Key, nullable=False),
    Column("status", Key, nullable=False),
    Column("step", Key, nullable=False),
    Column("waiting", Key, nullable=False),
    Column("due_at", BigInteger),
    Column("clock", BigInteger, nullable=False),
    Column("entered_at", BigInteger, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("order_id", Key),
    Column("ticket_id", Key),
    Column("awaiting", Key),
    Column("parked", Boolean, nullable=False),
    Column("ended_at", BigInteger),
    Column("reason", Text),
    Column("goal_until", BigInteger),
    Column("goal_at", BigInteger),
    Column("data", Text, nullable=False),  # trigger, results, seen, variants
    PrimaryKeyConstraint("customer_id", "id"),  # a customer's journeys lie side by side
    Index(
        "ix_journeys_due",
        "due_at",
        **where("status = 'live' AND NOT parked AND due_at IS NOT NULL"),
    ),
    Index("ix_journeys_parked", "campaign", "id", **where("parked")),
    Index("ux_journeys_live", "campaign", "entry_key", unique=True, **where("status = 'live'")),
    # Answers by itself which revisions are in use, by whom, and how many journeys stand where.
    Index(
        "ix_journeys_campaign_status",
        "campaign",
        "status",
        "revision",
        "entered_at",  # new entries go to the end of their group, not into pages all over it
        "customer_id",
    ),
    **_QUEUE,
)

messages = Table(
    "messages",
    metadata,
    Column("id", Key, primary_key=True),
    Column("campaign", Key, nullable=False),
    Column("revision", Key, nullable=False),
    Column("journey_id", Key, nullable=False),
    Column("step", Key, nullable=False),
    Column("purpose", Key, nullable=False),
    Column("channel", Key, nullable=False),
    Column("customer_id", Key, nullable=False),
    Column("entry_key", Key, nullable=False),
    Column("template", Key, nullable=False),
    Column("status", Key, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("send_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("recipient", Text),
    Column("order_id", Key),
    Column("ticket_id", Key),
    Column("variant", Text),
    Column("locale", Text),
    Column("provider", Key),
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
    Column("owner", Key),
    Column("topic", Key),
    Index("ix_messages_created_at_id", "created_at", "id"),  # the log, newest first
    Index("ix_messages_customer_id_created_at", "customer_id", "created_at"),
    Index("ix_messages_scheduled", "channel", "send_at", **where("status = 'scheduled'")),
    # Whom a text from a number answers, while its sender's provider waits.
    Index("ix_messages_texts", "recipient", "created_at", **where("channel = 'sms'")),
    Index("ix_messages_doubt", "status", **where("status IN ('sending', 'unknown')")),
    **_QUEUE,
)

contents = Table(  # what was really sent
    "contents",
    metadata,
    Column("message_id", Key, primary_key=True),
    Column("sample_id", Key, nullable=False),  # the zlib dictionary
    Column("packed", LargeBinary, nullable=False),
    **IN_KEY,
)

samples = Table(  # one rendering of a template revision for the sample customer
    "samples",
    metadata,
    Column("id", Key, primary_key=True),  # hash of the bytes
    Column("template", Key, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

receipts = Table(  # what providers report, each once, as it came
    "receipts",
    metadata,
    Column("message_id", Key, primary_key=True),  # a message's receipts lie side by side
    Column("provider", Key, primary_key=True),
    Column("id", Key, primary_key=True),  # the provider's own
    Column("kind", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("received_at", BigInteger, nullable=False),
    Column("machine", Boolean, nullable=False),
    Column("error_code", Text),
    Column("reason", Text),
    Column("url", Text),
    Column("raw", Text, nullable=False),
    **IN_KEY,
)

decisions = Table(  # one row for all that one transaction decided of one journey
    "decisions",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("customer_id", Key, nullable=False, index=True),
    Column("campaign", Key, nullable=False),
    Column("revision", Key, nullable=False),
    Column("journey_id", Key, nullable=False),
    Column("entries", Text, nullable=False),  # JSON list of {kind, step, code, message, trace}
)

consents = Table(
    "consents",
    metadata,
    Column("channel", Key, nullable=False),
    Column("address", Key, nullable=False),
    Column("status", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("proof", Text),
    Column("purpose", Key, nullable=False, server_default="marketing"),
    PrimaryKeyConstraint("address", "channel"),
    **IN_KEY,
)

consent_history = Table(  # every statement that was ever told, each once
    "consent_history",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("channel", Key, nullable=False),
    Column("address", Key, nullable=False),
    Column("status", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("source", Text, nullable=False),
    Column("proof", Text),
    Column("purpose", Key, nullable=False, server_default="marketing"),
    Column("id", Key, nullable=False),  # hash of what it says
    Index("ux_consent_history_address_id", "address", "id", unique=True),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("channel", Key, nullable=False),
    Column("address", Key, nullable=False),
    Column("scope", Key, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    PrimaryKeyConstraint("address", "channel"),
    **IN_KEY,
)

preferences = Table(  # what the owner of an address wants less of
    "preferences",
    metadata,
    Column("channel", Key, nullable=False),
    Column("address", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("declined", Text, nullable=False),  # JSON list of topics
    Column("paused_until", BigInteger),
    Column("proof", Text),
    PrimaryKeyConstraint("address", "channel"),
    **IN_KEY,
)

revisions = Table(  # every campaign source that journeys may still stand on
    "revisions",
    metadata,
    Column("campaign", Key, primary_key=True),
    Column("revision", Key, primary_key=True),
    Column("source", Text, nullable=False),
    Column("file", Text, nullable=False),
    Column("stored_at", BigInteger, nullable=False),
)

holds = Table(
    "holds",
    metadata,
    Column("campaign", Key, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
)

phases = Table(  # how each campaign stood from a moment on, whatever became of it since
    "phases",
    metadata,
    Column("seq", Serial, primary_key=True, autoincrement=True),
    Column("campaign", Key, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("revision", Key, nullable=False),  # empty: no good file
    Column("status", Key, nullable=False),  # that its file said; empty: not known
    Column("hold", Text, nullable=False),  # why it was held; empty: it was not
    Index("ix_phases_campaign_seq", "campaign", "seq"),
)

volumes = Table(  # messages made in one window of a volume_limit
    "volumes",
    metadata,
    Column("campaign", Key, primary_key=True),
    Column("window", BigInteger, primary_key=True),  # its first microsecond
    Column("count", Integer, nullable=False),
    **IN_KEY,
)

occurrences = Table(  # fires of schedule and date triggers
    "occurrences",
    metadata,
    Column("campaign", Key, primary_key=True),
    Column("zone", Key, primary_key=True),
    Column("key", Key, primary_key=True),  # local date and time
    Column("at", BigInteger, nullable=False),
    Column("cursor", Key, nullable=False),  # last customer swept
    Column("done", Boolean, nullable=False),
)

webhook_calls = Table(
    "webhook_calls",
    metadata,
    Column("id", Key, primary_key=True),
    Column("journey_id", Key, nullable=False),
    Column("step", Key, nullable=False),
    Column("campaign", Key, nullable=False),
    Column("url", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("status", Key, nullable=False),  # waiting | done | failed
    Column("attempts", Integer, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("reason", Text),
    Index("ix_webhook_calls_due", "due_at", **where("status = 'waiting'")),
)

workers = Table(  # heartbeats: a message whose worker is gone is in doubt
    "workers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("role", Key, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
)
