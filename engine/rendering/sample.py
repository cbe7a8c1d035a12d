"""The names that templates may read, what they mean, and sample values for them.

``SAMPLE_CONTEXT`` is a customer of whom everything is known, ``SPARSE_CONTEXT`` one of whom almost
nothing is. Templates are tried on both when they are loaded; previews and the zlib dictionary of
stored content come from the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from engine.programs.scales import survey_nowhere

KNOWN_NAMES: Final[Mapping[str, str]] = {
    "shop.name": "the shop's name",
    "shop.url": "the shop's web address",
    "shop.logo_url": "address of the logo, or empty",
    "shop.color": "brand colour, as in #7a1f2b",
    "shop.on_color": "white or black, whichever is readable on the brand colour",
    "shop.postal_address": "postal address, for the foot of the mail",
    "shop.support_email": "where customers get help",
    "shop.support_phone": "support's telephone number, or empty",
    "shop.support_hours": "when support answers, or empty",
    "shop.currency": "the shop's currency, ISO 4217",
    "shop.locale": "the shop's language, BCP 47",
    "shop.timezone": "the shop's time zone",
    "customer.id": "Lagniappe's id of the customer",
    "customer.email": "email address",
    "customer.phone": "telephone number, E.164",
    "customer.first_name": "given name",
    "customer.last_name": "family name",
    "customer.name": "given and family name",
    "customer.locale": "language, BCP 47",
    "customer.timezone": "time zone, as in Europe/Paris",
    "customer.country": "country, ISO 3166",
    "customer.region": "state or province, ISO 3166-2",
    "customer.postal_code": "postal code",
    "customer.birthday": "date of birth",
    "customer.tags": "list of tags",
    "customer.attributes.*": "what the shop's own systems told, by name",
    "customer.orders_count": "orders placed, without tests and cancelled ones",
    "customer.total_spent": "spent so far, net of refunds, in the shop's currency",
    "customer.first_order_at": "time of the first order",
    "customer.last_order_at": "time of the latest order",
    "customer.days_since_order": "whole days since the latest order",
    "customer.open_tickets": "support tickets not yet solved",
    "customer.open_coupons": "offers of which the customer has a usable coupon",
    "customer.nps": "newest answer to an NPS survey, 0 to 10",
    "customer.csat": "newest answer to a CSAT survey, 1 to 5",
    "customer.ces": "newest answer to a CES survey, 1 to 7",
    "customer.days_since_survey": "whole days since the newest answer to any survey",
    "customer.email_consent": "whether marketing email is allowed",
    "customer.sms_consent": "whether marketing SMS is allowed",
    "order.id": "Lagniappe's id of the order",
    "order.number": "the number that the customer knows",
    "order.placed_at": "time of the order",
    "order.paid_at": "time of payment",
    "order.shipped_at": "time of the first parcel's departure",
    "order.delivered_at": "time of delivery",
    "order.currency": "ISO 4217",
    "order.total": "what the customer pays",
    "order.subtotal": "the lines together",
    "order.shipping": "shipping cost",
    "order.tax": "tax",
    "order.discount": "discount",
    "order.discount_codes": "list of codes used",
    "order.is_gift": "whether it is a gift",
    "order.country": "country that it goes to, ISO 3166",
    "order.status_url": "page that shows the order's status",
    "order.tracking_url": "page that shows where the parcel is",
    "order.tracking_number": "the carrier's number of the parcel",
    "order.carrier": "who carries the parcel",
    "order.attributes.*": "what the shop's own systems told, by name",
    "order.lines": "list of the lines",
    "order.lines.title": "the product's name",
    "order.lines.quantity": "pieces",
    "order.lines.price": "price of one piece",
    "order.lines.url": "the product's page",
    "order.lines.image_url": "the product's picture",
    "order.lines.sku": "stock-keeping unit",
    "order.lines.product_id": "the platform's id of the product",
    "ticket.id": "Lagniappe's id of the ticket",
    "ticket.status": "open, pending or solved",
    "ticket.subject": "what it is about, in the customer's words",
    "ticket.channel": "how it came in",
    "ticket.priority": "as support rates it",
    "ticket.tags": "list of tags",
    "ticket.rating": "the customer's rating of the answer",
    "ticket.opened_at": "time of opening",
    "ticket.solved_at": "time of solving",
    "trigger.id": "id of the event that began the journey",
    "trigger.type": "type of that event, as in order.delivered",
    "trigger.time": "time of that event",
    "trigger.data.*": "the event's own data, by name",
    "coupons.*": "the newest usable coupon of an offer, by the offer: code, value, expires_at",
    "campaign.id": "the campaign's id",
    "campaign.name": "the campaign's name",
    "links.unsubscribe": "unsubscribe page; empty in transactional messages",
    "links.preferences": "preference page; empty in transactional messages",
    "message.id": "id of this message",
    "survey.kind": "csat, nps or ces; survey is for ask_survey alone",
    "survey.lowest": "the scale's least number",
    "survey.highest": "the scale's greatest number",
    "survey.lowest_label": "what the least number means, in the customer's language",
    "survey.highest_label": "what the greatest number means",
    "survey.url": "page on which the question is answered",
    "survey.scores": "list of the scale's numbers",
    "survey.scores.score": "the number",
    "survey.scores.label": "what it means; empty where the scale names its ends only",
    "survey.scores.url": "the page with this number chosen; it counts only when it is sent there",
    "now": "time at which this message is made",
}

ROOTS: Final = frozenset(name.split(".")[0] for name in KNOWN_NAMES)

_NOW = datetime(2026, 3, 17, 15, 4, tzinfo=UTC)

SAMPLE_SHOP: Final[Mapping[str, object]] = {
    "name": "Maison Bellerive",
    "url": "https://shop.example.com",
    "logo_url": None,
    "color": "#7a1f2b",
    "on_color": "#ffffff",
    "postal_address": "Maison Bellerive, 100 Example Street, New Orleans, LA 70116, USA",
    "support_email": "help@example.com",
    "support_phone": "+1 504-555-0142",
    "support_hours": "Monday to Saturday, 9 am to 6 pm Central",
    "currency": "USD",
    "locale": "en-US",
    "timezone": "America/Chicago",
}

SAMPLE_CONTEXT: Final[dict[str, Any]] = {
    "customer": {
        "id": "c0ffee00-0000-5000-8000-000000000001",
        "email": "camille@example.com",
        "phone": "+15045550199",
        "first_name": "Camille",
        "last_name": "Fontenot",
        "name": "Camille Fontenot",
        "locale": "en-US",
        "timezone": "America/Chicago",
        "country": "US",
        "region": "LA",
        "postal_code": "70116",
        "birthday": date(1988, 4, 21),
        "tags": ["newsletter"],
        "attributes": {"size": "M"},
        "orders_count": 3,
        "total_spent": Decimal("312.40"),
        "first_order_at": datetime(2025, 9, 2, 18, 30, tzinfo=UTC),
        "last_order_at": datetime(2026, 3, 14, 16, 20, tzinfo=UTC),
        "days_since_order": 3,
        "open_tickets": 0,
        "open_coupons": 0,
        "nps": 9,
        "csat": 5,
        "ces": 6,
        "days_since_survey": 41,
        "email_consent": True,
        "sms_consent": True,
    },
    "order": {
        "id": "shop:450789469",
        "number": "1042",
        "placed_at": datetime(2026, 3, 14, 16, 20, tzinfo=UTC),
        "paid_at": datetime(2026, 3, 14, 16, 21, tzinfo=UTC),
        "shipped_at": datetime(2026, 3, 15, 20, 0, tzinfo=UTC),
        "delivered_at": datetime(2026, 3, 17, 14, 50, tzinfo=UTC),
        "currency": "USD",
        "total": Decimal("101.31"),
        "subtotal": Decimal("95.50"),
        "shipping": Decimal("5.90"),
        "tax": Decimal("8.91"),
        "discount": Decimal("9.00"),
        "discount_codes": ["LAGNIAPPE"],
        "is_gift": False,
        "country": "US",
        "status_url": "https://shop.example.com/orders/1042",
        "tracking_url": "https://parcels.example.com/1Z999AA10123456784",
        "tracking_number": "1Z999AA10123456784",
        "carrier": "UPS",
        "attributes": {},
        "lines": [
            {
                "title": "Dark roast with chicory, 500 g",
                "quantity": 2,
                "price": Decimal("16.50"),
                "url": "https://shop.example.com/products/dark-roast",
                "image_url": None,
                "sku": "COF-500",
                "product_id": "8801",
            },
            {
                "title": "Enamel drip pot",
                "quantity": 1,
                "price": Decimal("48.00"),
                "url": "https://shop.example.com/products/drip-pot",
                "image_url": None,
                "sku": "POT-01",
                "product_id": "8802",
            },
            {
                "title": "Pecan pralines, box of 12",
                "quantity": 1,
                "price": Decimal("14.50"),
                "url": "https://shop.example.com/products/pralines",
                "image_url": None,
                "sku": "PRA-12",
                "product_id": "8803",
            },
        ],
    },
    "ticket": {
        "id": "desk:35436",
        "status": "solved",
        "subject": "Where is my parcel?",
        "channel": "email",
        "priority": "normal",
        "tags": ["delivery"],
        "rating": None,
        "opened_at": datetime(2026, 3, 16, 9, 12, tzinfo=UTC),
        "solved_at": datetime(2026, 3, 16, 11, 40, tzinfo=UTC),
    },
    "trigger": {
        "id": "sample-event",
        "type": "order.delivered",
        "time": datetime(2026, 3, 17, 14, 50, tzinfo=UTC),
        "data": {},
    },
    "coupons": {},
    "campaign": {"id": "sample", "name": "Sample campaign"},
    "links": {
        "unsubscribe": "https://shop.example.com/u/sample-token",
        "preferences": "https://shop.example.com/u/sample-token/preferences",
    },
    "message": {"id": "5a3b1c00-0000-5000-8000-000000000001"},
    "survey": survey_nowhere("csat", "en", "https://shop.example.com"),
    "now": _NOW,
}


def _sparse() -> dict[str, Any]:
    customer: dict[str, Any] = dict.fromkeys(SAMPLE_CONTEXT["customer"])
    customer |= {
        "id": "c0ffee00-0000-5000-8000-000000000002",
        "email": "someone@example.com",
        "tags": [],
        "attributes": {},
        "orders_count": 1,
        "total_spent": Decimal(0),
        "open_tickets": 0,
        "open_coupons": 0,
        "email_consent": False,
        "sms_consent": False,
    }
    order: dict[str, Any] = dict.fromkeys(SAMPLE_CONTEXT["order"])
    order |= {
        "id": "shop:1",
        "discount_codes": [],
        "is_gift": False,
        "attributes": {},
        "lines": [],
    }
    ticket: dict[str, Any] = dict.fromkeys(SAMPLE_CONTEXT["ticket"])
    ticket |= {"id": "desk:1", "status": "open", "tags": []}
    trigger = {"id": "sample-event-2", "type": "order.placed", "time": _NOW, "data": {}}
    return SAMPLE_CONTEXT | {
        "customer": customer,
        "order": order,
        "ticket": ticket,
        "trigger": trigger,
        "links": {"unsubscribe": None, "preferences": None},
        "survey": survey_nowhere(
            "nps", "en", "https://shop.example.com"
        ),  # the widest scale, with the fewest words
    }


SPARSE_CONTEXT: Final[dict[str, Any]] = _sparse()
