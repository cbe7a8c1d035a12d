"""When a campaign stood still and why, whether or not it does so now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo

from engine.core.campaign import CampaignStatus
from engine.core.decision import Decision
from engine.core.reasons import ended
from engine.core.wording import when
from engine.core.world import JourneyStatus
from engine.ports.history import LoggedJourney, LoggedMessage, Phase
from engine.services.case import Case, Fact, Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A time during which a campaign stood still; ``until`` None: it does so yet.

    ``code`` as in ``engine.services.standing`` of a journey that stands still; ``why`` in words.
    """

    since: datetime
    until: datetime | None
    code: str
    why: str

    def meets(self, begin: datetime, end: datetime | None) -> bool:
        """Whether it was so at any moment after ``begin`` and before ``end`` (None: ever after)."""
        return (self.until is None or self.until > begin) and (end is None or self.since < end)

    def text(self, zone: tzinfo) -> str:
        """As part of a sentence."""
        span = f"since {when(self.since, zone)}"
        if self.until is not None:
            span = f"from {when(self.since, zone)} until {when(self.until, zone)}"
        return f"the campaign stood still {span} ({self.why})"


def stops_of(campaign: str, asked: Question) -> Sequence[Stop]:
    """The times during which a campaign stood still, oldest first."""
    found: list[Stop] = []
    for phase in asked.phases:
        if phase.campaign != campaign or phase.at > asked.now:
            continue
        code, why = _cause(phase)
        if found and found[-1].until is None:
            if found[-1].why == why:
                continue
            found[-1] = replace(found[-1], until=phase.at)
        if code:
            found.append(Stop(since=phase.at, until=None, code=code, why=why))
    return [one for one in found if one.until is None or one.until > one.since]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptBack:
    """The stops that met the time in which a message could have gone out: until it did, or until it
    was too late. ``all_the_time``: they left nothing of it."""

    stops: Sequence[Stop]
    all_the_time: bool

    @property
    def why(self) -> str:
        """Their causes, in words."""
        return ", then ".join(dict.fromkeys(one.why for one in self.stops))

    def text(self, zone: tzinfo) -> str:
        """What follows the sentence of what became of the message; empty without any."""
        return "".join(f"; {one.text(zone)}" for one in self.stops)


def kept_back(message: LoggedMessage, decision: Decision | None, asked: Question) -> KeptBack:
    """What kept a message back that went out or was too late; nothing for any other message."""
    end = message.sent_at
    if decision is not None and decision.code == message.reason == "too_late":
        expires_at = (decision.trace or {}).get("expires_at")
        end = None if expires_at is None else datetime.fromisoformat(expires_at)
    if end is None:
        return KeptBack(stops=(), all_the_time=False)
    met = [one for one in stops_of(message.campaign, asked) if one.meets(message.due_at, end)]
    reached = message.due_at
    for one in met:
        if one.since <= reached:
            reached = max(reached, one.until or end)
    return KeptBack(stops=met, all_the_time=bool(met) and reached >= end)


def stop_facts(case: Case, asked: Question, campaign: str | None = None) -> Iterator[Fact]:
    """What is to be told of campaigns that stood still while the customer was under way in them."""
    for name in sorted({one.campaign for one in case.journeys if campaign in (None, one.campaign)}):
        under_way = [one for one in case.journeys if one.campaign == name and _is_moved(one)]
        for stop in stops_of(name, asked):
            if not any(stop.meets(one.entered_at, one.ended_at) for one in under_way):
                continue
            text = f"stands still: {stop.why}"
            yield Fact(at=stop.since, text=text, campaign=name, kind="stopped", code=stop.code)
            if stop.until is not None:
                yield Fact(at=stop.until, text="goes on", campaign=name, kind="resumed",
                           code=stop.code)  # fmt: skip


def _is_moved(journey: LoggedJourney) -> bool:
    return journey.status is not JourneyStatus.HOLDOUT


def _cause(phase: Phase) -> tuple[str, str]:
    """Why the campaign stood still then, as a code and in words; two empty ones: it did not."""
    if phase.hold:
        return phase.hold.partition(": ")[0], ended(phase.hold)
    if not phase.revision:
        return "gone", "its file was missing or broken"
    if phase.status in ("", CampaignStatus.LIVE):
        return "", ""
    return phase.status, f"its file said status: {phase.status}"
