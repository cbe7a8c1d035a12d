"""Answers, facts and what is to come, as rows for programs and as lines for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from rich.text import Text

from config.diagnostic_report import visible
from engine.cli.output import console, local, say, show_table

if TYPE_CHECKING:
    from engine.core.customer import Customer
    from engine.core.remedies import Change
    from engine.services.case import Fact
    from engine.services.coming import Coming
    from engine.services.forecast import Forecast
    from engine.services.why import Answer

_TONES = {
    "sent": "green", "waiting": "cyan", "not_sent": "yellow", "not_entered": "yellow",
    "exited": "yellow", "in_doubt": "magenta",
}  # fmt: skip
_LOUD = {"sent": "green", "delivered": "green", "bounced": "red", "failed": "red",
         "dropped": "yellow", "cancelled": "yellow", "event": "bold"}  # fmt: skip


class AnswerFormat(StrEnum):
    """How answers are printed."""

    TEXT = "text"
    JSON = "json"


def customer_row(customer: Customer) -> dict[str, Any]:
    """Who it is about, as programs get it."""
    return {
        "id": customer.id,
        "email": customer.email,
        "phone": customer.phone,
        "name": _name(customer),
    }


def answer_row(answer: Answer, ahead: Sequence[Coming]) -> dict[str, Any]:
    """An answer as programs get it; ``ahead`` is what comes next of this campaign."""
    return {
        "campaign": answer.campaign,
        "name": answer.name,
        "outcome": answer.outcome.value,
        "code": answer.code,
        "answer": answer.text,
        "changes": [change_row(one) for one in answer.changes],
        "due_at": answer.due_at,
        "journeys": answer.journeys,
        "facts": [fact_row(fact) for fact in answer.facts],
        "next": [coming_row(one) for one in ahead],
    }


def change_row(change: Change) -> dict[str, Any]:
    """What would have to change, as programs get it."""
    return {"code": change.code, "text": change.text, "at": change.at}


def fact_row(fact: Fact) -> dict[str, Any]:
    """A fact as programs get it."""
    return {
        "at": fact.at,
        "kind": fact.kind,
        "journey": fact.journey or None,
        "step": fact.step or None,
        "code": fact.code or None,
        "text": fact.text,
        "wanted": fact.wanted or None,
        "trace": fact.trace,
    }


def entry_row(fact: Fact) -> dict[str, Any]:
    """A fact of the timeline as programs get it: a fact, and what it is about."""
    about = {"campaign": fact.campaign or None, "message": fact.message or None}
    return {**fact_row(fact), **about, "event": fact.event or None}


def coming_row(coming: Coming) -> dict[str, Any]:
    """What is to come, as programs get it."""
    return {
        "at": coming.at,
        "kind": coming.kind,
        "campaign": coming.campaign or None,
        "journey": coming.journey or None,
        "step": coming.step or None,
        "code": coming.code or None,
        "text": coming.text,
        "channel": coming.channel,
        "template": coming.template,
        "moved_by": coming.moved_by,
        "otherwise": coming.otherwise,
        "trace": coming.trace,
    }


def heading(customer: Customer) -> str:
    """Who it is about, in one line."""
    names = [_name(customer), customer.email or customer.phone]
    told = ", ".join(one for one in names if one)
    return f"{told}  ({customer.id})" if told else customer.id


def _name(customer: Customer) -> str | None:
    names = (customer.first_name, customer.last_name)
    return " ".join(one for one in names if one) or None


def print_answer(answer: Answer, zone: tzinfo, *, facts: bool, told: str = "") -> None:
    """One campaign: what decided, what would have to change, and with ``facts`` how it came.

    ``told`` is what was said of it before, and is not said again.
    """
    say()
    line = Text(visible(answer.campaign), style="bold")
    if answer.text != told:
        line.append(": ")
        line.append(visible(answer.text), style=_TONES.get(answer.outcome.value, ""))
    console().print(line)
    if answer.text != told:
        print_changes(answer.changes)
    if facts:
        several = answer.journeys if len(answer.journeys) > 1 else ()
        for fact in answer.facts:
            number = f"[{several.index(fact.journey) + 1}] " if fact.journey in several else ""
            print_fact(local(fact.at, zone), number + sentence(fact))


def print_changes(changes: Iterable[Change]) -> None:
    """What would have to change, a line each."""
    for change in changes:
        _line("  to change it", change.text, "dim", "")


def print_timeline(facts: Sequence[Fact], names: Mapping[str, str], zone: tzinfo) -> None:
    """Events at the margin, what was made of them below.

    ``names`` tells journeys of one campaign apart.
    """
    day = ""
    for fact in facts:
        at = local(fact.at, zone)
        shown = at if at != day else " " * len(at)
        day = at
        style = _LOUD.get(fact.kind, "")
        if fact.kind == "event":
            _line(f"  {shown}", fact.text, "dim", style)
        else:
            about = f" {names[fact.journey]}" if fact.journey in names else ""
            _line(f"  {shown}", f"  {fact.campaign}{about}: {sentence(fact)}", "dim", style)


def print_forecast(ahead: Forecast, zone: tzinfo) -> None:
    """What comes next if nothing else happens."""
    say("\nIf nothing else happens", style="bold")
    for one in ahead.coming:
        at = "now" + " " * 13 if one.kind in ("waits", "held") else local(one.at, zone)
        step = f" · {one.step}" if one.step else ""
        style = "green" if one.kind == "sent" else "yellow" if one.kind == "dropped" else ""
        of = f"{one.campaign}{step}: " if one.campaign else ""
        _line(f"  {at}", f"{of}{one.text}", "dim", style)
        if one.otherwise:
            _line(" " * 18, one.otherwise, "dim", "dim")
    if ahead.ended == "steps":
        say(f"  … and more after {local(ahead.until, zone)}", style="dim")
    elif not ahead.coming:
        say("  nothing more")


def sentence(fact: Fact) -> str:
    """What happened, and at which step."""
    return f"{fact.step}: {fact.text}" if fact.step and fact.kind != "entered" else fact.text


def print_fact(at: str, text: str) -> None:
    """A moment and what happened then; long texts keep their indent."""
    _line(f"  {at}", text, "dim", "")


def _line(left: str, text: str, left_style: str, style: str) -> None:
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    indent = len(text) - len(text.lstrip(" "))
    if indent:
        inner = Table.grid(padding=(0, indent - 1, 0, 0))
        inner.add_column(no_wrap=True)
        inner.add_column(overflow="fold")
        inner.add_row(Text(" "), Text(visible(text.lstrip(" ")), style=style))
        grid.add_row(Text(left, style=left_style), inner)
    else:
        grid.add_row(Text(left, style=left_style), Text(visible(text), style=style))
    show_table(grid)
