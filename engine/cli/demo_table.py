"""What the demo's weeks came to: what was sent, what was withheld and why, and where to look."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from engine.bootstrap import App
from engine.cli.output import Column, say, short, show_table, table
from engine.core.message import MessageStatus
from engine.core.trace import message_text
from engine.ports.history import CampaignCounts, LoggedMessage, MessageFilter

_SENT = (MessageStatus.SENT, MessageStatus.DELIVERED)
_WITHHELD = (MessageStatus.SKIPPED, MessageStatus.CANCELLED)
_EXAMPLES = 400  # messages to look for examples among, per status


def show(app: App, start: datetime, end: datetime) -> None:
    """Print the tables and, for each reason, one message as an example."""
    counts = app.history.campaign_counts(None)
    say()
    say(f"What {start:%d %B} to {end:%d %B} came to", style="bold")
    show_table(table((_row(name, counts[name]) for name in sorted(counts)), _COLUMNS))
    say()
    say("Withheld or put off, and why", style="bold")
    show_table(table(_reasons(app), _REASONS))
    say()
    say("Journeys that ended early, and by what", style="bold")
    show_table(table(_exits(counts), _EXITS))
    latest = app.history.messages(MessageFilter(limit=1, statuses=frozenset(_SENT)))
    say()
    say("Look around:", style="bold")
    workspace = f"lagniappe --workspace {app.settings.workspace.name}"
    say(f"  {workspace} log --status skipped")
    for message in latest:
        say(f"  {workspace} log show {short(message.id)}")
        say(f"  {workspace} why {message.recipient}")
    say(f"  {workspace} campaigns list")


def _row(name: str, counts: CampaignCounts) -> dict[str, object]:
    messages = counts.messages
    ended = counts.completed + sum(counts.exited.values())
    return {
        "campaign": name,
        "journeys": counts.live + counts.holdout + ended,
        "live": counts.live,
        "sent": sum(messages.get(status.value, 0) for status in _SENT),
        "withheld": sum(messages.get(status.value, 0) for status in _WITHHELD),
        "waiting": messages.get(MessageStatus.SCHEDULED.value, 0),
        "holdout": counts.holdout,
        "goals": counts.goals,
    }


def _reasons(app: App) -> Iterable[dict[str, object]]:
    """One line for each (status, reason): how many, and one example told in a sentence."""
    found: dict[tuple[str, str], list[LoggedMessage]] = {}
    for status in (*_WITHHELD, MessageStatus.SCHEDULED, MessageStatus.FAILED):
        wanted = MessageFilter(limit=_EXAMPLES, statuses=frozenset({status}))
        for message in app.history.messages(wanted):
            found.setdefault((status.value, message.reason or ""), []).append(message)
    ordered = sorted(found.items(), key=lambda item: (item[0][0], -len(item[1])))
    for (told, _), messages in ordered:
        example = messages[0]
        detail = app.history.message(example.id)
        decisions = detail.decisions if detail is not None else ()
        last = next((d for d in reversed(decisions) if d.message_id == example.id), None)
        plan = app.revisions.plans.revisions.get((example.campaign, example.revision))
        yield {
            "status": told,
            "count": len(messages),
            "example": f"{example.recipient or 'nobody'}, {example.campaign}",
            "why": message_text(example, last, plan, app.policy.zone),
        }


def _column(title: str, key: str, *, number: bool = False, wide: bool = False) -> Column:
    return Column(title=title, cell=lambda row: str(row[key]), right=number, wide=wide)


def _exits(counts: dict[str, CampaignCounts]) -> Iterable[dict[str, object]]:
    for name in sorted(counts):
        for reason, count in sorted(counts[name].exited.items()):
            yield {"campaign": name, "count": count, "reason": reason}


_COLUMNS = [
    _column("campaign", "campaign"),
    *(
        _column(word, word, number=True)
        for word in ("journeys", "live", "sent", "withheld", "waiting", "holdout", "goals")
    ),
]
_REASONS = [
    _column("status", "status"),
    _column("count", "count", number=True),
    _column("for instance", "example"),
    _column("why", "why", wide=True),
]
_EXITS = [
    _column("campaign", "campaign"),
    _column("count", "count", number=True),
    _column("by", "reason"),
]
