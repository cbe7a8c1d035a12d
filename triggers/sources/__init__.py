"""Sources: headers and bytes in, verified Events out; no HTTP framework, one file a platform."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from config.settings import Settings
from triggers.sources import judgeme, shopify, woocommerce, zendesk
from triggers.sources.carrier import Carrier
from triggers.sources.reading import Source
from triggers.sources.stripe import Stripe

_ALL: tuple[Source, ...] = (shopify, woocommerce, Stripe(), zendesk, judgeme, Carrier())

SOURCES: Mapping[str, Source] = MappingProxyType({source.name: source for source in _ALL})
"""The platforms whose webhooks are read, by the last part of their path, as they are by default."""


def configured(settings: Settings) -> Mapping[str, Source]:
    """The same, as an installation's settings want them."""
    stripe = Stripe(order_key=settings.stripe_order_key, order_source=settings.stripe_order_source)
    carrier = Carrier(order_source=settings.carrier_order_source)
    return MappingProxyType({**SOURCES, stripe.name: stripe, carrier.name: carrier})
