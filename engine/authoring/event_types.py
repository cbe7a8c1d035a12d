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

from config.diagnostics import Diagnostic
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
