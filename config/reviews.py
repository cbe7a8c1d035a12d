"""The ``reviews`` and ``community`` parts of ``config/store.yaml``, and the shop's networks."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from config.durations import Duration, DurationField

OWN_SITE: Final = "shop"  # the product's own page in the shop
_SITE: Final = re.compile(r"[a-z][a-z0-9_]*")
_WEB: Final = re.compile(r"https?://[^\s/@]+(?:/\S*)?")
_HASHTAG: Final = re.compile(r"#?\w{1,100}")
_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_FIELDS: Final = ("product_id", "sku")


def _site_name(value: str) -> str:
    if value == OWN_SITE:
        raise ValueError(f'"{OWN_SITE}" is the product\'s own page in the shop; use another word')
    if not _SITE.fullmatch(value) or len(value) > 40:
        raise ValueError(f'"{value}" is not a site\'s name; write a word such as google')
    return value


def _review_address(value: str) -> str:
    if not _WEB.fullmatch(value):
        raise ValueError(f"{value} is not a web address; write it with https://")
    for name in _FIELD.findall(value):
        if name not in _FIELDS:
            raise ValueError(
                f"{{{name}}} is nothing to fill in; there are {{product_id}} and {{sku}}"
            )
    return value


def _web_address(value: str) -> str:
    if not _WEB.fullmatch(value):
        raise ValueError(f"{value} is not a web address; write it with https://")
    return value


def _hashtag(value: str) -> str:
    if not _HASHTAG.fullmatch(value):
        raise ValueError(f"{value} is not a hashtag: letters, digits and _ only")
    return f"#{value.removeprefix('#')}"


Text = Annotated[str, Field(min_length=1, max_length=500)]
Hashtag = Annotated[str, AfterValidator(_hashtag)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReviewSite(_Part):
    """A site on which customers can review; ``url`` may hold ``{product_id}`` and ``{sku}``."""

    url: Annotated[str, AfterValidator(_review_address)]
    name: Text | None = None

    def address(self, product_id: str | None, sku: str | None) -> str:
        """Where a product is reviewed; a site that needs an id that is not known gets nothing."""
        filled = self.url.replace("{product_id}", quote(product_id or "", safe=""))
        return filled.replace("{sku}", quote(sku or "", safe=""))


def _address_alone(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


SiteName = Annotated[str, AfterValidator(_site_name)]
Site = Annotated[ReviewSite, BeforeValidator(_address_alone)]


class Reviews(_Part):
    """Where reviews are written besides our own page, and how long its links are good."""

    sites: dict[SiteName, Site] = {}
    link_lasts: DurationField = Duration(days=365)


class Community(_Part):
    """A place where customers meet; invitations name it."""

    name: Text
    url: Annotated[str, AfterValidator(_web_address)]
    about: Text | None = None


def handle_of(url: str) -> str | None:
    """The shop's name on a network, from its profile's address: ``…/maison`` is ``@maison``."""
    parts = [part for part in urlsplit(url).path.split("/") if part]
    if len(parts) != 1:
        return None
    return f"@{parts[0].removeprefix('@')}"
