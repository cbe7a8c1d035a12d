"""Faulty templates: what is wrong, where, and the nearest right word."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.diagnostics import Diagnostic, Severity
from engine.rendering.sample import SAMPLE_SHOP
from engine.rendering.templates import MessageTemplates
from tests.rendering.conftest import Write

MJML = "<mjml><mj-body><mj-section><mj-column>\n{}\n</mj-column></mj-section></mj-body></mjml>"


def problems(templates: MessageTemplates, name: str = "t") -> list[Diagnostic]:
    info = templates.info(name)
    assert info is not None
    return list(info.diagnostics)


@pytest.mark.parametrize(
    ("source", "code", "line", "column", "suggestion"),
    [
        ("a\n {{ customer.frist_name }}", "unknown-variable", 2, 14, "customer.first_name"),
        ("{% for l in order.lines %}\n{{ l.titel }}{% endfor %}", "unknown-variable", 2, 6,
         "order.lines.title"),
        ("{{ order.lines[0].prize }}", "unknown-variable", 1, 19, "order.lines.price"),
        ("{{ order['totl'] }}", "unknown-variable", 1, 11, "order.total"),
        ("{{ now.year }}", "unknown-variable", 1, 8, None),
        ("{{ order.total | mony }}", "unknown-filter", 1, 18, "money"),
        ("{% if order is defind %}x{% endif %}", "unknown-test", 1, 16, "defined"),
        ("x {{ order.total ", "template-syntax", 1, 3, None),
        ("x\n{% if a %}", "template-syntax", 2, 1, None),
        ("x\n{% endif %}", "template-syntax", 2, 1, None),
        ("{% fro a in b %}", "template-syntax", 1, 1, None),
        ("{{ 1 / 0 }}", "render", 1, 1, None),
        ("a\n{{ order.carrier.name }}", "unknown-variable", 2, 18, None),
        ("a\n\n  {{ customer.first_name | money }}", "render", 3, 3, None),
        ("{{ order.total * 2 }}", "render", 1, 1, None),
        ("{% include 'x' %}", "template-statement", 1, 4, None),
    ],
)  # fmt: skip
def test_jinja(
    write: Write, source: str, code: str, line: int, column: int, suggestion: str | None
) -> None:
    found = problems(write("t", {"sms.txt": source}))[0]
    assert (found.code, found.at.line, found.at.column) == (code, line, column), found
    assert found.at.file == "message_templates/t/sms.txt"
    if suggestion:
        assert found.suggestion == suggestion


@pytest.mark.parametrize(
    ("body", "code", "line", "column"),
    [
        ("<mj-text>a", "mjml-nesting", 2, 1),
        ("<mj-text>a</mj-txt>", "mjml-nesting", 2, 11),
        ("  <mj-txt>a</mj-txt>", "mjml-element", 2, 3),
        ("<mj-text>a</b></mj-text>", "mjml-nesting", 2, 11),
        ('<mj-image src="x" width="{{ order.number }}" />', "tag-dropped", 2, 26),
        ('<mj-text nonsense="{{ order.number }}">a</mj-text>', "tag-dropped", 2, 20),
        ("<mj-text>{{ order.nmber }}</mj-text>", "unknown-variable", 2, 19),
        ("<mj-text>\n{{ 1 / 0 }} {{ order.number }}</mj-text>", "render", 3, 1),
        ("<mj-text>{{ order.number }} {{ 'a' + 1 }}</mj-text>", "render", 2, 29),
    ],
)
def test_mjml(write: Write, body: str, code: str, line: int, column: int) -> None:
    files = {"subject.txt": "s", "body.txt": "t", "body.mjml": MJML.replace("{}", body, 1)}
    found = problems(write("t", files))[0]
    assert (found.code, found.at.line, found.at.column) == (code, line, column), found
    assert found.at.file == "message_templates/t/body.mjml"


def test_tags_that_mjml_keeps(write: Write) -> None:
    body = (
        '<mj-text color="{{ shop.color }}">{{ 1 < 2 and 3 > 2 }} &nbsp;<br> {# <b #}'
        '{% if order.total > 3 %}<a href="{{ order.status_url }}">{{ "<}}>" }}</a>{% endif %}'
        "</mj-text>"
        "<mj-raw>{% for line in order.lines %}</mj-raw><mj-text>{{ line.title }}</mj-text>"
        "<mj-raw>{% endfor %}</mj-raw>{% raw %}{{ left alone }}{% endraw %}"
    )
    files = {"subject.txt": "s", "body.txt": "t", "body.mjml": MJML.replace("{}", body, 1)}
    templates = write("t", files)
    order = {"total": 4, "status_url": "https://x.example", "lines": [{"title": "A&B"}] * 2}
    html = templates.render("t", "email", None, {"order": order}).html
    assert html is not None
    assert html.count("A&amp;B") == 2
    assert "{{ left alone }}" in html
    assert "True &nbsp;<br" in html
    assert "&lt;}}&gt;" in html
    assert "fonts.googleapis.com" not in html


def test_html_bodies_are_inlined_and_their_loops_stay_in_tables(write: Write) -> None:
    source = (
        "<html><head><style>td { color: red } @media print { td { color: blue } }</style></head>"
        "<body><table>{% for line in order.lines %}<tr><td>{{ line.title }}</td></tr>{% endfor %}"
        "</table></body></html>"
    )
    templates = write("t", {"subject.txt": "s", "body.txt": "t", "body.html": source})
    assert problems(templates) == []
    order = {"lines": [{"title": "A"}, {"title": "B"}]}
    html = templates.render("t", "email", None, {"order": order}).html
    assert html is not None
    assert html.count('<tr><td style="color: red;">') == 2
    assert "@media print" in html


def test_a_paragraph_that_the_parser_moves_out_of_a_table_is_told(write: Write) -> None:
    source = "<table>\n{% if now %}<p>{% if order %}x{% endif %}</p>{% endif %}</table>"
    found = problems(write("t", {"subject.txt": "s", "body.txt": "t", "body.html": source}))
    assert [(problem.code, problem.at.line, problem.at.column) for problem in found] == [
        ("tag-moved", 2, 1)
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"subject.txt": "s", "body.html": "<p>"}, "body.txt is missing: mail without a text part"),
        ({"body.txt": "t", "body.html": "<p>"}, "subject.txt is missing"),
        ({"subject.txt": "s", "body.txt": "t"}, "body.mjml is missing"),
        ({"sms.txt": "s", "sms.de.txt": "s", "body.de.txt": "t"}, "email has a variant for de"),
        ({"sms.de.txt": "s"}, "sms has a variant for de and no default"),
        ({"readme.md": "x"}, "has no message in it"),
        (
            {"subject.txt": "s", "body.txt": "t", "body.html": "<p>", "body.mjml": MJML},
            "both there",
        ),
        (
            {"subject.txt": "s", "body.txt": "t", "body.html": "<p>", "subject.de.txt": "s"},
            "body.de.txt is missing",
        ),
        ({"subject.txt": "s", "body.txt": "t", "body.mjml": "<mj-section/>"}, "_layout/email.mjml"),
    ],
)
def test_a_variant_is_whole(write: Write, files: dict[str, str], message: str) -> None:
    assert any(message in problem.message for problem in problems(write("t", files)))


def test_stray_files_are_only_warned_of(write: Write) -> None:
    (found,) = problems(write("t", {"sms.txt": "s", "smss.txt": "s", ".sms.txt.swp": ""}))
    assert (found.severity, found.suggestion) == (Severity.WARNING, "sms.txt")


def test_a_file_that_is_not_text(write: Write) -> None:
    templates = write("t", {"sms.txt": "s"})
    (templates._root / "t" / "sms.txt").write_bytes(b"\xff\xfe")
    templates.refresh()
    assert problems(templates)[0].code == "encoding"


def test_names_of_steps_are_told_apart(write: Write) -> None:
    templates = write("t", {"sms.txt": "{% set a = 1 %}{{ a }}{{ nps.score }} {{ order.number }}"})
    info = templates.info("t")
    assert info is not None
    assert info.diagnostics == ()
    assert set(info.variables) == {"nps.score", "order.number"}
    assert set(info.step_names) == {"nps.score"}
    assert info.step_names["nps.score"].column == 30


fragments = st.lists(
    st.sampled_from(
        """{{ }} {% %} {# #} if for x in order.lines endif endfor order.total | money ' " ( ) - x
        < > <mj-text> </mj-text> <mj-raw> </mj-raw> <!-- --> & {%raw%} {%endraw%}""".split()  # noqa: SIM905
    )
    | st.sampled_from([" ", "\n", "\r", "\x00", "é"]),
    max_size=25,
).map("".join)


@given(body=fragments, line=fragments)
@settings(max_examples=200)
def test_any_text_gives_diagnostics_or_a_template(
    tmp_path_factory: pytest.TempPathFactory, body: str, line: str
) -> None:
    root = tmp_path_factory.mktemp("any", numbered=True)
    (root / "t").mkdir()
    text = MJML.replace("{}", body, 1)
    for name, part in {"subject.txt": line, "body.txt": body, "body.mjml": text}.items():
        (root / "t" / name).write_bytes(part.encode())
    templates = MessageTemplates(root, shop=SAMPLE_SHOP)
    for problem in problems(templates):
        assert problem.at.line >= 1
        assert problem.at.column >= 1
    if not problems(templates):
        assert templates.revision("t")
