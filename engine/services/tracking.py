"""Who notices that a link of a message was followed, and our own way of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from config.policy import Policy
from engine.core.message import Channel
from engine.links import Links
from engine.ports.rendering import Track

_BY_DEFAULT: Final[Mapping[str, Literal["own", "provider"]]] = {
    "sendgrid": "provider",
    "smtp": "own",  # a mail server notices nothing
}


def clicks_of(policy: Policy, channel: Channel, provider: str) -> Literal["own", "provider", "off"]:
    """Whose task it is; by default the provider's, and ours where it has no way of its own."""
    clicks = policy.tracking.clicks
    if channel != "email":
        return clicks.sms if channel == "sms" else "off"
    if clicks.email is not None:
        return clicks.email
    return _BY_DEFAULT.get(provider, "off")


def tracker(links: Links, message_id: str) -> Track:
    """Leads the links of one message over our own ``/c/``."""
    return lambda target: links.click(message_id, target)
