"""What becomes of a message's links: tags for web analytics, and our own way to notice clicks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal
from uuid import UUID

from config.policy import Policy
from config.utm import LinkTags
from engine.core.message import Channel, Message
from engine.links import Links
from engine.ports.rendering import Track

_NO_MESSAGE: Final = str(UUID(int=0))
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


Rewriting = Callable[[Message], Track | None]
"""What becomes of the links of one message on a channel; None: they stay as they are."""


def rewriting(
    links: Links, policy: Policy, channel: Channel, clicks: Literal["own", "provider", "off"]
) -> Rewriting:
    """Tags links, then leads them over our own ``/c/``."""
    tags, own = policy.link_tags, clicks == "own"
    if not own and (tags is None or channel not in tags.medium):
        return lambda message: None
    return lambda message: _rewriting(
        links,
        tags,
        tracker(links, message.id) if own else None,
        channel=channel,
        campaign=message.campaign,
        content="/".join(filter(None, (message.step, message.variant))),
    )


Tracks = Callable[[Channel, str, str], Track | None]
"""What becomes of links on a channel, by campaign and step."""


def sample_tracks(links: Links, policy: Policy, providers: Mapping[Channel, str]) -> Tracks:
    """Links as long as real ones; they lead on, and note nothing."""

    def of(channel: Channel, campaign: str, step: str) -> Track | None:
        own = channel in providers and clicks_of(policy, channel, providers[channel]) == "own"
        return _rewriting(
            links,
            policy.link_tags,
            tracker(links, _NO_MESSAGE) if own else None,
            channel=channel,
            campaign=campaign,
            content=step,
        )

    return of


def _rewriting(
    links: Links,
    tags: LinkTags | None,
    track: Track | None,
    *,
    channel: Channel,
    campaign: str,
    content: str,
) -> Track | None:
    if tags is None or channel not in tags.medium:
        return track

    def lead(target: str) -> str:
        if not links.is_own(target):
            target = tags.tagged(target, channel=channel, campaign=campaign, content=content)
        return target if track is None else track(target)

    return lead
