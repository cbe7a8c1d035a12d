"""Reviews that are asked only of those who will praise: ``review-gating``, ``bought-review``.

What these rest on:

- 16 CFR 255.2(d), FTC Endorsement Guides (2023): who procures or organises reviews must not distort
  what consumers think of a product; asking only the satisfied does.
- Directive 2005/29/EC, Annex I, points 23b and 23c (as of 2019/2161): reviews that are not those of
  the consumers who bought, and misrepresented ones.
- Google, Maps user-generated content policy, "Fake engagement": no selective soliciting of positive
  reviews.
- 16 CFR 465.4, FTC rule on consumer reviews (2024): no incentive on condition of a sentiment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from config.diagnostics import Diagnostic, Severity
from config.yaml_source import Path
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.authoring.layout import Placed
from engine.authoring.step_specs import BranchStep, ElseSpec
from engine.core.expression import Condition

GATING_RULES: Final = (
    "16 CFR 255.2(d) (FTC), Directive 2005/29/EC Annex I 23b and 23c, Google's review policy"
)
BUYING_RULES: Final = "16 CFR 465.4 (FTC)"

_REWARDS: Final = frozenset({"issue_coupon", "award_points"})
_GIVES: Final = re.compile(r"coupon|voucher|discount|reward|gift_card")
_OPINION: Final = re.compile(r"(?:^|[._])(?:nps|csat|ces|score|rating|satisfaction|sentiment)$")
_REVIEWS: Final = re.compile(r"review|testimonial|trustpilot")
_MENTION: Final = re.compile(r"[A-Za-z_][\w.]*")


def check(draft: Draft) -> Iterator[Diagnostic]:
    """One error for each request behind an opinion, one problem for each reward of a good one."""
    entrance = list(_entrance(draft))
    yield from _block(draft, draft.top, entrance)


def asks_for_reviews(step: Placed) -> bool:
    """Whether the step asks for reviews: by its verb, or by a template of that name."""
    contact = contact_of(step.spec)
    named = contact is not None and _REVIEWS.search(contact.template) is not None
    return step.verb == "ask_review" or (step.verb.startswith("send_") and named)


def _rewards(step: Placed) -> bool:
    """Whether the step gives something: by its verb, or by a template of that name."""
    contact = contact_of(step.spec)
    return step.verb in _REWARDS or (
        contact is not None and _GIVES.search(contact.template) is not None
    )


def opinions(draft: Draft, condition: Condition) -> list[str]:
    """What of a condition is the customer's opinion: a score, a rating, tags of that name."""
    names = {name for name in condition.names if _is_opinion(draft, name)}
    for step in draft.steps:
        if step.verb == "wait_for" and condition.names & {f"{step.id}.happened",
                                                          f"{step.id}.timed_out"}:  # fmt: skip
            for word in ("if", "until"):
                awaited = draft.conditions.get((*step.verb_path, word))
                if awaited is not None:
                    names.update(opinions(draft, awaited))
    if "customer.tags" in condition.names:
        words = (word.lower() for word in _MENTION.findall(condition.source))
        names.update("customer.tags" for word in words if word in _TAGS)
    return sorted(names)


_TAGS: Final = frozenset(
    {"promoter", "promoters", "happy", "satisfied", "detractor", "detractors", "unhappy"}
)


def _is_opinion(draft: Draft, name: str) -> bool:
    """An answer, not whether there is one; the event's own data count as well."""
    if _OPINION.search(name) is None:
        return False
    root = name.partition(".")[0]
    known = draft.knowledge.verbs.get(root)
    return known is None or known in ("ask_survey", "ask_review", "place_call", "wait_for")


def _entrance(draft: Draft) -> Iterator[tuple[Path, Condition]]:
    for path in (("trigger", "filter"), ("trigger", "segment"), ("profile_filter",)):
        condition = draft.conditions.get(path)
        if condition is not None:
            yield path, condition
    for number in range(len(draft.spec.exit_on or ())):
        ending: Path = ("exit_on", number, "if")
        if (condition := draft.conditions.get(ending)) is not None:
            yield ending, condition


def _block(
    draft: Draft, steps: Iterable[Placed], above: list[tuple[Path, Condition]]
) -> Iterator[Diagnostic]:
    """The steps of one list; ``above`` are the conditions that lead here."""
    here = list(above)
    for step in steps:
        own = draft.conditions.get((*step.path, "if"))
        leading = [*here, ((*step.path, "if"), own)] if own is not None else here
        if asks_for_reviews(step):
            yield from _gated(draft, step, leading)
        if _rewards(step):
            yield from _bought(draft, step, leading)
        if isinstance(step.spec, BranchStep):
            yield from _branch(draft, step, step.spec, leading)
            here += _ended_in(draft, step, step.spec)
        else:
            for block in step.blocks:
                yield from _block(draft, block.steps, leading)
        if step.verb == "exit" and own is not None:
            here.append(((*step.path, "if"), own))  # whoever it is met for never comes further


def _branch(
    draft: Draft, step: Placed, spec: BranchStep, leading: list[tuple[Path, Condition]]
) -> Iterator[Diagnostic]:
    """Whoever fails an arm's condition falls into the next: all arms above lead into an arm.

    Arms that all ask are no gate, whatever their conditions say.
    """
    whole = isinstance(spec.branch[-1], ElseSpec)
    asked = [any(_asks_within(one) for one in block.steps) for block in step.blocks]
    everybody = whole and all(asked)
    passed = list(leading)
    for number, (arm, block) in enumerate(zip(spec.branch, step.blocks, strict=True)):
        path: Path = (*step.verb_path, number, "if")
        own = draft.conditions.get(path) if not isinstance(arm, ElseSpec) else None
        if own is not None:
            passed.append((path, own))
        yield from _block(draft, block.steps, leading if everybody else passed)


def _ended_in(draft: Draft, step: Placed, spec: BranchStep) -> Iterator[tuple[Path, Condition]]:
    """The conditions of arms up to the last that ends the journey: who meets them is gone."""
    found: list[tuple[Path, Condition]] = []
    last = 0
    for number, (arm, block) in enumerate(zip(spec.branch, step.blocks, strict=True)):
        path: Path = (*step.verb_path, number, "if")
        own = draft.conditions.get(path) if not isinstance(arm, ElseSpec) else None
        if own is not None:
            found.append((path, own))
        if any(one.verb == "exit" and one.spec.if_ is None for one in block.steps):
            last = len(found)
    yield from found[:last]


def _asks_within(step: Placed) -> bool:
    inner = (one for block in step.blocks for one in block.steps)
    return asks_for_reviews(step) or any(_asks_within(one) for one in inner)


def _gated(
    draft: Draft, step: Placed, leading: list[tuple[Path, Condition]]
) -> Iterator[Diagnostic]:
    for path, condition in leading:
        names = opinions(draft, condition)
        if not names:
            continue
        line = draft.document.position(path).line
        yield draft.problem(
            "review-gating",
            step.verb_path,
            "this asks for reviews only those whose opinion is right "
            f"({', '.join(names)}, line {line}): review gating",
            key=True,
            expected=f"a request to everybody alike, whatever they think; see {GATING_RULES}",
        )
        return


def _bought(
    draft: Draft, step: Placed, leading: list[tuple[Path, Condition]]
) -> Iterator[Diagnostic]:
    """A reward that depends on what a review says."""
    about_review = draft.knowledge.event == "review.submitted"
    for path, condition in leading:
        names = [
            name
            for name in condition.names
            if name.endswith(".rating")
            and (about_review or draft.knowledge.verbs.get(name.partition(".")[0]) == "ask_review")
        ]
        if not names:
            continue
        line = draft.document.position(path).line
        yield draft.problem(
            "bought-review",
            step.verb_path,
            f"this rewards a review for its stars ({', '.join(sorted(names))}, line {line})",
            key=True,
            expected=f"the same for every review, or none; see {BUYING_RULES}",
        )
        return


def promises(draft: Draft) -> Iterator[Diagnostic]:
    """A reward in a campaign that asks for reviews, before it asks or as its outcome."""
    asking = [step for step in draft.steps if asks_for_reviews(step)]
    if not asking:
        return
    for step in draft.steps:
        if _rewards(step):
            yield draft.problem(
                "rewarded-review",
                step.verb_path,
                "this rewards in a campaign that asks for reviews: "
                "the reward must not depend on what they say, and reviews must tell of it",
                key=True,
                severity=Severity.WARNING,
                expected=f"the same reward for every review, disclosed; see {BUYING_RULES}",
            )
