"""The Jinja that templates are written in: data, known filters, and nothing else of Python.

Templates read values by name (items of dictionaries). No attribute or method of a Python object can
be reached, so ``''.__class__``, ``order.lines.append`` and format-string attacks name nothing.
What is unbounded, unsafe or differs from run to run (``safe``, ``urlize``, ``random``, ``format``,
string multiplication) is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from jinja2 import StrictUndefined, Template, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, LoopContext
from jinja2.runtime import Undefined as RuntimeUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from engine.rendering.bounds import (
    FILTERS,
    LARGEST_PART,
    LARGEST_RANGE,
    MOST_TURNS,
    TooLarge,
    bounded,
    bounded_number,
    concatenated,
    counted,
)
from engine.rendering.formats import Formats
from engine.rendering.link_targets import untracked
from engine.rendering.untrusted import safe_url

STATE: Final = "_state"

_JINJA_FILTERS = """
    abs batch capitalize count dictsort escape e float groupby int items join last length list
    lower map max min reject rejectattr replace reverse round select selectattr slice sort
    string striptags sum title trim truncate unique upper urlencode wordcount
""".split()  # noqa: SIM905


class State:
    """What the filters know of the message at hand."""

    __slots__ = ("currency", "formats", "range_left", "shop_currency", "turns_left", "zone")

    def __init__(
        self, formats: Formats, currency: str | None, shop_currency: str | None, zone: str | None
    ) -> None:
        self.formats = formats
        self.currency = currency
        self.shop_currency = shop_currency
        self.zone = zone
        self.range_left = LARGEST_RANGE
        self.turns_left = MOST_TURNS

    def turn(self, count: int) -> None:
        """Raises ``TooLarge`` when loops go round too often."""
        self.turns_left -= count
        if self.turns_left < 0:
            raise TooLarge(f"loops may take {MOST_TURNS} turns in one message")


def _state(context: Context) -> State:
    state: State = context.parent[STATE]
    return state


@pass_context
def _money(context: Context, value: object, currency: str | None = None) -> str:
    state = _state(context)
    return state.formats.money(value, currency or state.currency)


@pass_context
def _shop_money(context: Context, value: object) -> str:
    state = _state(context)
    return state.formats.money(value, state.shop_currency)


@pass_context
def _date(context: Context, value: object, style: str = "long") -> str:
    state = _state(context)
    return state.formats.date(value, style, state.zone)


@pass_context
def _datetime(context: Context, value: object, style: str = "medium") -> str:
    state = _state(context)
    return state.formats.datetime(value, style, state.zone)


@pass_context
def _quantity(context: Context, value: object) -> str:
    return _state(context).formats.quantity(value)


@pass_context
def _plural(context: Context, count: object, one: str, other: str, **forms: str) -> str:
    return _state(context).formats.plural(count, one, other, **forms)


def _default(value: object, fallback: object = "") -> object:
    missing = isinstance(value, Undefined) or value is None or value == ""
    return fallback if missing else value


def _first(value: Sequence[object] | None) -> object:
    return next(iter(value), None) if value else None


@pass_context
def range_within_bounds(context: Context, *bounds: int) -> range:
    numbers = range(*bounds)
    state = _state(context)
    state.range_left -= len(numbers)
    if state.range_left < 0:
        raise TooLarge(f"range() may give out {LARGEST_RANGE} numbers in one message")
    return numbers


@pass_context
def _looped(context: Context, value: Any) -> Any:
    return counted(value, _state(context).turn)


# Control characters have no place in HTML or text, and lone surrogates cannot be encoded.
_UNPRINTABLE = dict.fromkeys(
    [*range(0x09), 0x0B, 0x0C, *range(0x0E, 0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000)]
)


def _printed(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, str) and not value.isprintable():
        return value.translate(_UNPRINTABLE)
    return value


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without Python's attributes; see the module for what is left out and why."""

    concat = staticmethod(concatenated)
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})

    def __init__(self, *, autoescape: bool, shop: Mapping[str, object]) -> None:
        super().__init__(
            autoescape=autoescape,
            undefined=StrictUndefined,
            finalize=_printed,
            trim_blocks=not autoescape,
            lstrip_blocks=not autoescape,
            keep_trailing_newline=False,
            cache_size=0,
        )
        ours: dict[str, Callable[..., Any]] = {
            "money": _money,
            "shop_money": _shop_money,
            "date": _date,
            "datetime": _datetime,
            "quantity": _quantity,
            "plural": _plural,
            "default": _default,
            "d": _default,
            "first": _first,
            "untracked": untracked,
            "_url": safe_url,
            "_looped": _looped,
            **FILTERS,
        }
        self.filters = {name: self.filters[name] for name in _JINJA_FILTERS} | ours
        self.globals = {name: self.globals[name] for name in ("namespace", "joiner")} | {
            "range": range_within_bounds
        }
        self._shop = shop

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The item ``attribute`` of a dictionary (None when it has none), and nothing else."""
        if isinstance(obj, dict):
            return obj.get(attribute)
        if isinstance(obj, LoopContext | Namespace):
            return super().getattr(obj, attribute)
        return self._nothing(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An item of a dictionary or sequence; None when it has none."""
        if isinstance(obj, dict):
            return obj.get(argument)
        if isinstance(obj, list | tuple | str) and isinstance(argument, int):
            try:
                return obj[argument]
            except IndexError:
                return None
        return self._nothing(obj, argument)

    def _nothing(self, obj: Any, attribute: object) -> Undefined:
        if isinstance(obj, RuntimeUndefined):
            return obj
        if obj is None:
            hint = f"“{attribute}” is asked of something that this message does not have"
        else:
            hint = f"a {type(obj).__name__} has no “{attribute}”"
        return self.undefined(hint)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic on numbers, amounts and decimals mixed; text has only ``+``, ``**`` no one."""
        numbers = isinstance(left, int | float | Decimal) and isinstance(
            right, int | float | Decimal
        )
        if operator == "**" or (operator not in "+-/" and not numbers):
            raise SecurityError(f"{operator} is for numbers only, and ** for none")
        if isinstance(left, float) and isinstance(right, Decimal):
            left = Decimal(str(left))
        elif isinstance(left, Decimal) and isinstance(right, float):
            right = Decimal(str(right))
        if not numbers and operator == "+":
            texts = (each for each in (left, right) if isinstance(each, str | list | tuple))
            bounded(sum(map(len, texts)))
        return bounded_number(super().call_binop(context, operator, left, right))

    def template(self, source: str, name: str) -> Template:
        """``source`` compiled, with the shop's own values built in.

        :raises jinja2.TemplateSyntaxError: with the line in ``source``.
        """
        tree = _Rewriter(self._shop).visit(self.parse(source, name))
        code = self.compile(tree, name, name)
        return Template.from_code(self, code, {})


class _Rewriter(NodeTransformer):
    """Makes ``shop.name`` a constant, and ``customer.… | money`` an amount in the shop's currency.

    The shop is the same in every message; as a constant it is escaped and joined when the template
    is compiled.
    """

    def __init__(self, shop: Mapping[str, object]) -> None:
        self._shop = shop

    def visit_Getattr(self, node: nodes.Getattr) -> nodes.Node:
        self.generic_visit(node)
        if isinstance(node.node, nodes.Name) and node.node.name == "shop":
            value = self._shop.get(node.attr)
            if value is None or isinstance(value, str):
                return nodes.Const(value, lineno=node.lineno)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:
        self.generic_visit(node)
        operands = nodes.List(node.nodes, lineno=node.lineno)
        return nodes.Filter(operands, "_joined", [], [], None, None, lineno=node.lineno)

    def visit_For(self, node: nodes.For) -> nodes.Node:
        if node.recursive:
            raise TemplateSyntaxError("loops cannot be recursive here", node.lineno)
        self.generic_visit(node)
        node.iter = nodes.Filter(node.iter, "_looped", [], [], None, None, lineno=node.lineno)
        return node

    def visit_Filter(self, node: nodes.Filter) -> nodes.Node:
        self.generic_visit(node)
        if node.name == "money" and not node.args and not node.kwargs:
            root = node.node
            while isinstance(root, nodes.Getattr | nodes.Getitem):
                root = root.node
            if isinstance(root, nodes.Name) and root.name == "customer":
                node.name = "shop_money"
        return node


def render_part(template: Template, values: dict[str, Any]) -> str:
    """The text of ``template``; ``values`` has all globals and ``STATE``.

    The parts are joined some hundreds at a time, so that a runaway loop is noticed while it is
    still small.

    :raises TooLarge: beyond ``LARGEST_PART`` characters.
    """
    context = Context(template.environment, values, template.name, template.blocks)
    pieces = template.root_render_func(context)
    text = "".join(islice(pieces, 512))
    for batch in iter(lambda: "".join(islice(pieces, 512)), ""):
        text += batch
        if len(text) > LARGEST_PART:
            break
    if len(text) > LARGEST_PART:
        raise TooLarge(f"more than {LARGEST_PART // 1000} thousand characters")
    return text
