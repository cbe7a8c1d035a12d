"""What may be sent to which address, in memory: consents, suppressions and preferences."""

from __future__ import annotations

from collections.abc import Iterable

from engine.core.customer import Consent, Customer, Preferences, Suppression
from engine.core.permissions import standing
from engine.core.world import Changes, World
from engine.ports.stored import Permissions

_Place = tuple[str, str]  # a channel and an address in it
Permitted = tuple[
    dict[_Place, Consent], dict[_Place, Suppression], dict[_Place, Preferences]
]  # for a world to have and to change


class Permits:
    """By address, whoever's it is. Of most no more is known than one consent."""

    def __init__(self) -> None:
        self._consents: dict[str, Consent | tuple[Consent, ...]] = {}  # one for each channel
        self._suppressions: dict[str, dict[_Place, Suppression]] = {}
        self._preferences: dict[str, dict[_Place, Preferences]] = {}
        self.changed: set[str] = set()  # addresses, for who remembers what was permitted

    def of(self, addresses: Iterable[str]) -> Permissions:
        """What is known of these addresses."""
        consents, suppressions, preferences = self._of(addresses)
        return Permissions(consents=consents, suppressions=suppressions, preferences=preferences)

    def of_customer(self, customer: Customer) -> Permitted:
        """What is known of a customer's addresses."""
        return self._of((customer.email, customer.phone))

    def _of(self, addresses: Iterable[str | None]) -> Permitted:
        known, blocked, wishes = self._consents, self._suppressions, self._preferences
        consents: dict[_Place, Consent] = {}
        suppressions: dict[_Place, Suppression] = {}
        preferences: dict[_Place, Preferences] = {}
        for address in addresses:
            if address in known:
                said = known[address]
                for one in said if isinstance(said, tuple) else (said,):
                    consents[one.channel, one.address] = one
            if address in blocked:
                suppressions |= blocked[address]
            if address in wishes:
                preferences |= wishes[address]
        return consents, suppressions, preferences

    def fill(self, world: World) -> None:
        """Tell a world what is known of its customer's addresses."""
        world.consents, world.suppressions, world.preferences = self.of_customer(world.customer)

    def take(self, changes: Changes) -> None:
        """Take in what one world changed; of two words about an address the newer one counts."""
        for consent in changes.consents:
            self._take_consent(consent)
        for lifted in changes.lifted:
            if lifted.address in self._suppressions:
                self._suppressions[lifted.address].pop((lifted.channel, lifted.address), None)
        if not (changes.suppressions or changes.preferences):
            return
        for blocked in sorted(changes.suppressions, key=lambda one: one.scope == "all"):
            place = (blocked.channel, blocked.address)
            suppressions = self._suppressions.setdefault(blocked.address, {})
            former = suppressions.get(place)
            if former is None or former.scope != "all" or blocked.scope == "all":
                suppressions[place] = blocked
        for wishes in sorted(changes.preferences, key=lambda one: one.at):
            place = (wishes.channel, wishes.address)
            preferences = self._preferences.setdefault(wishes.address, {})
            said = preferences.get(place)
            if said is None or wishes.at >= said.at:
                preferences[place] = wishes

    def _take_consent(self, consent: Consent) -> None:
        known = self._consents.get(consent.address)
        if known is None:
            taken: Consent | tuple[Consent, ...] = consent
        else:
            said = {one.channel: one for one in (known if isinstance(known, tuple) else (known,))}
            held = said.get(consent.channel)
            if held is not None and standing(consent) < standing(held):
                return
            said[consent.channel] = consent
            taken = consent if len(said) == 1 else tuple(said.values())
        self._consents[consent.address] = taken
        self.changed.add(consent.address)
