"""Points and tiers: ``transactional-points``, ``unknown-tier``, ``points-for-points``,
``no-loyalty``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from config.diagnostics import Diagnostic, Severity, nearest
from config.loyalty import Loyalty
from engine.authoring.compile import Draft
from engine.authoring.step_specs import AwardPointsStep

_TEXT: Final = r"""\[[^\]]*\]|"[^"]*"|'[^']*'"""
_FIELD: Final = r"customer\.tier|trigger\.data\.(?:tier|previous)"
_COMPARED: Final = re.compile(
    rf"\b(?P<field>{_FIELD})\s*(?:==|!=|in)\s*(?P<after>{_TEXT})"
    rf"|(?P<before>{_TEXT})\s*(?:==|!=)\s*(?P<of>{_FIELD})\b"
)
_LITERAL: Final = re.compile(r"""["']([^"']*)["']""")
_FACTS: Final = frozenset(
    {"customer.points", "customer.points_pending", "customer.points_expiring_at", "customer.tier"}
)
_ANSWERS: Final = frozenset({"points.earned", "tier.reached"})


def check(draft: Draft, loyalty: Loyalty | None) -> Iterator[Diagnostic]:
    """What is wrong with how a campaign uses the loyalty program of this policy."""
    yield from _awards(draft)
    if loyalty is None:
        yield from _not_set_up(draft)
    else:
        yield from _unknown_tiers(draft, [tier.id for tier in loyalty.tiers])


def _awards(draft: Draft) -> Iterator[Diagnostic]:
    for step in draft.steps:
        if not isinstance(step.spec, AwardPointsStep):
            continue
        if draft.spec.purpose == "transactional":
            yield draft.problem(
                "transactional-points",
                step.verb_path,
                "a transactional campaign cannot give points: a reward is advertising, which needs "
                "consent (16 CFR 316.3; Directive 2002/58/EC, article 13)",
                key=True,
                expected="purpose: marketing",
            )
        if step.spec.award_points.per is not None and not draft.knowledge.has_order:
            yield draft.problem(
                "no-order",
                (*step.verb_path, "per"),
                f"these points are reckoned from an order, and there is none: "
                f"{draft.knowledge.trigger}",
                key=True,
                expected="points alone, or a trigger that carries an order",
            )
        if draft.knowledge.event in _ANSWERS:
            yield draft.problem(
                "points-for-points",
                step.verb_path,
                f"{draft.knowledge.event} follows from points, so these would bring about more",
                key=True,
                severity=Severity.WARNING,
                expected="another trigger, or no award_points",
            )


def _not_set_up(draft: Draft) -> Iterator[Diagnostic]:
    """One warning a campaign: without the program it runs, and nothing comes of it."""
    places = [
        (path, name)
        for path, condition in draft.conditions.items()
        for name in sorted(condition.names & _FACTS)
    ]
    steps = [one.verb_path for one in draft.steps if isinstance(one.spec, AwardPointsStep)]
    if not places and not steps:
        return
    path, what = (steps[0], "award_points") if steps else places[0]
    yield draft.problem(
        "no-loyalty",
        path,
        f"{what} comes to nothing: config/store.yaml has no loyalty program",
        key=bool(steps),
        severity=Severity.WARNING,
        expected="loyalty: in config/store.yaml",
    )


def _unknown_tiers(draft: Draft, tiers: list[str]) -> Iterator[Diagnostic]:
    for path, condition in draft.conditions.items():
        for found in _COMPARED.finditer(condition.source):
            field = found["field"] or found["of"]
            if field != "customer.tier" and draft.knowledge.event != "tier.reached":
                continue
            for tier in _LITERAL.findall(found["after"] or found["before"]):
                if tier not in tiers:
                    yield draft.problem(
                        "unknown-tier",
                        path,
                        f'config/store.yaml has no tier "{tier}"',
                        expected=f"one of {', '.join(tiers)}" if tiers else "tiers: under loyalty:",
                        suggestion=nearest(tier, tiers),
                    )
