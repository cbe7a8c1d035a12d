"""What may be sent to an address: consents, suppressions and preferences, as they are told.

They belong to (channel, address), whoever's address it is. Every statement is kept once, also one
that a later word already overrules; of two the later holds, and the more cautious of one instant.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Final

from engine.core.customer import Consent, Preferences, Suppression
from engine.core.world import World

UNSUBSCRIBED: Final = "unsubscribed"  # the reason of a suppression that a permission ends
COMPLAINT: Final = "complaint"
HARD_BOUNCE: Final = "hard_bounce"
STOP: Final = "stop"
WISHED: Final = "stop_wish"  # the reason of a hold that waits for a person
# Reasons that block everything; the others leave what serves an order.
_BLOCKS_ALL: Final = frozenset({HARD_BOUNCE, STOP})
# What a permission given later ends, from what it never does.
_STRENGTH: Final = {UNSUBSCRIBED: 0, WISHED: 1, STOP: 2, COMPLAINT: 3, HARD_BOUNCE: 4}
_FOR_EVER: Final = 5  # an erasure
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
    if held is not None and standing(held) >= standing(consent):
        if consent != held:
            world.changes.overruled += (consent,)
        return False
    world.consents[key] = consent
    world.changes.consents += (consent,)
    _lift(world, consent)
    return held is None or held.status != consent.status


def take_suppression(
    world: World, channel: str, address: str, reason: str, at: datetime
) -> Suppression | None:
    """Block an address for ``reason``; the suppression that holds then, if any does.

    What blocks everything is not narrowed by what blocks less, the cause that lasts longest stays
    (``blocking``), and a permission given after an unsubscribe or a complaint outlives it. The
    world must hold what is known of the address.
    """
    key = (channel, address)
    scope = "all" if reason in _BLOCKS_ALL else "marketing"
    held = world.suppressions.get(key)
    made = blocking(held, Suppression(
        channel=channel, address=address, scope=scope, reason=reason, at=at))  # fmt: skip
    if made == held:
        return held
    consent = world.consents.get(key)
    if (
        scope == "marketing"
        and consent is not None
        and consent.status == "subscribed"
        and consent.at > at
    ):
        return held  # permission was given again since
    world.suppressions[key] = made
    world.changes.suppressions += (made,)
    return made


def blocking(held: Suppression | None, told: Suppression) -> Suppression:
    """Of two causes to block an address what holds: the wider scope, and the cause that lasts.

    So a complaint outlives the STOP on the same number that a START takes back.
    """
    if held is None:
        return told
    is_wider = told.scope == "all" and held.scope != "all"
    lasts = _STRENGTH.get(told.reason, _FOR_EVER) > _STRENGTH.get(held.reason, _FOR_EVER)
    scope = "all" if is_wider else held.scope
    if lasts:
        return replace(told, scope=scope)
    return replace(held, scope=scope, at=told.at) if is_wider else held


def is_stopped(held: Suppression | None) -> bool:
    """Whether a STOP is among what blocks a number: by itself, or on top of a complaint."""
    return held is not None and held.scope == "all" and held.reason in (STOP, COMPLAINT)


def without_stop(held: Suppression) -> Suppression | None:
    """What is left of it when a START takes a STOP back: a complaint goes on to bar marketing."""
    return replace(held, scope="marketing") if held.reason == COMPLAINT else None


def take_preferences(world: World, told: Preferences) -> bool:
    """Take in what the owner of an address wants; whether anything is new.

    The page tells them one after another, so the one told last holds.
    """
    key = (told.channel, told.address)
    held = world.preferences.get(key)
    if held is not None and (held == told or held.at > told.at):
        return False
    world.preferences[key] = told
    world.changes.preferences += (told,)
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
        world.changes.lifted += (held,)
