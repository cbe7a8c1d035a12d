"""What a decision needs beside the customer's world: the instant, the policy, what is shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from config.durations import Rate
from engine.core.campaign import Plans
from engine.core.guards import GuardRules


class Shared(Protocol):
    """What customers share. Whoever implements it serves requests in global time order."""

    def take_volume(self, campaign: str, limit: Rate, now: datetime) -> bool:
        """Count one message of a campaign against its limit; False when the limit is reached."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The surroundings of one batch of decisions.

    ``braked`` is filled by the core: campaigns that ran into their ``volume_limit``, with the
    reason. For the rest of the batch they stand still; the service that owns the batch makes the
    hold lasting, in the same transaction.
    """

    now: datetime
    rules: GuardRules
    shared: Shared
    braked: dict[str, str] = field(default_factory=dict)

    def is_frozen(self, campaign: str, plans: Plans) -> bool:
        """Whether the campaign's journeys stand still."""
        return campaign in self.braked or plans.is_frozen(campaign)
