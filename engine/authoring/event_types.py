"""The shop's own event types: ``config/events.yaml``.

.. code-block:: yaml

   version: 1
   events:
     shop.quiz_done:
       doc: The tea quiz was finished.
       object: customer            # or order, ticket: what each such event is about
       fields: {score: int, favourite: string}

Without ``fields`` an event may carry any data; conditions then take its names as they come.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, ValidationError

from config.diagnostics import Diagnostic, nearest
from config.validation import diagnose
from config.yaml_source import Document, Path, SourceError, field_path
from engine.authoring.fields import Spec, Version, Word
from triggers.catalog import Catalog, FieldType, custom_type

EVENTS_FILE = "config/events.yaml"


class EventTypeSpec(Spec):
    """One event type."""

    doc: Annotated[Word, Field(description="What has happened, for people")] = ""
    object: Literal["customer", "order", "ticket"] = Field(
        "customer", description="What each such event is about"
    )
    fields: dict[str, FieldType] = Field({}, description="Its data: name and type")


class EventTypes(Spec):
    """The whole file."""

    version: Version = Field(description="The version of this file's grammar: 1")
    events: dict[str, EventTypeSpec] = Field({}, description="Event types by name")


def extend_catalog(document: Document, catalog: Catalog) -> Catalog:
    """``catalog`` with the types that the file declares.

    :raises SourceError: with every problem of the file.
    """
    try:
        spec = EventTypes.model_validate(document.data)
    except ValidationError as error:
        raise SourceError(diagnose(error, document, EventTypes)) from None
    problems: list[Diagnostic] = []
    for name, written in spec.events.items():
        try:
            declared = custom_type(
                name, doc=written.doc, carries=written.object, fields=dict(written.fields)
            )
            catalog = catalog.with_custom([declared])
        except ValueError as error:
            path: Path = ("events", name)
            problems.append(
                Diagnostic(
                    code="bad-event-type",
                    message=str(error),
                    at=document.position(path, key=True),
                    path=field_path(path),
                )
            )
    if problems:
        raise SourceError(tuple(problems))
    return catalog


def unknown_event(
    document: Document, path: Path, event: str, catalog: Catalog, *, emitted: bool = False
) -> Diagnostic:
    """The problem of an event type that the catalog lacks; only the shop's own are ``emitted``."""
    names = [name for name, one in catalog.types.items() if one.custom or not emitted]
    alike = [name for name in names if name.partition(".")[2] == event.replace("-", "_")]
    own = f"that {EVENTS_FILE} declares"
    return Diagnostic(
        code="unknown-event",
        message=f'there is no event type "{event}"',
        at=document.position(path),
        path=field_path(path),
        expected=f"a type {own}" if emitted else f"a built-in type, or one {own}",
        suggestion=alike[0] if len(alike) == 1 else nearest(event, names),
    )
