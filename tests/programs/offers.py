"""A shop of one customer whose policy has offers, for tests of coupons."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from config.durations import Rate
from config.offers import Offer
from engine.core.context import CodeState
from engine.core.verbs import IssueCoupon, SendEmail
from engine.programs.coupons import Coupons


def keyed(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def offer(**given: Any) -> Offer:
    return Offer.model_validate({"value": "10 % off", **given})


def program(**offers: Offer) -> Coupons:
    return Coupons(offers, keyed, locale="en-US")


ISSUE = {"kind": IssueCoupon, "id": "gift", "offer": "thanks"}
CARRY = {"kind": SendEmail, "id": "ask", "template": "gift", "coupon": "gift"}


@dataclass
class Pool:
    """A pool in memory: codes in order, and who has them."""

    free: list[str] = field(default_factory=list)
    claims: dict[str, tuple[str, CodeState]] = field(default_factory=dict)

    def take_volume(self, campaign: str, limit: Rate, now: datetime) -> bool:
        return True

    def take_code(self, pool: str, claim: str) -> str | None:
        if not self.free:
            return None
        code = self.free.pop(0)
        self.claims[code] = (claim, "claimed")
        return code

    def settle_code(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        assert self.claims[code][0] == claim
        if state == "free":
            del self.claims[code]
            self.free.insert(0, code)
        else:
            self.claims[code] = (claim, state)
