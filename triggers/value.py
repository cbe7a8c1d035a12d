"""Values made many times for each event: frozen for the type checker, plain at run time.

A frozen dataclass sets every field through ``object.__setattr__``, which makes it three times as
slow to build as a plain one. An event makes some hundreds of these values, a message some dozens.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, dataclass_transform, overload

T = TypeVar("T")

if TYPE_CHECKING:

    @overload
    def value_class(cls: type[T]) -> type[T]: ...

    @overload
    def value_class(*, kw_only: bool = True) -> Callable[[type[T]], type[T]]: ...

    @dataclass_transform(frozen_default=True, kw_only_default=True)
    def value_class(*args: Any, **options: Any) -> Any:
        """Make a value class: slotted, compared and hashed by its fields.

        Its fields are given by keyword, unless ``kw_only`` is False.
        """

else:

    def value_class(cls: type[T] | None = None, *, kw_only: bool = True) -> Any:
        """Make a value class, as above."""
        make = dataclass(slots=True, kw_only=kw_only, unsafe_hash=True)
        return make if cls is None else make(cls)
