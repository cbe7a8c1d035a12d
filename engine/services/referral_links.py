"""What an invitation holds: the customer's code, its address, and links by which to pass it on.

``mailto:`` is RFC 6068's, ``sms:`` RFC 5724's; between ``?`` and ``body`` stands an ampersand, as
older iPhones want it and others do not mind. ``wa.me`` is WhatsApp's "click to chat".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from config.policy import Policy
from config.referrals import ReferralProgram
from config.topics import in_language
from engine.core.campaign import Plan
from engine.core.message import Message
from engine.core.verbs import AskReferral
from engine.core.world import Journey
from engine.links import Links

SAMPLE_CODE: Final = "K7QFM2XD9T"


def referral_root(
    plan: Plan | None,
    journey: Journey | None,
    message: Message,
    links: Links,
    policy: Policy,
    locale: str | None,
) -> Mapping[str, Any] | None:
    """The template root ``referral``; None for a message that invites nobody."""
    if plan is None or journey is None:
        return None
    index = plan.step_index.get(message.step)
    step = None if index is None else plan.steps[index]
    code = journey.results.get(message.step, {}).get("code")
    if not isinstance(step, AskReferral) or not isinstance(code, str):
        return None
    program = policy.referrals.get(step.program)
    if program is None:
        return None
    return values(program, code, links.referral(code), policy.locale, locale)


def sample_referral(policy: Policy, base_url: str, locale: str | None) -> Mapping[str, Any] | None:
    """The root for a preview: the first program's, with a code of nobody's."""
    program = next(iter(policy.referrals.values()), None)
    if program is None:
        return None
    return values(program, SAMPLE_CODE, f"{base_url}/r/{SAMPLE_CODE}", policy.locale, locale)


def values(
    program: ReferralProgram, code: str, url: str, fallback: str, locale: str | None
) -> dict[str, Any]:
    """The root ``referral`` in a language; ``fallback`` is the store's locale."""
    name = in_language(program.name, locale, fallback)
    friend = in_language(program.friend.text, locale, fallback)
    words = quote(f"{friend}: {url}", safe="")
    return {
        "code": code,
        "url": url,
        "name": name,
        "reward": in_language(program.reward.text, locale, fallback),
        "friend_reward": friend,
        "email_url": f"mailto:?subject={quote(name, safe='')}&body={words}",
        "sms_url": f"sms:?&body={words}",
        "whatsapp_url": f"https://wa.me/?text={words}",
    }
