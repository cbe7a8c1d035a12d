"""A campaign file's data as the models of ``engine.authoring.spec``, or every problem in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from config.diagnostics import Diagnostic
from config.validation import diagnose
from config.yaml_source import Document, Path, SourceError, field_path
from engine.authoring.shape import shape_problems
from engine.authoring.spec import CampaignSpec


def read_spec(document: Document) -> CampaignSpec:
    """What the file says.

    :raises SourceError: with every problem of its fields, each at its place.
    """
    shape = [*_nul_characters(document, document.data, ()), *shape_problems(document)]
    try:
        spec = CampaignSpec.model_validate(document.data)
    except ValidationError as error:
        bad = [field_path(path) for path, _ in shape]
        rest = [
            _clearer(one)
            for one in diagnose(error, document, CampaignSpec)
            if not any(_is_within(one.path, path) for path in bad)
        ]
        told = [one for _, one in shape] + rest
        raise SourceError(tuple(told)) from None
    if shape:
        raise SourceError(tuple(one for _, one in shape))
    return spec


def _nul_characters(document: Document, data: Any, path: Path) -> Iterator[tuple[Path, Diagnostic]]:
    """Texts with U+0000 in them (from an escape): no database and no condition can hold it."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _nul_characters(document, value, (*path, key))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _nul_characters(document, value, (*path, number))
    if "\0" in (data if isinstance(data, str) else "".join(data) if isinstance(data, dict) else ""):
        problem = Diagnostic(
            code="nul-character",
            message="the character U+0000 is not allowed",
            at=document.position(path),
            path=field_path(path),
        )
        yield path, problem


def _is_within(path: str, outer: str) -> bool:
    return path == outer or path.startswith((f"{outer}.", f"{outer}["))


def _clearer(one: Diagnostic) -> Diagnostic:
    if one.code == "missing-field" and one.path.endswith("wait_for.timeout"):
        return replace(
            one,
            code="wait-without-timeout",
            message="this wait has no time-out: what it waits for may never come",
            expected="timeout, as in timeout: 5d",
        )
    if one.code == "missing-field" and one.path == "trigger.segment":
        expected = "segment: and a condition; true for every customer"
        return replace(one, message="a schedule needs its segment", expected=expected)
    if one.code == "unknown-field" and one.path in ("on", "when", "triggers"):
        return replace(one, suggestion="trigger")
    return one
