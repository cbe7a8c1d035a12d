"""Coupons: ``transactional-coupon``, ``unknown-coupon``, ``coupon-not-named``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity, nearest
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of, coupon_of
from engine.authoring.layout import Placed
from engine.authoring.step_specs import IssueCouponStep
from engine.ports.rendering import Templates


def check(draft: Draft, templates: Templates) -> Iterator[Diagnostic]:
    """What carries an offer is marketing, and names the step that gave the coupon it carries.

    A message that promotes is commercial whatever else it says: 16 CFR 316.3 (CAN-SPAM), and
    Directive 2002/58/EC, article 13 (ePrivacy).
    """
    issuing = {step.id for step in draft.steps if isinstance(step.spec, IssueCouponStep)}
    for step in draft.steps:
        if isinstance(step.spec, IssueCouponStep) and draft.spec.purpose == "transactional":
            yield draft.problem(
                "transactional-coupon",
                step.verb_path,
                "a coupon makes this campaign marketing (16 CFR 316.3; Directive 2002/58/EC, "
                "article 13), and it says transactional",
                key=True,
                expected="purpose: marketing",
            )
        yield from _named(draft, step, issuing)
        yield from _read(draft, step, issuing, templates)


def _named(draft: Draft, step: Placed, issuing: set[str]) -> Iterator[Diagnostic]:
    named = coupon_of(step.spec)
    if named is None:
        return
    path = (*step.verb_path, "coupon")
    before = issuing & step.before
    if named not in issuing:
        yield draft.problem(
            "unknown-coupon",
            path,
            f'no step "{named}" gives a coupon',
            expected=f"one of {', '.join(sorted(before))}" if before else "an issue_coupon step",
            suggestion=nearest(named, before),
        )
    elif named not in step.before:
        yield draft.problem(
            "unknown-coupon",
            path,
            f"the step {named} gives its coupon only after this message",
            expected=f"{named} before this step",
        )


def _read(
    draft: Draft, step: Placed, issuing: set[str], templates: Templates
) -> Iterator[Diagnostic]:
    """A template that tells a code, sent also to those who got none."""
    contact = contact_of(step.spec)
    info = None if contact is None else templates.info(contact.template)
    if contact is None or info is None:
        return
    condition = step.spec.if_ or ""
    for name in info.step_names:
        root, _, value = name.partition(".")
        told = root in issuing and value == "code"
        if told and coupon_of(step.spec) != root and f"{root}.issued" not in condition:
            yield draft.problem(
                "coupon-not-named",
                step.verb_path,
                f'the template "{contact.template}" tells {name}, and is sent without one too',
                key=True,
                severity=Severity.WARNING,
                expected=f"coupon: {root}",
            )
