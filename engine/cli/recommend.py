"""``lagniappe customers recommend``: what a customer would be suggested, and why."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from engine.cli.failure import Failure
from engine.cli.lookup import customer_id
from engine.cli.output import Column, Row, RowFormat, local, print_rows, say
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.core.shopping import Refill
    from engine.programs.suggesting import Suggestion

FIELDS: Final = ("kind", "product_id", "title", "because", "lift", "cases", "date")
_WHY: Final = {
    "together": "bought together with",
    "next": "bought next after",
    "popular": "what most customers buy",
    "replenish": "bought, and used up",
}


def recommend(
    context: typer.Context,
    customer: Annotated[
        str, typer.Argument(metavar="CUSTOMER", help="An id, email, phone, or an order's id.")
    ],
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Compute everything anew first, as at night.")
    ] = False,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """Show what a customer would be suggested, what will be used up when, and why.

    Suggestions start from their newest order. They are computed at night, at half past three on the
    shop's clock.
    """
    session = session_of(context)
    if refresh:
        _refresh(session)
    with session.records() as records:
        found = customer_id(records, customer)
        now, zone = records.clock.now(), records.zone
        suggestions, refills, scores, is_computed = _read(records.storage, found, now)
    rows = [_suggested(one) for one in suggestions] + [_used_up(one) for one in refills]
    columns = (
        Column(title="PRODUCT", cell=lambda row: row["title"], wide=True),
        Column(title="WHY", cell=lambda row: _why(row), wide=True),
        Column(title="LIFT", cell=lambda row: _number(row["lift"]), right=True),
        Column(title="CASES", cell=lambda row: str(row["cases"] or ""), right=True),
        Column(title="DATE", cell=lambda row: local(row["date"], zone)),
        Column(title="ID", cell=lambda row: row["product_id"]),
    )
    empty = (
        "there is nothing to suggest: no product has come up often enough"
        if is_computed
        else "nothing has been computed yet: it is at night, or with --refresh"
    )
    print_rows(rows, chosen, fields=FIELDS, columns=columns, empty=empty)
    if chosen is RowFormat.TABLE and scores:
        recency, frequency, value = scores
        say(f"\nof 5: recency {recency}, frequency {frequency}, value {value}")


def _refresh(session: Any) -> None:
    from engine.storage.database import WorkspaceBusy

    with session.app() as app:
        try:
            app.storage.database.claim_workspace()
        except WorkspaceBusy:
            raise Failure(
                "a daemon is at work on this database; it computes them at night"
            ) from None
        if app.stocktaking.run() is None:
            raise Failure("another process is computing them now; try again later")


def _read(
    storage: Any, found: str, now: datetime
) -> tuple[tuple[Suggestion, ...], list[Refill], tuple[int, ...], bool]:
    from engine.core.shopping import BOOK, open_refills, page_of, rfm_scores
    from engine.services.suggestions import Suggestions, newest_order

    with storage.deciding() as unit:
        unit.open_books({BOOK})
        world = unit.load([found], now=now, complete=[found])[found]
        suggestions = Suggestions(unit, [world]).of(world, newest_order(world))
        is_computed = bool(page_of(world)) or bool(unit.popular())
    return suggestions, open_refills(world), rfm_scores(world), is_computed


def _suggested(one: Suggestion) -> dict[str, Any]:
    return {
        "kind": one.why,
        "product_id": one.product.product_id,
        "title": one.product.title,
        "because": one.because.title if one.because is not None else None,
        "lift": one.rule.lift if one.rule is not None else None,
        "cases": one.rule.cases if one.rule is not None else None,
        "date": None,
    }


def _used_up(one: Refill) -> dict[str, Any]:
    return {
        "kind": "replenish", "product_id": one.product_id, "title": one.title, "because": None,
        "lift": None, "cases": None, "date": one.date,
    }  # fmt: skip


def _why(row: Row) -> str:
    return " ".join(filter(None, (_WHY[row["kind"]], row["because"])))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
