"""``lagniappe calls``: the tasks that campaigns have made for people, and what came of them."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from engine.cli.answers import AnswerFormat
from engine.cli.failure import Failure
from engine.cli.moments import ahead
from engine.cli.output import Column, Row, RowFormat, local, print_rows, say, short, write_json
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.programs.call_tasks import CallTask
    from engine.services.call_desk import ListedCall, OpenedCall

T = TypeVar("T")

app = typer.Typer()

FIELDS = (
    "id", "state", "priority", "due", "overdue", "queue", "assignee", "attempts", "customer",
    "name", "phone", "order", "ticket", "campaign", "journey", "step", "outcome", "note",
    "assigned_at", "closed_at",
)  # fmt: skip


class Wanted(StrEnum):
    """Which tasks ``--state`` lists."""

    OPEN = "open"
    COMPLETED = "completed"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    ALL = "all"


Id = Annotated[str, typer.Argument(metavar="ID", help="The task's id, or its beginning.")]
Who = Annotated[
    str | None, typer.Option("--as", metavar="NAME", help="Who you are; else your login name.")
]
Note = Annotated[str | None, typer.Option(metavar="TEXT", help="What to remember.")]


@app.command("list")
def listing(
    context: typer.Context,
    queue: Annotated[str | None, typer.Option(metavar="QUEUE", help="Of this queue.")] = None,
    state: Annotated[Wanted, typer.Option(help="Tasks that stand so.")] = Wanted.OPEN,
    assignee: Annotated[str | None, typer.Option(metavar="NAME", help="Whose they are.")] = None,
    unassigned: Annotated[bool, typer.Option("--unassigned", help="Nobody's yet.")] = False,
    due_by: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Due by then: 2026-03-01, or 2h from now.")
    ] = None,
    overdue: Annotated[bool, typer.Option("--overdue", help="Due already.")] = False,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """List call tasks, the most pressing first: open ones, unless --state says otherwise."""
    from engine.services.call_desk import CallFilter, listed_calls

    with session_of(context).records() as records:
        now, zone = records.clock.now(), records.zone
        before = None if due_by is None else ahead(due_by, now, zone)
        if overdue:
            before = now if before is None else min(now, before)
        wanted = CallFilter(
            states=None if state is Wanted.ALL else frozenset({state.value}),
            queue=queue,
            assignee=assignee,
            unassigned=unassigned,
            due_before=before,
        )
        rows = [_row(one, now) for one in listed_calls(records.storage, wanted=wanted)]
    columns = (
        Column(title="DUE", cell=lambda row: local(row["due"], zone)),
        Column(title="ID", cell=lambda row: short(row["id"])),
        Column(title="QUEUE", cell=lambda row: row["queue"]),
        Column(title="PRIORITY", cell=lambda row: row["priority"]),
        Column(title="STATE", cell=_state),
        Column(title="WHO CALLS", cell=lambda row: row["assignee"] or "-"),
        Column(title="TRIES", cell=lambda row: str(row["attempts"]), right=True),
        Column(title="CUSTOMER", cell=lambda row: row["name"] or short(row["customer"]), wide=True),
        Column(title="CAMPAIGN", cell=lambda row: row["campaign"], wide=True),
    )
    what = "no call" if state is Wanted.ALL else f"no {state.value.replace('_', '-')} call"
    print_rows(rows, chosen, columns, fields=FIELDS, empty=f"{what} is on record")


@app.command()
def show(
    context: typer.Context,
    task: Id,
    chosen: Annotated[AnswerFormat, typer.Option("--format")] = AnswerFormat.TEXT,
) -> None:
    """Show a task: whom to call and why, what to say, what has been done."""
    from engine.ports.rendering import RenderError

    with session_of(context).app() as application:
        now, zone = application.clock.now(), application.policy.zone
        try:
            opened = _asked(application, task, lambda: application.calls.open(task))
        except RenderError as error:
            raise Failure(str(error)) from None
    if chosen is AnswerFormat.JSON:
        write_json({"version": 1, **_opened_row(opened, now)})
        return
    _print(opened, now, zone)


@app.command()
def claim(context: typer.Context, task: Id, who: Who = None) -> None:
    """Take a task: nobody else can claim it then."""
    with session_of(context).app() as application:
        done = _asked(application, task, lambda: application.calls.claim(task, _me(who)))
        say(f"{short(done.id)} is yours, {done.assignee}, due {_due(done, application)}; "
            f"what to say: lagniappe calls show {short(done.id)}")  # fmt: skip


@app.command()
def release(
    context: typer.Context,
    task: Id,
    to: Annotated[str | None, typer.Option(metavar="NAME", help="Give it to them.")] = None,
) -> None:
    """Give a task back to its queue, or to a colleague."""
    with session_of(context).app() as application:
        done = _asked(application, task, lambda: application.calls.hand_over(task, to))
    say(f"{short(done.id)} is {f'now with {done.assignee}' if done.assignee else 'free again'}")


@app.command()
def complete(
    context: typer.Context,
    task: Id,
    outcome: Annotated[
        str,
        typer.Option(metavar="WORD", help="What came of it, as in resolved or call_again."),
    ],
    note: Note = None,
    who: Who = None,
) -> None:
    """The customer was spoken to: the outcome goes to the campaign that asked for the call."""
    word = outcome.strip()
    if not word or len(word) > 100:
        raise Failure("the outcome is a word or two, as in --outcome resolved")
    with session_of(context).app() as application:
        done = _asked(
            application, task, lambda: application.calls.complete(task, word, note, _me(who))
        )
    say(f"{short(done.id)} is completed: {done.outcome}")


@app.command()
def snooze(
    context: typer.Context,
    task: Id,
    until: Annotated[str, typer.Option(metavar="WHEN", help="2026-03-01T09:00, or 2h from now.")],
    who: Who = None,
) -> None:
    """Call later than it was due."""
    with session_of(context).app() as application:
        now = application.clock.now()
        later = ahead(until, now, application.policy.zone)
        if later <= now:
            raise Failure(f"{until} is past; a task can only be put off")
        done = _asked(application, task, lambda: application.calls.snooze(task, later, _me(who)))
        say(f"{short(done.id)} is due {_due(done, application)}")


@app.command("no-answer")
def no_answer(context: typer.Context, task: Id, note: Note = None, who: Who = None) -> None:
    """Nobody answered: due again by the queue's rules, or given up after the last attempt."""
    with session_of(context).app() as application:
        done = _asked(application, task, lambda: application.calls.no_answer(task, note, _me(who)))
        if done.is_open:
            say(f"{short(done.id)}: attempt {done.attempts}; try again {_due(done, application)}")
        else:
            say(f"{short(done.id)}: attempt {done.attempts} was the last; given up")


def _asked(application: App, named: str, act: Callable[[], T]) -> T:
    """What ``act`` gives; what may go wrong, in words."""
    from engine.ports.storage import Contended
    from engine.programs.call_tasks import Claimed, Closed
    from engine.services.call_desk import NoQueue, NoSuchCall

    zone = application.policy.zone
    try:
        return act()
    except NoSuchCall as error:
        if error.found and named:
            listed = "".join(f"\n  {one}" for one in error.found[:10])
            raise Failure(f"{named} begins the ids of {len(error.found)} calls:{listed}") from None
        raise Failure(f"there is no call {named}; lagniappe calls lists them") from None
    except Claimed as error:
        taken = next(
            (one for one in reversed(error.task.history) if one["what"] == "claimed"), None
        )
        since = f", {local(_moment(taken['at']), zone)}" if taken else ""
        raise Failure(f"{error.task.assignee} has claimed this call already{since}") from None
    except Closed as error:
        done = error.task
        what = f"{done.state.replace('_', ' ')}" + (f": {done.outcome}" if done.outcome else "")
        raise Failure(f"this call is closed, {local(done.closed_at, zone)} ({what})") from None
    except NoQueue as error:
        raise Failure(
            f"config/store.yaml has no queue {error} any more, so there are no rules for "
            "another attempt; bring it back, or complete the call"
        ) from None
    except Contended:
        raise Failure("the customer kept changing meanwhile; try again") from None


def _me(given: str | None) -> str:
    return (given or getpass.getuser()).strip()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _due(task: CallTask, application: App) -> str:
    return local(task.due, application.policy.zone)


def _state(row: Row) -> str:
    return "overdue" if row["overdue"] else str(row["state"]).replace("_", " ")


def _row(one: ListedCall, now: datetime) -> dict[str, Any]:
    task = one.task
    return {
        "id": task.id, "state": task.state, "priority": task.priority, "due": task.due,
        "overdue": task.is_open and task.due < now, "queue": task.queue,
        "assignee": task.assignee, "attempts": task.attempts, "customer": one.customer_id,
        "name": one.name, "phone": one.phone, "order": task.order_id, "ticket": task.ticket_id,
        "campaign": task.campaign, "journey": task.journey, "step": task.step,
        "outcome": task.outcome, "note": task.note, "assigned_at": task.at,
        "closed_at": task.closed_at,
    }  # fmt: skip


def _opened_row(opened: OpenedCall, now: datetime) -> dict[str, Any]:
    task = opened.listed.task
    return {
        **_row(opened.listed, now),
        "script": opened.script,
        "because": {"trigger": task.trigger.get("type"), "results": task.results},
        "history": task.history,
    }


def _print(opened: OpenedCall, now: datetime, zone: tzinfo) -> None:
    listed, task = opened.listed, opened.listed.task
    state = _state(_row(listed, now))
    lines = [
        ("call", f"{task.id} ({state}, {task.priority})"),
        ("customer", f"{listed.name or 'no name'}, {listed.phone or 'no phone number'}"),
        ("queue", f"{task.queue}, due {local(task.due, zone)}"),
        ("who calls", task.assignee or f"nobody yet: lagniappe calls claim {short(task.id)}"),
        ("order", _order(opened.order)),
        ("ticket", str(opened.ticket.get("subject") or task.ticket_id) if opened.ticket else None),
        ("why", _because(task)),
        ("tried", f"{task.attempts} times" if task.attempts > 1 else None),
        ("outcome", task.outcome),
        ("note", task.note),
    ]
    for name, told in lines:
        if told:
            say(f"{name:<10}{told}")
    say("what to say", style="bold")
    for line in opened.script.splitlines():
        say(f"  {line}")
    if task.history:
        say("so far", style="bold")
    for one in task.history:
        by = f" by {one['who']}" if one.get("who") else ""
        note = f": {one['note']}" if one.get("note") else ""
        say(f"  {local(_moment(one['at']), zone)}  {one['what']}{by}{note}")


def _order(order: Mapping[str, Any] | None) -> str | None:
    if order is None:
        return None
    total = f", {order['total']} {order['currency'] or ''}".rstrip() if order["total"] else ""
    return f"{order['number'] or order['id']}{total}"


def _because(task: CallTask) -> str:
    """The campaign and what it knew: its trigger, and what its steps had brought about."""
    told = [
        f"{step}.{name} is {value}"
        for step, result in task.results.items()
        for name, value in result.items()
        if value is not None and value is not False and name not in ("sent", "done", "delivered")
    ]
    known = f" ({', '.join(told)})" if told else ""
    return f"{task.campaign}, after {task.trigger.get('type') or 'a schedule'}{known}"
