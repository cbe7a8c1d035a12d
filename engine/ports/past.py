"""What has happened to customers before somebody asks: events on record, a page at a time."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from triggers.event import Event


class Past(Protocol):
    """The processed events on record."""

    def customers(self, since: datetime) -> Sequence[str]:
        """Customers of whom something is on record that happened at ``since`` or later, by id."""
        ...

    def events(
        self, customer_ids: Collection[str], types: Collection[str] | None, since: datetime
    ) -> Mapping[str, Sequence[Event]]:
        """Their events of these types, or all, from ``since`` on, by customer, in order of arrival.

        What is not kept any more is left out.
        """
        ...
