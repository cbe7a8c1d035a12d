"""What a template sees: the message's context, made safe, with defaults and formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from babel import Locale
from jinja2.defaults import DEFAULT_NAMESPACE

from config.colors import readable_on
from config.policy import Policy
from config.reviews import handle_of
from engine.ports.rendering import WhenAsked
from engine.rendering.environment import STATE, State, range_within_bounds
from engine.rendering.formats import Formats, locale_of
from engine.rendering.names import ROOTS
from engine.rendering.untrusted import defuse_name

_NAMES = ("first_name", "last_name", "name")


def shop_context(policy: Policy) -> dict[str, object]:
    """The ``shop`` that templates see, from what the shop decided in ``config/store.yaml``."""
    brand, community = policy.brand, policy.community
    return {
        "name": brand.name,
        "url": brand.url,
        "logo_url": brand.logo_url,
        "color": brand.color,
        "on_color": readable_on(brand.color),
        "postal_address": brand.postal_address,
        "support_email": brand.support.email,
        "support_phone": brand.support.phone,
        "support_hours": brand.support.hours,
        "currency": policy.currency,
        "locale": policy.locale,
        "timezone": policy.timezone,
        "hashtag": brand.hashtag,
        "social": [
            {"name": name, "url": url, "handle": handle_of(url)}
            for name, url in brand.social.items()
        ],
        "community_name": community.name if community else None,
        "community_url": community.url if community else None,
        "community_about": community.about if community else None,
    }


class MessageValues:
    """Makes the dictionary that a template is rendered with."""

    def __init__(self, shop: Mapping[str, object]) -> None:
        self._base: dict[str, Any] = dict.fromkeys(ROOTS)
        self._base |= {name: DEFAULT_NAMESPACE[name] for name in ("namespace", "joiner")}
        self._base |= {
            "range": range_within_bounds,
            "links": {"unsubscribe": None, "preferences": None},
        }
        self._shop = dict(shop)
        self._currency = _text(shop.get("currency"))
        self._timezone = _text(shop.get("timezone"))
        self._formats: dict[tuple[str, str], Formats] = {}

    def of(self, variant: str, locale: str | None, context: Mapping[str, object]) -> dict[str, Any]:
        """The values for a rendering in the language ``variant`` for a reader of ``locale``.

        Numbers and dates follow the reader's region when it speaks the variant's language. Names
        that customers choose are defused (``defuse_name``). ``shop`` is always the renderer's own.
        """
        made = context.made if isinstance(context, WhenAsked) else context
        values = {**self._base, **made, "shop": self._shop}
        currency, zone = None, None
        customer = values["customer"]
        if isinstance(customer, dict):
            zone = _text(customer.get("timezone"))
            for name in _NAMES:
                told = customer.get(name)
                if isinstance(told, str) and (harmless := defuse_name(told)) is not told:
                    values["customer"] = customer = {**customer, name: harmless}
        ticket = values["ticket"]
        if isinstance(ticket, dict) and isinstance(subject := ticket.get("subject"), str):
            values["ticket"] = {**ticket, "subject": defuse_name(subject)}
        order = values["order"]
        if isinstance(order, dict):
            currency = _text(order.get("currency"))
        values[STATE] = State(
            self._formats.get((variant, locale or "")) or self._learn(variant, locale or ""),
            currency or self._currency,
            self._currency,
            zone or self._timezone,
        )
        return values

    def _learn(self, variant: str, locale: str) -> Formats:
        if len(self._formats) > 1000:  # tags come from data
            self._formats.clear()
        own = locale_of(variant)
        theirs = locale_of(locale) if locale else None
        if own and theirs and theirs.language != own.language:
            theirs = None
        formats = Formats(theirs or own or Locale("en"))
        return self._formats.setdefault((variant, locale), formats)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
