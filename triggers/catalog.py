"""The event types that campaigns can name, with what each carries.

The built-in list is closed. A shop declares further types in ``config/events.yaml``; reading that
file is ``engine.authoring``'s business, the catalog takes what it declares as values.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, cast, get_args

EventObject = Literal["customer", "order", "ticket"]
FieldType = Literal["bool", "int", "number", "string", "timestamp", "strings"]

# Told of an address alone (an imported consent), of no customer. It stands in no catalog: nobody
# can post it, and no campaign can wait for what happens to nobody.
CONSENT_RECORDED = "consent.recorded"

_TYPE_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\Z")
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class DataField:
    """One field of an event's ``data``. A nullable one may be null or absent."""

    type: FieldType
    doc: str
    nullable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSpec:
    """One event type.

    ``derived`` types are transitions: the engine makes them, with their ``data``, from the facts
    that sources report, so a report of one need not fill ``data`` itself.
    """

    name: str
    doc: str
    object: EventObject
    fields: Mapping[str, DataField] = field(default_factory=dict)
    derived: bool = False
    custom: bool = False


@dataclass(frozen=True, slots=True)
class Catalog:
    """All event types by name, in a stable order: built-in ones first."""

    types: Mapping[str, EventSpec]

    def with_custom(self, specs: Iterable[EventSpec]) -> Catalog:
        """This catalog and ``specs``.

        Raises ValueError, with a sentence for the author, when a name is taken.
        """
        types = dict(self.types)
        for spec in specs:
            if spec.name == CONSENT_RECORDED:
                raise ValueError(
                    f'"{spec.name}" is what imports are stored as; choose another name'
                )
            if spec.name in types:
                taken = "declared twice" if types[spec.name].custom else "a built-in event type"
                raise ValueError(f'"{spec.name}" is {taken}; choose another name')
            types[spec.name] = spec
        return Catalog(MappingProxyType(types))


def custom_type(
    name: str, *, doc: str = "", carries: str = "customer", fields: Mapping[str, str] | None = None
) -> EventSpec:
    """An event type as ``config/events.yaml`` declares it; its fields may all be empty.

    Raises ValueError, with a sentence for the author, when a name or type word is not valid.
    """
    if not _TYPE_NAME.match(name) or len(name) > 100:
        raise ValueError(
            f'"{name}" is not an event type; expected lower-case words with a dot, "shop.quiz_done"'
        )
    if carries not in get_args(EventObject):
        raise ValueError(f'"{carries}" is not an object; expected customer, order or ticket')
    data: dict[str, DataField] = {}
    for field_name, type_word in (fields or {}).items():
        if not _FIELD_NAME.match(field_name):
            raise ValueError(f'"{field_name}" is not a field name; expected a word like "score"')
        if type_word not in get_args(FieldType):
            expected = ", ".join(get_args(FieldType))
            raise ValueError(
                f'"{type_word}" is not a type of field "{field_name}"; expected {expected}'
            )
        data[field_name] = DataField(type=cast(FieldType, type_word), doc="")
    return EventSpec(
        name=name,
        doc=doc,
        object=cast(EventObject, carries),
        fields=MappingProxyType(data),
        custom=True,
    )
