"""Bounds that a change must keep: ``sends > +5%`` fails when 5 % more is sent than before.

``FIGURE OP AMOUNT``. An amount with a sign or a percent sign is about the change, one without is
about what the new version does: ``pressure.p99 > 6``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Final

from config.diagnostics import nearest
from engine.simulator.behaviour import cost_of
from engine.simulator.comparison import percentile
from engine.simulator.report import CHANNELS
from engine.simulator.witness import Account

_OPS: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    ">": gt, ">=": ge, "<": lt, "<=": le
}  # fmt: skip
_GRAMMAR: Final = re.compile(r"\s*([a-z][\w.-]*)\s*([<>]=?)\s*([+-]?)(\d+(?:\.\d+)?)\s*(%?)\s*")
_PARTS: Final = ("p50", "p90", "p95", "p99", "max")
_EXAMPLE: Final = "write FIGURE OP AMOUNT, as in sends > +5%"


class WrongThreshold(ValueError):
    """A threshold that cannot be understood; ``str`` tells why, and what is meant perhaps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One bound. ``amount`` is a share of the former value when ``percent``."""

    text: str
    figure: str
    op: str
    amount: Decimal
    change: bool
    percent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A bound, the values that it is about, and whether it is crossed."""

    threshold: Threshold
    before: Decimal
    after: Decimal
    failed: bool


def read_threshold(text: str, campaigns: Collection[str]) -> Threshold:
    """What is meant by ``text``; ``campaigns`` are those that either version has.

    Raises ``WrongThreshold``.
    """
    found = _GRAMMAR.fullmatch(text)
    if found is None:
        raise WrongThreshold(f"{text!r}: {_EXAMPLE}")
    figure, op, sign, amount, percent = found.groups()
    known = [
        "sends", "cost", "withheld",
        *(f"pressure.{each}" for each in _PARTS),
        *(f"sends.{each}" for each in (*CHANNELS, *sorted(campaigns))),
        *(f"withheld.{each}" for each in sorted(campaigns)),
    ]  # fmt: skip
    if figure not in known:
        near = nearest(figure, known)
        hint = f"; did you mean {near}?" if near else f"; there are {', '.join(known[:8])}, …"
        raise WrongThreshold(f"{text!r}: there is no figure {figure}{hint}")
    return Threshold(
        text=text.strip(),
        figure=figure,
        op=op,
        amount=Decimal(f"{sign}{amount}"),
        change=bool(sign or percent),
        percent=bool(percent),
    )


def judge(threshold: Threshold, before: Account, after: Account) -> Judged:
    """Whether the new version crosses a bound.

    Of what was nothing before, any growth is more than every percentage.
    """
    former, now = figure_of(threshold.figure, before), figure_of(threshold.figure, after)
    value = now - former if threshold.change else now
    if threshold.percent:
        if former:
            value = value * 100 / former
        elif value:
            value = Decimal("Infinity").copy_sign(value)
    crossed = _OPS[threshold.op](value, threshold.amount)
    return Judged(threshold=threshold, before=former, after=now, failed=crossed)


def figure_of(figure: str, account: Account) -> Decimal:
    """The value of one figure; ``cost`` in the shop's currency."""
    name, _, part = figure.partition(".")
    match name:
        case "cost":
            return cost_of(account.cost)
        case "pressure":
            return Decimal(percentile(account.pressure, 100 if part == "max" else int(part[1:])))
        case "withheld":
            return Decimal(sum(not part or each.campaign == part for each in account.withheld))
        case _:
            return Decimal(
                sum(
                    not part or part in (key.campaign, went.channel)
                    for key, went in account.went.items()
                )
            )
