"""On which clocks a customer may live: their own zone, else those of their address or phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol
from zoneinfo import ZoneInfo

from engine.core.customer import Customer
from engine.core.value import value_class

if TYPE_CHECKING:
    from engine.core.guards import GuardRules

_STORE: Final = "store"  # where nothing is told of the customer's own

Located = tuple[tuple[ZoneInfo, ...], str]
"""Zones, the one to go by first, and what told them (``US-IN``, ``+1``)."""


class Places(Protocol):
    """Looks zones up; a pure function of its arguments, cheap when it is asked again.

    The store's zone, where it is one of several, comes first, else the most westerly: an hour that
    has come there has come everywhere.
    """

    def by_address(
        self, country: str, region: str | None, postal_code: str | None, /
    ) -> Located | None:
        """The zones of an address; None where it tells nothing."""
        ...

    def by_phone(self, phone: str, /) -> Located | None:
        """The zones of a number in E.164 form; None where it tells nothing."""
        ...


@value_class(kw_only=False)
class Whereabouts:
    """All the zones in which a customer may be, and what told them.

    ``home``, one of them, is the clock that delays, deadlines and schedules go by; quiet hours
    respect every one.
    """

    zones: tuple[ZoneInfo, ...]
    basis: str  # "given", "address US-IN", "phone +1" or "store"


def whereabouts(customer: Customer, rules: GuardRules) -> Whereabouts:
    """Given by a source, else derived from the address, else from the phone, else the store's."""
    zones, source, place = _located(customer, rules)
    return Whereabouts(zones, f"{source} {place}" if place else source)


def zones_of(customer: Customer, rules: GuardRules) -> tuple[ZoneInfo, ...]:
    """The zones of ``whereabouts`` alone."""
    return _located(customer, rules)[0]


def _located(customer: Customer, rules: GuardRules) -> tuple[tuple[ZoneInfo, ...], str, str]:
    """The zones, where they were found, and the place that told them."""
    if customer.timezone is not None:
        given = rules.zones.get(customer.timezone)
        if given is not None:
            return (given,), "given", ""
    places = rules.places
    if places is not None:
        if customer.country is not None:
            found = places.by_address(customer.country, customer.region, customer.postal_code)
            if found is not None:
                return found[0], "address", found[1]
        if customer.phone is not None:
            found = places.by_phone(customer.phone)
            if found is not None:
                return found[0], "phone", found[1]
    return (rules.store_zone,), _STORE, ""


def home_zone(customer: Customer, rules: GuardRules) -> str | None:
    """The name of the zone in which schedules look at the customer; None for the store's."""
    zones, source, _ = _located(customer, rules)
    return None if source == _STORE else zones[0].key
