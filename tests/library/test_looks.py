"""How every message of the library comes out, for readers of whom all or next to nothing is known.

``tests/pictures`` shows the same messages to the eye.
"""

from __future__ import annotations

import re

import pytest

from config.colors import readable_on
from tests.library.contrast import LEAST, Words, text_of, words_of
from tests.library.readers import READERS, Made, messages, templates
from tests.library.walk import WORKSPACE, policy

# Gmail clips a message over 102 KB; ours leave room for names, products and click links of any
# length (Mailchimp Help Center, "Gmail is clipping my email").
CLIPPED, HALF = 102_000, 51_000
TEMPLATES = sorted(
    path.name
    for path in (WORKSPACE / "message_templates").iterdir()
    if path.is_dir() and not path.name.startswith(("_", "."))
)


def of(template: str, part: str) -> list[Made]:
    return [made for made in messages() if (made.template, made.part) == (template, part)]


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_is_sent_by_a_campaign_and_renders_for_everybody(template: str) -> None:
    info = templates().info(template)
    assert info is not None
    assert not info.diagnostics
    seen = {(made.reader, made.locale) for made in messages() if made.template == template}
    assert seen == {(reader, locale) for reader in READERS for locale in info.locales}


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_email_is_light_and_whole(template: str) -> None:
    for made in of(template, "email"):
        html, text = made.content.html or "", made.content.text
        assert len(html.encode()) < HALF < CLIPPED, made
        assert re.match(rf'<!doctype html><html lang="{made.locale}"', html), made
        assert made.content.subject, made
        assert len(text.split()) > 20, made
        assert len(text_of(html)) > len(text) / 3, made
        assert not re.search(r'(?:href|src|background)="http://', html), made
        assert "http://" not in text, made
        for picture in re.findall(r"<img\b[^>]*>", html):
            assert re.search(r'\balt="[^"]+"', picture), (str(made), picture)


@pytest.mark.parametrize("template", TEMPLATES)
def test_nothing_is_printed_of_what_is_not_known(template: str) -> None:
    for made in messages():
        if made.template != template:
            continue
        for said in (
            made.content.subject or "",
            text_of(made.content.html or ""),
            made.content.text,
        ):
            assert not re.search(r"\bNone\b|\{\{|\{%| [,.!?](?:\s|$)|\(\s*\)|##", said), (
                str(made), said,
            )  # fmt: skip
            if made.reader == "by titles alone":
                assert not re.search(r"[$€] ?0[.,]00|\b0[.,]00 ?[$€]", said), (str(made), said)


@pytest.mark.parametrize("template", TEMPLATES)
def test_an_email_says_whom_to_ask_and_when(template: str) -> None:
    support = policy().brand.support
    for made in of(template, "email"):
        for said in (text_of(made.content.html or ""), made.content.text):
            for wanted in (support.email, support.phone, support.hours):
                assert wanted is None or wanted in said, (str(made), wanted)


@pytest.mark.parametrize("template", TEMPLATES)
def test_marketing_can_be_ended(template: str) -> None:
    for made in of(template, "email"):
        if made.purpose == "marketing" and made.reader != "hardly":  # whose sample has no links
            assert re.search(r'href="https://\S+/u/[^"]+"', made.content.html or ""), made
            assert re.search(r"https://\S+/u/\S+", made.content.text), made


@pytest.mark.parametrize("template", TEMPLATES)
def test_words_stand_out_by_day_and_by_night(template: str) -> None:
    for made in of(template, "email"):
        for dark in (False, True):
            words = words_of(made.content.html or "", dark=dark)
            assert len(words) > 5
            faint = [one for one in words if one.contrast < LEAST]
            assert not faint, (str(made), "dark" if dark else "light", faint)


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_text_keeps_to_what_it_states(template: str) -> None:
    info = templates().info(template)
    assert info is not None
    for made in of(template, "sms"):
        suffix = "" if made.locale == info.locales[0] else f".{made.locale}"
        file = WORKSPACE / "message_templates" / template / f"sms{suffix}.txt"
        stated = re.match(r"\{# segments: (\d) #\}\n", file.read_text(encoding="utf-8"))
        assert stated, file
        assert 0 < (made.content.segments or 0) <= int(stated[1]), (str(made), made.content.text)


def test_contrast_is_that_of_wcag() -> None:
    assert Words("", "#000000", "#ffffff").contrast == pytest.approx(21)
    assert Words("", "#777777", "#ffffff").contrast == pytest.approx(4.48, abs=0.005)
    assert Words("", "#ff0000", "#ffffff").contrast == pytest.approx(4.0, abs=0.005)
    assert Words("", "#123456", "#123456").contrast == 1


def test_faint_words_would_be_found() -> None:
    html = (
        "<html><head><style>.q { color: #aaa } @media (prefers-color-scheme: dark) "
        "{ .card { background: #222 !important; } }</style></head><body>"
        '<div class="card" style="background:#ffffff"><p class="q">faint</p>'
        '<p style="color:#333">plain<br>on</p></div>'
        '<div style="display:none;color:#fff">unseen</div></body></html>'
    )
    assert [(one.text, one.contrast < LEAST) for one in words_of(html)] == [
        ("faint", True), ("plain", False), ("on", False),
    ]  # fmt: skip
    assert [(one.text, one.contrast < LEAST) for one in words_of(html, dark=True)] == [
        ("faint", False), ("plain", True), ("on", True),
    ]  # fmt: skip


def test_a_button_is_readable_whatever_the_brands_colour() -> None:
    levels = range(0, 256, 15)
    for color in (f"#{red:02x}{green:02x}{blue:02x}" for red in levels for green in levels
                  for blue in levels):  # fmt: skip
        assert Words("", readable_on(color), color).contrast >= LEAST
