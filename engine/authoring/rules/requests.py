"""Requests for something: what must hold before, and what must end them.

``ask-without-refund-exit``, ``review-without-order``, ``asked-before-delivery``,
``reminder-without-stop``, ``review-without-link``, ``steered-review``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from config.diagnostics import Diagnostic, Severity
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.authoring.layout import Placed
from engine.authoring.rules.asking_everyone import asks_for_reviews
from engine.authoring.step_specs import WaitForStep
from engine.core.campaign import OrderExit
from engine.ports.rendering import Templates

_ASKS: Final = frozenset({"ask_survey", "ask_review", "ask_referral"})
_ASKING: Final = re.compile(r"review|rating|survey|nps|csat|satisfaction|referral|invite")
_REMINDS: Final = re.compile(r"remind")
_EARLY: Final = frozenset({"order.placed", "order.paid", "order.shipped"})


def check(draft: Draft, templates: Templates) -> Iterator[Diagnostic]:
    """The campaign's requests: its ``ask_`` steps, and messages whose templates say so."""
    asking = [step for step in draft.steps if _asks(step)]
    yield from _refunds(draft, asking)
    yield from _reminders(draft)
    reviews = [step for step in draft.steps if asks_for_reviews(step)]
    for step in reviews:
        yield from _review(draft, step, templates)
    if reviews and draft.knowledge.event in _EARLY and not _waits_for_delivery(draft, reviews[0]):
        yield draft.problem(
            "asked-before-delivery",
            reviews[0].verb_path,
            f"this asks for a review after {draft.knowledge.event}, "
            "whether or not the goods have arrived",
            key=True,
            severity=Severity.WARNING,
            expected="trigger: order.delivered, or a wait_for: {event: order.delivered} before it",
        )


def _asks(step: Placed) -> bool:
    contact = contact_of(step.spec)
    named = contact is not None and _ASKING.search(contact.template) is not None
    return step.verb in _ASKS or named


def _refunds(draft: Draft, asking: list[Placed]) -> Iterator[Diagnostic]:
    """Whoever got the money back is not asked how they like it.

    Marketing about an order that writes an ``exit_on`` is told by ``no-refund-exit`` already.
    """
    spec, key = draft.spec, draft.knowledge.key.partition(".")[0]
    if not asking or not draft.knowledge.has_order or key == "ticket":
        return
    by_itself = spec.purpose == "marketing" and key == "order"
    if by_itself and (spec.exit_on is None or spec.exit_on):
        return
    if any(match.event == OrderExit[0] for match in spec.exit_on or ()):
        return
    yield draft.problem(
        "ask-without-refund-exit",
        asking[0].verb_path,
        "this asks about an order, and a refund does not end the campaign",
        key=True,
        severity=Severity.WARNING,
        expected=f"exit_on: [{', '.join(OrderExit)}]",
    )


def _reminders(draft: Draft) -> Iterator[Diagnostic]:
    """A reminder that goes out although what it reminds of is done."""
    if any(not match.event.startswith("order.") for match in draft.spec.exit_on or ()):
        return
    for step in draft.steps:
        contact = contact_of(step.spec)
        if contact is None or not step.before or step.verb == "ask_review":
            continue
        again = any(
            each.verb == step.verb == "ask_survey"
            and each.id in step.before
            and each.spec.ask_survey.kind == step.spec.ask_survey.kind  # type: ignore[union-attr]
            for each in draft.steps
        )
        if not again and not _REMINDS.search(contact.template):
            continue
        if _is_conditional(draft, step):
            continue
        yield draft.problem(
            "reminder-without-stop",
            step.verb_path,
            "this reminds those too who have long done it",
            key=True,
            severity=Severity.WARNING,
            expected="an exit_on with the event that says so, or an if over the first request",
        )
        return


def _is_conditional(draft: Draft, step: Placed) -> bool:
    """Whether some condition on the way to the step, or a wait's outcome, asks earlier steps."""
    asked = {one.id for one in draft.steps if one.id in step.before}
    asked |= {"trigger", "order", "customer"}
    for path, condition in draft.conditions.items():
        of_step = path[:1] == ("steps",) and len(path) > 2
        leads = path[: len(path) - 1] == step.path or path[: len(step.path) - 2] == step.path[:-2]
        if of_step and leads and {name.partition(".")[0] for name in condition.names} & asked:
            return True
    return False


def _waits_for_delivery(draft: Draft, ask: Placed) -> bool:
    for step in draft.steps:
        if step.id in ask.before and isinstance(step.spec, WaitForStep):
            wait = step.spec.wait_for
            until = draft.conditions.get((*step.verb_path, "until"))
            if wait.event == "order.delivered" or (until and "delivered" in until.source):
                return True
    return any(
        "order.delivered" in condition.names or "order.days_since_delivery" in condition.names
        for path, condition in draft.conditions.items()
        if path[0] in ("steps", "profile_filter", "hold_while")
    )


def _review(draft: Draft, step: Placed, templates: Templates) -> Iterator[Diagnostic]:
    if step.verb == "ask_review" and not draft.knowledge.has_order:
        yield draft.problem(
            "review-without-order",
            step.verb_path,
            f"this campaign has no order to be reviewed, {draft.knowledge.trigger}",
            key=True,
            expected="a trigger that is about an order, such as order.delivered",
        )
    contact = contact_of(step.spec)
    info = templates.info(contact.template) if contact is not None else None
    if info is None:
        return
    path = (*step.verb_path, "template")
    path = path if draft.document.has(path) else step.verb_path
    reads = [name for name in info.variables if name.startswith("review.")]
    if step.verb == "ask_review" and not {"review.url", "review.products.review_url",
                                          "review.products.stars.url"} & set(reads):  # fmt: skip
        yield draft.problem(
            "review-without-link",
            path,
            f'the template "{info.name}" does not lead to where reviews are written',
            severity=Severity.WARNING,
            expected="review.url, or review.products with their review_url",
        )
    steered = [one for one in info.lacks if one.what == "neutrality"]
    if steered:
        yield draft.problem(
            "steered-review",
            path,
            f'the template "{info.name}" asks for a good review ({steered[0].part}, '
            f"{steered[0].locale})",
            severity=Severity.WARNING,
            expected="a request for an honest one; see 16 CFR 255.2(d) (FTC)",
        )
