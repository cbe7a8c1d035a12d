"""Which links of a message are led elsewhere, and that nothing else of it changes."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.rendering.link_targets import UNTRACKED, replace_in_html, replace_in_text
from engine.rendering.sample import SAMPLE_CONTEXT
from tests.rendering.conftest import Write


def track(target: str) -> str:
    return f"https://t.example/c/<{target}>"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("See https://a.example.", "See https://t.example/c/<https://a.example>."),
        ("(https://a.example/x)", "(https://t.example/c/<https://a.example/x>)"),
        ("https://a.example/x_(y)!", "https://t.example/c/<https://a.example/x_(y)>!"),
        ("“https://a.example/?q=1&r=2”", "“https://t.example/c/<https://a.example/?q=1&r=2>”"),
        ("HTTP://a.example\nb", "https://t.example/c/<HTTP://a.example>\nb"),
        ("mailto:a@b.example tel:+1 www.a.example", "mailto:a@b.example tel:+1 www.a.example"),
        (f"https://a.example/x{UNTRACKED} y", "https://a.example/x y"),
    ],
)
def test_in_text(before: str, after: str) -> None:
    assert replace_in_text(before, track) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            '<a href="https://a.example/?q=1&amp;r=2">x</a>',
            '<a href="https://t.example/c/&lt;https://a.example/?q=1&amp;r=2&gt;">x</a>',
        ),
        (
            "<A class='b' HREF = 'https://a.example'>x</A>",
            """<A class='b' HREF = "https://t.example/c/&lt;https://a.example&gt;">x</A>""",
        ),
        (
            '<a title="a > b" href="http://a.example">',
            '<a title="a > b" href="https://t.example/c/&lt;http://a.example&gt;">',
        ),
        ('<a clicktracking="off" href="https://a.example">', None),
        ("<a clicktracking=off href='https://a.example'>", None),
        ('<a href="mailto:a@b.example">', None),
        ('<a href="#top">', None),
        ('<a data-href="https://a.example">', None),
        ('<img src="https://a.example/x.png">', None),
        ('<link href="https://a.example/x.css">', None),
        ('<abbr href="https://a.example">', None),
        ("https://a.example in words", None),
        (f'<a href="https://a.example{UNTRACKED}">', '<a href="https://a.example">'),
    ],
)
def test_in_html(before: str, after: str | None) -> None:
    assert replace_in_html(before, track) == (before if after is None else after)


@given(st.text() | st.lists(st.sampled_from(["<a ", "href=", '"', "'", "https://", ">", "x"])))
def test_without_tracking_nothing_changes(text: str | list[str]) -> None:
    document = "".join(text)
    for replace in (replace_in_html, replace_in_text):
        assert replace(document, None) == document.replace(UNTRACKED, "")
        assert replace(document, lambda target: target).count("x") == document.count("x")


@pytest.mark.parametrize(
    "hostile",
    ["<a " * 50_000, '<a href="' * 20_000, "<a x='" + "y" * 200_000, "<a " + "x='y' " * 50_000,
     "https://" * 30_000, "https://a" + ")" * 100_000, "http" * 50_000],
)  # fmt: skip
def test_no_document_is_slow(hostile: str) -> None:
    started = time.perf_counter()
    replace_in_html(hostile, track)
    replace_in_text(hostile, track)
    assert time.perf_counter() - started < 2


def test_a_rendered_message_with_its_links(write: Write) -> None:
    templates = write(
        "t",
        {
            "subject.txt": "{{ 'https://a.example' | untracked }}",
            "body.txt": "{{ order.status_url }} {{ 'https://a.example' | untracked }}",
            "body.html": '<html><body><a href="{{ order.status_url }}">1</a>'
            '<a href="{{ order.status_url | untracked }}">2</a></body></html>',
            "sms.txt": "{{ order.status_url }}",
        },
    )
    target = SAMPLE_CONTEXT["order"]["status_url"]
    content = templates.render("t", "email", None, SAMPLE_CONTEXT, lambda url: url + "/tracked")
    assert content.subject == "https://a.example"
    assert content.text.strip() == f"{target}/tracked https://a.example"
    assert content.html is not None
    assert content.html.count(f'"{target}/tracked"') == 1
    assert content.html.count(f'"{target}"') == 1
    long = templates.render("t", "sms", None, SAMPLE_CONTEXT, lambda url: url + "x" * 160)
    assert (long.segments, len(long.text)) == (2, len(target) + 160)
