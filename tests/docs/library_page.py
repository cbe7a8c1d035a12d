"""The starter library as its files tell it: what each campaign is for, moves, and rests on."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Final

from engine.authoring.contacts import needed_by
from engine.authoring.library import Entry, read_library
from engine.authoring.spec import DateTriggerSpec, EventTriggerSpec, ScheduleTriggerSpec
from engine.core.campaign import Stage
from tests.docs.pages import ROOT, table

_LABELS: Final = ("Should move", "Timing")
_PARTS: Final[Mapping[str, str]] = {
    "email": "email",
    "sms": "SMS",
    "voice": "call",
    "script": "call task",
}


@cache
def library() -> tuple[Entry, ...]:
    """Every campaign of the starter library, in the order of a customer's life."""
    stages = list(Stage)
    return tuple(
        sorted(read_library(ROOT), key=lambda one: (stages.index(one.draft.spec.stage), one.id))
    )


def header(entry: Entry) -> Mapping[str, str]:
    """What a campaign's first comment says: ``about`` (its paragraphs), and under each label."""
    lines = [line.strip("# ") for line in _comment(entry.text)]
    parts: dict[str, list[str]] = {"about": []}
    here = "about"
    for line in lines:
        label, _, rest = line.partition(": ")
        if label in _LABELS:
            here, line = label, rest
            parts[here] = []
        parts[here].append(line)
    return {name: _flowing(told) for name, told in parts.items()}


def overview() -> str:
    """One row a campaign."""
    rows = [
        (f"[{one.id}](#{one.id})", one.draft.spec.stage.value,
         _start(one), _status(one))
        for one in library()
    ]  # fmt: skip
    return table(("campaign", "stage", "starts", "as it comes"), rows)


def campaigns() -> str:
    """A section a campaign."""
    return "\n\n".join(_section(one) for one in library())


def _section(entry: Entry) -> str:
    told = header(entry)
    facts = [f"- Starts: {_start(entry)}{_condition(entry)}", f"- Sends: {_sends(entry)}"]
    topic = entry.draft.spec.topic
    about = f", topic `{topic}`" if topic else ""
    facts.append(f"- Purpose: {entry.draft.spec.purpose}{about}; comes {_status(entry)}")
    labelled = [f"**{label}**: {told[label]}" for label in _LABELS]
    return "\n\n".join((f"### {entry.id}", told["about"], *labelled, "\n".join(facts)))


def _start(entry: Entry) -> str:
    match entry.draft.spec.trigger:
        case EventTriggerSpec(event=event):
            return f"`{event}`"
        case ScheduleTriggerSpec(schedule=schedule):
            return f"by the calendar, `{schedule.cron}`"
        case DateTriggerSpec(date=date):
            return f"on `{date}`"


def _condition(entry: Entry) -> str:
    trigger = entry.draft.spec.trigger
    asked = trigger.segment if isinstance(trigger, ScheduleTriggerSpec) else trigger.filter
    return f", if `{' '.join(str(asked).split())}`" if asked else ""


def _status(entry: Entry) -> str:
    return str(entry.draft.spec.status)


def _sends(entry: Entry) -> str:
    needed = (needed_by(step.spec) for step in entry.draft.steps)
    found = dict.fromkeys((one.template, _PARTS[one.part]) for one in needed if one is not None)
    said = [
        f"`{template}` ({', '.join((part, *_languages(template)))})" for template, part in found
    ]
    return ", ".join(said) or "nothing"


def _languages(template: str) -> list[str]:
    """The languages besides English."""
    files = (ROOT / "message_templates" / template).iterdir()
    tags = {found[1] for path in files if (found := re.fullmatch(r"\w+\.([\w-]+)\.\w+", path.name))}
    return sorted(tags)


def _comment(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.startswith("# yaml-language-server:"):
            continue
        if not line.startswith("#"):
            return
        yield line


def _flowing(lines: list[str]) -> str:
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip())
    return "\n\n".join(" ".join(one.split()) for one in paragraphs)
