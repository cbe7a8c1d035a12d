"""Sources: headers and bytes in, verified Events out; no HTTP framework, one file a platform."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from triggers.sources import shopify, zendesk
from triggers.sources.reading import Source

SOURCES: Mapping[str, Source] = MappingProxyType({shopify.name: shopify, zendesk.name: zendesk})
"""The platforms whose webhooks are read, by the last part of their path."""
