"""Looking back: the message log, one message with its reasons, a customer's whole case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.core.message import Content
from engine.core.trace import message_text
from engine.ports.history import History, LoggedMessage, MessageDetail, MessageFilter
from engine.ports.storage import Storage
from engine.services.why import Case, Fact, Question, facts_of, plan_of, withheld_by


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One message: what became of it in a sentence, what was decided of it (``own``) and of the
    rest of its journey (``path``), and its words where they are kept."""

    message: LoggedMessage
    text: str
    content: Content | None
    own: tuple[Fact, ...]
    path: tuple[Fact, ...]


def log_page(history: History, wanted: MessageFilter) -> list[LoggedMessage]:
    """The newest messages of a filter, the newest last."""
    return list(reversed(history.messages(wanted)))


def entry_of(detail: MessageDetail, content: Content | None, asked: Question) -> LogEntry:
    """The entry of a message; ``content`` is what ``detail.packed`` holds."""
    message, decisions = detail.message, detail.decisions
    plan = plan_of(asked.plans, message.campaign, message.revision)
    withheld = withheld_by(decisions, message)
    return LogEntry(
        message=message,
        text=message_text(message, withheld, plan, asked.zone),
        content=content,
        own=facts_of((one for one in decisions if one.message_id == message.id), asked),
        path=facts_of((one for one in decisions if one.message_id != message.id), asked),
    )


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


def case_of(history: History, storage: Storage, customer_id: str, now: datetime) -> Case:
    """All that is on record of a customer, and their world at ``now``.

    Raises ``KeyError`` when there is no such customer.
    """
    timeline = history.timeline(customer_id)
    with storage.deciding() as unit:
        world = unit.load(
            [customer_id], now=now, complete=[customer_id], past=True
        )[customer_id]  # fmt: skip
    return Case(
        customer=world.customer,
        world=world,
        journeys=timeline.journeys,
        messages=timeline.messages,
        decisions=timeline.decisions,
        events=timeline.events,
    )
