"""The page of an account: what the ledger adds up to today, and when to look again.

The page is the one record of the book that is written anew; conditions and templates read it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from config.durations import Duration
from config.loyalty import Loyalty
from engine.core.book import Books
from engine.core.customer import Customer
from engine.core.points import BOOK
from engine.core.timing import add, resolve_local
from engine.core.value import value_class
from engine.programs.loyalty_ledger import Ledger
from engine.programs.loyalty_tiers import Standing, missing

_LATE: Final = timedelta(days=31)  # a birthday told later than that counts next year
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """When the balance expires; ``since`` is the last activity, which its key derives from."""

    since: datetime
    at: datetime
    warn_at: datetime | None
    warned: bool


@value_class
class Gift:
    """Points of the calendar that are due at ``at``."""

    key: str
    at: datetime
    reason: str
    points: int


def stamp(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def warning_key(customer: Customer, since: datetime) -> str:
    """The key of the warning that points expire for want of activity since then."""
    return f"warned:{customer.id}:{stamp(since)}"


def expiring(
    loyalty: Loyalty,
    ledger: Ledger,
    customer: Customer,
    books: Books,
    zone: ZoneInfo,
) -> Expiring | None:
    """When the balance expires by inactivity; None when there is nothing to expire, or no rule.

    Where a warning was given, the moment that it named holds: nobody loses points unwarned.
    """
    rule, since = loyalty.expire, ledger.since
    if rule is None or since is None or ledger.balance <= 0:
        return None
    at = add(since, rule.after, zone)
    if rule.warn is None:
        return Expiring(since=since, at=at, warn_at=None, warned=False)
    warned = books.get((BOOK, warning_key(customer, since)))
    if warned is not None:
        at = datetime.fromisoformat(warned.data["until"])
        return Expiring(since=since, at=at, warn_at=None, warned=True)
    before = Duration(days=-rule.warn.days, seconds=-rule.warn.seconds)
    return Expiring(since=since, at=at, warn_at=add(at, before, zone), warned=False)


def gifts(
    loyalty: Loyalty, customer: Customer, opened: datetime, now: datetime, zone: ZoneInfo
) -> Iterator[Gift]:
    """Birthdays and anniversaries of the first order, the last and the next of each."""
    first = customer.first_order_at
    days = (
        ("birthday", loyalty.birthday, customer.birthday),
        ("anniversary", loyalty.anniversary, first.astimezone(zone).date() if first else None),
    )
    today = now.astimezone(zone).date()
    for reason, points, day in days:
        if not points or day is None:
            continue
        for year in (today.year - 1, today.year, today.year + 1):
            at = resolve_local(_in_year(day, year), time(0), zone)
            if year > day.year and at > opened and at > now - _LATE:
                yield Gift(key=f"{reason}:{year}", at=at, reason=reason, points=points)


def page(
    loyalty: Loyalty,
    ledger: Ledger,
    standing: Standing,
    expires: Expiring | None,
    now: datetime,
    zone: ZoneInfo,
) -> dict[str, Any]:
    """What conditions and templates read of the account."""
    tier = standing.tier
    rank = -1 if tier is None else loyalty.tiers.index(tier)
    following = loyalty.tiers[rank + 1] if rank + 1 < len(loyalty.tiers) else None
    lacking = None if following is None else missing(following, ledger.scores, now, zone)
    by_points = following is not None and following.points is not None
    return {
        "balance": ledger.balance if loyalty.allow_negative else max(0, ledger.balance),
        "pending": ledger.pending,
        "debt": ledger.debt,
        "tier": None if tier is None else tier.id,
        "tier_name": None if tier is None else tier.name,
        "next_tier": None if following is None else following.id,
        "next_tier_name": None if following is None else following.name,
        "missing_points": int(lacking) if lacking is not None and by_points else None,
        "missing_spend": str(lacking) if lacking is not None and not by_points else None,
        "expires_at": None if expires is None else expires.at.isoformat(),
    }


def _in_year(day: date, year: int) -> date:
    """The day's date in a year; the 28th of February for the 29th where there is none."""
    try:
        return day.replace(year=year)
    except ValueError:
        return day.replace(year=year, day=28)
