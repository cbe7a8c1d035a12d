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
    style = sheet.replace("ON_BRAND", on_color(color)).replace("BRAND", color)
    digest = hashlib.sha256(style.encode()).digest()
    return style, base64.b64encode(digest).decode()


def on_color(color: str) -> str:
    """Black or white, whichever reads better on ``color`` ("#7a1f2b").

    Source: WCAG 2.2, "relative luminance" and "contrast ratio".
    """
    channels = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    on_white, on_black = 1.05 / (luminance + 0.05), (luminance + 0.05) / 0.05
    return "#ffffff" if on_white >= on_black else "#000000"
