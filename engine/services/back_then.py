"""The campaigns as they were loaded at a moment of the past, as far as is on record.

Each phase of a campaign is on record: which revision was in force from when on, and whether it was
held. What the shop's policy was is not, nor what segments saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from engine.core.campaign import Plan, Plans
from engine.ports.history import Phase, StoredRevision
from engine.services.case import Case

Compile = Callable[[str, str], Plan | None]
"""A stored revision's plan by campaign and revision; None when it cannot be read any more."""

UNRECORDED: Final = (
    "not on record of that time, and so left out: what segments saw, the shop's policy"
    " (store.yaml); but for the values that decided, consents, points and the profile are today's"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BackThen:
    """``plans`` are those in force then; ``unknown`` tells, by campaign, what is not on record."""

    plans: Plans
    unknown: Mapping[str, str]


def back_then(plans: Plans, phases: Iterable[Phase], at: datetime, compiled: Compile) -> BackThen:
    """What was in force at ``at``; ``plans`` are the present ones, ``phases`` as they began."""
    last = {one.campaign: one for one in phases if one.at <= at}
    in_force: list[Plan] = []
    unknown: dict[str, str] = {}
    for campaign, phase in sorted(last.items()):
        present = plans.current.get(campaign)
        if not phase.revision:
            unknown[campaign] = "its file was missing or broken then"
            continue
        is_same = present is not None and present.revision == phase.revision
        plan = present if is_same else compiled(campaign, phase.revision)
        if plan is None:
            unknown[campaign] = "its version of then cannot be read by this release"
        else:
            in_force.append(plan)
    return BackThen(
        plans=Plans.of(
            in_force,
            older=plans.revisions.values(),
            held={one.campaign: one.hold for one in last.values() if one.hold},
        ),
        unknown=unknown,
    )


def mended(
    plans: Plans, stored: Sequence[StoredRevision], broken: Mapping[str, str], compiled: Compile
) -> tuple[Plans, Mapping[str, str]]:
    """The plans with the last good version of campaigns whose file is broken, and by campaign what
    is wrong; ``broken`` tells that by file."""
    found: dict[str, Plan] = {}
    for one in stored:
        if one.campaign not in plans.current and one.file in broken:
            plan = compiled(one.campaign, one.revision)
            if plan is not None:
                found[one.campaign] = plan
    if not found:
        return plans, {}
    current = (*plans.current.values(), *found.values())
    files = {one.campaign: one.file for one in stored}
    return (
        Plans.of(current, older=plans.revisions.values(), held=plans.held),
        {campaign: broken[files[campaign]] for campaign in found},
    )


def quoting(plans: Plans, case: Case, compiled: Compile) -> Plans:
    """The plans with every revision that something of the case was decided on.

    So an answer can quote the condition that decided, however often the file has changed since.
    """
    found = {
        key: plan
        for key in _revisions(case)
        if key not in plans.revisions and (plan := compiled(*key)) is not None
    }
    return replace(plans, revisions={**plans.revisions, **found}) if found else plans


def _revisions(case: Case) -> Iterable[tuple[str, str]]:
    found = {(one.campaign, one.revision) for one in case.journeys}
    found |= {(one.campaign, one.revision) for one in case.messages}
    found |= {(one.campaign, one.revision) for one in case.decisions}
    found |= {(one.campaign, one.revision) for event in case.events for one in event.verdicts}
    return sorted(found)
