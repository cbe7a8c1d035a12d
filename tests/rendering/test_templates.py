"""Finding, choosing, reloading."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from config.colors import readable_on
from engine.ports.rendering import Renderer, RenderError, Templates
from engine.rendering.names import KNOWN_NAMES
from engine.rendering.sample import SAMPLE_CONTEXT, SAMPLE_SHOP, SPARSE_CONTEXT
from engine.rendering.templates import MessageTemplates
from tests.rendering.conftest import Write


def text(templates: MessageTemplates, locale: str | None) -> str:
    return templates.render("t", "sms", locale, SAMPLE_CONTEXT).text


def test_it_is_what_the_ports_ask_for(starter: MessageTemplates) -> None:
    templates: Templates = starter
    renderer: Renderer = starter
    assert templates.info("thank_you") is not None
    assert templates.info("no_such") is None
    assert renderer.revision("thank_you")


@pytest.mark.parametrize(
    ("locale", "expected"),
    [
        ("de-AT", "österreichisch"),
        ("de_at", "österreichisch"),
        ("de-AT-1996", "österreichisch"),
        ("de-CH", "deutsch"),
        ("de", "deutsch"),
        ("fr", "default"),
        ("", "default"),
        (None, "default"),
        ("x" * 500, "default"),
        ("--", "default"),
    ],
)
def test_the_nearest_language_is_chosen(write: Write, locale: str | None, expected: str) -> None:
    templates = write(
        "t", {"sms.txt": "default", "sms.de.txt": "deutsch", "sms.de-AT.txt": "österreichisch"}
    )
    assert text(templates, locale) == expected
    info = templates.info("t")
    assert info is not None
    assert info.locales == ("en", "de", "de-AT")


@pytest.mark.parametrize(
    ("locale", "expected"),
    [("en-GB", "US$5.00"), ("en-US", "$5.00"), ("fr-FR", "$5.00"), ("de-AT", "$ 5,00")],
)
def test_amounts_are_written_in_the_messages_language(
    write: Write, locale: str, expected: str
) -> None:
    templates = write("t", {"sms.txt": "{{ 5 | money }}", "sms.de.txt": "{{ 5 | money }}"})
    assert text(templates, locale) == expected


def test_a_change_is_seen_and_an_error_keeps_the_last_good(write: Write) -> None:
    templates = write("t", {"sms.txt": "one"})
    file = templates._root / "t" / "sms.txt"
    before = templates.revision("t")
    assert templates.refresh() == frozenset()

    file.write_text("two two")
    assert templates.refresh() == {"t"}
    assert text(templates, None) == "two two"
    after = templates.revision("t")
    assert after != before

    file.write_text("{{ order.nmber }}")
    assert templates.refresh() == {"t"}
    info = templates.info("t")
    assert info is not None
    assert info.diagnostics
    assert text(templates, None) == "two two"
    assert templates.revision("t") == after

    file.write_text("one")
    templates.refresh()
    assert templates.revision("t") == before

    os.utime(file, ns=(1, 1))  # touched, not changed
    assert templates.refresh() == frozenset()

    file.unlink()
    file.parent.rmdir()
    assert templates.refresh() == {"t"}
    assert templates.names() == frozenset()
    with pytest.raises(RenderError, match="no such template"):
        text(templates, None)


def test_a_layout_change_reaches_every_template(write: Write) -> None:
    layout = (
        "<mjml><mj-body>{{ content }}<mj-section><mj-column><mj-text>FOOT</mj-text></mj-column>"
    )
    layout += "</mj-section></mj-body></mjml>"
    write("_layout", {"email.mjml": layout, "email.txt": "{{ content }}\n--\nfoot\n"})
    body = "<mj-section><mj-column><mj-text>BODY</mj-text></mj-column></mj-section>"
    templates = write("t", {"subject.txt": "s", "body.txt": "body\n", "body.mjml": body})
    content = templates.render("t", "email", None, {})
    assert content.html is not None
    assert content.html.index("BODY") < content.html.index("FOOT")
    assert content.text == "body\n--\nfoot"
    (templates._root / "_layout" / "email.txt").write_text("{{ content }}\n{{ order.nmber }}")
    assert templates.refresh() == {"t"}
    info = templates.info("t")
    assert info is not None
    assert info.diagnostics[0].at.file == "message_templates/_layout/email.txt"
    assert templates.render("t", "email", None, {}) == content


def test_a_revision_follows_from_content_and_shop(tmp_path: Path, write: Write) -> None:
    templates = write("t", {"sms.txt": "{{ shop.name }}"})
    same = MessageTemplates(templates._root, shop=dict(sorted(SAMPLE_SHOP.items())))
    other = MessageTemplates(templates._root, shop={**SAMPLE_SHOP, "name": "Other"})
    assert same.revision("t") == templates.revision("t") != other.revision("t")
    assert same.sample("t", "sms", "de") == templates.sample("t", "sms", None)
    assert text(other, None) == "Other"


def test_lazily_a_template_is_the_same_once_it_is_asked_for(write: Write) -> None:
    write("bad", {"sms.txt": "{{ order.nmber }}"})
    write("gone", {"sms.txt": "soon"})
    eager = write("good", {"sms.txt": "{{ order.number }} {{ ask.score }}"})
    lazy = MessageTemplates(eager._root, shop=SAMPLE_SHOP, lazily=True)
    assert not lazy._compiled
    assert lazy.names() == eager.names() == {"bad", "gone", "good"}
    assert lazy.reads("good", "ask")
    assert set(lazy._compiled) == {"good"}
    assert lazy.info("bad") == eager.info("bad")
    assert lazy.revision("good") == eager.revision("good")
    with pytest.raises(RenderError, match="cannot be compiled"):
        lazy.render("bad", "sms", None, {})
    (eager._root / "gone" / "sms.txt").unlink()
    (eager._root / "gone").rmdir()
    (eager._root / "good" / "sms.txt").write_text("changed")
    lazy.refresh()
    assert lazy.info("gone") is None
    assert lazy.render("good", "sms", None, {}).text == "changed"


def test_what_cannot_be_rendered_says_why(write: Write) -> None:
    templates = write("thanks", {"sms.txt": "{{ order.number }}\n{{ ask.score }}"})
    with pytest.raises(RenderError, match="did you mean thanks"):
        templates.render("thank", "sms", None, {})
    with pytest.raises(RenderError, match="no email part"):
        templates.render("thanks", "email", None, {})
    with pytest.raises(RenderError, match="“number” is asked of something") as caught:
        templates.render("thanks", "sms", None, {})
    assert (caught.value.position and caught.value.position.line) == 1
    with pytest.raises(RenderError, match="'ask' is undefined") as caught:
        templates.render("thanks", "sms", None, SAMPLE_CONTEXT)
    assert (caught.value.position and caught.value.position.line) == 2


def test_no_folder_means_no_templates(tmp_path: Path) -> None:
    assert MessageTemplates(tmp_path / "none", shop={}).names() == frozenset()


@pytest.mark.parametrize("context", [SAMPLE_CONTEXT, SPARSE_CONTEXT])
def test_samples_have_exactly_the_known_names(context: dict[str, Any]) -> None:
    known = {name.removesuffix(".*") for name in KNOWN_NAMES}
    found: set[str] = set()

    def gather(name: str, value: object) -> None:
        """The names below ``name``; of a list, those of its items."""
        items = value if isinstance(value, list) else [value]
        inside = [item for item in items if isinstance(item, dict) and item]
        if name in known or not inside:
            found.add(name)
        if f"{name}.*" not in KNOWN_NAMES:
            for item in inside:
                for key, one in item.items():
                    gather(f"{name}.{key}", one)

    for root, value in {**context, "shop": SAMPLE_SHOP}.items():
        gather(root, value)
    lists = ("order.lines.", "recommendations.together.", "recommendations.next.",
             "recommendations.popular.", "replenishment.products.")  # fmt: skip
    sparse = {name for name in known if name.startswith(lists)}
    assert found == (known - sparse if context is SPARSE_CONTEXT else known)


@pytest.mark.parametrize(
    ("color", "readable"),
    [
        ("#ffffff", "#000000"),
        ("#000000", "#ffffff"),
        ("#7a1f2b", "#ffffff"),
        ("#ffd400", "#000000"),
    ],
)
def test_text_on_the_brand_colour_is_readable(color: str, readable: str) -> None:
    assert readable_on(color) == readable
