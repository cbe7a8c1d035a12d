"""What a template must not be able to do."""

from __future__ import annotations

import pytest

from engine.ports.rendering import RenderError
from engine.rendering.sample import SAMPLE_CONTEXT
from tests.rendering.conftest import Write

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
