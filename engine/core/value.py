"""Values made many times for each event (``triggers.value``)."""

from __future__ import annotations

from triggers.value import value_class

__all__ = ["value_class"]
