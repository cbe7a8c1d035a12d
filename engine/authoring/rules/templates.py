"""Templates: ``unknown-template``, ``template-lacks-channel``, ``template-variable``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Position, Severity, nearest
from config.yaml_source import Path
from engine.authoring.compile import Draft
from engine.authoring.contacts import needed_by
from engine.authoring.layout import Placed
from engine.ports.rendering import TemplateInfo, Templates


def check(draft: Draft, templates: Templates) -> Iterator[Diagnostic]:
    """Each message step's template exists, has its channel, and reads only what there is."""
    for step in draft.steps:
        needed = needed_by(step.spec)
        if needed is None:
            continue
        name, part = needed.template, needed.part
        path = (*step.verb_path, needed.key)
        path = path if draft.document.has(path) else step.verb_path
        info = templates.info(name)
        if info is None:
            yield draft.problem(
                "unknown-template",
                path,
                f'there is no template "{name}"',
                expected=f"a folder message_templates/{name}" if name.isidentifier() else None,
                suggestion=nearest(name, sorted(templates.names())),
            )
            continue
        faulty = any(one.severity is Severity.ERROR for one in info.diagnostics)
        if part not in info.channels and not faulty:
            wanted = "subject.txt and a body" if part == "email" else f"{part}.txt"
            yield draft.problem(
                "template-lacks-channel",
                path,
                f'the template "{name}" has no {part} part',
                expected=f"{wanted} in message_templates/{name}",
            )
        yield from _roots(draft, path, info)
        yield from _invitation(draft, step, path, info)
        yield from _review(draft, step, path, info)
        yield from _trigger_data(draft, path, info)
        yield from _step_values(draft, step, path, info)


def _roots(draft: Draft, path: Path, info: TemplateInfo) -> Iterator[Diagnostic]:
    """A template that reads ``order`` itself asks whether there is one, so it may go without."""
    has = {"order": draft.knowledge.has_order, "ticket": draft.knowledge.has_ticket}
    for root, there in has.items():
        names = [name for name in info.variables if name.startswith(f"{root}.")]
        if names and not there and root not in info.variables:
            reads = _reads(info.name, names, info.variables[names[0]])
            message = f"{reads}; this campaign has no {root}, {draft.knowledge.trigger}"
            yield draft.problem("template-variable", path, message)


def _invitation(draft: Draft, step: Placed, path: Path, info: TemplateInfo) -> Iterator[Diagnostic]:
    names = [name for name in info.variables if name.startswith("referral.")]
    if names and step.verb != "ask_referral":
        reads = _reads(info.name, names, info.variables[names[0]])
        message = f"{reads}, which only the message of an ask_referral has"
        yield draft.problem("template-variable", path, message, expected="ask_referral")


def _review(draft: Draft, step: Placed, path: Path, info: TemplateInfo) -> Iterator[Diagnostic]:
    """``review`` is there in an ``ask_review`` alone; a template that reads it itself may ask."""
    names = [name for name in info.variables if name.startswith("review.")]
    if names and step.verb != "ask_review" and "review" not in info.variables:
        reads = _reads(info.name, names, info.variables[names[0]])
        yield draft.problem(
            "template-variable",
            path,
            f"{reads}, which only an ask_review has",
            expected="ask_review in the place of " + step.verb,
        )


def _trigger_data(draft: Draft, path: Path, info: TemplateInfo) -> Iterator[Diagnostic]:
    vocabulary = draft.knowledge.vocabulary
    for name, at in info.variables.items():
        if not name.startswith("trigger.data.") or vocabulary.is_open(name):
            continue
        if ".".join(name.split(".")[:3]) not in vocabulary.fields:
            why = draft.knowledge.explain(name, None)
            yield draft.problem(
                "template-variable",
                path,
                f"{_reads(info.name, [name], at)}; "
                + (why.message.partition(": ")[2] if why else "there is no such value"),
                expected=why.expected if why else None,
                suggestion=why.suggestion if why else None,
            )


def _step_values(
    draft: Draft, step: Placed, path: Path, info: TemplateInfo
) -> Iterator[Diagnostic]:
    results = draft.knowledge.results
    for name, at in info.step_names.items():
        root = name.partition(".")[0]
        reads = _reads(info.name, [name], at)
        if root not in results:
            near = nearest(root, results)
            message = f'{reads}; this campaign has no step "{root}"'
            yield draft.problem("template-variable", path, message, suggestion=near)
        elif root not in step.before:
            message = f"{reads} before it exists: the step {root} does not come before this one"
            yield draft.problem("template-variable", path, message)
        elif name != root and name not in results[root]:
            words = ", ".join(results[root]) or None
            message = f"{reads}, a value that the step {root} does not have"
            near = nearest(name, results[root])
            yield draft.problem("template-variable", path, message, expected=words, suggestion=near)


def _reads(template: str, names: list[str], at: Position) -> str:
    listed = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f'the template "{template}" reads {listed} ({at.file}:{at.line})'
