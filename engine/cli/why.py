"""``lagniappe why``: why a customer was, or was not, contacted."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from config.diagnostic_report import visible
from config.diagnostics import nearest
from engine.cli.failure import Failure
from engine.cli.lookup import customer_id, question
from engine.cli.output import console, local, say, show_table, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.core.customer import Customer
    from engine.services.why import Answer, Fact, Question

_TONES = {
    "sent": "green", "waiting": "cyan", "not_sent": "yellow", "not_entered": "yellow",
    "exited": "yellow", "in_doubt": "magenta",
}  # fmt: skip
_FACTS = 6  # facts of one campaign that are told when all campaigns are


class AnswerFormat(StrEnum):
    """How answers are printed."""

    TEXT = "text"
    JSON = "json"


def why(
    context: typer.Context,
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="An id, email, phone, or an order's id.")
    ],
    campaign: Annotated[
        str | None, typer.Option(metavar="ID", help="One campaign, with every fact.")
    ] = None,
    chosen: Annotated[AnswerFormat, typer.Option("--format")] = AnswerFormat.TEXT,
) -> None:
    """Say why a customer was, or was not, contacted: the deciding rule, then what led to it."""
    from engine.services.history import case_of
    from engine.services.why import answer, answers

    with session_of(context).app() as app:
        found = customer_id(app, customer)
        asked = question(app)
        case = case_of(app.history, app.storage, found, asked.now)
        if campaign is None:
            told = answers(case, asked)
        else:
            known = {*asked.plans.current, *(one.campaign for one in case.journeys)}
            if campaign not in known:
                raise Failure(_unknown(app, asked, campaign, known))
            told = (answer(case, campaign, asked),)
    if chosen is AnswerFormat.JSON:
        write_json(
            {
                "version": 1,
                "customer": {
                    "id": case.customer.id,
                    "email": case.customer.email,
                    "phone": case.customer.phone,
                    "name": _name(case.customer),
                },
                "campaigns": [answer_row(one) for one in told],
            }
        )
        return
    say(heading(case.customer), style="bold")
    for one in told:
        _print(one, asked.zone, None if campaign else _FACTS)


def _unknown(app: App, asked: Question, campaign: str, known: Iterable[str]) -> str:
    """Why nothing can be said of a campaign: its file is broken, or there is none."""
    from engine.services.campaigns import report

    for one in report(asked.plans, app.loader.load(), app.loader.diagnostics(), {}):
        if one.id == campaign:
            return f"{campaign} is {one.status}, and nobody has entered it: {one.reason}"
    near = nearest(campaign, known)
    return f"there is no campaign {campaign}" + (f"; did you mean {near}?" if near else "")


def answer_row(answer: Answer) -> dict[str, Any]:
    """An answer as programs get it."""
    return {
        "campaign": answer.campaign,
        "name": answer.name,
        "outcome": answer.outcome.value,
        "answer": answer.text,
        "due_at": answer.due_at,
        "journeys": answer.journeys,
        "facts": [fact_row(fact) for fact in answer.facts],
    }


def fact_row(fact: Fact) -> dict[str, Any]:
    """A fact as programs get it."""
    return {
        "at": fact.at,
        "kind": fact.kind,
        "journey": fact.journey or None,
        "step": fact.step or None,
        "code": fact.code or None,
        "text": fact.text,
        "trace": fact.trace,
    }


def heading(customer: Customer) -> str:
    """Who it is about, in one line."""
    names = [_name(customer), customer.email or customer.phone]
    told = ", ".join(one for one in names if one)
    return f"{told}  ({customer.id})" if told else customer.id


def _name(customer: Customer) -> str | None:
    names = (customer.first_name, customer.last_name)
    return " ".join(one for one in names if one) or None


def _print(answer: Answer, zone: tzinfo, most: int | None) -> None:
    say()
    out = console()
    line = Text(visible(answer.campaign), style="bold")
    line.append(": ")
    line.append(visible(answer.text), style=_TONES.get(answer.outcome.value, ""))
    out.print(line)
    facts = answer.facts if most is None else answer.facts[-most:]
    hidden = len(answer.facts) - len(facts)
    if hidden:
        say(f"  … {hidden} earlier; lagniappe why CUSTOMER --campaign {answer.campaign} shows all",
            style="dim")  # fmt: skip
    several = len(answer.journeys) > 1
    for fact in facts:
        number = ""
        if several and fact.journey in answer.journeys:
            number = f"[{answer.journeys.index(fact.journey) + 1}] "
        print_fact(local(fact.at, zone), number + sentence(fact))


def sentence(fact: Fact) -> str:
    """What happened, and at which step."""
    return f"{fact.step}: {fact.text}" if fact.step and fact.kind != "entered" else fact.text


def print_fact(at: str, text: str) -> None:
    """A moment and what happened then; long texts keep their indent."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(f"  {at}", style="dim"), Text(visible(text)))
    show_table(grid)
