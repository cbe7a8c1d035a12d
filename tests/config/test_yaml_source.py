"""Data stays the author's text, every value knows its place, and no bytes cause a traceback."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from config.source_text import SourceText
from config.yaml_source import MAX_BYTES, Document, SourceError, field_path, load

CAMPAIGN = """\
version: 1
id: review-request
trigger:
  event: order.delivered
  filter: !order.is_gift && order.total >= 20   # once, at entry
  max_age: 3d
exit_on: [order.returned, "order.refunded"]
steps:
  - delay: {for: 3d, until: "10:00"}
  - if: !(a.b || c.d)
    send_email: &mail {template: 'it''s', on: yes}
  - send_email: *mail
  - text: |
      first line
      filter: !not a condition
    folded: >-
      one
      two

      three
    empty: ~
"""


def doc(text: str | bytes) -> Document:
    return load(text, "a.yaml")


def codes(text: str | bytes) -> list[str]:
    with pytest.raises(SourceError) as caught:
        doc(text)
    return [one.code for one in caught.value.diagnostics]


def test_scalars_stay_text_and_conditions_are_recovered() -> None:
    data: Any = doc(CAMPAIGN).data
    assert data["version"] == "1"
    assert data["trigger"]["filter"] == "!order.is_gift && order.total >= 20"
    assert data["steps"][1]["if"] == "!(a.b || c.d)"
    assert data["steps"][1]["send_email"] == {"template": "it's", "on": "yes"}
    assert data["steps"][2]["send_email"] == data["steps"][1]["send_email"]
    assert data["steps"][3]["text"] == "first line\nfilter: !not a condition\n"
    assert data["steps"][3]["folded"] == "one two\nthree"
    assert data["steps"][3]["empty"] is None


@pytest.mark.parametrize("written", ["yes", "on", "09:00", "1e3", "0x1F", "2024-01-01", "1_000"])
def test_no_scalar_is_reinterpreted(written: str) -> None:
    assert doc(f"a: {written}\n").data == {"a": written}


@pytest.mark.parametrize("written", ["null", "~", "", "Null", "NULL"])
def test_only_plain_nothing_is_none(written: str) -> None:
    assert doc(f"a: {written}\n").data == {"a": None}
    assert doc(f'a: "{written}"\n').data == {"a": written}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("if: !a.b", "!a.b"),
        ("if: !a.b == 'x'  # why", "!a.b == 'x'"),
        ('if: !a.b == "# no"', '!a.b == "# no"'),
        ("if: !a ? b : c", "!a ? b : c"),
        ("if: !has(a.b) &&\n  !c.d", "!has(a.b) && !c.d"),
        ("if: ! a.b", "! a.b"),
        ("'if': !a['x']", "!a['x']"),
    ],
)
def test_leading_bang_is_recovered(written: str, value: str) -> None:
    document = doc(f"x: 1\n{written}\ny: 2\n")
    assert document.data == {"x": "1", "if": value, "y": "2"}
    assert document.raw(("if",)).split("\n")[0] in written
    assert document.position(("y",)).column == 4


def test_positions_are_where_an_editor_shows_them() -> None:
    document = doc(CAMPAIGN)
    at = document.position(("trigger", "filter"))
    assert (at.line, at.column, at.end_column) == (5, 11, 46)
    key = document.position(("trigger", "filter"), key=True)
    assert (key.line, key.column, key.end_column) == (5, 3, 9)
    assert document.position(("exit_on", 1)).column == 27
    # What is missing belongs to the key of what should hold it.
    missing = document.position(("trigger", "event", "nothing"))
    assert (missing.line, missing.column) == (4, 3)
    assert document.position(()).line == 1
    assert not document.has(("steps", 9))


def test_byte_order_mark_and_windows_line_ends_do_not_shift_positions() -> None:
    document = doc(b"\xef\xbb\xbfa: 1\r\nb: \xc3\xa9 x\r\n")
    at = document.position(("b",))
    assert (at.line, at.column, at.end_column) == (2, 4, 7)
    assert document.line(2) == "b: é x"


@pytest.mark.parametrize(
    ("text", "value_line", "value_column", "expected"),
    [
        ("a: x == y\n", 1, 6, (1, 9)),
        ("a: 'x == y'\n", 1, 6, (1, 10)),
        ("a: 'it''s == y'\n", 1, 6, (1, 11)),
        ('a: "it\\"s == y"\n', 1, 6, (1, 11)),
        ("a: |\n  x ==\n  zz\n", 2, 2, (3, 4)),
        ("a: >-\n  x ==\n  zz\n", 1, 6, (3, 3)),
        ("a: x ==\n  zz\n", 1, 6, (2, 3)),
        ("a: &n x == y\n", 1, 6, (1, 12)),
        ("a: !x == y\n", 1, 7, (1, 10)),
        ("a: x\n", 7, 99, (1, 5)),
    ],
)
def test_a_place_in_the_value_is_a_place_in_the_file(
    text: str, value_line: int, value_column: int, expected: tuple[int, int]
) -> None:
    at = doc(text).offset_position(("a",), value_line, value_column)
    assert (at.line, at.column) == expected


LETTERS = st.text(alphabet="abc xé😀'\"\\#:", min_size=1, max_size=30)


@given(LETTERS, st.sampled_from(["single", "double", "literal"]))
def test_every_character_of_a_value_is_found_in_the_file(value: str, style: str) -> None:
    if style == "single":
        text = "k: '" + value.replace("'", "''") + "'\n"
    elif style == "double":
        text = 'k: "' + value.replace("\\", "\\\\").replace('"', '\\"') + '"\n'
    else:
        text = "k: |2-\n  " + value + "\n"
    document = doc(text)
    assert document.data == {"k": value}
    for index, character in enumerate(value):
        at = document.offset_position(("k",), 1, index + 1)
        source = document.line(at.line)[at.column - 1 :]
        assert source.startswith((character, "\\" + character))


DATA = st.recursive(
    st.none() | st.text(alphabet="ab é\n:#'\"!{}[]-&*?|>%@`,\\", max_size=12),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(alphabet="abcé _", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(DATA, st.booleans())
def test_what_a_yaml_writer_wrote_is_read_back(data: Any, flow: bool) -> None:
    text = yaml.safe_dump({"root": data}, allow_unicode=True, default_flow_style=flow)
    assert doc(text).data == {"root": data}


def refuses_or_reads(raw: str | bytes) -> None:
    document, told = None, []
    try:
        document = doc(raw)
    except SourceError as error:
        told = list(error.diagnostics)
    assert (document is not None) != bool(told)
    for one in told:
        assert min(one.at.line, one.at.column) >= 1
        assert one.message
    if document is not None:
        everything(document, (), document.data)


def everything(document: Document, path: tuple[str | int, ...], data: Any) -> None:
    """Each part of the data has a place, and each character of a text has one."""
    assert document.has(path)
    document.position(path)
    if isinstance(data, dict):
        for key, value in data.items():
            document.position((*path, key), key=True)
            everything(document, (*path, key), value)
    elif isinstance(data, list):
        for index, value in enumerate(data):
            everything(document, (*path, index), value)
    elif isinstance(data, str):
        places = [document.offset_position(path, 1, column) for column in (1, 3, len(data) + 1)]
        assert [(at.line, at.column) for at in places] == sorted(
            (at.line, at.column) for at in places
        ) or len(data) < 3


@given(st.binary(max_size=200))
@example(b"\xff\xfea\x00")
def test_no_bytes_cause_a_traceback(raw: bytes) -> None:
    refuses_or_reads(raw)


@given(st.text(alphabet="ab:-[]{}!&*#?|>%@`'\"\\, \n\t\r<~1é\x85\u2028\ud800", max_size=60))
def test_no_yaml_like_text_causes_a_traceback(text: str) -> None:
    refuses_or_reads(text)


@given(st.data())
def test_no_mutation_of_a_campaign_causes_a_traceback(data: st.DataObject) -> None:
    text = CAMPAIGN
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        drop = data.draw(st.integers(0, 6))
        put = data.draw(
            st.sampled_from(["", "!", "\n", "  ", "'", '"', ": ", "*a", "&a", "[", "}"])
        )
        text = text[:at] + put + text[at + drop :]
    refuses_or_reads(text)


def test_size_and_depth_are_bounded() -> None:
    assert codes("a: " + "x" * MAX_BYTES) == ["file-too-large"]
    assert codes("[" * 100_000) == ["yaml-depth"]
    assert codes("a:\n" + "- x\n" * 20_001) == ["too-many-values"]


def test_many_recovered_conditions_stay_fast() -> None:
    text = "".join(f"k{n}: !a.b{n} && c\n" for n in range(5_000))
    assert doc(text).data["k4999"] == "!a.b4999 && c"


def test_utf16_and_lone_surrogates_are_refused() -> None:
    assert codes("a: b".encode("utf-16")) == ["not-utf-8"]
    assert codes("a: \ud800") == ["unprintable-character"]


@given(st.text(alphabet="a\r\n", max_size=30), st.integers(0, 30))
def test_source_text_agrees_with_its_lines(text: str, offset: int) -> None:
    source = SourceText("f", text)
    at = source.position(offset)
    assert 1 <= at.line <= len(source.lines)
    assert 1 <= at.column <= len(source.line(at.line)) + 1


def test_field_path_is_how_people_write_it() -> None:
    assert field_path(("steps", 2, "send_email", "a b")) == 'steps[2].send_email["a b"]'
