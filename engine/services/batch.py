"""One unit of work over many worlds: take what is due, hand over, write back."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from config.durations import Rate
from engine.core.beside import beside
from engine.core.context import CodeState, Context
from engine.core.journey import next_due, on_step
from engine.core.message import Outgoing
from engine.core.whereabouts import home_zone
from engine.core.world import Emitted, World
from engine.ports.faults import Fault, passing
from engine.ports.storage import Contended, UnitOfWork
from engine.ports.stored import Incoming
from engine.services.configuration import Configuration
from engine.services.handover import HandOver
from triggers.event import CustomerFacts, Event, OrderFacts, TicketFacts
from triggers.sources.native import reads_back, serialize

log = structlog.get_logger(__name__)

OWN_SOURCE = "lagniappe"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Keepers = Mapping[tuple[str, str], Sequence[tuple[str, datetime]]]


def window_of(limit: Rate, now: datetime) -> datetime:
    """When the window began in which a volume is counted: windows are fixed, from the epoch on."""
    return now - (now - _EPOCH) % limit.span


@dataclass(slots=True)
class SharedInUnit:
    """``engine.core.context.Shared`` over the unit of work."""

    unit: UnitOfWork

    def take_volume(self, campaign: str, limit: Rate, now: datetime) -> bool:
        """Count one message against the campaign's limit in the window that ``now`` lies in."""
        return self.unit.take_volume(campaign, window_of(limit, now), limit.count)

    def take_code(self, pool: str, claim: str) -> str | None:
        """Claim a free code of a pool."""
        return self.unit.take_code(pool, claim)

    def settle_code(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """Say what became of a claimed code."""
        self.unit.settle_code(pool, code, claim, state)


@dataclass(slots=True)
class Batch:
    """What one transaction decides. ``braked`` campaigns stand still for the rest of it."""

    unit: UnitOfWork
    configuration: Configuration
    handover: HandOver
    braked: dict[str, str] = field(default_factory=dict)
    _context: Context | None = None  # the last that was made
    is_committing: bool = False  # the end of the commit that ``begin`` began is still to come

    def context(self, now: datetime, beside: World | None = None) -> Context:
        """The surroundings of decisions at ``now``."""
        known = self._context
        if beside is None and known is not None and known.now == now:
            return known
        made = Context(
            now=now,
            rules=self.configuration.rules,
            shared=SharedInUnit(self.unit),
            programs=self.configuration.programs,
            braked=self.braked,
            beside=beside,
            keeping=self.unit.keeping,
        )
        if beside is None:
            self._context = made
        return made

    def take_due_steps(self, world: World, context: Context) -> int:
        """Take this customer's due journeys, each seeing the last one's effects; how many."""
        plans, now = self.configuration.plans, context.now
        taken = 0
        while (journey := next_due(world, now)) is not None:
            on_step(world, journey, plans, context)
            taken += 1
        return taken

    def finish(
        self, worlds: Iterable[World], now: datetime, *, one_step: Collection[str] = ()
    ) -> list[Outgoing]:
        """Hand over what is due, note every change and commit; the messages to give away.

        ``one_step`` as for ``HandOver.prepare``.
        """
        outgoings = self.begin(worlds, now, one_step=one_step)
        self.settle(outgoings)
        return outgoings

    def begin(
        self, worlds: Iterable[World], now: datetime, *, one_step: Collection[str] = ()
    ) -> list[Outgoing]:
        """As ``finish``, but for the end of the commit, for which ``settle`` waits."""
        worlds = list(worlds)
        context = self.context(now)
        outgoings = self.handover.prepare(self.unit, worlds, self.configuration, context, one_step)
        try:
            for world in worlds:
                if world.journeys:
                    self.take_due_steps(world, context)
            passing(Fault.DECIDED)
            self._note(worlds, context)
            self.is_committing = self.unit.begin_commit()
        except BaseException as error:
            self._retain(outgoings, error)
            raise
        return outgoings

    def settle(self, outgoings: Sequence[Outgoing]) -> None:
        """Wait until what ``begin`` began is committed. Raises what committing does."""
        try:
            self.unit.settle()
            passing(Fault.DECISION_COMMITTED)
            self.tell_held()
        except BaseException as error:
            self._retain(outgoings, error)
            raise

    def _retain(self, outgoings: Sequence[Outgoing], error: BaseException) -> None:
        """See to it that messages which are not given away are tried again."""
        if isinstance(error, Contended):  # surely not written
            self.handover.release(outgoing.message_id for outgoing in outgoings)
        else:  # the commit may have held although its answer was lost
            self.handover.take_back(outgoings)

    def keep(self, worlds: Iterable[World], now: datetime) -> None:
        """Note every change and commit; what is due now is left to the worker."""
        self.note(worlds, now)
        self.unit.commit()
        passing(Fault.DECISION_COMMITTED)
        self.tell_held()

    def note(self, worlds: Iterable[World], now: datetime) -> None:
        """Note every change, for a commit by the caller."""
        self._note(list(worlds), self.context(now))

    def _note(self, worlds: Sequence[World], context: Context) -> None:
        plans, now = self.configuration.plans, context.now
        settle = self.configuration.programs.settle
        speaking: list[World] = []
        for world in worlds:
            settle(world, plans, context)
            if world.changes.emitted:
                speaking.append(world)
        if speaking:
            for incoming in told(self.unit, speaking, now):
                self.unit.enqueue(incoming)
        for world in worlds:
            changes = world.changes
            if changes.customer:
                world.customer.zone = home_zone(world.customer, self.configuration.rules)
            if world.is_new or changes.any:
                self.unit.save(world)
        for campaign, reason in self.braked.items():
            self.unit.hold(campaign, reason, now)

    def tell_held(self) -> None:
        """Log what was braked, once that is committed."""
        for campaign, reason in self.braked.items():
            log.warning("campaign_held", campaign=campaign, reason=reason,
                        next=f"lagniappe campaigns resume {campaign}")  # fmt: skip


def told(unit: UnitOfWork, worlds: Sequence[World], now: datetime) -> Iterator[Sequence[Incoming]]:
    """The events of our own that worlds report, each with the customer whom it is about."""
    places = {place for world in worlds for each in world.changes.emitted for place in each.to}
    keepers = unit.keepers(places) if places else {}
    for world in worlds:
        found: list[Incoming] = []
        itself = CustomerFacts(id=world.customer.id)
        for each in world.changes.emitted:
            if not each.to:
                found.append(incoming_of(_event(itself, each), now))
                continue
            place = next((place for place in each.to if _keeper(keepers, place, each)), None)
            if place is not None:
                about = replace(each, data={**each.data, "via": list(place)})
                keeper = CustomerFacts(id=_keeper(keepers, place, each))
                found.append(incoming_of(_event(keeper, about), now))
        yield found


def told_of_itself(world: World) -> list[Event]:
    """The events of our own that a world reports of its own customer and of nobody else; it
    reports them no more."""
    if not world.changes.emitted:
        return []
    itself = CustomerFacts(id=world.customer.id)
    found: list[Event] = []
    others: list[Emitted] = []
    for each in world.changes.emitted:
        if each.to or beside(event := _event(itself, each)) is not None:
            others.append(each)
        else:
            found.append(event)
    if found:
        world.changes.emitted = others
    return found


def _keeper(keepers: Keepers, place: tuple[str, str], emitted: Emitted) -> str:
    """Of those who keep a record there the one whose is the latest, unless the event was before."""
    kept = [(at, who) for who, at in keepers.get(place, ()) if at <= emitted.time]
    return max(kept)[1] if kept else ""


def _event(customer: CustomerFacts, emitted: Emitted) -> Event:
    return Event(
        id=emitted.id,
        source=OWN_SOURCE,
        type=emitted.type,
        time=emitted.time,
        customer=customer,
        order=None if emitted.order_id is None else order_reference(emitted.order_id),
        ticket=None if emitted.ticket_id is None else ticket_reference(emitted.ticket_id),
        data=emitted.data,
        causes=emitted.causes,
    )


def incoming_of(event: Event, now: datetime) -> Incoming:
    """An event of our own at the door, as whoever reads it there will find it."""
    body = None if reads_back(event) else serialize(event)
    return Incoming(event=event, body=body, received_at=now)


def order_reference(order_id: str | None) -> OrderFacts | None:
    """Names an order in an event of our own without telling anything of it."""
    if order_id is None:
        return None
    source, _, key = order_id.partition(":")
    return OrderFacts(id=key, source=source, partial=True)


def ticket_reference(ticket_id: str | None) -> TicketFacts | None:
    """Names a ticket in an event of our own without telling anything of it."""
    if ticket_id is None:
        return None
    source, _, key = ticket_id.partition(":")
    return TicketFacts(id=key, source=source)
