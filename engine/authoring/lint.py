"""Runs the rules of ``engine.authoring.rules`` over campaigns that could be read."""

from __future__ import annotations

from collections.abc import Sequence

from config.diagnostics import Diagnostic
from engine.authoring.compile import Draft
from engine.authoring.rules import (
    asking_everyone,
    constants,
    coupons,
    doubled_asks,
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
    transactional,
)
from engine.ports.rendering import Templates

_ALONE = (
    asking_everyone.check,
    asking_everyone.promises,
    constants.check,
    entering.check,
    exits.check,
    identity.check,
    reachability.check,
    referrals.check,
    timing.check,
)
_WITH_TEMPLATES = (
    coupons.check,
    gifts.check,
    surveys.check,
    templates.check,
    transactional.check,
)


def lint(draft: Draft, known_templates: Templates | None) -> tuple[Diagnostic, ...]:
    """What is wrong with one campaign beyond what keeps it from compiling.

    Without templates, what is wrong with those that it names is left out.
    """
    found = [problem for rule in _ALONE for problem in rule(draft)]
    if known_templates is not None:
        found += [one for rule in _WITH_TEMPLATES for one in rule(draft, known_templates)]
    return tuple(found)


def lint_together(drafts: Sequence[Draft]) -> tuple[Diagnostic, ...]:
    """What is wrong with campaigns as a whole."""
    return (*emit_cycles.check(drafts), *doubled_asks.check(drafts))
