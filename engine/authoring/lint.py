"""Runs the rules of ``engine.authoring.rules`` over campaigns that could be read."""

from __future__ import annotations

from collections.abc import Sequence

from config.diagnostics import Diagnostic
from engine.authoring.compile import Draft
from engine.authoring.rules import (
    constants,
    coupons,
    emit_cycles,
    entering,
    exits,
    gifts,
    identity,
    reachability,
    referrals,
    surveys,
    templates,
    timing,
)
from engine.ports.rendering import Templates

_ALONE = (
    constants.check,
    entering.check,
    exits.check,
    identity.check,
    reachability.check,
    referrals.check,
    timing.check,
)


def lint(draft: Draft, known_templates: Templates) -> tuple[Diagnostic, ...]:
    """What is wrong with one campaign beyond what keeps it from compiling."""
    found = [problem for rule in _ALONE for problem in rule(draft)]
    found += gifts.check(draft, known_templates)
    found += surveys.check(draft, known_templates)
    found += coupons.check(draft, known_templates)
    return (*found, *templates.check(draft, known_templates))


def lint_together(drafts: Sequence[Draft]) -> tuple[Diagnostic, ...]:
    """What is wrong with campaigns as a whole."""
    return tuple(emit_cycles.check(drafts))
