"""The conditions of one file, compiled, with their problems at their places in the file."""

from __future__ import annotations

import re
from dataclasses import replace

from config.diagnostics import Diagnostic, Position
from config.yaml_source import Document, Path, field_path
from engine.authoring.knowledge import Knowledge
from engine.authoring.layout import Placed
from engine.core.condition_problems import ConditionError, Problem
from engine.core.expression import Condition, compile_condition
from engine.core.vocabulary import Vocabulary

_NAME = re.compile(r"[A-Za-z_]\w*(?:\s*\.\s*[A-Za-z_]\w*)*", re.ASCII)
_HINT = re.compile(r"; did you mean `[^`]*`\?$")


class Conditions:
    """Compiles conditions and keeps them by path; problems gather in ``diagnostics``."""

    def __init__(self, document: Document, knowledge: Knowledge) -> None:
        self._document = document
        self._knowledge = knowledge
        self.compiled: dict[Path, Condition] = {}
        self.diagnostics: list[Diagnostic] = []

    def take(
        self, path: Path, source: str | None, step: Placed | None = None, event: str | None = None
    ) -> Condition | None:
        """The condition written at ``path``, which may name what is known at ``step``."""
        plain = step is None and event is None
        vocabulary = self._knowledge.vocabulary if plain else self._knowledge.at(step, event)
        return self._compile(path, source, vocabulary, step, event)

    def take_segment(self, path: Path, source: str) -> Condition | None:
        """The segment written at ``path``: a condition of the customer alone."""
        return self._compile(path, source, self._knowledge.of_customer, None, None)

    def _compile(
        self,
        path: Path,
        source: str | None,
        vocabulary: Vocabulary,
        step: Placed | None,
        event: str | None,
    ) -> Condition | None:
        if source is None:
            return None
        try:
            condition = compile_condition(source, vocabulary)
        except ConditionError as error:
            for problem in error.problems:
                self.diagnostics.append(self._tell(path, source, problem, step, event))
            return None
        self.compiled[path] = condition
        return condition

    def _tell(
        self, path: Path, source: str, problem: Problem, step: Placed | None, event: str | None
    ) -> Diagnostic:
        message = problem.message
        if problem.suggestion is not None:
            message = _HINT.sub("", message)
        told = Diagnostic(
            code=problem.code,
            message=message,
            at=self._position(path, problem),
            path=field_path(path),
            suggestion=problem.suggestion,
        )
        if problem.code != "unknown-field":
            return told
        line = source.split("\n")[problem.line - 1 :]
        found = _NAME.match("\n".join(line)[problem.column - 1 :])
        name = "".join(found.group().split()) if found else ""
        if path[-1] == "segment" and name in self._knowledge.vocabulary.fields:
            message = f"`{name}`: a segment is of customers, it knows only customer.*"
            return replace(told, code="not-of-customer", message=message, suggestion=None)
        why = self._knowledge.explain(name, step, event)
        if why is None:
            return told
        return replace(
            told,
            code=why.code,
            message=why.message,
            suggestion=why.suggestion,
            expected=why.expected,
        )

    def _position(self, path: Path, problem: Problem) -> Position:
        start = self._document.offset_position(path, problem.line, problem.column)
        if problem.end_column is None:
            return start
        end = self._document.offset_position(path, problem.line, problem.end_column)
        same_line = end.line == start.line and end.column > start.column
        return replace(start, end_column=end.column) if same_line else start
