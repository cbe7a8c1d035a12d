"""The ``referrals`` part of ``config/store.yaml``: what inviting a friend brings, and to whom.

A referral converts when the friend's first order can no longer be returned (``return_window``, from
its delivery, or from the order where nobody tells of one). What looks like an abuse is blocked, or
flagged for a person to decide (``guards``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from config.durations import Duration, DurationField
from config.offers import Offers
from config.topics import Paragraph, Phrase

_ID = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)
_WEB = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[!-~]*)?", re.ASCII)
_DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]{2,}", re.ASCII)

Action = Literal["block", "flag", "allow"]


def _program_id(value: str) -> str:
    if not _ID.fullmatch(value) or len(value) > 64:
        raise ValueError(
            f"{value} cannot name a program; write lower-case letters, digits and dashes, "
            "as in friends"
        )
    return value


def _address(value: str) -> str:
    if not _WEB.fullmatch(value):
        raise ValueError(f"{value} is not a web address; write it with https://")
    return value


def _domain(value: str) -> str:
    if not _DOMAIN.fullmatch(value.lower()):
        raise ValueError(f"{value} is not a domain; write it as in example.com")
    return value.lower()


def _not_zero(value: Duration) -> Duration:
    if value.is_zero:
        raise ValueError("it must be longer than no time at all")
    return value


def _exactly(value: Any) -> Any:
    """YAML reads 0.1 as a float, whose text is what was written."""
    return str(value) if isinstance(value, float) else value


Id = Annotated[str, AfterValidator(_program_id)]
Span = Annotated[DurationField, AfterValidator(_not_zero)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReferrerReward(_Part):
    """What the referrer gets once a friend has bought, and how that is told to both."""

    points: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    offer: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    text: Phrase

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.points is None) == (self.offer is None):
            raise ValueError("name one reward: either points: or offer:")
        return self


class FriendReward(_Part):
    """What the friend gets on the first order: a code that the shop accepts, or only words.

    A friend is no customer yet to whom a code could be given, so an ``offer`` is a fixed one.
    """

    offer: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    code: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[!-~]+$")] | None = None
    text: Phrase

    @model_validator(mode="after")
    def _one(self) -> Self:
        if self.code is not None and self.offer is not None:
            raise ValueError("name one code: either code: or offer:")
        return self


class AtMost(_Part):
    """So many in any span of ``per``."""

    count: Annotated[int, Field(ge=1, le=10_000)]
    per: Span


class Guards(_Part):
    """What each likeness of an abuse leads to.

    ``block``: no reward; ``flag``: a person decides; ``allow``: it is not looked at. A customer
    never refers themself, and nobody is referred twice, whatever stands here.
    """

    same_email: Action = "block"
    same_phone: Action = "block"
    existing_customer: Action = "block"
    same_household: Action = "flag"
    similar_name: Action = "flag"
    burst: Action = "flag"
    disposable_email: Action = "flag"


class ReferralProgram(_Part):
    """One program: its landing page, both rewards, and when a referral counts."""

    name: Phrase
    text: Paragraph
    shop_url: Annotated[str, AfterValidator(_address)]
    reward: ReferrerReward
    friend: FriendReward
    min_order: Annotated[Decimal, BeforeValidator(_exactly), Field(ge=0, le=10_000_000)] = Decimal(
        0
    )
    return_window: Span = Duration(days=30)
    attribution_window: Span = Duration(days=30)
    limit: AtMost | None = AtMost(count=12, per=Duration(days=365))
    burst: AtMost = AtMost(count=5, per=Duration(days=1))
    guards: Guards = Guards()
    disposable_domains: tuple[Annotated[str, AfterValidator(_domain)], ...] = ()


Referrals = dict[Id, ReferralProgram]


def problems_with_offers(
    programs: Referrals, offers: Offers
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """What programs promise that there is not: the path below ``referrals``, the offer, why."""
    for name, program in programs.items():
        promised, friends = program.reward.offer, program.friend.offer
        if promised is not None and promised not in offers:
            yield (name, "reward", "offer"), promised, f'there is no offer "{promised}"'
        if friends is not None and friends not in offers:
            yield (name, "friend", "offer"), friends, f'there is no offer "{friends}"'
        elif friends is not None and offers[friends].kind != "fixed":
            why = f'the offer "{friends}" has no one code for all, and a friend is no customer yet'
            yield (name, "friend", "offer"), friends, why


def friend_code(program: ReferralProgram, offers: Offers) -> str | None:
    """The code for the friend's first order; None: the referrer's own does."""
    offer = offers.get(program.friend.offer or "")
    return program.friend.code or (offer.code if offer is not None else None)
