"""Whatever customers call themselves: the mail keeps its structure and its headers."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.message import Content
from engine.rendering.sample import SAMPLE_CONTEXT
from engine.rendering.templates import MessageTemplates
from tests.rendering.conftest import Write


class Skeleton(HTMLParser):
    """The document without its words: elements, attribute names, and where links may lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.shape: list[tuple[str, ...]] = []
        self.links: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.shape.append((tag, *(name for name, _ in attrs)))
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_endtag(self, tag: str) -> None:
        self.shape.append((f"/{tag}",))

    def handle_comment(self, data: str) -> None:
        self.shape.append(("comment", data))


nasty = st.one_of(
    st.text(min_size=1),
    st.lists(
        st.sampled_from(
            """<script> </td></table> --> <!-- ]]> " ' <b/onload= & {{order}} {%raw%} {# javascript:
            Bcc:a@b.c < </style> <![endif]--> ` \\ jjx0xjj <!--jjx1xjj--> \x00 \ud800""".split()  # noqa: SIM905
        )
        | st.sampled_from([" ", "\r\n", "\u2028"]),
        min_size=1,
        max_size=6,
    ).map("".join),
)


def context(word: str) -> dict[str, Any]:
    customer = {**SAMPLE_CONTEXT["customer"], "first_name": word, "last_name": word, "name": word}
    lines = [{**line, "title": word, "url": word} for line in SAMPLE_CONTEXT["order"]["lines"]]
    order = {
        **SAMPLE_CONTEXT["order"],
        "number": word,
        "status_url": word,
        "discount_codes": [word],
        "lines": lines,
    }
    return {**SAMPLE_CONTEXT, "customer": customer, "order": order}


def render(starter: MessageTemplates, word: str) -> Content:
    return starter.render("thank_you", "email", "en-US", context(word))


@given(word=nasty)
def test_structure_and_headers_hold(starter: MessageTemplates, word: str) -> None:
    content = render(starter, word)
    assert content.html is not None
    assert content.subject is not None
    found, wanted = Skeleton(content.html), Skeleton(render(starter, "Ann").html or "")
    # A defused name may be empty, and an empty link leaves its element out.
    assert set(found.shape) <= set(wanted.shape)
    assert found.shape == wanted.shape
    for link in found.links:
        assert (
            re.match(r"(?:https?://|mailto:|tel:)", link, re.I)
            or ":" not in re.split("[/?#]", link)[0]
        )
    assert len(content.subject.splitlines()) == 1
    for part in (content.subject, content.html, content.text):
        part.encode()
        assert "\x00" not in part


@given(word=nasty)
def test_a_name_brings_no_address_into_the_text(starter: MessageTemplates, word: str) -> None:
    values = context("Ann")
    values["customer"] = {**values["customer"], "first_name": f"{word} http://evil.example/x"}
    content = starter.render("thank_you", "email", "en-US", values)
    for part in (content.subject, content.html, content.text):
        assert part is not None
        assert "evil.example" not in part


def test_links_from_data_must_be_links(write: Write) -> None:
    source = (
        '<html><body><a href="{{ order.status_url }}">a</a><img src="{{ order.tracking_url }}">'
        '<a href="{% if order.is_gift %}https://x.example{% else %}{{ order.status_url }}'
        '{% endif %}">b</a><a href="https://x.example/?u={{ order.status_url | urlencode }}">c</a>'
        '<a href="{{ order.number }}{{ order.status_url }}">d</a></body></html>'
    )
    templates = write("t", {"subject.txt": "s", "body.txt": "t", "body.html": source})
    bad = "javascript:alert(1)"
    order = {**SAMPLE_CONTEXT["order"], "status_url": bad, "tracking_url": bad, "number": ""}
    html = templates.render("t", "email", None, {**SAMPLE_CONTEXT, "order": order}).html
    assert html is not None
    assert Skeleton(html).links == [
        "",
        "",
        "",
        "https://x.example/?u=javascript%3Aalert%281%29",
        "",
    ]
    html = templates.render("t", "email", None, SAMPLE_CONTEXT).html
    assert html is not None
    assert Skeleton(html).links[0] == "https://shop.example.com/orders/1042"


def test_subjects_take_no_line_breaks(write: Write) -> None:
    templates = write(
        "t", {"subject.txt": "Hi\n{{ order.number }}\n", "body.txt": "t", "body.html": "<p>x"}
    )
    order = {**SAMPLE_CONTEXT["order"], "number": "1\r\nBcc: a@b.example\u2028\x85x"}
    content = templates.render("t", "email", None, {**SAMPLE_CONTEXT, "order": order})
    assert content.subject == "Hi 1 Bcc: a@b.example x"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("[{{ customer.birthday }}]", "[]"),
        ('[{{ customer.birthday | default("there") }}]', "[there]"),
        ('[{{ customer.last_name | default("there") }}]', "[there]"),
        ('[{{ customer.attributes.shoe | default("none") }}]', "[none]"),
        ("[{{ customer.attributes.shoe }}]", "[]"),
        ("[{{ trigger.data.carrier.name | default('?') }}]", "[?]"),
        ("[{{ customer.orders_count | default(5) }}]", "[0]"),
        ("[{{ customer.total_spent | money }}]", "[$12.50]"),
        ("[{{ order.total | money }}]", "[€99.00]"),
        ('[{{ order.total | money("GBP") }}]', "[£99.00]"),
        ("[{{ (order.subtotal * 0.1 + 0.5) | money }}]", "[€10.05]"),
        ("[{{ order.subtotal - 0.5 > 94.9 }}]", "[True]"),
        ("[{{ 'a' + 'b' }}]", "[ab]"),
        ("[{{ order.placed_at | date }}]", "[March 14, 2026]"),
        ('[{{ 2 | plural("piece", "pieces") }}]', "[pieces]"),
        ("[{{ order.lines | first }}]", "[]"),
        ("[{{ shop.name }}]", "[Maison Bellerive]"),
        ("[{{ ask.score }}{{ ask.answered }}]", "[9]"),
        ("[{% if ticket %}yes{% else %}no{% endif %}]", "[no]"),
    ],
)
def test_values_print_as_documented(write: Write, source: str, text: str) -> None:
    templates = write("t", {"voice.txt": source})
    customer = {
        **SAMPLE_CONTEXT["customer"],
        "birthday": None,
        "last_name": "",
        "attributes": {},
        "orders_count": 0,
        "total_spent": 12.5,
    }
    order = {**SAMPLE_CONTEXT["order"], "currency": "EUR", "total": 99, "lines": []}
    values = {"customer": customer, "order": order, "trigger": {"data": {}}, "ask": {"score": 9}}
    assert templates.render("t", "voice", "en-US", values).text == text
