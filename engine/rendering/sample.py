"""Sample values for the names that templates may read.

``SAMPLE_CONTEXT`` is a customer of whom everything is known, ``SPARSE_CONTEXT`` one of whom almost
nothing is. Templates are tried on both when they are loaded; previews and the zlib dictionary of
stored content come from the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from engine.core.coupon import ToldCoupons
from engine.programs.scales import survey_nowhere

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
    "hashtag": "#bellerivemoments",
    "social": [
        {
            "name": "instagram",
            "url": "https://social.example.com/maisonbellerive",
            "handle": "@maisonbellerive",
        }
    ],
    "community_name": "The Bellerive Table",
    "community_url": "https://community.example.com/bellerive",
    "community_about": "Recipes and questions, among people who cook with us",
}


def _to_review(number: int, title: str, product_id: str, url: str | None) -> dict[str, Any]:
    page = f"https://shop.example.com/v/sample-token?p={number}"
    return {
        "title": title,
        "product_id": product_id,
        "url": url,
        "image_url": None,
        "review_url": page,
        "stars": [{"stars": count, "url": f"{page}&stars={count}"} for count in range(1, 6)],
    }


def _suggested(title: str, product_id: str, reason: str | None) -> dict[str, Any]:
    return {
        "title": title,
        "url": f"https://shop.example.com/products/{product_id}",
        "image_url": None,
        "product_id": product_id,
        "reason": reason,
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
    "loyalty": {
        "balance": 420,
        "pending": 95,
        "tier": "silver",
        "tier_name": "Silver",
        "next_tier": "gold",
        "next_tier_name": "Gold",
        "missing_points": 180,
        "missing_spend": None,
        "expires_at": datetime(2027, 3, 14, 5, 0, tzinfo=UTC),
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
    "review": {
        "url": "https://shop.example.com/v/sample-token",
        "site": None,
        "products": [
            _to_review(
                1,
                "Dark roast with chicory, 500 g",
                "8801",
                "https://shop.example.com/products/dark-roast",
            ),
            _to_review(2, "Enamel drip pot", "8802", "https://shop.example.com/products/drip-pot"),
        ],
    },
    "recommendations": {
        "together": [
            _suggested("Beignet mix, 900 g", "8810", "Enamel drip pot"),
            _suggested("Condensed milk, 397 g", "8811", "Dark roast with chicory, 500 g"),
        ],
        "next": [
            _suggested("Ceramic cups, set of 4", "8820", "Enamel drip pot"),
            _suggested("Fig preserves, 300 g", "8821", "Pecan pralines, box of 12"),
        ],
        "popular": [
            _suggested("Cane syrup, 500 ml", "8830", None),
            _suggested("Creole seasoning, 120 g", "8831", None),
        ],
    },
    "replenishment": {
        "date": datetime(2026, 3, 20, 16, 0, tzinfo=UTC),
        "products": [
            {
                "title": "Dark roast with chicory, 500 g",
                "url": "https://shop.example.com/products/dark-roast",
                "image_url": None,
                "product_id": "8801",
                "date": datetime(2026, 3, 20, 16, 0, tzinfo=UTC),
                "last_bought_at": datetime(2026, 2, 18, 16, 0, tzinfo=UTC),
            }
        ],
    },
    "trigger": {
        "id": "sample-event",
        "type": "order.delivered",
        "time": datetime(2026, 3, 17, 14, 50, tzinfo=UTC),
        "data": {},
    },
    "coupons": ToldCoupons(),
    "campaign": {"id": "sample", "name": "Sample campaign"},
    "links": {
        "unsubscribe": "https://shop.example.com/u/sample-token",
        "preferences": "https://shop.example.com/u/sample-token/preferences",
    },
    "message": {"id": "5a3b1c00-0000-5000-8000-000000000001"},
    "survey": survey_nowhere("csat", "en", "https://shop.example.com"),
    "referral": {
        "code": "K7QFM2XD9T",
        "url": "https://shop.example.com/r/K7QFM2XD9T",
        "name": "Bring a friend",
        "reward": "500 points",
        "friend_reward": "$10 off the first order",
        "email_url": "mailto:?subject=For%20you&body=https%3A%2F%2Fshop.example.com",
        "sms_url": "sms:?&body=https%3A%2F%2Fshop.example.com",
        "whatsapp_url": "https://wa.me/?text=https%3A%2F%2Fshop.example.com",
    },
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
    loyalty: dict[str, Any] = dict.fromkeys(SAMPLE_CONTEXT["loyalty"])
    loyalty |= {"balance": 0, "pending": 0}
    trigger = {"id": "sample-event-2", "type": "order.placed", "time": _NOW, "data": {}}
    return SAMPLE_CONTEXT | {
        "customer": customer,
        "loyalty": loyalty,
        "order": order,
        "ticket": ticket,
        "review": {
            "url": "https://shop.example.com/v/sample-token",
            "site": None,
            "products": [_to_review(1, "Dark roast", "8801", None)],
        },
        "recommendations": {"together": [], "next": [], "popular": []},
        "replenishment": {"date": None, "products": []},
        "trigger": trigger,
        "links": {"unsubscribe": None, "preferences": None},
        "survey": survey_nowhere(
            "nps", "en", "https://shop.example.com"
        ),  # the widest scale, with the fewest words
    }


SPARSE_CONTEXT: Final[dict[str, Any]] = _sparse()
