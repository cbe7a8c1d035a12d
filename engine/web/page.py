"""Rendering the public pages: self-contained HTML under a policy that lets nothing else in."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import Response

from config.colors import readable_on
from config.senders import Brand

_PAGES: Final = Path(__file__).parent / "pages"
_ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(_PAGES), autoescape=True, undefined=StrictUndefined
)


def sentence(brand: Brand, language: str, heading: str, text: str, status: int) -> Response:
    """A page that only says something."""
    return page(brand, "sentence.html", language=language, status=status,
                heading=heading, paragraphs=(text,))  # fmt: skip


def page(
    brand: Brand, template: str, *, language: str, status: int = 200, **values: Any
) -> Response:
    """A page in the brand's colour. It has no script and loads nothing, not even a logo.

    ``values`` are what the template asks for besides; all have ``heading``.
    """
    style, digest = _style(brand.color)
    html = _ENVIRONMENT.get_template(template).render(
        brand=brand,
        language=language,
        style=Markup(style),  # our own file, with a colour that policy has checked
        **values,
    )
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    headers = {
        "Content-Security-Policy": policy,
        "Content-Language": language,
        "X-Frame-Options": "DENY",
        "Vary": "Accept-Language",
    }
    return Response(html, status, headers, media_type="text/html")


@lru_cache(maxsize=8)
def _style(color: str) -> tuple[str, str]:
    """The style sheet and its SHA-256, as the security policy names it."""
    sheet = (_PAGES / "page.css").read_text(encoding="utf-8")
    style = sheet.replace("ON_BRAND", readable_on(color)).replace("BRAND", color)
    digest = hashlib.sha256(style.encode()).digest()
    return style, base64.b64encode(digest).decode()
