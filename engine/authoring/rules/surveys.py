"""Surveys that cannot be answered as they are asked, or that are no order's affair.

``survey-without-link``, ``survey-scale-untold``, ``survey-outlives-link``,
``survey-transactional``, and ``template-variable`` for what only a survey's message has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from config.diagnostics import Diagnostic, Severity
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.authoring.layout import Placed
from engine.authoring.step_fields import SurveyFields
from engine.authoring.step_specs import AskSurveyStep
from engine.core.survey import ANSWERABLE, SCALES
from engine.ports.rendering import TemplateInfo, Templates

_LINKS: Final = frozenset({"survey.url", "survey.scores", "survey.scores.url"})
_SCALE: Final = frozenset({"survey.highest", "survey.scores", "survey.scores.score", "survey.url"})


def check(draft: Draft, templates: Templates) -> Iterator[Diagnostic]:
    """Every survey of the campaign, and templates that take another message for one."""
    for step in draft.steps:
        contact = contact_of(step.spec)
        info = templates.info(contact.template) if contact is not None else None
        if isinstance(step.spec, AskSurveyStep):
            yield from _survey(draft, step, step.spec.ask_survey, info)
        elif info is not None:
            yield from _taken_for_one(draft, step, info)


def _survey(
    draft: Draft, step: Placed, ask: SurveyFields, info: TemplateInfo | None
) -> Iterator[Diagnostic]:
    path = (*step.verb_path, "template")
    reads = frozenset() if info is None else info.variables.keys()
    lowest, highest = SCALES[ask.kind][0], SCALES[ask.kind][-1]
    if info is not None and ask.channel == "email" and not reads & _LINKS:
        yield draft.problem(
            "survey-without-link",
            path,
            f'the template "{info.name}" has no link with which to answer',
            severity=Severity.WARNING,
            expected="the links of survey.scores, or survey.url",
        )
    if info is not None and ask.channel == "sms" and not reads & _SCALE:
        for locale, text in info.texts.items():
            if not (_says(text, lowest) and _says(text, highest)):
                yield draft.problem(
                    "survey-scale-untold",
                    path,
                    f'the text of "{info.name}" ({locale}) does not say that {lowest} to {highest} '
                    "can be answered",
                    severity=Severity.WARNING,
                    expected=f"both numbers: {lowest} and {highest}",
                )
                break
    if ask.timeout.nominal_seconds > ANSWERABLE.total_seconds():
        yield draft.problem(
            "survey-outlives-link",
            (*step.verb_path, "timeout"),
            f"this waits for {ask.timeout}, and the links work for {ANSWERABLE.days}d",
            severity=Severity.WARNING,
            expected=f"at most {ANSWERABLE.days}d",
        )
    if draft.spec.purpose == "transactional":
        yield draft.problem(
            "survey-transactional",
            step.verb_path,
            "a survey is advertising (in Germany by BGH VI ZR 225/17) and needs consent",
            key=True,
            severity=Severity.WARNING,
            expected="purpose: marketing",
        )


def _taken_for_one(draft: Draft, step: Placed, info: TemplateInfo) -> Iterator[Diagnostic]:
    names = [name for name in info.variables if name.startswith("survey.")]
    if names and "survey" not in info.variables:
        path = (*step.verb_path, "template")
        yield draft.problem(
            "template-variable",
            path if draft.document.has(path) else step.verb_path,
            f'the template "{info.name}" reads {names[0]}, which only ask_survey has',
            expected="ask_survey, or a template that asks nothing",
        )


def _says(text: str, number: int) -> bool:
    return re.search(rf"(?<![\w.]){number}(?!\w)", text) is not None
