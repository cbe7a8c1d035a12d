"""HTML to pictures, in the system's Chromium, with no network at all."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from playwright.sync_api import sync_playwright

from tests.pictures.drawn import drawing
from tests.pictures.installed import NAMES, program

PHONE, DESKTOP = 375, 800  # CSS pixels
_QUALITY: Final = 62


class Camera:
    """Takes pictures of documents, each as long as it is unless told."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser

    def take(self, html: str, width: int, target: Path, *, most: int | None = None) -> None:
        """Write a WebP picture of ``html`` at ``width`` CSS pixels, of the first ``most`` alone."""
        page = self._browser.new_page(
            viewport={"width": width, "height": 400}, color_scheme="light"
        )
        page.route("**/*", _answer)
        page.set_content(html, wait_until="load")
        size = page.evaluate("[document.documentElement.scrollWidth, document.body.scrollHeight]")
        if size[0] > width:
            raise ValueError(f"{target.name} is {size[0]} wide on a screen of {width}")
        client = page.context.new_cdp_session(page)
        length = page.evaluate("document.documentElement.scrollHeight")
        length = min(length, most or length)
        shot = client.send(
            "Page.captureScreenshot",
            {
                "format": "webp",
                "quality": _QUALITY,
                "captureBeyondViewport": True,
                "clip": {"x": 0, "y": 0, "width": width, "height": length, "scale": 1},
            },
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(base64.b64decode(shot["data"]))
        page.close()


@contextmanager
def camera() -> Iterator[Camera]:
    """A browser for as long as it is needed.

    :raises LookupError: there is no Chromium on this machine.
    """
    with started() as browser:
        yield Camera(browser)


@contextmanager
def started() -> Iterator[Any]:
    """The browser itself. Raises as ``camera`` does."""
    path = program()
    if path is None:
        raise LookupError(f"no Chromium: none of {', '.join(NAMES)} is on the path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


def _answer(route: Any) -> None:
    """Pictures are drawn; nothing else is there, and nothing leaves the machine."""
    url = urlsplit(route.request.url)
    if route.request.resource_type == "image":
        route.fulfill(content_type="image/svg+xml", body=drawing(url.path))
    else:
        route.abort()
