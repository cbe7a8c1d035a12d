"""What reports tell of a customer: their own fields, and what they permit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Final

from engine.core.customer import Consent, Customer
from engine.core.identity import OWN_SOURCE
from engine.core.permissions import take_consent
from engine.core.registers import outranks, stamp_of, write
from engine.core.statements import address_told
from engine.core.transition import Transition
from engine.core.world import World
from triggers.event import ConsentFact, CustomerFacts, Event

_FIELDS: Final = (
    "email",
    "phone",
    "first_name",
    "last_name",
    "locale",
    "timezone",
    "country",
    "region",
    "postal_code",
    "street",
    "birthday",
    "tags",
)
_TOLD: Final = attrgetter(*_FIELDS)  # a report tells few of them, and most of our own none
_NOTHING: Final = (None,) * len(_FIELDS)
_CREATED: Final = "created"
_ATTRIBUTE: Final = "attributes."
_STATUS_TOLD: Final = {
    "customer.subscribed": "subscribed",
    "customer.unsubscribed": "unsubscribed",
}


def project_customer(world: World, event: Event) -> list[Transition]:
    """Take in what the event tells of the customer; the transitions that this causes.

    ``customer.created`` comes once, with the first event of a new customer, whichever that is: who
    a customer is cannot wait for an earlier event that may never come.
    """
    transitions: list[Transition] = []
    customer, facts, kind = world.customer, event.customer, event.type
    changed = False
    if event.time < customer.created_at:
        customer.created_at = event.time
        if _CREATED in customer.stamps:
            customer.stamps[_CREATED] = stamp_of(event.time)
        changed = True
    if _CREATED not in customer.stamps and (world.is_new or kind == "customer.created"):
        customer.stamps[_CREATED] = stamp_of(customer.created_at)
        changed = True
        transitions.append(
            Transition(
                type="customer.created",
                time=event.time,
                id=f"customer.created:{customer.id}",
                data=event.data if kind == "customer.created" else {},
                causes=event.causes,
            )
        )
    if facts is not None:
        told = _TOLD(facts)
        if told != _NOTHING:
            changed |= _merge_fields(customer, told, stamp_of(event.time))
        if facts.attributes:
            changed |= _merge_attributes(customer, facts.attributes, stamp_of(event.time))
        if facts.consent or kind in _STATUS_TOLD:
            transitions += _merge_consents(world, facts, event)
    elif kind in _STATUS_TOLD:
        transitions += _merge_consents(world, CustomerFacts(), event)
    if changed:
        world.changes.customer = True
    return transitions


def merge_profiles(into: Customer, other: Customer) -> None:
    """Take over the other record's own fields, each where its report is the later one."""
    for name in _FIELDS:
        at = other.stamps.get(name)
        if at is not None:
            write(into, into.stamps, name, getattr(other, name), at)
    for name, value in other.attributes.items():
        at = other.stamps.get(f"{_ATTRIBUTE}{name}", 0)
        _write_attribute(into, name, value, at)
    into.created_at = min(into.created_at, other.created_at)
    if _CREATED in into.stamps or _CREATED in other.stamps:
        into.stamps[_CREATED] = stamp_of(into.created_at)


def told_addresses(event: Event) -> list[str]:
    """The addresses whose permissions the event may change; the world must hold them."""
    facts = event.customer
    found: list[str] = []
    if facts is not None:
        if facts.email:
            found.append(facts.email)
        if facts.phone:
            found.append(facts.phone)
    elif (about := address_told(event)) is not None:
        return [about[1]]
    if event.source == OWN_SOURCE and isinstance(named := event.data.get("address"), str):
        found.append(named)
    return found


def _merge_fields(customer: Customer, told: Iterable[object], at: int) -> bool:
    stamps = customer.stamps
    changed = False
    for name, value in zip(_FIELDS, told, strict=True):
        if value is None:
            continue
        if name not in stamps or stamps[name] < at:
            if getattr(customer, name) != value:  # far most are told again and again
                setattr(customer, name, value)
            stamps[name] = at
            changed = True
        elif write(customer, stamps, name, value, at):
            changed = True
    return changed


def _merge_attributes(customer: Customer, told: Mapping[str, Any], at: int) -> bool:
    changed = False
    for name, value in told.items():
        if _write_attribute(customer, name, value, at):
            changed = True
    return changed


def _write_attribute(customer: Customer, name: str, value: Any, at: int) -> bool:
    """``write`` for one attribute."""
    key = f"{_ATTRIBUTE}{name}"
    known = customer.stamps.get(key)
    if known is not None and known >= at:
        if known > at:
            return False
        held = customer.attributes.get(name)
        if held == value or not outranks(value, held):
            return False
    customer.attributes = {**customer.attributes, name: value}
    customer.stamps[key] = at
    return True


def _merge_consents(world: World, facts: CustomerFacts, event: Event) -> list[Transition]:
    told: dict[str, ConsentFact] = facts.consent  # type: ignore[assignment]
    implied = _STATUS_TOLD.get(event.type)
    if implied is not None:
        channel = event.data.get("channel")
        # What is told channel by channel is not widened to one that nobody spoke of.
        if not told or channel is not None:
            told = dict(told)
            told.setdefault(
                channel if channel in ("email", "sms", "voice") else "email",
                ConsentFact(status=implied),  # type: ignore[arg-type]
            )
    transitions = []
    for channel, fact in told.items():
        address = _address_told(world, facts, event, channel)
        if address is None:
            continue
        consent = Consent(
            channel=channel,
            address=address,
            status=fact.status,
            at=fact.at or event.time,
            source=event.source,
            proof=fact.proof,
        )
        transition = _take_consent(world, consent, event)
        if transition is not None:
            transitions.append(transition)
    return transitions


def _address_told(world: World, facts: CustomerFacts, event: Event, channel: str) -> str | None:
    """The address that a permission was told with; it is for no other.

    An opt-out by the link in a message names the address that the message went to in its data: the
    customer may have given it up since, and as a customer's fact it would bring it back.
    """
    if event.source == OWN_SOURCE and event.data.get("channel") == channel:
        address = event.data.get("address")
        if isinstance(address, str):
            return address
    customer = world.customer
    if channel == "email":
        told, known = facts.email, customer.email
    else:
        told, known = facts.phone, customer.phone
    return known if not told or told == known else told


def _take_consent(world: World, consent: Consent, event: Event) -> Transition | None:
    if not take_consent(world, consent) or consent.status == "pending":
        return None
    kind = f"customer.{consent.status}"
    return Transition(
        type=kind,
        time=consent.at,
        id=f"{kind}:{world.customer.id}:{consent.channel}:{stamp_of(consent.at)}",
        data={**event.data, "channel": consent.channel},
        causes=event.causes,
    )
