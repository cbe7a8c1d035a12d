"""The parts of ``docs/reference`` that the code itself tells.

A page holds ``<!-- generated: NAME -->`` … ``<!-- end -->``; what stands between is made here.
``WRITE_GOLDEN=1 pytest tests/docs`` writes the pages anew.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import time
from enum import Enum
from itertools import groupby
from typing import Any, Final, get_args

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from config import policy
from engine.authoring import spec, step_fields, step_specs
from engine.authoring.event_types import EventTypes, EventTypeSpec
from engine.cli.main import app
from engine.core.facts import FIELDS, OPEN_PREFIXES
from engine.rendering.names import KNOWN_NAMES
from engine.web import openapi
from tests.docs import library_page
from tests.docs.pages import table
from triggers import event
from triggers.catalog import EventSpec
from triggers.event_types import BUILT_IN

_TYPES: Final = {
    "bool": "true or false", "int": "whole number", "number": "number", "string": "text",
    "timestamp": "time", "strings": "list of texts",
}  # fmt: skip


def fields() -> str:
    """Every field that a condition may name, a table a root."""
    parts = []
    for root, names in groupby(FIELDS, key=lambda name: name.partition(".")[0]):
        rows = [
            (f"`{name}`", _TYPES[FIELDS[name].type.value], _yes(FIELDS[name].nullable),
             FIELDS[name].doc)
            for name in names
        ]  # fmt: skip
        rows += [
            (f"`{prefix}.NAME`", "any", "yes", "What the shop's systems told under that name")
            for prefix in sorted(OPEN_PREFIXES)
            if prefix.partition(".")[0] == root
        ]
        parts.append(f"### {root}\n\n" + table(("field", "type", "may be empty", "meaning"), rows))
    return "\n\n".join(parts)


def event_types() -> str:
    """The built-in event types with their data."""
    return "\n\n".join(_event_type(one) for one in BUILT_IN.types.values())


def _event_type(one: EventSpec) -> str:
    about = f"{one.doc} About: {one.object}."
    if not one.fields:
        return f"### {one.name}\n\n{about}"
    rows = [
        (f"`{name}`", _TYPES[field.type], _yes(field.nullable), field.doc)
        for name, field in one.fields.items()
    ]
    return f"### {one.name}\n\n{about}\n\n" + table(
        ("data", "type", "may be empty", "meaning"), rows
    )


def event_facts() -> str:
    """The objects that an event is made of."""
    shapes = (
        event.Event, event.CustomerFacts, event.ConsentFact, event.OrderFacts, event.LineFacts,
        event.FulfilmentFacts, event.RefundFacts, event.LineQuantity, event.TicketFacts,
    )  # fmt: skip
    return "\n\n".join(_shape(one) for one in shapes)


_COMMENTED = re.compile(r"^    (\w+): .*?  # (.*)$", re.MULTILINE)
_ANNOTATED = re.compile(r"Annotated\[(.+?), Field\(.*\]")


def _shape(shape: type[Any]) -> str:
    comments = dict(_COMMENTED.findall(inspect.getsource(shape)))
    rows = []
    for field in dataclasses.fields(shape):
        kind = _ANNOTATED.sub(r"\1", str(field.type)).replace(" | None", "")
        required = field.default is dataclasses.MISSING and (
            field.default_factory is dataclasses.MISSING
        )
        rows.append((f"`{field.name}`", f"`{kind}`", _yes(required), comments.get(field.name, "")))
    doc = _first_paragraph(shape)
    heads = ("field", "type", "required", "meaning")
    return f"### {shape.__name__}\n\n{doc}\n\n" + table(heads, rows)


def campaign() -> str:
    """The top of a campaign file, and the objects that stand in it."""
    models = (
        spec.CampaignSpec, spec.EventTriggerSpec, spec.ScheduleTriggerSpec, spec.ScheduleSpec,
        spec.DateTriggerSpec, spec.EntrySpec, spec.GoalSpec, step_fields.MatchSpec,
    )  # fmt: skip
    return "\n\n".join(_model(one) for one in models)


def steps() -> str:
    """Every verb with its fields."""
    parts = [_model(step_specs.BaseStep, "Every step")]
    for verb, (step, value) in _verbs().items():
        named = {field.alias or name: field for name, field in step.model_fields.items()}
        text = f"### {verb}\n\n{_first_paragraph(step)} {named[verb].description}."
        parts.append("\n\n".join([text, *(_rows(one) for one in value)]))
    return "\n\n".join(parts)


def _verbs() -> Mapping[str, tuple[type[BaseModel], list[type[BaseModel]]]]:
    """Each verb's step, and the models of what may stand under the verb."""
    found = {}
    for step in _models_of(step_specs.StepSpec):
        verb = next(name for name in step_specs.VERBS if name in step.model_fields)
        found[verb] = (step, list(_models_of(step.model_fields[verb].annotation)))
    return found


def _models_of(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models that an annotation names, unions and containers opened up."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for inner in get_args(annotation):
            yield from _models_of(inner)


def events_file() -> str:
    """``config/events.yaml``."""
    return f"{_model(EventTypes, 'The file')}\n\n{_model(EventTypeSpec, 'An event type')}"


def _model(model: type[BaseModel], title: str | None = None) -> str:
    name = title or re.sub(r"(?<!^)(?=[A-Z])", " ", model.__name__.removesuffix("Spec")).lower()
    return f"### {name[0].upper()}{name[1:]}\n\n{_first_paragraph(model)}\n\n{_rows(model)}"


def _rows(model: type[BaseModel]) -> str:
    rows = [
        (f"`{field.alias or name}`", _default(field), field.description or "")
        for name, field in model.model_fields.items()
    ]
    return table(("key", "unless written", "meaning"), rows)


def store_keys() -> dict[str, str]:
    """Each key of ``config/store.yaml`` by its path, with what holds unless it is written."""
    return dict(_store_keys("", policy.Policy))


def _store_keys(path: str, model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, field in model.model_fields.items():
        key = f"{path}{field.alias or name}"
        below = list(_models_of(field.annotation))
        if not below:
            yield key, _default(field)
        for one in below:
            yield from _store_keys(f"{key}.", one)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return _shown(field.get_default(call_default_factory=True))


def _shown(value: Any) -> str:
    match value:
        case None | () | {} | "":
            return "none"
        case Enum():
            return f"`{value.value}`"
        case bool():
            return f"`{str(value).lower()}`"
        case tuple() if all(isinstance(one, str) for one in value):
            return f"`[{', '.join(value)}]`"
        case time():
            return f'`"{value:%H:%M}"`'
        case _:
            return f"`{value}`"


def template_names() -> str:
    """Every name that a template may read."""
    return table(
        ("name", "meaning"), [(f"`{name}`", meaning) for name, meaning in KNOWN_NAMES.items()]
    )


def commands() -> str:
    """The help of every command."""
    return "\n\n".join(_help("lagniappe", typer.main.get_command(app), None))


def _help(name: str, command: Any, parent: Any) -> Iterator[str]:
    settings = {**command.context_settings, "terminal_width": 100}
    context = command.context_class(command, info_name=name, parent=parent, **settings)
    yield f"### {context.command_path}\n\n```text\n{command.get_help(context).strip()}\n```"
    for inner, one in getattr(command, "commands", {}).items():
        yield from _help(inner, one, context)


def http() -> str:
    """Every address and method with its answers."""
    rows = [
        (f"`{method.upper()} {path}`", told["summary"], ", ".join(sorted(told["responses"])))
        for path, operations in openapi.document("0")["paths"].items()
        for method, told in operations.items()
        if method in ("get", "post")
    ]  # fmt: skip
    return table(("address", "for", "answers"), rows)


def _first_paragraph(of: Any) -> str:
    text = (inspect.getdoc(of) or "").partition("\n\n")[0]
    return " ".join(text.replace("``", "`").split())


def _yes(told: bool) -> str:
    return "yes" if told else "no"


GENERATORS: Final[Mapping[str, Callable[[], str]]] = {
    "fields": fields,
    "event types": event_types,
    "event facts": event_facts,
    "campaign": campaign,
    "steps": steps,
    "config/events.yaml": events_file,
    "template names": template_names,
    "commands": commands,
    "http": http,
    "library overview": library_page.overview,
    "library": library_page.campaigns,
}
