"""What reports tell of a support ticket.

The ticket that results is the same in whatever order the reports come. A change of status is told
when it really changes what is known: one that arrives after a later one says nothing new.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from engine.core.customer import Ticket, TicketStatus
from engine.core.registers import moment_of, stamp_of, write
from engine.core.transition import Transition
from engine.core.world import World
from triggers.event import Event, TicketFacts

_FIELDS: Final = ("subject", "channel", "priority", "tags", "rating")
_TOLD: Final = {
    "ticket.opened": TicketStatus.OPEN,
    "ticket.reopened": TicketStatus.OPEN,
    "ticket.solved": TicketStatus.SOLVED,
}
_STATUS: Final = {status.value: status for status in TicketStatus}
_OPENED: Final = "opened"
_SOLVED: Final = "solved"  # the latest that a report called the solution
_FOUND_SOLVED: Final = "found_solved"  # the earliest of any report that found the ticket solved


def project_ticket(
    world: World, ticket_id: str, order_id: str | None, facts: TicketFacts, event: Event
) -> list[Transition]:
    """Take in what the event tells of a ticket of this customer; the transitions it causes."""
    customer = world.customer
    ticket = world.tickets.get(ticket_id)
    is_new = ticket is None or ticket.customer_id is None
    if ticket is None:
        ticket = world.tickets[ticket_id] = Ticket(id=ticket_id)
    if is_new:
        ticket.customer_id = customer.id
        world.changes.tickets |= {ticket_id}
    was_opened = not is_new and _OPENED in ticket.stamps
    was = None if is_new else ticket.status
    rating = None if is_new else ticket.rating
    was_open = was is not None and was is not TicketStatus.SOLVED
    if merge_ticket(ticket, order_id, facts, event):
        world.changes.tickets |= {ticket_id}
    is_open = ticket.status is not TicketStatus.SOLVED
    if is_open != was_open:
        customer.open_tickets += 1 if is_open else -1
        world.changes.customer = True
    kinds = []
    if _OPENED in ticket.stamps and not was_opened:
        kinds.append("opened")
    if not is_open and (was_open or (was is None and _SOLVED in ticket.stamps)):
        kinds.append("solved")
    if is_open and (
        was is TicketStatus.SOLVED or (was is None and event.type == "ticket.reopened")
    ):
        kinds.append("reopened")
    if ticket.rating is not None and ticket.rating != rating:
        kinds.append("rated")
    return [_transition(kind, ticket, event) for kind in kinds]


def merge_ticket(ticket: Ticket, order_id: str | None, facts: TicketFacts, event: Event) -> bool:
    """Take in what an event tells of a ticket; whether anything changed."""
    version = stamp_of(facts.updated_at or event.time)
    stamps = ticket.stamps
    changed = False
    status = _STATUS[facts.status] if facts.status else _TOLD.get(event.type)
    if status is not None:
        changed |= write(ticket, stamps, "status", status, version)
    for name in _FIELDS:
        value = getattr(facts, name)
        if value is not None:
            changed |= write(ticket, stamps, name, value, version)
    if order_id is not None:
        changed |= write(ticket, stamps, "order_id", order_id, version)
    at = stamp_of(event.time)
    if event.type == "ticket.opened" and at < stamps.get(_OPENED, at + 1):
        stamps[_OPENED] = at
        changed = True
    if ticket.opened_at is None or event.time < ticket.opened_at:
        ticket.opened_at = event.time
        changed = True
    if status is TicketStatus.SOLVED:
        changed |= _note_solved(ticket, event, at)
    if changed:
        ticket.solved_at = _solved_at(ticket)
    return changed


def _note_solved(ticket: Ticket, event: Event, at: int) -> bool:
    stamps = ticket.stamps
    if event.type == "ticket.solved":
        if at <= stamps.get(_SOLVED, at - 1):
            return False
        stamps[_SOLVED] = at
        return True
    if at >= stamps.get(_FOUND_SOLVED, at + 1):
        return False
    stamps[_FOUND_SOLVED] = at
    return True


def _solved_at(ticket: Ticket) -> datetime | None:
    if ticket.status is not TicketStatus.SOLVED:
        return None
    at = ticket.stamps.get(_SOLVED, ticket.stamps.get(_FOUND_SOLVED))
    return None if at is None else moment_of(at)


def _transition(kind: str, ticket: Ticket, event: Event) -> Transition:
    time, data = event.time, dict[str, Any](event.data)
    name = f"ticket.{kind}:{ticket.id}"
    if kind == "opened":
        time = moment_of(ticket.stamps[_OPENED])
    else:
        if kind == "solved" and ticket.solved_at is not None:
            time = ticket.solved_at
        elif kind == "rated":
            data["rating"] = ticket.rating
        name = f"{name}:{stamp_of(time)}"
    return Transition(
        type=f"ticket.{kind}",
        time=time,
        id=name,
        order_id=ticket.order_id,
        ticket_id=ticket.id,
        data=data,
        causes=event.causes,
    )
