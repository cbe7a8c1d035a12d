"""What a decision needs beside the customer's world: the instant, the policy, what is shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

from config.durations import Rate
from engine.core.campaign import Plans
from engine.core.guards import GuardRules
from engine.core.keeping import EVERYTHING, Keeping
from engine.core.transition import Transition
from engine.core.value import value_class
from engine.core.verbs import ProgramStep
from engine.core.world import Journey, World

CodeState = Literal["free", "redeemed", "expired", "claimed"]
VOLUME_LIMIT = "volume_limit"  # why a campaign brakes itself


class Shared(Protocol):
    """What customers share. Whoever implements it serves requests in global time order."""

    def take_volume(self, campaign: str, limit: Rate, now: datetime) -> bool:
        """Count one message of a campaign against its limit; False when the limit is reached."""
        ...

    def take_code(self, pool: str, claim: str) -> str | None:
        """Claim the next free code of a pool for good; None when the pool is empty.

        ``claim`` names what it was taken for; it goes with the decision, and is undone with it.
        """
        ...

    def settle_code(self, pool: str, code: str, claim: str, state: CodeState) -> None:
        """Say what became of a code that ``claim`` took; another's claim stays as it is."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a program's step.

    ``done``: something was given or asked for, and ``code`` names what; else ``code`` says why not.
    ``results`` is what later conditions and templates may ask of the step, ``trace`` the values
    that a person needs to understand it.
    """

    code: str
    done: bool = True
    results: Mapping[str, Any] = field(default_factory=dict)
    trace: Mapping[str, Any] = field(default_factory=dict)


class StepPrograms(Protocol):
    """The shop's programs, as far as the core calls on them."""

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool = False
    ) -> None:
        """Let every program take in what has happened."""
        ...

    def take(self, world: World, journey: Journey, step: ProgramStep, context: Context) -> Taken:
        """Take a program's step: it may write into the world's books."""
        ...


@value_class
class Context:
    """The surroundings of one batch of decisions.

    ``braked`` is filled by the core: campaigns that ran into their ``volume_limit``, with the
    reason. For the rest of the batch they stand still; the service that owns the batch makes the
    hold lasting, in the same transaction. ``beside`` is the other customer whom the event of our
    own that is being processed names (``engine.core.beside``), locked and written back as well.
    ``keeping``: how much of what is decided anybody will read.
    """

    now: datetime
    rules: GuardRules
    shared: Shared
    programs: StepPrograms
    braked: dict[str, str] = field(default_factory=dict)
    beside: World | None = None
    keeping: Keeping = EVERYTHING

    def keeps_back(self, campaign: str, plans: Plans) -> bool:
        """Whether the campaign's messages stay where they are.

        Those that were made before it ran into its volume limit in this batch have been counted,
        and go.
        """
        return plans.is_frozen(campaign) or self.braked.get(campaign, VOLUME_LIMIT) != VOLUME_LIMIT

    def is_frozen(self, campaign: str, plans: Plans) -> bool:
        """Whether the campaign's journeys stand still."""
        return campaign in self.braked or campaign not in plans.moving
