"""A vocabulary like a shop's, and values for it."""

from datetime import UTC, datetime

from engine.core.vocabulary import Field, FieldType, Vocabulary

VOCABULARY = Vocabulary(
    fields={
        "order.total": Field(type=FieldType.NUMBER),
        "order.is_gift": Field(type=FieldType.BOOL),
        "order.currency": Field(type=FieldType.STRING),
        "order.placed_at": Field(type=FieldType.TIMESTAMP),
        "order.delivered_at": Field(type=FieldType.TIMESTAMP, nullable=True),
        "customer.name": Field(type=FieldType.STRING, nullable=True),
        "customer.orders_count": Field(type=FieldType.INT),
        "customer.points": Field(type=FieldType.INT, nullable=True),
        "customer.sms_consent": Field(type=FieldType.BOOL, nullable=True),
        "customer.tags": Field(type=FieldType.STRINGS),
        "customer.interests": Field(type=FieldType.STRINGS, nullable=True),
        "nps.score": Field(type=FieldType.NUMBER, nullable=True),
    },
    open_prefixes=frozenset({"customer.attributes", "trigger.data"}),
)
PLACED_AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
FULL: dict[str, object] = {
    "order.total": 25.0,
    "order.is_gift": False,
    "order.currency": "EUR",
    "order.placed_at": PLACED_AT,
    "order.delivered_at": datetime(2026, 1, 5, tzinfo=UTC),
    "customer.name": "Ann",
    "customer.orders_count": 3,
    "customer.points": 40,
    "customer.sms_consent": True,
    "customer.tags": ["vip-gold", "early"],
    "customer.interests": ["tea"],
    "nps.score": 9.0,
    "customer.attributes.size": 44,
    "customer.attributes.vip": True,
    "trigger.data": {"carrier": {"name": "UPS", "seen": PLACED_AT}},
}
NULLABLE = tuple(name for name, field in VOCABULARY.fields.items() if field.nullable)
