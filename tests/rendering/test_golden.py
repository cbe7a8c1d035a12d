"""The starter templates' renderings, word for word.

After a wanted change: ``WRITE_GOLDEN=1 pytest tests/rendering/test_golden.py``, and read
the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.core.message import Content
from engine.rendering.markup import LARGEST_HTML
from engine.rendering.sample import SAMPLE_CONTEXT, SPARSE_CONTEXT
from engine.rendering.templates import MessageTemplates

GOLDEN = Path(__file__).parent / "golden"


def told(content: Content) -> dict[str, str]:
    if content.html is None:
        return {"sms.txt": f"{content.text}\n[{content.segments} segments]\n"}
    return {"html": content.html, "txt": f"Subject: {content.subject}\n\n{content.text}\n"}


@pytest.mark.parametrize("locale", ["en-US", "de-AT"])
@pytest.mark.parametrize("channel", ["email", "sms"])
@pytest.mark.parametrize("who", ["full", "sparse"])
def test_thank_you(starter: MessageTemplates, locale: str, channel: str, who: str) -> None:
    context = SAMPLE_CONTEXT if who == "full" else SPARSE_CONTEXT
    for kind, text in told(starter.render("thank_you", channel, locale, context)).items():
        path = GOLDEN / f"thank_you.{locale}.{who}.{kind}"
        if os.environ.get("WRITE_GOLDEN"):
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")


def test_every_starter_template_is_sound(starter: MessageTemplates) -> None:
    assert "thank_you" in starter.names()
    for name in starter.names():
        info = starter.info(name)
        assert info is not None
        assert info.diagnostics == ()
        assert all(count <= 2 for count in info.segments.values())
        if "email" in info.channels:
            for locale in info.locales:
                results: dict[str, object] = {step.split(".")[0]: {} for step in info.step_names}
                html = starter.render(name, "email", locale, results | SAMPLE_CONTEXT).html
                assert html is not None
                assert len(html.encode()) < LARGEST_HTML / 2


def test_the_footer_follows_the_purpose(starter: MessageTemplates) -> None:
    marketing = starter.render("thank_you", "email", "en", SAMPLE_CONTEXT)
    other = starter.render("thank_you", "email", "en", SPARSE_CONTEXT)
    for part in (marketing.html, marketing.text):
        assert part is not None
        assert "https://shop.example.com/u/sample-token/preferences" in part
        assert "100 Example Street" in part
    for part in (other.html, other.text):
        assert part is not None
        assert "nsubscribe" not in part
        assert "about your purchase" in part
        assert "100 Example Street" in part
