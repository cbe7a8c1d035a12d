"""Values made many times for each event: frozen for the type checker, plain at run time.

A frozen dataclass sets every field through ``object.__setattr__``, which makes it three times as
slow to build as a plain one. An event makes some ten of these values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar, dataclass_transform

T = TypeVar("T")

if TYPE_CHECKING:

    @dataclass_transform(frozen_default=True, kw_only_default=True)
    def value_class(cls: type[T]) -> type[T]:
        """Make a value class: keyword-only, slotted, compared and hashed by its fields."""
        ...

else:
    value_class = dataclass(slots=True, kw_only=True, unsafe_hash=True)
