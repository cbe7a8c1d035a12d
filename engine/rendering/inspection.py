"""What one template file reads, and what is wrong with it, found without running it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from jinja2 import TemplateSyntaxError, nodes

from config.diagnostics import Diagnostic, Position, nearest
from config.source_text import SourceText
from engine.rendering.environment import TemplateEnvironment
from engine.rendering.names import KNOWN_NAMES, ROOTS

_OPEN = tuple(name[:-2] for name in KNOWN_NAMES if name.endswith(".*"))
_CLOSED = frozenset(name for name in KNOWN_NAMES if not name.endswith(".*"))
_FORBIDDEN: Mapping[type[nodes.Node], str] = {
    nodes.Include: "include",
    nodes.Import: "import",
    nodes.FromImport: "from … import",
    nodes.Extends: "extends",
    nodes.Block: "block",
    nodes.ScopedEvalContextModifier: "autoescape",
}
_TAG_START = re.compile(r"\{[{%]")


@dataclass(slots=True)
class Findings:
    """Names that a file reads, each with its first place, and the file's problems."""

    variables: dict[str, Position] = field(default_factory=dict)
    diagnostics: list[Diagnostic] = field(default_factory=list)


def inspect(source: SourceText, environment: TemplateEnvironment) -> Findings:
    """Parse ``source`` and check names, filters, tests and statements."""
    findings = Findings()
    try:
        tree = environment.parse(source.text)
    except TemplateSyntaxError as error:
        findings.diagnostics.append(syntax_problem(error, source))
        return findings
    inspector = _Inspector(source, environment, findings)
    inspector.body(tree.body, {})
    return findings


def syntax_problem(error: TemplateSyntaxError, source: SourceText) -> Diagnostic:
    """A syntax error at the tag of its line; Jinja tells no column."""
    line = min(error.lineno or 1, len(source.lines))
    found = _TAG_START.search(source.line(line))
    start = source.start_of(line) + (found.start() if found else 0)
    return Diagnostic(
        code="template-syntax", message=error.message or "syntax error", at=source.position(start)
    )


# A local name's meaning: the dotted name that it stands for, or None when it may be anything.
Scope = dict[str, str | None]


class _Inspector:
    def __init__(
        self, source: SourceText, environment: TemplateEnvironment, findings: Findings
    ) -> None:
        self._source = source
        self._environment = environment
        self._findings = findings
        self._cursor: dict[tuple[int, str], int] = {}

    def body(self, children: Iterable[nodes.Node], scope: Scope) -> None:
        for child in children:
            self.node(child, scope)

    def node(self, node: nodes.Node, scope: Scope) -> None:
        for kind, word in _FORBIDDEN.items():
            if isinstance(node, kind):
                self._problem(
                    "template-statement",
                    f"“{word}” is not for message templates",
                    node.lineno,
                    word.split()[0],
                    expected="the text itself; what templates share stands in _layout",
                )
                return
        if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr):
            path = self._path(node.node, scope)
            if path is not None:
                word = path.rsplit(".", 1)[-1]
                self._problem(
                    "template-call",
                    f"“{path}” cannot be called: templates read data and have no methods",
                    node.lineno,
                    word,
                    expected="a filter, as in {{ customer.first_name | upper }}",
                )
                return
        if isinstance(node, nodes.For):
            self._loop(node, scope)
        elif isinstance(node, nodes.Assign):
            self.node(node.node, scope)
            self._bind(node.target, None, scope)
        elif isinstance(node, nodes.AssignBlock):
            self.body(node.body, dict(scope))
            self._bind(node.target, None, scope)
        elif isinstance(node, nodes.With):
            self.body(node.values, scope)
            inner = dict(scope)
            for target in node.targets:
                self._bind(target, None, inner)
            self.body(node.body, inner)
        elif isinstance(node, nodes.Macro):
            self.body(node.defaults, scope)
            scope[node.name] = None
            inner = scope | {"caller": None, "varargs": None, "kwargs": None}
            for argument in node.args:
                inner[argument.name] = None
            self.body(node.body, inner)
        elif isinstance(node, nodes.Getattr | nodes.Getitem | nodes.Name):
            self._read(node, scope)
        else:
            if isinstance(node, nodes.Filter):
                self._known("filter", node.name, self._environment.filters, node.lineno)
            elif isinstance(node, nodes.Test):
                self._known("test", node.name, self._environment.tests, node.lineno)
            self.body(node.iter_child_nodes(), scope)

    def _loop(self, node: nodes.For, scope: Scope) -> None:
        self.node(node.iter, scope)
        inner = scope | {"loop": None}
        self._bind(node.target, self._path(node.iter, scope), inner)
        if node.test is not None:
            self.node(node.test, inner)
        self.body(node.body, inner)
        self.body(node.else_, scope)

    def _bind(self, target: nodes.Node, meaning: str | None, scope: Scope) -> None:
        if isinstance(target, nodes.Name):
            scope[target.name] = meaning
        for name in target.find_all(nodes.Name):
            scope[name.name] = None

    def _path(self, node: nodes.Node, scope: Scope) -> str | None:
        """The dotted name that ``node`` reads, or None when it is computed or local."""
        if isinstance(node, nodes.Name):
            if node.name in scope:
                return scope[node.name]
            return None if node.name in self._environment.globals else node.name
        if isinstance(node, nodes.Getattr):
            before = self._path(node.node, scope)
            return None if before is None else f"{before}.{node.attr}"
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            before = self._path(node.node, scope)
            if before is None or isinstance(node.arg.value, int):
                return before
            return f"{before}.{node.arg.value}"
        if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice):
            return self._path(node.node, scope)
        if isinstance(node, nodes.Filter) and node.node is not None and node.name in _SAME_ITEMS:
            return self._path(node.node, scope)
        return None

    def _read(self, node: nodes.Node, scope: Scope) -> None:
        path = self._path(node, scope)
        if path is None:
            self.body(node.iter_child_nodes(), scope)
            return
        word = path.rsplit(".", 1)[-1]
        at = self._place(node.lineno, word)
        self._findings.variables.setdefault(path, at)
        root = path.split(".")[0]
        if any(part.startswith("_") for part in path.split(".")):
            self._findings.diagnostics.append(
                Diagnostic(code="unknown-variable", message=f"there is no “{path}”", at=at)
            )
        elif root in ROOTS and not _is_known(path):
            near = nearest(path, _CLOSED)
            self._findings.diagnostics.append(
                Diagnostic(
                    code="unknown-variable",
                    message=f"there is no “{path}”",
                    at=at,
                    suggestion=near,
                )
            )

    def _known(self, kind: str, name: str, known: Iterable[str], line: int) -> None:
        names = [each for each in known if not each.startswith("_")]
        if name not in names:
            self._problem(
                f"unknown-{kind}",
                f"there is no {kind} “{name}”",
                line,
                name,
                suggestion=nearest(name, names),
            )

    def _problem(
        self,
        code: str,
        message: str,
        line: int,
        word: str,
        *,
        expected: str | None = None,
        suggestion: str | None = None,
    ) -> None:
        self._findings.diagnostics.append(
            Diagnostic(
                code=code,
                message=message,
                at=self._place(line, word),
                expected=expected,
                suggestion=suggestion,
            )
        )

    def _place(self, line: int, word: str) -> Position:
        """The next place of ``word`` on the node's line or after it (a tag may span lines)."""
        begin = self._source.start_of(min(line, len(self._source.lines)))
        start = self._cursor.get((line, word), begin)
        pattern = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
        found = pattern.search(self._source.text, start) or pattern.search(self._source.text, begin)
        if found is None:
            return self._source.position(begin)
        self._cursor[line, word] = found.end()
        return self._source.position(found.start(), found.end())


_SAME_ITEMS = frozenset({"first", "last", "sort", "reverse", "unique", "selectattr", "rejectattr"})


def _is_known(path: str) -> bool:
    if path in _CLOSED or path in ROOTS:
        return True
    return any(path == name or path.startswith(f"{name}.") for name in _OPEN)
