"""Every email of the starter library, as the sample customer gets it."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from config.policy import Policy, load_policy
from config.topics import in_language
from config.yaml_source import load
from engine.authoring.library import Entry, read_library
from engine.authoring.loader import Loader
from engine.core.campaign import EventTrigger, Plan
from engine.rendering.sample import SAMPLE_CONTEXT
from engine.rendering.templates import MessageTemplates
from engine.rendering.values import shop_context
from engine.services.preview import campaign_previews, of_sample
from triggers.catalog import DataField
from triggers.event_types import BUILT_IN

ROOT: Final = Path(__file__).parents[2]
_SOON: Final = datetime(2026, 3, 24, 17, tzinfo=UTC)
# A friend's coming is rewarded by points or by a coupon; our shop gives a coupon.
_NOT_BOTH: Final = {"referral.converted": {"points": None}}
_WORDS: Final = {
    "tracking_url": "https://parcels.example.com/1Z999AA10123456784",
    "tracking_number": "1Z999AA10123456784",
    "carrier": "UPS",
    "tier": "gold",
    "title": "Dark roast with chicory, 500 g",
    "url": "https://shop.example.com/products/dark-roast",
    "image_url": "https://shop.example.com/products/dark-roast.svg",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One email of a campaign. ``name`` is its picture's, without size and suffix."""

    name: str
    campaign: Entry
    subject: str
    html: str


def mails(locale: str | None = None) -> Iterator[Mail]:
    """Each campaign's emails in the order of its steps, every template once."""
    name = "config/store.yaml"
    policy = load_policy(load((ROOT / name).read_bytes(), name))
    templates = MessageTemplates(ROOT / "message_templates", shop=shop_context(policy))
    plans = Loader(ROOT, templates).load()
    seen: set[str] = set()
    for entry in read_library(ROOT):
        plan = plans[entry.id].plan
        for made in campaign_previews(
            plan, of_sample(_sample(plan, policy), locale, policy), templates
        ):
            content = made.content
            if content.html is None or content.subject is None or made.template in seen:
                continue
            info = templates.info(made.template)
            if locale is not None and (info is None or locale not in info.locales):
                continue
            seen.add(made.template)
            yield Mail(
                name=made.template + (f".{locale}" if locale else ""),
                campaign=entry,
                subject=content.subject,
                html=content.html,
            )


def _sample(plan: Plan, policy: Policy) -> dict[str, Any]:
    """The sample customer, with pictures, and with data for what starts the campaign."""
    context = copy.deepcopy(SAMPLE_CONTEXT)
    _picture(context)
    for name, offer in policy.offers.items():
        code = f"{offer.prefix or offer.code or name.upper()}-7KQ2MX9D"
        value = in_language(offer.value, None, policy.locale)
        context["coupons"][name] = {"code": code, "value": value, "expires_at": _SOON}
    if isinstance(plan.trigger, EventTrigger) and plan.trigger.event in BUILT_IN.types:
        fields = BUILT_IN.types[plan.trigger.event].fields
        data = {name: _value(name, one) for name, one in fields.items()}
        context["trigger"]["data"] = data | _NOT_BOTH.get(plan.trigger.event, {})
    return context


def _picture(value: Any) -> None:
    """Give every product with a page a picture."""
    if isinstance(value, dict):
        if "image_url" in value and value.get("title"):
            name = value["title"].lower().partition(",")[0].replace(" ", "-")
            value["image_url"] = f"https://shop.example.com/images/{name}.svg"
        for one in value.values():
            _picture(one)
    elif isinstance(value, list):
        for one in value:
            _picture(one)


def _value(name: str, field: DataField) -> object:
    match field.type:
        case "bool":
            return True
        case "int" | "number":
            return 120
        case "timestamp":
            return _SOON
        case "strings":
            return []
        case "string":
            return _WORDS.get(name, "sample")
