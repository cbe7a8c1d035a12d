"""The ``utm`` part of ``config/store.yaml``: tags by which web analytics know where a visit began.

The parameters are those of Google Analytics, which others read too: "Campaigns and traffic
sources", https://support.google.com/analytics/answer/10917952.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final, Literal
from urllib.parse import parse_qsl, quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_DOMAIN: Final = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*")


def _domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value.lower()):
        raise ValueError(f"{value} is not a domain; write it as in shop.example.com")
    return value.lower()


Channel = Literal["email", "sms"]
Tag = Annotated[str, Field(min_length=1, max_length=100)]
Domain = Annotated[str, AfterValidator(_domain)]


class Utm(BaseModel):
    """``medium`` by channel: the links of a channel without one stay as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Tag
    medium: dict[Channel, Tag] = {"email": "email", "sms": "sms"}
    domains: tuple[Domain, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkTags:
    """Tags for links to the shop's own ``domains`` and what lies below them."""

    source: str
    medium: Mapping[str, str]
    domains: tuple[str, ...]

    def tagged(self, url: str, *, channel: str, campaign: str, content: str) -> str:
        """``url`` with tags; the same where it leads elsewhere, or brings tags of its own."""
        medium = self.medium.get(channel)
        if medium is None:
            return url
        try:
            parts = urlsplit(url)
            host = parts.hostname or ""
        except ValueError:  # no address that a browser would follow either
            return url
        if not any(host == one or host.endswith(f".{one}") for one in self.domains):
            return url
        if any(name.lower().startswith("utm_") for name, _ in parse_qsl(parts.query, True)):
            return url
        tags = "&".join(
            f"utm_{name}={quote(value, safe='')}"
            for name, value in (
                ("source", self.source),
                ("medium", medium),
                ("campaign", campaign),
                ("content", content),
            )
        )
        before, mark, fragment = url.partition("#")
        joint = "?" if "?" not in before else "" if before[-1] in "?&" else "&"
        return f"{before}{joint}{tags}{mark}{fragment}"


def link_tags(utm: Utm | None, shop_url: str) -> LinkTags | None:
    """The tags of a policy; without ``domains`` the shop's own address is what is tagged."""
    if utm is None:
        return None
    own = urlsplit(shop_url).hostname or ""
    domains = utm.domains or (own.removeprefix("www."),)
    return LinkTags(
        source=utm.source,
        medium={str(channel): tag for channel, tag in utm.medium.items()},
        domains=domains,
    )
