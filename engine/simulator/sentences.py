"""What a report says in whole sentences, in the terminal and on its page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Any, Final

from config.currencies import least, written
from engine.core.reasons import ended

NAMES: Final = {"email": "emails", "sms": "SMS", "voice": "calls"}
_WORTH_TELLING: Final = 60  # seconds that a message has to wait
_SPANS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def day(value: date | str) -> str:
    """A day as people write it, ``3 Mar 2026``."""
    told = date.fromisoformat(value) if isinstance(value, str) else value
    return f"{told.day} {told:%b %Y}"


def money(amount: str, report: Mapping[str, Any]) -> str:
    """An amount in the shop's currency."""
    exact, currency = Decimal(amount), report["history"]["currency"]
    unit = least(currency)
    return f"less than {unit} {currency}" if 0 < exact < unit else written(exact, currency)


def goal_told(campaign: Mapping[str, Any]) -> str:
    """How many reached a campaign's goal, beside those who were held out of it for comparison."""
    if campaign["goal"] is None:
        return ""
    reached, other = campaign["goals"], campaign["held_out_goal_rate"]
    told = f"{reached:,} ({campaign['goal_rate'] or 0:.1%})"
    return told if other is None else f"{told}, without the campaign {other:.1%}"


def pressure_told(pressure: Mapping[str, Any]) -> str | None:
    """How many messages customers get; None when nobody gets one."""
    counts = {row["messages"]: row["customers"] for row in pressure["customers_by_messages"]}
    counts.pop(0, None)
    reached = sum(counts.values())
    if not reached:
        return None
    total = sum(messages * customers for messages, customers in counts.items())
    peaks = {row["messages"]: row["customers"] for row in pressure["customers_by_loudest_week"]}
    loudest = max(peaks)
    if reached == 1:
        many = "one message" if total == 1 else f"{total:,} messages, {loudest} within one week"
        return f"One customer would get {many}."
    whose = f"{peaks[loudest]:,} customers" if peaks[loudest] > 1 else "one customer"
    return (
        f"{reached:,} customers would get {total / reached:.1f} messages each on average: half of "
        f"them {_at_most(counts, 0.5)} at most, nine of ten {_at_most(counts, 0.9)} at most, and "
        f"nobody more than {max(counts)}. Within one week {whose} would get {loudest}, the most."
    )


def prices_told(report: Mapping[str, Any]) -> str:
    """What sending costs, or that nobody has told."""
    if Decimal(report["messages"]["cost"]):
        return f"Sending costs {money(report['messages']['cost'], report)}."
    return "What a message costs was not told; a behaviour file can say it."


def recorded_told(report: Mapping[str, Any]) -> str:
    """How much of what customers do with messages is known; nothing when none of it is."""
    told = report["recorded"]
    if not told["replayed"] and not told["left_out"]:
        return ""
    return (
        f"What customers do with messages: {told['replayed']:,} times as they really did, "
        f"{told['modelled']:,} times drawn; {told['left_out']:,} things that they really did are "
        "left out, for those messages do not go out here."
    )


def _at_most(counts: Mapping[int, int], share: float) -> int:
    """The least number of messages that such a share of customers does not exceed."""
    left = share * sum(counts.values())
    for messages in sorted(counts):
        left -= counts[messages]
        if left <= 0:
            return messages
    return max(counts)


def stopped_told(row: Mapping[str, Any], name: str, zone: tzinfo) -> str:
    """That a campaign runs into its own brake, and when."""
    at = datetime.fromisoformat(row["at"]).astimezone(zone)
    why = ended(row["reason"])
    return f"{name} would stop itself on {day(at.date())} at {at:%H:%M}: {why}."


def sender_told(row: Mapping[str, Any], zone: tzinfo) -> str | None:
    """How long one sender's messages wait for its rate limit; None when hardly at all."""
    if row["longest_wait"] < _WORTH_TELLING:
        return None
    what = NAMES.get(row["channel"], row["channel"])
    since, until = (
        datetime.fromisoformat(row[key]).astimezone(zone) for key in ("queue_since", "queue_until")
    )
    end = f"{until:%H:%M}" if since.date() == until.date() else f"{day(until)} {until:%H:%M}"
    return (
        f"From {day(since)} at {since:%H:%M} on {row['queue']:,} {what} of {row['sender']} would "
        f"stand in line: at {row['rate']} the last would leave at {end}, and none wait longer than "
        f"{span(row['longest_wait'])}. In all {row['waited']:,} of {row['messages']:,} would wait."
    )


def pool_told(row: Mapping[str, Any], zone: tzinfo) -> str:
    """How far a pool of coupon codes goes."""
    name, given, size = row["pool"], row["given"], row["size"]
    if size is None:
        return f"Pool {name}: {given:,} codes would be needed; how many it has is not known."
    if row["dry_at"] is None:
        return f"Pool {name}: {given:,} of {size:,} codes would be used, {row['left']:,} be left."
    at = datetime.fromisoformat(row["dry_at"]).astimezone(zone)
    return (
        f"Pool {name}: its {size:,} codes are used up on {day(at)} at {at:%H:%M}; "
        f"{row['without']:,} more would be needed, and who is due one goes on without."
    )


def span(seconds: float) -> str:
    """A length of time in its two largest units."""
    left, parts = round(seconds), list[str]()
    for length, unit in _SPANS:
        count, left = divmod(left, length)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(each for each in parts if each) or "0 s"
