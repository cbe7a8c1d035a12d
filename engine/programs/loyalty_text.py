"""The ledger of points in plain words; made when somebody reads it, and never stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from engine.programs.loyalty_ledger import Line

_REFUSED: Final[Mapping[str, str]] = {
    "no_such_reward": "the policy has no reward for {points} points",
    "not_enough_points": "the customer has not so many points as {points}",
    "no_points": "{points} is no number of points",
}
_TIERS: Final[Mapping[str, str]] = {
    "rose": "rose to the tier {tier}",
    "kept": "qualifies for the tier {tier} again",
    "grace": "no longer qualifies for the tier {tier}, and keeps it until {until}",
    "fell": "fell from the tier {from} to {lower}",
}
_TOLD: Final[Mapping[str, str]] = {
    "order": "order {order}",
    "refund": "refund {refund} of the order {order}",
    "void": "the order {order}: {reason}",
    "matured": "the order {order} can no longer be returned",
    "award": "{reason} (campaign {campaign})",
    "referral": "a friend who bought (program {program})",
    "gift": "{reason}",
    "expired": "expired, for nothing had happened for so long",
}


def told(line: Line) -> str:
    """What a line is for, in plain words."""
    data = dict(line.data)
    match line.kind:
        case "refused":
            return f"refused: {_REFUSED[data['reason']].format(**data)}"
        case "tier":
            return _TIERS[data["change"]].format(**data, lower=data.get("tier") or "none")
        case "action":
            limit = "" if line.points else f", over the limit of {data['at_most']}"
            return f"{data['event']}{limit}"
        case "redeemed":
            return f"reward {data['offer']}"
        case "adjusted":
            return "by a person" + (f": {data['note']}" if data["note"] else "")
        case _:
            return _TOLD[line.kind].format(**data)
