"""Erasing a customer (GDPR, article 17): what tells of them goes, what counts stays.

One transaction under the customer's lock ends what is live, withdraws what is scheduled and clears
every row. What stays is anonymous: rows of orders, journeys and messages with their sums and times
under an id that leads nowhere, the (source, id) of each event so that none counts again, and a
keyed hash of each address, so that nobody writes to it however it comes to be known anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog

from engine.core.context import Context
from engine.core.coupon import BOOK as COUPONS
from engine.core.customer import Suppression
from engine.core.ending import exit_journey
from engine.core.guards import GuardRules
from engine.core.identity import IdentityKey, keys_of
from engine.core.message import MessageStatus
from engine.core.projection import order_key, ticket_key
from engine.core.world import JourneyStatus, World
from engine.ports.clock import Clock
from engine.ports.faults import Fault, passing
from engine.ports.privacy import ErasingUnit, Erasure, PrivacyStorage, Unattributed
from engine.ports.storage import Contended
from engine.programs.coupon_holders import leave_behind
from engine.programs.program import Programs
from engine.services.batch import SharedInUnit
from engine.services.fingerprints import MARK, Fingerprints, channels_of
from triggers.addresses import normalised
from triggers.sources.native import deserialize

log = structlog.get_logger(__name__)

ERASED: Final = "erased"  # why journeys ended, messages were withdrawn, addresses are suppressed
_PAGE: Final = 500
_ATTEMPTS: Final = 20
_SHORTEST: Final = 6  # characters of an external id that is looked for in text that is not ours


class NoSuchCustomer(Exception):
    """Nobody is on record under this id (any more)."""


class BeingSent(Exception):
    """A message to the customer is being handed over, and cannot be called back."""

    def __init__(self, messages: int) -> None:
        super().__init__(f"{messages} messages to this customer are being handed over just now")
        self.messages = messages


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What an erasure removed or made anonymous, as numbers.

    ``shared`` are addresses that other customers have as well, with those customers' ids: their
    consents stay with these, but nothing of marketing goes there any more. ``pending`` counts the
    events that name the customer without having been attributed to them.
    """

    addresses: int
    identities: int
    orders: int
    tickets: int
    live_journeys: int
    scheduled_messages: int
    pending: int
    shared: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class _Person:
    """By what somebody is recognised in events that nobody has attributed yet."""

    customer_ids: frozenset[str]
    keys: frozenset[IdentityKey]
    addresses: frozenset[str]
    orders: frozenset[str]
    tickets: frozenset[str]

    def is_told_of(self, event: Unattributed, country: str) -> bool:
        """Whether an event names the person or what is theirs."""
        if event.is_rejected:
            return self._is_in(event.body)
        parsed = deserialize(event.body.encode())
        facts = parsed.customer and normalised(parsed.customer, country)
        keys = keys_of(facts, parsed.source)
        return (
            keys.customer_id in self.customer_ids
            or bool(self.keys & {*keys.lookup, *keys.register})
            or order_key(parsed) in self.orders
            or ticket_key(parsed) in self.tickets
            or self._is_in(event.body)
        )

    def _is_in(self, body: str) -> bool:
        text = body.casefold()
        long = {key.value for key in self.keys if len(key.value) >= _SHORTEST}
        return any(one.casefold() in text for one in self.addresses | long)


class Privacy:
    """The use case behind ``lagniappe customers erase``."""

    def __init__(
        self,
        storage: PrivacyStorage,
        fingerprints: Fingerprints,
        rules: GuardRules,
        clock: Clock,
        *,
        country: str,
    ) -> None:
        self._storage = storage
        self._fingerprints = fingerprints
        self._rules = rules
        self._clock = clock
        self._country = country

    def survey(self, customer_id: str) -> Erased:
        """What erasing would remove; changes nothing. Raises NoSuchCustomer."""
        with self._storage.erasing() as unit:
            person, world = self._gather(unit, customer_id)
        return self._told(person, world, self._events_of(person), self._shared(person))

    def erase(self, customer_id: str) -> Erased:
        """Erase for good; done when this returns.

        Raises NoSuchCustomer, BeingSent when it must be tried again in a moment, or ``Contended``;
        nothing was changed then.
        """
        for left in reversed(range(_ATTEMPTS)):
            try:
                erased = self._erase(customer_id)
            except Contended:
                if not left:
                    raise
            else:
                passing(Fault.ERASURE_COMMITTED)
                self._storage.settle_file()
                log.info("customer_erased", orders=erased.orders, addresses=erased.addresses)
                return erased
        raise AssertionError("unreachable")

    def _erase(self, customer_id: str) -> Erased:
        # Long looks through tables come before the lock; who is named meanwhile is told anew.
        with self._storage.erasing() as unit:
            person, _ = self._gather(unit, customer_id)
        events, shared = self._events_of(person), self._shared(person)
        now = self._clock.now()
        with self._storage.erasing() as unit:
            unit.lock([customer_id])
            unit.open_books({COUPONS})
            again, world = self._gather(unit, customer_id)
            if again != person:
                raise Contended("the customer changed meanwhile")
            if under_way := unit.under_way(customer_id):
                raise BeingSent(len(under_way))
            told = self._told(person, world, events, shared)
            context = Context(
                now=now, rules=self._rules, shared=SharedInUnit(unit), programs=Programs()
            )
            for journey in list(world.journeys.values()):
                if journey.status is JourneyStatus.LIVE:
                    exit_journey(world, journey, ERASED, context)
            leave_behind(world, context)
            unit.save(world)
            salt = now.isoformat()
            unit.erase(
                Erasure(
                    customer_id=customer_id,
                    anonymous_id=self._fingerprints.anonymous("customer", customer_id, salt),
                    addresses=person.addresses - shared.keys(),
                    remembered=tuple(self._remembered(person, shared, now)),
                    events=events,
                    at=now,
                    reason=ERASED,
                    rename=lambda kind, value: self._renamed(kind, value, salt),
                )
            )
            passing(Fault.ERASURE_DECIDED)
            unit.commit()
        return told

    def _renamed(self, kind: str, value: str, salt: str) -> str:
        mark = self._fingerprints.anonymous(kind, value, salt)
        return str(UUID(mark.removeprefix(MARK)[:32]))

    def _gather(self, unit: ErasingUnit, customer_id: str) -> tuple[_Person, World]:
        worlds = unit.load(
            [customer_id], now=self._clock.now(), complete=[customer_id], past=True
        )  # fmt: skip
        if customer_id not in worlds:
            raise NoSuchCustomer(customer_id)
        world = worlds[customer_id]
        keys = frozenset(unit.identities_of([customer_id]).get(customer_id, ()))
        own = {world.customer.email, world.customer.phone} - {None}
        told = {key.value for key in keys if not key.kind.startswith("id:")}
        person = _Person(
            customer_ids=frozenset({customer_id}),
            keys=keys,
            addresses=frozenset({*filter(None, own), *told, *unit.recipients(customer_id)}),
            orders=frozenset(world.orders),
            tickets=frozenset(world.tickets),
        )
        return person, world

    def _shared(self, person: _Person) -> dict[str, tuple[str, ...]]:
        (customer_id,) = person.customer_ids
        found = self._storage.sharers(person.addresses, customer_id)
        return {address: tuple(sorted(owners)) for address, owners in sorted(found.items())}

    def _events_of(self, person: _Person) -> tuple[int, ...]:
        return tuple(
            event.seq
            for event in self._unattributed()
            if not event.body.startswith('{"erased"') and person.is_told_of(event, self._country)
        )

    def _unattributed(self) -> Iterator[Unattributed]:
        after = -1
        while page := self._storage.unattributed(after, _PAGE):
            yield from page
            after = page[-1].seq

    def _remembered(
        self, person: _Person, shared: dict[str, tuple[str, ...]], now: datetime
    ) -> Iterator[Suppression]:
        for address in sorted(person.addresses):
            for channel in channels_of(address):
                is_shared = address in shared
                yield Suppression(
                    channel=channel,
                    address=address if is_shared else self._fingerprints.of(address),
                    scope="marketing" if is_shared else "all",
                    reason=ERASED,
                    at=now,
                )

    def _told(
        self,
        person: _Person,
        world: World,
        events: tuple[int, ...],
        shared: dict[str, tuple[str, ...]],
    ) -> Erased:
        journeys, messages = world.journeys.values(), world.messages.values()
        return Erased(
            addresses=len(person.addresses),
            identities=len(person.keys),
            orders=len(person.orders),
            tickets=len(person.tickets),
            live_journeys=sum(one.status is JourneyStatus.LIVE for one in journeys),
            scheduled_messages=sum(one.status is MessageStatus.SCHEDULED for one in messages),
            pending=len(events),
            shared=tuple(shared.items()),
        )
