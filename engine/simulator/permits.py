"""What may be sent to which address, in memory: consents, suppressions and preferences."""

from __future__ import annotations

from collections.abc import Collection

from engine.core.customer import Consent, Preferences, Suppression
from engine.core.permissions import standing
from engine.core.world import Changes, World
from engine.ports.storage import Permissions

_CHANNELS = ("email", "sms", "voice")


class Permits:
    """By (channel, address), whoever's address it is."""

    def __init__(self) -> None:
        self._consents: dict[tuple[str, str], Consent] = {}
        self._suppressions: dict[tuple[str, str], Suppression] = {}
        self._preferences: dict[tuple[str, str], Preferences] = {}
        self._restrained: set[str] = set()  # addresses of which more than a consent is known
        self.changed: set[str] = set()  # addresses, for who remembers what was permitted

    def of(self, addresses: Collection[str]) -> Permissions:
        """What is known of these addresses."""
        keys = [(channel, address) for address in addresses for channel in _CHANNELS]
        return Permissions(
            consents={key: self._consents[key] for key in keys if key in self._consents},
            suppressions={
                key: self._suppressions[key] for key in keys if key in self._suppressions
            },
            preferences={key: self._preferences[key] for key in keys if key in self._preferences},
        )

    def fill(self, world: World) -> None:
        """Tell a world what is known of its customer's addresses."""
        for address in (world.customer.email, world.customer.phone):
            if address is None:
                continue
            for channel in _CHANNELS:
                key = (channel, address)
                consent = self._consents.get(key)
                if consent is not None:
                    world.consents[key] = consent
            if address not in self._restrained:
                continue
            for channel in _CHANNELS:
                key = (channel, address)
                if key in self._suppressions:
                    world.suppressions[key] = self._suppressions[key]
                if key in self._preferences:
                    world.preferences[key] = self._preferences[key]

    def take(self, changes: Changes) -> None:
        """Take in what one world changed; of two words about an address the newer one counts."""
        for consent in changes.consents:
            key = (consent.channel, consent.address)
            held = self._consents.get(key)
            if held is None or standing(consent) >= standing(held):
                self._consents[key] = consent
                self.changed.add(consent.address)
        for lifted in changes.lifted:
            self._suppressions.pop((lifted.channel, lifted.address), None)
        for blocked in sorted(changes.suppressions, key=lambda one: one.scope == "all"):
            place = (blocked.channel, blocked.address)
            former = self._suppressions.get(place)
            if former is None or former.scope != "all" or blocked.scope == "all":
                self._suppressions[place] = blocked
                self._restrained.add(blocked.address)
        for wishes in sorted(changes.preferences, key=lambda one: one.at):
            said = self._preferences.get((wishes.channel, wishes.address))
            if said is None or wishes.at >= said.at:
                self._preferences[wishes.channel, wishes.address] = wishes
                self._restrained.add(wishes.address)
