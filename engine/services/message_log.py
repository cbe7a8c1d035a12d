"""The message log: a page of it, and what is added while somebody reads along."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from engine.ports.history import History, LoggedMessage, MessageFilter


def log_page(history: History, wanted: MessageFilter) -> list[LoggedMessage]:
    """The newest messages of a filter, the newest last."""
    return list(reversed(history.messages(wanted)))


def follow(
    history: History, wanted: MessageFilter, now: datetime
) -> Iterator[Sequence[LoggedMessage]]:
    """The newest messages of a filter, then, at each asking, those made since; each once.

    The tail is begun before the page is read, so that what is committed in between is in one of
    them, and what is in both is told with the page.
    """
    tail = history.start_tail(now)
    page = log_page(history, wanted)
    listed = {one.id for one in page}
    yield page
    while True:
        fresh, tail = history.tail(tail)
        yield [one for one in fresh if one.id not in listed and matches(one, wanted)]


def matches(message: LoggedMessage, wanted: MessageFilter) -> bool:
    """Whether a filter lets a message through; ``wanted.customer`` is a customer's id here."""
    return not (
        (wanted.customer is not None and message.customer_id != wanted.customer)
        or (wanted.campaign is not None and message.campaign != wanted.campaign)
        or (wanted.channel is not None and message.channel != wanted.channel)
        or (wanted.order_id is not None and message.order_id != wanted.order_id)
        or (wanted.statuses and message.status not in wanted.statuses)
        or (wanted.since is not None and message.created_at < wanted.since)
        or (wanted.until is not None and message.created_at >= wanted.until)
    )
