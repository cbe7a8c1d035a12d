"""What a customer's text does to the right to write to their number, and to what is scheduled.

STOP ends texts and calls alike: 47 CFR 64.1200(a)(10) says that after one of the words that it
lists "the caller may not send additional robocalls and robotexts". What was said later in any
other way is held until a person has looked at it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Final

from config.keywords import fold
from engine.core.campaign import Plans
from engine.core.context import Context
from engine.core.customer import Consent, Suppression
from engine.core.message import Channel
from engine.core.permissions import COMPLAINT, STOP, WISHED, blocking, is_stopped, without_stop
from engine.core.texts import Intent, Reading
from engine.core.withholding import withhold_refused
from engine.core.world import World

BY_PHONE: Final[tuple[Channel, ...]] = ("sms", "voice")
# These cannot be the answer to a question of ours.
_CLEAR: Final = frozenset({"start", "unstop"})


def takes_effect(reading: Reading, number: str, world: World) -> bool:
    """Whether a keyword changes anything for the number now.

    A START, YES or UNSTOP does where a STOP came before, as at Twilio, or where a double opt-in is
    pending; otherwise "yes" is the answer to something that we asked. START and UNSTOP cannot be
    that: they also end a hold and take back a withdrawal that was made in another way.
    """
    key = ("sms", number)
    held, consent = world.suppressions.get(key), world.consents.get(key)
    if reading.intent is Intent.STOP:
        return held is None or held.scope != "all" or _is_wish(held)
    if reading.intent is not Intent.START:
        return False
    if is_stopped(held) or _is(consent, "pending"):
        return True
    is_clear = fold(reading.word or "") in _CLEAR
    return is_clear and (_is(consent, "unsubscribed") or _is_wish(held))


def stop(
    subject: World,
    others: Iterable[World],
    number: str,
    at: datetime,
    plans: Plans,
    context: Context,
) -> None:
    """Suppress the number for texts and calls of any purpose, and withhold what is scheduled.

    A hard bounce and a complaint stay what they are: a START must not lift them.
    """
    for channel in BY_PHONE:
        held = subject.suppressions.get((channel, number))
        told = Suppression(channel=channel, address=number, scope="all", reason=STOP, at=at)
        _suppress(subject, others, blocking(held, told), plans, context)


def hold(
    subject: World,
    others: Iterable[World],
    number: str,
    at: datetime,
    plans: Plans,
    context: Context,
) -> bool:
    """Stop texts of any purpose until a person has decided; whether they were not stopped yet.

    After a complaint nobody needs to decide: it is taken as a STOP.
    """
    held = subject.suppressions.get(("sms", number))
    if held is not None and held.scope == "all":
        return False
    wish = Suppression(channel="sms", address=number, scope="all", reason=WISHED, at=at)
    if held is not None and held.reason == COMPLAINT:
        wish = blocking(held, replace(wish, reason=STOP))
    _suppress(subject, others, wish, plans, context)
    return True


def lift(subject: World, number: str) -> None:
    """End what a STOP or a hold stopped; a hard bounce, a complaint or an erasure stays."""
    for channel in BY_PHONE:
        held = subject.suppressions.get((channel, number))
        if held is not None and (is_stopped(held) or _is_wish(held)):
            del subject.suppressions[channel, number]
            subject.changes.lifted += (held,)
            left = without_stop(held)
            if left is not None:
                subject.suppressions[channel, number] = left
                subject.changes.suppressions += (left,)


def release(subject: World, number: str) -> None:
    """End a hold, on a person's word."""
    held = subject.suppressions.get(("sms", number))
    if _is_wish(held) and held is not None:
        del subject.suppressions["sms", number]
        subject.changes.lifted += (held,)


def _suppress(
    subject: World,
    others: Iterable[World],
    suppression: Suppression,
    plans: Plans,
    context: Context,
) -> None:
    key = (suppression.channel, suppression.address)
    if subject.suppressions.get(key) != suppression:
        subject.changes.suppressions += (suppression,)
    for world in (subject, *others):
        world.suppressions[key] = suppression
        withhold_refused(world, plans, context)


def _is(consent: Consent | None, status: str) -> bool:
    return consent is not None and consent.status == status


def _is_wish(held: Suppression | None) -> bool:
    return held is not None and held.reason == WISHED
