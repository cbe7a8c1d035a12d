"""The page of an account: what the ledger adds up to today, and when to look again.

The page is the one record of the book that is written anew; conditions and templates read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
from engine.core.world import World
from engine.programs.loyalty_ledger import Ledger, LedgerReader, Line
from engine.programs.loyalty_tiers import Standing, standing

_FEW: Final = 8  # records that are soon read again
_LATE: Final = timedelta(days=31)  # a birthday told later than that counts next year
_LONG_AGO: Final = _LATE + timedelta(days=2)  # whatever the clock shows
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@value_class
class Expiring:
    """When the balance expires; ``since`` is the last activity, which its key derives from.

    ``warn_at`` is None when there was a warning, or none is to be.
    """

    since: datetime
    at: datetime
    warn_at: datetime | None

    def is_due(self, now: datetime) -> bool:
        """Whether it is time to warn, or to expire."""
        return (self.at if self.warn_at is None else self.warn_at) <= now


@value_class
class Gift:
    """Points of the calendar that are due at ``at``."""

    key: str
    at: datetime
    reason: str
    points: int


class Reading:
    """What was found out of an account before and still holds; it decides nothing.

    It is kept with the books where reading all anew takes longer than its room is worth.
    """

    __slots__ = (
        "_birthday", "_expires_at", "_first_order", "_gift_at", "_gifts_since", "_held_since",
        "_loyalty", "_opened", "_since", "_stands", "_stood_at", "_warn_at", "_zone", "reader",
    )  # fmt: skip

    def __init__(self, loyalty: Loyalty, zone: ZoneInfo) -> None:
        self.reader = LedgerReader()
        self._loyalty, self._zone = loyalty, zone
        self._gifts_since: datetime | None = None
        self._gift_at: datetime | None = None
        self._birthday: date | None = None
        self._first_order: datetime | None = None
        self._opened: datetime | None = None
        self._since: datetime | None = None
        self._held_since: datetime | None = None
        self._expires_at: datetime | None = None
        self._warn_at: datetime | None = None
        self._stands: Standing | None = None
        self._stood_at: datetime | None = None

    @classmethod
    def of(cls, world: World, loyalty: Loyalty, zone: ZoneInfo) -> Reading:
        """What is kept with a customer's books, as far as it was found by the same policy."""
        found = world.books.reading(BOOK)
        if isinstance(found, cls) and found._loyalty is loyalty and found._zone is zone:
            return found
        return cls(loyalty, zone)

    @property
    def count(self) -> int:
        """The records that were read."""
        return self.reader.count

    @property
    def ledger(self) -> Ledger:
        """What the entries that were read add up to."""
        return self.reader.ledger

    def read(self, books: Books, lines: list[Line] | None = None) -> None:
        """Read what has been entered; see ``LedgerReader.read``."""
        reader = self.reader
        ledger = reader.ledger
        tiers, scores = ledger.tiers, ledger.scores
        scored = 0 if scores is None else len(scores.at)
        reader.read(books, lines)
        if (
            reader.ledger is not ledger
            or ledger.tiers is not tiers
            or ledger.scores is not scores
            or (scores is not None and len(scores.at) != scored)
        ):
            self._stands = None
        if reader.count > _FEW:
            books.keep_reading(BOOK, self)
        elif books.reading(BOOK) is not None:
            books.keep_reading(BOOK, None)

    def standing(self, now: datetime) -> Standing:
        """Where the customer stands now; see ``engine.programs.loyalty_tiers.standing``."""
        found, at = self._stands, self._stood_at
        if (
            found is None
            or at is None
            or now < at
            or (found.review_at is not None and found.review_at <= now)
        ):
            found = standing(self._loyalty.tiers, self.reader.ledger, now, self._zone)
            self._stands, self._stood_at = (found, now) if found.change is None else (None, None)
        return found

    def gifts(
        self, customer: Customer, opened: datetime, now: datetime
    ) -> tuple[Sequence[Gift], datetime | None]:
        """The gifts of the calendar that are due, and when the next one will be.

        What was due when this was asked before is entered by now, and left out.
        """
        since, following = self._gifts_since, self._gift_at
        if (
            since is not None
            and since <= now
            and (following is None or now < following)
            and opened == self._opened
            and customer.first_order_at == self._first_order
            and customer.birthday == self._birthday
        ):
            return (), following
        due: list[Gift] = []
        self._gift_at = None
        for gift in gifts(self._loyalty, customer, opened, now, self._zone):
            if gift.at <= now:
                due.append(gift)
            elif self._gift_at is None or gift.at < self._gift_at:
                self._gift_at = gift.at
        self._gifts_since, self._opened = now, opened
        self._first_order, self._birthday = customer.first_order_at, customer.birthday
        return due, self._gift_at

    def expiring(self, customer: Customer, books: Books) -> Expiring | None:
        """When the balance expires by inactivity; None when nothing does, or there is no rule.

        Where a warning was given, the moment that it named holds: nobody loses points unwarned.
        Without a rule to warn, points that were given too late for one end expire at the next.
        """
        rule, ledger = self._loyalty.expire, self.reader.ledger
        since, held = ledger.since, ledger.held_since
        if rule is None or since is None or held is None or ledger.balance <= 0:
            return None
        at = self._expires_at
        if at is None or since != self._since or held != self._held_since:
            at = add(since, rule.after, self._zone)
            if rule.warn is not None:
                before = Duration(days=-rule.warn.days, seconds=-rule.warn.seconds)
                self._warn_at = add(at, before, self._zone)
            else:
                while at < held:
                    at = add(at, rule.after, self._zone)
            self._since, self._held_since, self._expires_at = since, held, at
        if rule.warn is not None:
            warned = books.get((BOOK, warning_key(customer, since)))
            if warned is None:
                return Expiring(since=since, at=at, warn_at=self._warn_at)
            at = datetime.fromisoformat(warned.data["until"])
        return Expiring(since=since, at=at, warn_at=None)


def stamp(moment: datetime) -> int:
    """Microseconds since the epoch."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def warning_key(customer: Customer, since: datetime) -> str:
    """The key of the warning that points expire for want of activity since then."""
    return f"warned:{customer.id}:{stamp(since)}"


def gifts(
    loyalty: Loyalty, customer: Customer, opened: datetime, now: datetime, zone: ZoneInfo
) -> Iterator[Gift]:
    """Birthdays and anniversaries of the first order, the last and the next of each."""
    first = customer.first_order_at
    if not (loyalty.birthday and customer.birthday) and not (loyalty.anniversary and first):
        return
    days = []
    if loyalty.birthday and customer.birthday:
        days.append(("birthday", loyalty.birthday, customer.birthday))
    if loyalty.anniversary and first:
        days.append(("anniversary", loyalty.anniversary, first.astimezone(zone).date()))
    today = now.astimezone(zone).date()
    for reason, points, day in days:
        for year in (today.year - 1, today.year, today.year + 1):
            if year <= day.year:
                continue
            that_day = _in_year(day, year)
            if today - that_day > _LONG_AGO:
                continue
            at = resolve_local(that_day, time(0), zone)
            if at > opened and at > now - _LATE:
                yield Gift(key=f"{reason}:{year}", at=at, reason=reason, points=points)
            if at > now:
                break


def page(
    loyalty: Loyalty, ledger: Ledger, stands: Standing, expires: Expiring | None
) -> dict[str, Any]:
    """What conditions and templates read of the account."""
    tier, following, lacking = stands.tier, stands.following, stands.missing
    by_points = following is not None and following.points is not None
    balance = ledger.balance
    return {
        "balance": balance if balance >= 0 or loyalty.allow_negative else 0,
        "pending": ledger.pending,
        "debt": -balance if balance < 0 else 0,
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
