"""What may be sent to which address, in memory: consents, suppressions and preferences."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from engine.core.customer import Consent, Customer, Preferences, Suppression
from engine.core.permissions import standing
from engine.core.world import Changes, World
from engine.ports.stored import Permissions

_Place = tuple[str, str]  # a channel and an address in it
Permitted = tuple[
    dict[_Place, Consent], dict[_Place, Suppression], dict[_Place, Preferences]
]  # for a world to have and to change


@dataclass(slots=True)
class _Known:
    """What is known of one address: of most no more than a consent."""

    consents: dict[_Place, Consent] = field(default_factory=dict)
    suppressions: dict[_Place, Suppression] | None = None
    preferences: dict[_Place, Preferences] | None = None


class Permits:
    """By address, whoever's it is."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}
        self.changed: set[str] = set()  # addresses, for who remembers what was permitted

    def of(self, addresses: Collection[str]) -> Permissions:
        """What is known of these addresses."""
        found = Permissions(consents={}, suppressions={}, preferences={})
        for address in addresses:
            known = self._known.get(address)
            if known is not None:
                found.consents.update(known.consents)
                found.suppressions.update(known.suppressions or ())
                found.preferences.update(known.preferences or ())
        return found

    def of_customer(self, customer: Customer) -> Permitted:
        """What is known of a customer's addresses."""
        consents: dict[_Place, Consent] = {}
        suppressions: dict[_Place, Suppression] = {}
        preferences: dict[_Place, Preferences] = {}
        for address in (customer.email, customer.phone):
            if address in self._known:
                known = self._known[address]
                consents |= known.consents
                if known.suppressions:
                    suppressions |= known.suppressions
                if known.preferences:
                    preferences |= known.preferences
        return consents, suppressions, preferences

    def fill(self, world: World) -> None:
        """Tell a world what is known of its customer's addresses."""
        world.consents, world.suppressions, world.preferences = self.of_customer(world.customer)

    def take(self, changes: Changes) -> None:
        """Take in what one world changed; of two words about an address the newer one counts."""
        for consent in changes.consents:
            place = (consent.channel, consent.address)
            consents = self._of(consent.address).consents
            held = consents.get(place)
            if held is None or standing(consent) >= standing(held):
                consents[place] = consent
                self.changed.add(consent.address)
        for lifted in changes.lifted:
            suppressions = self._of(lifted.address).suppressions
            if suppressions is not None:
                suppressions.pop((lifted.channel, lifted.address), None)
        for blocked in sorted(changes.suppressions, key=lambda one: one.scope == "all"):
            place, known = (blocked.channel, blocked.address), self._of(blocked.address)
            if known.suppressions is None:
                known.suppressions = {}
            former = known.suppressions.get(place)
            if former is None or former.scope != "all" or blocked.scope == "all":
                known.suppressions[place] = blocked
        for wishes in sorted(changes.preferences, key=lambda one: one.at):
            place, known = (wishes.channel, wishes.address), self._of(wishes.address)
            if known.preferences is None:
                known.preferences = {}
            said = known.preferences.get(place)
            if said is None or wishes.at >= said.at:
                known.preferences[place] = wishes

    def _of(self, address: str) -> _Known:
        known = self._known.get(address)
        if known is None:
            known = self._known[address] = _Known()
        return known
