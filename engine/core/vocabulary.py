"""What a condition may speak of: the declared fields, each under its dotted name."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

_DOTTED_NAME = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*", re.ASCII)


class FieldType(Enum):
    """The kind of value that a field holds.

    NUMBER is a double and is given to an activation as a Python float (money too). INT is for
    counts only and is given as an int. TIMESTAMP is an aware datetime. STRINGS is a list of text.
    """

    BOOL = "bool"
    INT = "int"
    NUMBER = "number"
    STRING = "string"
    TIMESTAMP = "timestamp"
    STRINGS = "strings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One declared name. `nullable` says that it may be empty (None); `doc` is for authors."""

    type: FieldType
    nullable: bool = False
    doc: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vocabulary:
    """Every name that a condition may use.

    Below an open prefix ("customer.attributes", "trigger.data") any further dotted name is
    allowed; what it holds is known only at run time and may be empty.

    Vocabularies compare and hash by identity, so that one can be half of a cache key.

    Raises ValueError for a name that is not dotted identifiers.
    """

    fields: Mapping[str, Field]
    open_prefixes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for name in (*self.fields, *self.open_prefixes):
            if not _DOTTED_NAME.fullmatch(name):
                raise ValueError(f"not a dotted name: {name!r}")
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))

    def is_open(self, name: str) -> bool:
        """Whether `name` lies below an open prefix (the prefix itself does not)."""
        return any(name.startswith(prefix + ".") for prefix in self.open_prefixes)

    def roots(self) -> frozenset[str]:
        """The first words of all names: `customer`, `order`, …"""
        return frozenset(name.partition(".")[0] for name in (*self.fields, *self.open_prefixes))
