"""What is known of the addresses that a batch of events tells of, and what the batch makes of it.

Permissions belong to addresses, and one address may be several customers': what one event says of
it counts for the next one, whosever that is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from engine.core.customer import Consent, Preferences, Suppression
from engine.core.message import Channel
from engine.core.permissions import later_consent, later_preferences
from engine.core.world import World
from engine.ports.storage import UnitOfWork
from engine.services.fingerprints import Fingerprints

_CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms", "voice")


class ToldAddresses:
    """The permissions of one batch. ``add`` all addresses, ``load``, then ``permit`` and ``note``.

    ``is_news``: whether any address was spoken of since the worlds were loaded.
    """

    def __init__(self, unit: UnitOfWork, fingerprints: Fingerprints | None) -> None:
        self._unit = unit
        self._fingerprints = fingerprints
        self._told: set[str] = set()
        self._consents: dict[tuple[str, str], Consent] = {}
        self._suppressions: dict[tuple[str, str], Suppression] = {}
        self._preferences: dict[tuple[str, str], Preferences] = {}
        self._recalled: dict[tuple[str, str], Suppression] = {}  # told anew, after an erasure
        self._is_loaded = False
        self.is_news = False

    def add(self, addresses: Iterable[str]) -> None:
        """Addresses that an event tells of."""
        self._told.update(addresses)

    def load(self, worlds: Collection[World], *, is_one: bool) -> None:
        """Look up what is known of them. ``is_one``: they are told of by a single event."""
        if self._told and not (is_one and self._tells_own(worlds)):
            self._consents, self._suppressions = self._permissions()
            self.is_news, self._is_loaded = bool(self._recalled), True

    def concerns(self, told: Collection[str]) -> bool:
        """Whether the world of an event that tells of these must be given what is known."""
        return self.is_news or (self._is_loaded and bool(told))

    def _tells_own(self, worlds: Collection[World]) -> bool:
        """Whether a customer's own addresses are all that is told of.

        Their world has what is known of these, but for what only a hash was kept of.
        """
        if self._fingerprints is not None or len(worlds) != 1:
            return False
        (world,) = worlds
        return self._told <= {world.customer.email, world.customer.phone}

    def _permissions(
        self,
    ) -> tuple[dict[tuple[str, str], Consent], dict[tuple[str, str], Suppression]]:
        """What is known of the told addresses, also of those of which only a hash was kept."""
        marks: dict[str, str] = {}
        if self._fingerprints is not None:
            for address in self._told:
                marks |= dict.fromkeys(self._fingerprints.every(address), address)
        known = self._unit.permissions(self._told | marks.keys(), sends=True)
        found, self._preferences = known.suppressions, known.preferences
        suppressions: dict[tuple[str, str], Suppression] = {}
        for (channel, address), suppression in found.items():
            if address not in marks:
                suppressions.setdefault((channel, address), suppression)
                continue
            key = (channel, marks[address])
            held = found.get(key)
            if held is None or held.scope != "all":
                suppressions[key] = self._recalled[key] = replace(suppression, address=key[1])
        return known.consents, suppressions

    def permit(self, world: World, *told: str) -> None:
        """Give the world what is known of its addresses and of those that its event tells.

        Permissions belong to addresses, and an address may be another customer's as well, who may
        have spoken earlier in this batch.
        """
        customer = world.customer
        for address in dict.fromkeys((*told, customer.email, customer.phone)):
            if address is None:
                continue
            for channel in _CHANNELS:
                key = (channel, address)
                if key in self._consents:
                    consent, held = self._consents[key], world.consents.get(key)
                    if held is not consent:
                        world.consents[key] = (
                            consent if held is None else later_consent(held, consent)
                        )
                if key in self._suppressions:
                    blocked = world.suppressions.get(key)
                    if blocked is None or blocked.scope != "all":
                        world.suppressions[key] = self._suppressions[key]
                if key in self._preferences:
                    wishes, said = self._preferences[key], world.preferences.get(key)
                    world.preferences[key] = (
                        wishes if said is None else later_preferences(said, wishes)
                    )
                if key in self._recalled:
                    recalled = self._recalled.pop(key)
                    world.suppressions[key] = recalled
                    world.changes.suppressions += (recalled,)

    def note(self, world: World) -> None:
        """Let later events of the batch know what this world's event has changed."""
        changes = world.changes
        if not (changes.consents or changes.lifted or changes.suppressions or changes.preferences):
            return
        self.is_news = True
        for consent in changes.consents:
            key = (consent.channel, consent.address)
            held = self._consents.get(key)
            self._consents[key] = consent if held is None else later_consent(held, consent)
        for lifted in changes.lifted:
            self._suppressions.pop((lifted.channel, lifted.address), None)
        for suppression in changes.suppressions:
            self._suppressions[suppression.channel, suppression.address] = suppression
        for wishes in changes.preferences:
            self._preferences[wishes.channel, wishes.address] = wishes
