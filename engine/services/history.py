"""Looking back: one message with its reasons, a customer's whole case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.core.message import Content
from engine.core.trace import message_text
from engine.ports.history import History, LoggedMessage, MessageDetail
from engine.ports.storage import Storage
from engine.services.case import Case, Fact, Question, facts_of, plan_of, slots_of, withheld_by
from engine.services.stops import kept_back


@dataclass(frozen=True, slots=True, kw_only=True)
class LogEntry:
    """One message: what became of it in a sentence, what was decided of it (``own``) and of the
    rest of its journey (``path``), and its words where they are kept."""

    message: LoggedMessage
    text: str
    content: Content | None
    own: tuple[Fact, ...]
    path: tuple[Fact, ...]


def entry_of(detail: MessageDetail, content: Content | None, asked: Question) -> LogEntry:
    """The entry of a message; ``content`` is what ``detail.packed`` holds."""
    message, decisions = detail.message, detail.decisions
    plan = plan_of(asked.plans, message.campaign, message.revision)
    withheld = withheld_by(decisions, message)
    stopped = kept_back(message, withheld, asked).text(asked.zone)
    return LogEntry(
        message=message,
        text=message_text(message, withheld, plan, asked.zone) + stopped,
        content=content,
        own=facts_of((one for one in decisions if one.message_id == message.id), asked),
        path=facts_of((one for one in decisions if one.message_id != message.id), asked),
    )


def case_of(
    history: History,
    storage: Storage,
    customer_id: str,
    now: datetime,
    look_back: timedelta = timedelta(),
) -> Case:
    """All that is on record of a customer, and their world at ``now``.

    ``look_back`` is how long a contact may matter (``GuardRules.look_back``).
    Raises ``KeyError`` when there is no such customer.
    """
    timeline = history.timeline(customer_id)
    with storage.deciding() as unit:
        unit.open_books(None)
        unit.look_back(look_back)
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
        calls=timeline.calls,
        slots=slots_of(timeline.messages),
    )
