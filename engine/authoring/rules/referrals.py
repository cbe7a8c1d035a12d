"""Invitations among messages about an order; programs that there are not; rewards of programs.

``referral-in-transactional``, ``unknown-referral-program``, ``unkept-reward``, ``reward-twice``.

To ask somebody to bring customers is advertising, whatever else the message is about: 16 CFR 316.3
(the primary purpose of a message under CAN-SPAM), Directive 2002/58/EC, article 13. It needs a
consent, which only ``purpose: marketing`` asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity, nearest
from config.policy import Policy
from engine.authoring.compile import Draft
from engine.authoring.layout import Placed
from engine.authoring.step_specs import AskReferralStep, AwardPointsStep, IssueCouponStep


def check(draft: Draft) -> Iterator[Diagnostic]:
    """One error for each invitation in a transactional campaign."""
    if draft.spec.purpose != "transactional":
        return
    for step in draft.steps:
        if step.verb == "ask_referral":
            yield draft.problem(
                "referral-in-transactional",
                step.verb_path,
                "an invitation to bring friends is advertising and needs consent "
                "(CAN-SPAM, 16 CFR 316.3; Directive 2002/58/EC, art. 13)",
                key=True,
                expected="purpose: marketing",
            )


def programs(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    """What is wrong with how a campaign uses the referral programs of this policy."""
    for step in draft.steps:
        if isinstance(step.spec, AskReferralStep):
            yield from _program(draft, step, step.spec.ask_referral.program, policy)
        elif draft.knowledge.event == "referral.converted":
            yield from _twice(draft, step, policy)


def _program(draft: Draft, step: Placed, name: str, policy: Policy) -> Iterator[Diagnostic]:
    path = (*step.verb_path, "program")
    program = policy.referrals.get(name)
    if program is None:
        known = ", ".join(policy.referrals)
        yield draft.problem(
            "unknown-referral-program",
            path,
            f'config/store.yaml has no referral program "{name}"',
            expected=f"one of {known}" if known else "referrals: in config/store.yaml",
            suggestion=nearest(name, policy.referrals),
        )
    elif program.reward.points is not None and policy.loyalty is None:
        yield draft.problem(
            "unkept-reward",
            path,
            f"{name} promises {program.reward.points} points, and nobody gives them: "
            "config/store.yaml has no loyalty program",
            severity=Severity.WARNING,
            expected="loyalty: in config/store.yaml, or reward: offer:",
        )


def _twice(draft: Draft, step: Placed, policy: Policy) -> Iterator[Diagnostic]:
    """The reward is the program's to give; a campaign that starts from it only tells of it."""
    rewards = [program.reward for program in policy.referrals.values()]
    points = isinstance(step.spec, AwardPointsStep) and any(one.points for one in rewards)
    coupon = isinstance(step.spec, IssueCouponStep) and any(one.offer for one in rewards)
    if points or coupon:
        yield draft.problem(
            "reward-twice",
            step.verb_path,
            "the referral program has given its reward already, and this comes on top",
            key=True,
            severity=Severity.WARNING,
            expected="no such step; the event tells what was given",
        )
