"""``call_webhook``: calls to the shop's own systems, made outside the transaction that asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from engine.ports.calls import CallRefused, Poster
from engine.ports.faults import Fault, passing
from engine.ports.storage import Storage

log = structlog.get_logger(__name__)

MAX_ATTEMPTS = 8
_FIRST_WAIT = timedelta(seconds=30)
_AT_ONCE = 20
_LEASE = timedelta(minutes=10)  # longer than a page of calls can take


class Outbox:
    """Makes due calls, a few at a time, and retries with growing waits."""

    def __init__(self, storage: Storage, poster: Poster, now: Callable[[], datetime]) -> None:
        self._storage = storage
        self._poster = poster
        self._now = now

    def run(self) -> int:
        """Make the calls that are due; how many."""
        due = self._storage.claim_webhook_calls(self._now(), _AT_ONCE, _LEASE)
        if due:
            passing(Fault.OUTBOX_CLAIMED)
        for each in due:
            try:
                reason = self._poster.post(each)
            except CallRefused as refusal:  # another attempt would be refused as well
                log.warning("webhook_refused", call=each.id, reason=refusal.reason)
                self._storage.record_webhook_call(each.id, reason=refusal.reason)
                continue
            except Exception as error:  # or this call would hold up the others of its page
                reason = f"not made: {type(error).__name__}"
            passing(Fault.OUTBOX_POSTED)
            if reason is None:
                self._storage.record_webhook_call(each.id)
                continue
            log.warning("webhook_failed", call=each.id, attempts=each.attempts, reason=reason)
            again = None
            if each.attempts < MAX_ATTEMPTS:
                again = self._now() + _FIRST_WAIT * 2 ** (each.attempts - 1)
            self._storage.record_webhook_call(each.id, reason=reason, retry_at=again)
        return len(due)
