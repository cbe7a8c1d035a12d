"""What a report says in whole sentences, in the terminal and on its page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

_CHANNELS: Final = {"email": "emails", "sms": "SMS", "voice": "calls"}
_WORTH_TELLING: Final = 60  # seconds that a message has to wait
_SPANS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def sender_told(row: Mapping[str, Any], zone: tzinfo) -> str | None:
    """How long one sender's messages wait for its rate limit; None when hardly at all."""
    if row["longest_wait"] < _WORTH_TELLING:
        return None
    what = _CHANNELS.get(row["channel"], row["channel"])
    since, until = (
        datetime.fromisoformat(row[key]).astimezone(zone) for key in ("queue_since", "queue_until")
    )
    end = f"{until:%H:%M}" if since.date() == until.date() else f"{until:%d %b %H:%M}"
    return (
        f"From {since:%d %b %Y %H:%M} on {row['queue']:,} {what} of {row['sender']} had to wait: "
        f"at {row['rate']} the last would leave at {end}, after {span(row['longest_wait'])} at "
        f"most. In all {row['waited']:,} of {row['messages']:,} would wait."
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
        f"Pool {name}: its {size:,} codes are used up on {at:%d %b %Y at %H:%M}; "
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
