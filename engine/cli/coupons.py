"""``lagniappe coupons``: codes that were given, and the pools that they come from."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from config.diagnostics import nearest
from engine.cli.failure import WRONG_USAGE, Failure
from engine.cli.lookup import customer_id
from engine.cli.output import Column, RowFormat, counted, local, print_rows, say, short, warn
from engine.cli.session import session_of

if TYPE_CHECKING:
    from config.policy import Policy
    from engine.ports.coupons import GivenCoupon, PoolLevel

app = typer.Typer()

FIELDS = (
    "code", "offer", "pool", "status", "customer", "campaign", "step", "issued_at", "expires_at",
    "sent", "orders",
)  # fmt: skip
POOL_FIELDS = ("pool", "offers", "free", "claimed", "redeemed", "expired", "warn_at", "low")
_SHOWN = 10  # problems of a file that are told


@app.command("list")
def listing(
    context: typer.Context,
    offer: Annotated[str | None, typer.Option(metavar="OFFER", help="Only of one.")] = None,
    status: Annotated[
        str | None,
        typer.Option(metavar="S", help="issued, redeemed, expired, released or owed."),
    ] = None,
    customer: Annotated[
        str | None, typer.Option(metavar="X", help="Only one: an id, email, phone, order id.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="The newest so many.")] = 50,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """List coupons that customers were given, the newest last."""
    from engine.storage.coupons import SqlCouponPools

    low: list[str] = []
    with session_of(context).records() as records:
        zone = records.zone
        if chosen is RowFormat.TABLE:
            levels = SqlCouponPools(records.storage.database).pool_levels()
            low = _running_low(levels, _offers_by_pool(records.policy))
        whose = None if customer is None else customer_id(records, customer)
        found = [
            one
            for one in SqlCouponPools(records.storage.database).coupons()
            if (offer is None or one.coupon.offer == offer)
            and (status is None or one.coupon.status == status)
            and (whose is None or one.customer_id == whose)
        ]
    rows = [_row(one) for one in reversed(found[:limit])]
    columns = (
        Column(title="ISSUED", cell=lambda row: local(row["issued_at"], zone)),
        Column(title="CODE", cell=lambda row: row["code"]),
        Column(title="OFFER", cell=lambda row: row["offer"]),
        Column(title="STATUS", cell=lambda row: row["status"], tone=True),
        Column(title="EXPIRES", cell=lambda row: local(row["expires_at"], zone)),
        Column(title="CUSTOMER", cell=lambda row: short(row["customer"])),
        Column(title="CAMPAIGN", cell=lambda row: row["campaign"] or "", wide=True),
    )
    print_rows(rows, chosen, columns, fields=FIELDS, empty="no coupon was given")
    for told in low:
        warn(told)


@app.command()
def pools(
    context: typer.Context,
    chosen: Annotated[RowFormat, typer.Option("--format")] = RowFormat.TABLE,
) -> None:
    """List pools with their codes: free, with customers, used, expired."""
    from engine.storage.coupons import SqlCouponPools

    with session_of(context).records() as records:
        levels = {one.pool: one for one in SqlCouponPools(records.storage.database).pool_levels()}
        offers = _offers_by_pool(records.policy)
    rows: list[dict[str, Any]] = []
    for pool in sorted({*levels, *offers}):
        level, named = levels.get(pool), offers.get(pool, {})
        free = level.free if level else 0
        warn_at = max(named.values(), default=None)
        rows.append(
            {
                "pool": pool,
                "offers": sorted(named),
                "free": free,
                "claimed": level.claimed if level else 0,
                "redeemed": level.redeemed if level else 0,
                "expired": level.expired if level else 0,
                "warn_at": warn_at,
                "low": warn_at is not None and free <= warn_at,
            }
        )
    columns = (
        Column(title="POOL", cell=lambda row: row["pool"]),
        *(_number(name) for name in ("free", "claimed", "redeemed", "expired")),
        Column(title="", cell=lambda row: "low" if row["low"] else ""),
        Column(title="OFFERS", cell=lambda row: ", ".join(row["offers"]), wide=True),
    )
    print_rows(rows, chosen, columns, fields=POOL_FIELDS, empty="no pool has codes")


@app.command("import")
def import_(
    context: typer.Context,
    pool: Annotated[str, typer.Argument(metavar="POOL", help="As offers name it.")],
    file: Annotated[
        Path, typer.Argument(metavar="FILE.csv", help="One code a line, or a column code.")
    ],
) -> None:
    """Add the codes of a file to a pool. The same file again adds nothing.

    A file with a line that cannot be a code is not taken in at all.
    """
    from engine.services.coupon_pools import read_codes
    from engine.storage.coupons import SqlCouponPools

    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            found = read_codes(lines)
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"{file} cannot be read: {error}", code=WRONG_USAGE) from None
    if found.problems:
        for line, problem in found.problems[:_SHOWN]:
            warn(f"{file}:{line}: {problem}")
        bad = counted(len(found.problems), "line")
        raise Failure(f"nothing was imported: {bad} cannot be taken")
    if not found.codes:
        raise Failure(f"{file} holds no codes")
    with session_of(context).records() as records:
        named = _offers_by_pool(records.policy)
        now = records.clock.now()
        done = SqlCouponPools(records.storage.database).import_codes(pool, found.codes, now)
    say(
        f"{pool}: {done.added:,} added, {done.known:,} known, "
        f"{counted(found.doubles, 'double')} in the file"
    )
    if pool not in named:
        near = nearest(pool, named)
        hint = f"; did you mean {near}?" if near else ""
        warn(f"no offer of config/store.yaml takes codes from the pool {pool}{hint}")


def _number(name: str) -> Column:
    return Column(title=name.upper(), cell=lambda row: f"{row[name]:,}", right=True)


def _offers_by_pool(policy: Policy | None) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, offer in (policy.offers if policy is not None else {}).items():
        if offer.pool is not None:
            found.setdefault(offer.pool, {})[name] = offer.warn_at
    return found


def _running_low(levels: Iterable[PoolLevel], offers: dict[str, dict[str, int]]) -> list[str]:
    """What is said of pools that have no more codes than their offers warn at."""
    free = {one.pool: one.free for one in levels}
    return [
        f"the pool {pool} has {counted(free.get(pool, 0), 'code')} left; add more with: "
        f"lagniappe coupons import {pool} FILE.csv"
        for pool, named in sorted(offers.items())
        if free.get(pool, 0) <= max(named.values())
    ]


def _row(given: GivenCoupon) -> dict[str, Any]:
    one = given.coupon
    return {
        "code": one.code,
        "offer": one.offer,
        "pool": one.pool,
        "status": one.status,
        "customer": given.customer_id,
        "campaign": one.campaign,
        "step": one.step,
        "issued_at": one.at,
        "expires_at": one.expires_at,
        "sent": one.has_left,
        "orders": sorted(one.orders),
    }
