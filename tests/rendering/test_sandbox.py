"""What a template must not be able to do."""

from __future__ import annotations

import time

import pytest

from engine.ports.rendering import RenderError
from engine.rendering.sample import SAMPLE_CONTEXT
from tests.rendering.conftest import Write

GROW = (
    "{%% set ns = namespace(a='xxxxxxxxxx') %%}{%% for i in range(60) %%}{%% set ns.a = %s %%}"
    "{%% endfor %%}{{ ns.a | length }}"
)
BLOCK = (
    "{% set ns = namespace(a='xx') %}{% for i in range(60) %}{% set b %}{{ ns.a }}{{ ns.a }}"
    "{% endset %}{% set ns.a = b %}{% endfor %}"
)
# Names that mean something to other programs are ids of steps here: none has any value.
FOREIGN = ["config", "request.application", "environment", "os.environ", "lipsum", "session"]
ESCAPES = [
    "{{ ''.__class__ }}",
    "{{ ''['__class__'] }}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ order.lines.append }}",
    "{{ order.lines.append({}) }}",
    "{{ order.lines.clear() }}",
    "{{ customer.attributes.items() }}",
    "{{ customer.attributes.size.upper() }}",
    "{{ now.isoformat() }}",
    "{{ order.update({'total': 0}) }}",
    "{{ customer.attributes.__class__.x }}",
    "{{ '{0.__class__}'.format(order) }}",
    "{{ '%s' % order }}",
    "{{ 'x' * 1000000000 }}",
    "{{ [0] * 1000000000 }}",
    "{{ 10 ** 10 ** 10 }}",
    "{{ 'a'.join }}",
    "{{ range.__globals__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{{ joiner.__init__.__globals__.os }}",
    "{{ cycler.__init__.__globals__.os }}",
    "{{ loop_.__class__ }}",
    "{{ self.__init__ }}",
    "{{ self._TemplateReference__context }}",
    "{% for x in [1] %}{{ loop.__class__ }}{% endfor %}",
    "{% for x in [1] %}{{ loop._iterable }}{% endfor %}",
    "{{ [order] | map(attribute='__class__') | list | first | string | length / 0 }}",
    "{{ order | attr('__class__') }}",
    "{{ '<b>' | safe }}",
    "{{ 'evil.example' | urlize }}",
    "{{ [1, 2] | random }}",
    "{{ '%999999999d' | format(1) }}",
    "{{ lipsum() }}",
    "{{ _state }}",
    "{{ _state.formats }}",
    "{{ 'javascript:x' | _url }}",
    "{% autoescape false %}{{ customer.name }}{% endautoescape %}",
    "{% include '/etc/passwd' %}",
    "{% import 'x' as y %}",
    "{% extends 'x' %}",
    "{% for a in range(100000) %}{% endfor %}",
    "{% for a in range(1000) %}{% for b in range(1000) %}x{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{{ ('x' | center(1000000000)) }}",
    "{{ ''['\\x5f\\x5fclass\\x5f\\x5f'] }}",
    "{{ ()['__' ~ 'class' ~ '__'] }}",
    "{{ (1).__class__ }}",
    "{{ none.__class__ }}",
    "{{ [].__class__.__base__ }}",
    "{{ '{x.__class__}'.format_map({'x': order}) }}",
    "{{ customer.first_name.format_map(order) }}",
    "{{ namespace(a=1).__class__ }}",
    "{{ namespace.__class__ }}",
    "{{ joiner(',').__init__ }}",
    "{{ order.keys() }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ url_for.__globals__ }}",
    "{{ cycler('a').next() }}",
    "{{ dict(a=1) }}",
    "{{ open('/etc/passwd') }}",
    "{{ __import__('os') }}",
    "{{ [order] | map('attr', '__class__') | list }}",
    "{{ order | xmlattr }}",
    "{{ order | pprint }}",
    "{{ order | tojson }}",
    "{% do order.clear() %}",
    "{% call x() %}{% endcall %}",
    "{% from '/etc/passwd' import a %}",
    "{% include order.status_url %}",
    "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}",
    "{{ [1] | batch(1000000000, 'x') | list | length }}",
    "{{ [1] | slice(1000000000) | list | length }}",
    "{{ [[1], [2]] | sum(start=[]) | length }}",
    # A great value out of few words: each is stopped before there is one.
    GROW % "ns.a ~ ns.a",
    GROW % "ns.a + ns.a",
    GROW % "ns.a | replace('x', ns.a)",
    GROW % "range(100) | join(ns.a)",
    GROW % "[ns.a, ns.a] | join",
    GROW.replace("'xxxxxxxxxx'", "[1]") % "ns.a + ns.a",
    GROW.replace("'xxxxxxxxxx'", "9999") % "ns.a * ns.a",
    BLOCK,
    "{% for x in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] %}" * 9
    + "{% if x > 99 %}x{% endif %}"
    + "{% endfor %}" * 9,
]


@pytest.mark.parametrize("source", ESCAPES)
def test_it_is_refused_with_its_place(write: Write, source: str) -> None:
    templates = write("t", {"sms.txt": f"hello\n{source}"})
    info = templates.info("t")
    assert info is not None
    assert info.diagnostics, templates.render("t", "sms", None, SAMPLE_CONTEXT)
    assert {problem.at.line for problem in info.diagnostics} == {2}
    with pytest.raises(RenderError) as caught:
        templates.render("t", "sms", None, SAMPLE_CONTEXT)
    assert caught.value.position is not None
    assert caught.value.position.file == "message_templates/t/sms.txt"


@pytest.mark.parametrize("source", ESCAPES)
def test_nothing_of_python_and_no_secret_is_told(
    write: Write, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even in what is said about it; and each is over soon."""
    secret = "secret-of-the-environment-0123456789"
    monkeypatch.setenv("LAGNIAPPE_SECRET_KEY", secret)
    started = time.monotonic()
    info = write("t", {"sms.txt": f"hello\n{source}"}).info("t")
    assert time.monotonic() - started < 5
    assert info is not None
    told = " ".join(problem.message for problem in info.diagnostics)
    for forbidden in (secret, "<class", "<module", "<function", "root:", "subclass", " at 0x"):
        assert forbidden not in told


@pytest.mark.parametrize("name", FOREIGN)
def test_what_other_programs_have_is_nothing_here(write: Write, name: str) -> None:
    templates = write("t", {"sms.txt": f"[{{{{ {name} }}}}]"})
    root = name.partition(".")[0]
    with pytest.raises(RenderError, match=f"{root}. is undefined"):
        templates.render("t", "sms", None, SAMPLE_CONTEXT)
    assert templates.render("t", "sms", None, {**SAMPLE_CONTEXT, root: {}}).text in ("[]", "[{}]")


def test_a_runaway_part_is_stopped(write: Write) -> None:
    source = (
        "{% for a in customer.tags %}{% for b in customer.tags %}{{ b }}{% endfor %}{% endfor %}"
    )
    templates = write("t", {"sms.txt": source})
    customer = {**SAMPLE_CONTEXT["customer"], "tags": ["x" * 50] * 1000}
    with pytest.raises(RenderError, match="500 thousand characters"):
        templates.render("t", "sms", None, {**SAMPLE_CONTEXT, "customer": customer})


def test_context_is_left_as_it_was(write: Write) -> None:
    templates = write("t", {"sms.txt": "{% set order = 1 %}{{ customer.first_name }}{{ order }}"})
    customer = {**SAMPLE_CONTEXT["customer"], "first_name": "http://evil.example"}
    context = {**SAMPLE_CONTEXT, "customer": customer}
    assert templates.render("t", "sms", None, context).text == "evil example1"
    assert customer["first_name"] == "http://evil.example"
    assert context["order"] is SAMPLE_CONTEXT["order"]
