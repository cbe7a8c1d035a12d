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

from engine.core.coupon import ToldCoupons
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
    "shop.hashtag": "the hashtag that the shop's customers share under, or empty",
    "shop.social": "list of the shop's networks",
    "shop.social.name": "the network, as in instagram",
    "shop.social.url": "the shop's profile there",
    "shop.social.handle": "the shop's name there, as in @bellerive, or empty",
    "shop.community_name": "where customers meet, or empty",
    "shop.community_url": "its web address",
    "shop.community_about": "a sentence about it",
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
    "loyalty.balance": "loyalty points that can be spent",
    "loyalty.pending": "points of orders that may still be returned",
    "loyalty.tier": "id of the loyalty tier",
    "loyalty.tier_name": "the tier's name",
    "loyalty.next_tier": "id of the next higher tier",
    "loyalty.next_tier_name": "the next tier's name",
    "loyalty.missing_points": "points still missing for the next tier",
    "loyalty.missing_spend": "money still to be spent for the next tier",
    "loyalty.expires_at": "when the points expire unless something happens",
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
    "review.url": "in an ask_review: where what was bought is reviewed",
    "review.site": "the review site's name, or empty: our own page",
    "review.products": "list of the products that have no review yet",
    "review.products.title": "the product's name",
    "review.products.product_id": "the platform's id of the product",
    "review.products.url": "the product's page",
    "review.products.image_url": "the product's picture",
    "review.products.review_url": "where this product is reviewed",
    "review.products.stars": "list for one-click stars on our own page; empty on other sites",
    "review.products.stars.stars": "1 to 5",
    "review.products.stars.url": "our page, with so many stars chosen",
    "recommendations.together": "list of products that are bought together with those of the order",
    "recommendations.next": "list of products that customers buy next",
    "recommendations.popular": "list of what most customers buy; what to fall back on",
    **{
        f"recommendations.{kind}.{name}": doc
        for kind in ("together", "next", "popular")
        for name, doc in {
            "title": "the product's name",
            "url": "the product's page",
            "image_url": "the product's picture",
            "product_id": "the platform's id of the product",
            "reason": "title of the customer's product that it goes with; empty in popular",
        }.items()
    },
    "replenishment.date": "when the first of the products is probably used up",
    "replenishment.products": "list of products bought that are, or soon will be, used up",
    "replenishment.products.title": "the product's name",
    "replenishment.products.url": "the product's page",
    "replenishment.products.image_url": "the product's picture",
    "replenishment.products.product_id": "the platform's id of the product",
    "replenishment.products.date": "when it is probably used up",
    "replenishment.products.last_bought_at": "when it was last bought",
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
    "referral.code": "in the message of ask_referral: the customer's own code",
    "referral.url": "page that a friend sees; to be passed on",
    "referral.name": "the program's name",
    "referral.reward": "what the customer gets for a friend",
    "referral.friend_reward": "what the friend gets",
    "referral.email_url": "link that begins an email to a friend (mailto:)",
    "referral.sms_url": "link that begins a text to a friend (sms:)",
    "referral.whatsapp_url": "link that begins a WhatsApp message to a friend",
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
