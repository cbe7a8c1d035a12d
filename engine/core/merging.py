"""Two customers turn out to be one: what the younger record holds moves into the older.

Consents, suppressions and preferences belong to (channel, address) and are not touched, so a merge
never widens what may be sent to whom. Assignments (holdout, splits) stay as the journeys store
them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.core.context import Context
from engine.core.ending import exit_journey
from engine.core.permissions import later_consent, later_preferences
from engine.core.profile import merge_profiles
from engine.core.transition import Transition
from engine.core.world import Changes, Journey, JourneyStatus, World

REASON = "merged"
MERGED = "customer.merged"  # told to the shop's programs alone


def merge_worlds(older: World, younger: World, context: Context) -> None:
    """Move everything of ``younger`` into ``older``, which stays; ``younger`` is void afterwards.

    Of two live journeys under one key the one entered first stays; the other exits with reason
    ``merged`` and its scheduled messages are cancelled. What is not loaded in ``younger`` is
    storage's to move (``ports.stored.Merge``).
    """
    _take_over_changes(older, younger)
    _take_over_customer(older, younger)
    _take_over_objects(older, younger)
    _take_over_messages(older, younger)
    _take_over_journeys(older, younger, context)
    for place, record in younger.books.items():
        if place not in older.books:
            older.write(record)
    for key, consent in younger.consents.items():
        held = older.consents.get(key)
        older.consents[key] = consent if held is None else later_consent(held, consent)
    for address, suppression in younger.suppressions.items():
        older.suppressions.setdefault(address, suppression)
    for key, wishes in younger.preferences.items():
        held_wishes = older.preferences.get(key)
        older.preferences[key] = (
            wishes if held_wishes is None else later_preferences(held_wishes, wishes)
        )
    older.complete = older.complete and younger.complete
    if older.books:
        merged = Transition(
            type=MERGED, time=context.now, id=f"{MERGED}:{older.customer.id}:{younger.customer.id}"
        )
        context.programs.follow(older, merged, context)


def _take_over_changes(older: World, younger: World) -> None:
    """What was changed in the younger world since it was loaded is still to be written."""
    mine, theirs, survivor = older.changes, younger.changes, older.customer.id
    mine.lines |= theirs.lines
    mine.consents += theirs.consents
    mine.overruled += theirs.overruled
    mine.suppressions += theirs.suppressions
    mine.preferences += theirs.preferences
    mine.lifted += theirs.lifted
    mine.decisions += [replace(one, customer_id=survivor) for one in theirs.decisions]
    mine.emitted += theirs.emitted
    mine.webhooks += theirs.webhooks
    younger.changes = Changes()


def _take_over_customer(older: World, younger: World) -> None:
    """The orders and tickets of the two are different ones, so the counters add up."""
    into, other = older.customer, younger.customer
    merge_profiles(into, other)
    into.orders_count += other.orders_count
    into.total_spent += other.total_spent
    into.open_tickets += other.open_tickets
    firsts = (into.first_order_at, other.first_order_at)
    lasts = (into.last_order_at, other.last_order_at)
    into.first_order_at = min((at for at in firsts if at is not None), default=None)
    into.last_order_at = max((at for at in lasts if at is not None), default=None)
    older.changes.customer = True


def _take_over_objects(older: World, younger: World) -> None:
    survivor = older.customer.id
    for order in younger.orders.values():
        order.customer_id = survivor
    for ticket in younger.tickets.values():
        ticket.customer_id = survivor
    older.orders.update(younger.orders)
    older.changes.orders = older.changes.orders.union(younger.orders)
    older.tickets |= younger.tickets
    older.changes.tickets = older.changes.tickets.union(younger.tickets)


def _take_over_messages(older: World, younger: World) -> None:
    for message in younger.messages.values():
        message.customer_id = older.customer.id
    older.messages |= younger.messages
    older.changes.messages |= set(younger.messages)
    counted = {contact.message_id: contact for contact in (*older.contacts, *younger.contacts)}
    older.contacts[:] = sorted(counted.values(), key=lambda one: (one.at, one.message_id))


def _take_over_journeys(older: World, younger: World, context: Context) -> None:
    mine, theirs = older.customer.id, younger.customer.id
    older.past.join(younger.past)
    for journey in younger.journeys.values():
        journey.customer_id = mine
        journey.entry_key = _renamed(journey.entry_key, theirs, mine)
        older.journeys[journey.id] = journey
        older.changes.journeys.add(journey.id)
    for journey in _doubles(older.journeys.values()):
        exit_journey(older, journey, REASON, context)


def _doubles(journeys: Iterable[Journey]) -> list[Journey]:
    """The live journeys under a key that an older live one has."""
    live = [journey for journey in journeys if journey.status is JourneyStatus.LIVE]
    live.sort(key=lambda journey: (journey.entered_at, journey.id))
    staying: set[tuple[str, str]] = set()
    doubles = []
    for journey in live:
        key = journey.campaign, journey.entry_key
        if key in staying:
            doubles.append(journey)
        staying.add(key)
    return doubles


def _renamed(entry_key: str, merged: str, survivor: str) -> str:
    """An entry key that holds the customer's id holds the survivor's from now on."""
    if entry_key == merged or entry_key.startswith(f"{merged}:"):
        return survivor + entry_key.removeprefix(merged)
    return entry_key
