"""How each campaign does: what its file says, who is in it, what was sent and withheld."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, assert_never

from config.diagnostics import Diagnostic, Severity
from engine.core.campaign import DateTrigger, EventTrigger, Plan, Plans, ScheduleTrigger, Trigger
from engine.core.message import MessageStatus
from engine.core.reasons import ended
from engine.ports.history import CampaignCounts
from engine.ports.plans import Compiled

_FOLDER = "campaigns/"
_SENT = (MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.DELIVERED)
_NONE = CampaignCounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignLine:
    """One campaign. ``status``: live, paused, draft, held, broken (its file has never been good
    since the start) or gone (its file is missing, its rows are not). ``reason`` says why it is
    not simply what its file says. ``conversion`` is goals by entries, 0 to 1; None without a goal
    or without entries. ``skipped`` counts messages withheld, by reason.
    """

    id: str
    name: str
    status: str
    reason: str | None = None
    file: str | None = None
    stage: str | None = None
    purpose: str | None = None
    trigger: str | None = None
    live: int = 0
    parked: int = 0
    entered: int = 0
    holdout: int = 0
    completed: int = 0
    exited: int = 0
    sent: int = 0
    scheduled: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)
    failed: int = 0
    unknown: int = 0
    goals: int | None = None
    conversion: float | None = None
    holdout_goals: int | None = None
    holdout_conversion: float | None = None

    def row(self) -> dict[str, Any]:
        """The line as plain values, by field."""
        return asdict(self)


def report(
    plans: Plans,
    compiled: Mapping[str, Compiled],
    diagnostics: Iterable[Diagnostic],
    counts: Mapping[str, CampaignCounts],
) -> list[CampaignLine]:
    """One line a campaign, by id: those of the workspace, and those that only have rows."""
    broken = broken_files(diagnostics)
    lines = [
        _line(plan, compiled.get(key), broken, plans.held, counts.get(key, _NONE))
        for key, plan in plans.current.items()
    ]
    running = {one.file for one in compiled.values()}
    known = set(plans.current)
    for file, problem in broken.items():
        if file not in running:
            key = PurePosixPath(file).stem
            told = f"{file}:{problem.at.line}: {problem.message}"
            if key in counts:
                told += "; a running daemon keeps its last good version"
            known.add(key)
            lines.append(_counted(counts.get(key, _NONE), None, id=key, name=key, status="broken",
                                  reason=told, file=file))  # fmt: skip
    missing = "its file is missing, so its journeys stand still"
    lines += [
        _counted(counts[key], None, id=key, name=key, status="gone", reason=missing)
        for key in counts.keys() - known
    ]
    return sorted(lines, key=lambda one: one.id)


def trigger_text(trigger: Trigger) -> str:
    """What starts a campaign, in a few words."""
    match trigger:
        case EventTrigger():
            return trigger.event
        case ScheduleTrigger():
            return f"{trigger.cron} ({trigger.zone or 'customer'})"
        case DateTrigger():
            offset = f" {trigger.offset_days:+}d" if trigger.offset_days else ""
            return f"{trigger.field}{offset} at {trigger.at:%H:%M}"
        case _:
            assert_never(trigger)


def _line(
    plan: Plan,
    compiled: Compiled | None,
    broken: Mapping[str, Diagnostic],
    held: Mapping[str, str],
    counts: CampaignCounts,
) -> CampaignLine:
    file = compiled.file if compiled is not None else None
    status, reason = plan.status.value, None
    if plan.id in held:
        status, reason = "held", ended(held[plan.id])
    elif file is not None and file in broken:
        problem = broken[file]
        reason = f"runs in its last good version: {file}:{problem.at.line}: {problem.message}"
    return _counted(
        counts, plan, id=plan.id, name=plan.name, status=status, reason=reason, file=file
    )


def _counted(
    counts: CampaignCounts,
    plan: Plan | None,
    *,
    id: str,  # noqa: A002 - the field's own name
    name: str,
    status: str,
    reason: str | None,
    file: str | None = None,
) -> CampaignLine:
    entered = counts.live + counts.completed + sum(counts.exited.values())
    has_goal = plan is None or plan.goal is not None
    return CampaignLine(
        id=id,
        name=name,
        status=status,
        reason=reason,
        file=file,
        stage=None if plan is None else plan.stage.value,
        purpose=None if plan is None else plan.purpose,
        trigger=None if plan is None else trigger_text(plan.trigger),
        live=counts.live,
        parked=counts.parked,
        entered=entered,
        holdout=counts.holdout,
        completed=counts.completed,
        exited=sum(counts.exited.values()),
        sent=sum(counts.messages.get(status.value, 0) for status in _SENT),
        scheduled=counts.messages.get("scheduled", 0),
        skipped=dict(counts.skipped),
        failed=counts.messages.get("failed", 0) + counts.messages.get("bounced", 0),
        unknown=counts.messages.get("unknown", 0),
        goals=counts.goals if has_goal else None,
        conversion=_share(counts.goals, entered) if has_goal else None,
        holdout_goals=counts.holdout_goals if has_goal else None,
        holdout_conversion=_share(counts.holdout_goals, counts.holdout) if has_goal else None,
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def broken_files(diagnostics: Iterable[Diagnostic]) -> dict[str, Diagnostic]:
    """The first error of each campaign file that has one."""
    found: dict[str, Diagnostic] = {}
    for one in diagnostics:
        if one.severity is Severity.ERROR and one.at.file.startswith(_FOLDER):
            found.setdefault(one.at.file, one)
    return found
