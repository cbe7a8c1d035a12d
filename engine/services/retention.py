"""Forgetting by age: what was sent, and what came in, for no longer than the policy says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from config.durations import Duration
from config.policy import Retention
from engine.ports.clock import Clock
from engine.ports.faults import Fault, passing
from engine.ports.privacy import PrivacyStorage

log = structlog.get_logger(__name__)

PAGE = 500  # rows looked at in one short transaction


@dataclass(slots=True, kw_only=True)
class Forgetting:
    """Applies ``retention`` of ``config/store.yaml``.

    ``pause`` is called between two pages, so that others come to write; it returns False to stop,
    and the next run goes on where this one was.
    """

    storage: PrivacyStorage
    retention: Callable[[], Retention]
    clock: Clock
    pause: Callable[[], bool] = field(default=lambda: True)
    page: int = PAGE
    _event: int = 0  # events up to this number are reduced already
    _content: str = ""

    def run(self) -> tuple[int, int]:
        """Forget what is too old; how many contents and how many events' bodies went."""
        retention, now = self.retention(), self.clock.now()
        contents = self._contents(_before(now, retention.content))
        events = self._events(_before(now, retention.events))
        if contents or events:
            log.info("forgotten", contents=contents, events=events)
        return contents, events

    def _contents(self, before: datetime) -> int:
        gone = 0
        while True:
            count, after = self.storage.expire_contents(before, self._content, self.page)
            passing(Fault.RETENTION_PAGE)
            gone += count
            self._content = after or ""  # ids are hashes: old and new lie side by side
            if after is None or not self.pause():
                return gone

    def _events(self, before: datetime) -> int:
        gone = 0
        while True:
            count, after = self.storage.expire_events(before, self._event, self.page)
            passing(Fault.RETENTION_PAGE)
            gone += count
            if after is None:  # the next run looks at this page again: part of it is too young
                return gone
            self._event = after
            if not self.pause():
                return gone


def _before(now: datetime, span: Duration) -> datetime:
    return now - span.nominal
