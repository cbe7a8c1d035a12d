"""What may be sent to an address: consents, suppressions and preferences, as they are told.

They belong to (channel, address), whoever's address it is. Every statement is kept once, also one
that a later word already overrules; of two the later holds, and the more cautious of one instant.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from engine.core.customer import Consent, Preferences, Suppression
from engine.core.world import World

UNSUBSCRIBED: Final = "unsubscribed"  # the reason of a suppression that a permission ends
COMPLAINT: Final = "complaint"
HARD_BOUNCE: Final = "hard_bounce"
STOP: Final = "stop"
# Reasons that block everything; the others leave what serves an order.
_BLOCKS_ALL: Final = frozenset({HARD_BOUNCE, STOP})
# Of a permission and a withdrawal at the same instant the withdrawal stays.
_CAUTION: Final = {"subscribed": 0, "pending": 1, "unsubscribed": 2}


def later_consent(one: Consent, other: Consent) -> Consent:
    """Of two statements about one address the one that holds."""
    return max(one, other, key=standing)


def standing(consent: Consent) -> tuple[datetime, int, str, str]:
    """What decides which of two statements about one address holds: the greater one."""
    return consent.at, _CAUTION[consent.status], consent.source, consent.proof or ""


def take_consent(world: World, consent: Consent) -> bool:
    """Take in one statement; whether it holds now and says something new.

    The world must hold what is known of the address.
    """
    key = (consent.channel, consent.address)
    held = world.consents.get(key)
    if held is not None and later_consent(held, consent) == held:
        if consent != held:
            world.changes.overruled.append(consent)
        return False
    world.consents[key] = consent
    world.changes.consents.append(consent)
    _lift(world, consent)
    return held is None or held.status != consent.status


def take_suppression(
    world: World, channel: str, address: str, reason: str, at: datetime
) -> Suppression | None:
    """Block an address for ``reason``; the suppression that holds then, if any does.

    What blocks everything is not narrowed by what blocks less, and a permission given after an
    unsubscribe or a complaint outlives it. The world must hold what is known of the address.
    """
    key = (channel, address)
    scope = "all" if reason in _BLOCKS_ALL else "marketing"
    held = world.suppressions.get(key)
    if held is not None and (held.scope == "all" or scope != "all"):
        return held
    consent = world.consents.get(key)
    if (
        scope == "marketing"
        and consent is not None
        and consent.status == "subscribed"
        and consent.at > at
    ):
        return None  # permission was given again since
    made = Suppression(channel=channel, address=address, scope=scope, reason=reason, at=at)
    world.suppressions[key] = made
    world.changes.suppressions.append(made)
    return made


def take_preferences(world: World, told: Preferences) -> bool:
    """Take in what the owner of an address wants; whether anything is new.

    The page tells them one after another, so the one told last holds.
    """
    key = (told.channel, told.address)
    held = world.preferences.get(key)
    if held is not None and (held == told or held.at > told.at):
        return False
    world.preferences[key] = told
    world.changes.preferences.append(told)
    return True


def later_preferences(one: Preferences, other: Preferences) -> Preferences:
    """Of two records of one address's preferences the one that holds."""
    return max(one, other, key=lambda each: each.at)


def _lift(world: World, consent: Consent) -> None:
    """A newer permission ends what an unsubscribe blocked; a complaint or a bounce it does not."""
    key = (consent.channel, consent.address)
    held = world.suppressions.get(key)
    if (
        consent.status == "subscribed"
        and held is not None
        and held.reason == UNSUBSCRIBED
        and held.scope == "marketing"
        and held.at < consent.at
    ):
        del world.suppressions[key]
        world.changes.lifted.append(held)
