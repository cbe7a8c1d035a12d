"""What entering past customers would do, as a document for people and programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

from engine.core.decision import VerdictCode
from engine.core.message import Content, Message, MessageStatus
from engine.core.reasons import ended, withheld
from engine.core.trace import verdict_text
from engine.core.world import Journey, JourneyStatus
from engine.services.enrolment import LIMIT, Enrolled, Pick, Survey, Terms

_SENT: Final = frozenset({MessageStatus.SENT, MessageStatus.DELIVERED})
_NOT: Final = frozenset({MessageStatus.SKIPPED, MessageStatus.CANCELLED, MessageStatus.FAILED})
_TEXTS: Final = {
    LIMIT: "beyond --limit: others have had the event later",
    VerdictCode.ALREADY_IN.value: "has entered since the event",
    VerdictCode.EXIT_ALREADY.value: "what ends the campaign has happened since",
    VerdictCode.FILTER.value: "filter not met",
    VerdictCode.PROFILE_FILTER.value: "profile_filter not met",
    VerdictCode.RE_ENTRY.value: "has been in before, and may not enter again",
    VerdictCode.TEST_ORDER.value: "the order is a test",
    VerdictCode.NO_KEY.value: "the entry key has no value",
    "gone": "the customer, or the order, is no longer there",
}
Told = tuple[Pick, Sequence[tuple[Message, Content | None]]]


def report(
    terms: Terms,
    survey: Survey,
    journeys: Sequence[Journey],
    messages: Sequence[Message],
    deferred: Mapping[str, int],
    examples: Sequence[Told],
    until: datetime,
    stopped: str | None,
    zone: tzinfo,
) -> dict[str, Any]:
    """The stable document that ``campaigns enrol --format json`` prints, before anything is done.

    Days are those of ``zone``.
    """
    entering = [one for one in survey.picks if not one.held_out]
    return {
        "version": 1,
        "campaign": terms.campaign,
        "since": terms.since,
        "before": terms.until,
        "start": terms.start,
        "until": until,
        "max_age": None if survey.plan.max_age is None else str(survey.plan.max_age),
        "entering": len(entering),
        "held_out": len(survey.picks) - len(entering),
        "not_entering": _refusals(survey, zone),
        "days": _days(entering, messages, zone),
        "steps": _steps(messages),
        "withheld": _reasons(Counter(one.reason or "" for one in messages if one.status in _NOT)),
        "deferred": _reasons(deferred),
        "exits": [
            {"reason": reason, "count": count}
            for reason, count in Counter(
                one.reason or "" for one in journeys if one.status is JourneyStatus.EXITED
            ).most_common()
        ],
        "stopped": None if stopped is None else {"reason": stopped, "text": ended(stopped)},
        "examples": [_example(*one) for one in examples],
        "enrolled": None,
    }


def done(enrolled: Enrolled) -> dict[str, Any]:
    """What was really done."""
    return {
        "entered": enrolled.entered,
        "held_out": enrolled.held_out,
        "refused": [
            {"code": code, "text": _TEXTS.get(code, code), "count": count}
            for code, count in enrolled.refused.most_common()
        ],
    }


def _refusals(survey: Survey, zone: tzinfo) -> list[dict[str, Any]]:
    counts = Counter(one.code for one in survey.refused)
    told: list[dict[str, Any]] = []
    for code, count in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        first = min(
            (one for one in survey.refused if one.code == code), key=lambda one: one.customer_id
        )
        example = None
        if first.verdict is not None:
            example = verdict_text(first.verdict, survey.plan, zone)
        told.append({
            "code": code, "text": _TEXTS.get(code, code), "count": count,
            "customer": first.customer_id, "example": example,
        })  # fmt: skip
    return told


def _days(
    entering: Sequence[Pick], messages: Sequence[Message], zone: tzinfo
) -> list[dict[str, Any]]:
    entries = Counter(one.starts_at.astimezone(zone).date() for one in entering)
    sent = Counter(
        one.sent_at.astimezone(zone).date()
        for one in messages
        if one.sent_at is not None and one.status in _SENT
    )
    return [
        {"day": day.isoformat(), "entries": entries[day], "messages": sent[day]}
        for day in sorted(entries | sent)
    ]


def _steps(messages: Sequence[Message]) -> list[dict[str, Any]]:
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    for one in messages:
        kind = (
            "sent" if one.status in _SENT else "withheld" if one.status in _NOT else "waiting"
        )  # fmt: skip
        counts.setdefault((one.step, one.channel, one.template), Counter())[kind] += 1
    return [
        {"step": step, "channel": channel, "template": template, "sent": found["sent"],
         "withheld": found["withheld"], "waiting": found["waiting"]}
        for (step, channel, template), found in counts.items()
    ]  # fmt: skip


def _reasons(counts: Mapping[str, int]) -> list[dict[str, Any]]:
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return [
        {"reason": code, "text": withheld(code, None), "count": count} for code, count in ordered
    ]


def _example(pick: Pick, messages: Sequence[tuple[Message, Content | None]]) -> dict[str, Any]:
    return {
        "customer": pick.customer_id,
        "trigger": pick.trigger.type,
        "happened": pick.trigger.time,
        "order": pick.trigger.order_id,
        "starts_at": pick.starts_at,
        "messages": [
            {
                "step": one.step, "channel": one.channel, "template": one.template,
                "status": one.status.value, "reason": one.reason,
                "at": one.sent_at or one.send_at,
                "subject": None if content is None else content.subject,
                "text": None if content is None else content.text,
            }
            for one, content in messages
        ],
    }  # fmt: skip
