"""A database that the first release made, with live journeys in it, goes on at the newest schema.

The rows are written as that release's tables had them, never through today's code.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.core.message import MessageStatus
from engine.core.receipt import Receipt, ReceiptKind
from engine.core.world import JourneyStatus, Waiting
from engine.storage import migrate
from engine.storage.database import Database
from engine.storage.history import SqlHistory
from engine.storage.store import SqlStorage
from tests.databases import NewDatabase

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
FIRST = "0001"

_ROWS = (
    """INSERT INTO customers (id, created_at, email, phone, first_name, last_name, locale, timezone,
    country, birthday, tags, attributes, orders_count, total_spent, first_order_at, last_order_at,
    open_tickets, stamps) VALUES ('c1', 1767225600000000, 'ann@example.com', NULL, 'Ann', NULL,
    'de-AT', 'Europe/Vienna', 'AT', '1990-02-28', '["vip"]', '{"size":"M"}', 1, 297000,
    1767225600000000, 1767225600000000, 0, '{"email":1767225600000000}')""",
    "INSERT INTO identities (kind, value, customer_id) VALUES ('email', 'ann@example.com', 'c1')",
    """INSERT INTO orders (id, customer_id, known, number, placed_at, currency, total, subtotal,
    shipping, tax, discount, discount_codes, is_gift, is_test, country, channel, status_url,
    cancel_reason, has_open_return, attributes, fulfilments, refunds, facts, stamps) VALUES
    ('shopify:1', 'c1', true, '#1001', 1767225600000000, 'EUR', 297000, NULL, NULL, NULL, NULL,
    '[]', false, false, NULL, 'web', NULL, NULL, false, '{}',
    '[["f1","delivered",1767312000000000,"DHL",null,null,null,{"1":3}]]', '[]',
    '{"placed":1767225600000000}', '{}')""",
    """INSERT INTO order_lines (order_id, id, product_id, variant_id, sku, title, position,
    quantity, price, url, image_url) VALUES
    ('shopify:1', '1', 'p1', NULL, NULL, 'Tea', 0, 3, 99000, NULL, NULL)""",
    """INSERT INTO journeys (id, campaign, revision, entry_key, entry_no, customer_id, status, step,
    waiting, due_at, clock, entered_at, priority, order_id, ticket_id, awaiting, parked, ended_at,
    reason, goal_until, goal_at, data) VALUES ('j1', 'thanks', 'r1', 'shopify:1', 1, 'c1', 'live',
    'step_1', 'delay', 1767571200000000, 1767225600000000, 1767225600000000, 50, 'shopify:1', NULL,
    NULL, false, NULL, NULL, NULL, NULL,
    '[{"type":"order.placed","id":"e1"},{"nps":{"sent":true}},{},{"split":"a"}]')""",
    """INSERT INTO messages (id, campaign, revision, journey_id, step, purpose, channel,
    customer_id, entry_key, template, status, created_at, send_at, due_at, expires_at, recipient,
    order_id, ticket_id, variant, locale, provider, sender, subject, reason, error_code, attempts,
    cost, sent_at, delivered_at, opened_at, clicked_at, provider_message_id, owner) VALUES
    ('m1', 'thanks', 'r1', 'j1', 'nps', 'marketing', 'email', 'c1', 'shopify:1', 'nps_survey',
    'scheduled', 1767225600000000, 1767571200000000, 1767225600000000, 1798761600000000,
    NULL, 'shopify:1', NULL, NULL, NULL, NULL, NULL, NULL, 'quiet_hours', NULL, 0, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL)""",
    """INSERT INTO events (source, id, type, "time", received_at, backfill, state, customer_id,
    reason, verdicts, body) VALUES ('shopify', 'e2', 'order.delivered', 1767312000000000,
    1767312000000000, false, 0, NULL, NULL, NULL, '{"id":"e2"}')""",
    """INSERT INTO consents (channel, address, status, "at", source, proof) VALUES
    ('email', 'ann@example.com', 'subscribed', 1767225600000000, 'shopify', NULL)""",
    """INSERT INTO revisions (campaign, revision, source, file, stored_at) VALUES
    ('thanks', 'r1', 'version: 1', 'campaigns/thanks.yaml', 1767225600000000)""",
)


def test_live_journeys_of_the_first_release_go_on(new_database: NewDatabase) -> None:
    url = new_database(migrated=False)
    migrate.upgrade(url, to=FIRST)
    assert migrate.current(url) == FIRST
    database = Database(url)
    with database.writing() as connection:
        for row in _ROWS:
            connection.exec_driver_sql(row)
    database.close()

    migrate.upgrade(url)
    assert migrate.current(url) == migrate.head()

    storage = SqlStorage(Database(url))
    assert storage.live_revisions() == {("thanks", "r1")}
    assert storage.revision_source("thanks", "r1") == ("version: 1", "campaigns/thanks.yaml")
    with storage.deciding() as unit:
        assert [event.body for event in unit.waiting_events(5)] == [b'{"id":"e2"}']
        assert unit.customers_to_message(NOW, "email", 5) == ["c1"]
        assert unit.due_customers(NOW, 5) == ["c1"]
        world = unit.load(["c1"], now=NOW, past=True)["c1"]
        journey, message = world.journeys["j1"], world.messages["m1"]
        assert (world.customer.tags, world.customer.total_spent) == (("vip",), Decimal("29.7"))
        assert world.orders["shopify:1"].lines["1"].price == Decimal("9.9")
        assert world.orders["shopify:1"].fulfilments["f1"].lines == {"1": 3}
        assert world.consents["email", "ann@example.com"].status == "subscribed"
        assert (journey.waiting, journey.variants) == (Waiting.DELAY, {"split": "a"})
        journey.status, journey.due_at, journey.ended_at = JourneyStatus.COMPLETED, None, NOW
        message.status = MessageStatus.SENDING
        world.changes.journeys.add("j1")
        world.changes.messages.add("m1")
        unit.save(world)
        unit.commit()
    with storage.deciding() as unit:
        told = Receipt(
            provider="sendgrid", id="r1", kind=ReceiptKind.DELIVERED, message_id="m1", at=NOW
        )
        assert unit.unseen_receipts([told, told]) == [told]
        unit.keep_receipts([told], NOW)
        unit.commit()
    with storage.deciding() as unit:
        assert unit.unseen_receipts([told]) == []
    assert storage.next_due() is None
    with storage.deciding() as unit:
        assert unit.due_customers(NOW + timedelta(days=9), 5) == []
        assert unit.messages(["m1"])["m1"].status is MessageStatus.SENDING
    storage.database.close()


def test_what_is_on_record_of_campaigns_becomes_their_phases(new_database: NewDatabase) -> None:
    url = new_database(migrated=False)
    migrate.upgrade(url, to="0013")
    database = Database(url)
    with database.writing() as connection:
        for campaign, revision, at in (("a", "r2", 30), ("a", "r1", 10), ("b", "r1", 10)):
            connection.exec_driver_sql(
                "INSERT INTO revisions (campaign, revision, source, file, stored_at)"
                f" VALUES ('{campaign}', '{revision}', '', '', {at})"
            )
        for campaign, at in (("a", 20), ("c", 5)):
            connection.exec_driver_sql(f"INSERT INTO holds VALUES ('{campaign}', 'paused', {at})")
    database.close()

    migrate.upgrade(url)
    database = Database(url)
    found = [
        (one.campaign, one.at.microsecond, one.revision, one.hold)
        for one in SqlHistory(database).phases()
    ]
    database.close()
    assert found == [
        ("c", 5, "", "paused"),
        ("a", 10, "r1", ""),
        ("b", 10, "r1", ""),
        ("a", 20, "r1", "paused"),
        ("a", 30, "r2", "paused"),
    ]
