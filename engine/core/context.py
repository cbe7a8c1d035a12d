"""What a decision needs beside the customer's world: the instant, the policy, what is shared."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from config.durations import Rate
from engine.core.campaign import Plans
from engine.core.guards import GuardRules

VOLUME_LIMIT = "volume_limit"  # why a campaign brakes itself


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

    def keeps_back(self, campaign: str, plans: Plans) -> bool:
        """Whether the campaign's messages stay where they are.

        Those that were made before it ran into its volume limit in this batch have been counted,
        and go.
        """
        return plans.is_frozen(campaign) or self.braked.get(campaign, VOLUME_LIMIT) != VOLUME_LIMIT

    def is_frozen(self, campaign: str, plans: Plans) -> bool:
        """Whether the campaign's journeys stand still."""
        return campaign in self.braked or plans.is_frozen(campaign)
