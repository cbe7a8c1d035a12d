"""The shape of triggers, steps and arms, told at the key that is wrong.

A step is known by its one verb, a trigger by its kind, an arm by ``if`` or ``else``; where none or
several are written there is no model to compare with, so this looks first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from config.diagnostics import Diagnostic, nearest
from config.yaml_source import Document, Path, field_path
from engine.authoring.spec import TRIGGERS, BaseTrigger, CampaignSpec
from engine.authoring.step_specs import VERBS, BaseStep

_STEP_WORDS = ("id", "name", "if")
_OTHER_WORDS = {
    **dict.fromkeys(("wait", "sleep", "pause"), "delay"),
    **dict.fromkeys(("stop", "end", "quit"), "exit"),
    **dict.fromkeys(("tag", "add_tags", "update"), "update_customer"),
    **dict.fromkeys(("if_else", "switch", "choose"), "branch"),
    **dict.fromkeys(("ab_test", "experiment"), "split"),
    "text": "send_sms",
}
_CAMPAIGN_WORDS = frozenset(CampaignSpec.model_fields)


def shape_problems(document: Document) -> Iterator[tuple[Path, Diagnostic]]:
    """What is wrong, each with the path below which nothing more should be told."""
    data = document.data
    if not isinstance(data, dict):
        return
    trigger = data.get("trigger")
    if isinstance(trigger, dict):
        yield from _trigger(document, trigger)
    elif "trigger" in data and not isinstance(trigger, str):
        message = "a campaign has one trigger"
        message += ", and this is a list" if trigger is not None else ", and this is empty"
        at: Path = ("trigger",)
        yield at, _not_a_mapping(document, at, message, "event: order.placed")
    yield from _steps(document, data.get("steps"), ("steps",))


def _trigger(document: Document, trigger: dict[str, Any]) -> Iterator[tuple[Path, Diagnostic]]:
    path: Path = ("trigger",)
    kinds = [kind for kind in trigger if kind in TRIGGERS]
    expected = "one of event, schedule with segment, date"
    if len(kinds) > 1:
        message = f"a trigger is of one kind; this one has {_listed(kinds)}"
        yield path, _at_key(document, (*path, kinds[1]), "two-triggers", message, expected)
    elif not kinds:
        words = {
            field.alias or name for model in TRIGGERS.values() for name, field in _fields(model)
        }
        unknown = [key for key in trigger if key not in words]
        if unknown:
            message = f'unknown field "{unknown[0]}" in trigger'
            near = nearest(unknown[0], TRIGGERS)
            at = (*path, unknown[0])
            yield path, _at_key(document, at, "unknown-field", message, expected, near)
        else:
            message = "this trigger does not say what starts the campaign"
            yield path, _at_key(document, path, "no-trigger", message, expected)


def _steps(document: Document, steps: Any, path: Path) -> Iterator[tuple[Path, Diagnostic]]:
    if not isinstance(steps, list):
        return
    for index, step in enumerate(steps):
        here = (*path, index)
        if isinstance(step, str):
            yield here, _bare_word(document, here, step)
        elif isinstance(step, dict):
            yield from _step(document, step, here)
        else:
            what = "is empty" if step is None else "is a list"
            yield here, _not_a_mapping(document, here, f"step {index + 1} {what}", "delay: 3d")


def _not_a_mapping(document: Document, path: Path, message: str, example: str) -> Diagnostic:
    return Diagnostic(
        code="wrong-type",
        message=message,
        at=document.position(path),
        path=field_path(path),
        expected=f"a key and its value, as in {example}",
    )


def _bare_word(document: Document, path: Path, word: str) -> Diagnostic:
    plain = word.strip()
    near = plain if plain in VERBS else nearest(plain.split(" ")[0], VERBS)
    suggestion = None if near is None else f"{near}:"
    message = f'"{_cut(plain)}" is not a step'
    return Diagnostic(
        code="not-a-step",
        message=message,
        at=document.position(path),
        path=field_path(path),
        expected="a verb and its value, as in delay: 3d",
        suggestion=suggestion,
    )


def _step(
    document: Document, step: dict[str, Any], path: Path
) -> Iterator[tuple[Path, Diagnostic]]:
    verbs = [key for key in step if key in VERBS]
    if len(verbs) > 1:
        message = f"a step has one verb; this one has {_listed(verbs)}"
        expected = f'two steps; begin the second with "- {verbs[1]}:"'
        yield path, _at_key(document, (*path, verbs[1]), "two-verbs", message, expected)
        return
    if not verbs:
        yield path, _no_verb(document, step, path)
        return
    value = step[verbs[0]]
    if verbs[0] == "branch" and isinstance(value, list):
        for index, arm in enumerate(value):
            if isinstance(arm, dict):
                here = (*path, "branch", index)
                yield from _arm(document, arm, here)
                yield from _steps(document, arm.get("steps"), (*here, "steps"))
                if isinstance(arm.get("else"), dict):
                    inner = arm["else"].get("steps")
                    yield from _steps(document, inner, (*here, "else", "steps"))
    elif verbs[0] == "split" and isinstance(value, dict):
        for name, variant in value.items():
            if isinstance(variant, dict):
                yield from _steps(document, variant.get("steps"), (*path, "split", name, "steps"))


def _no_verb(document: Document, step: dict[str, Any], path: Path) -> Diagnostic:
    unknown = [key for key in step if key not in _STEP_WORDS]
    verbs = f"one of {', '.join(VERBS)}"
    if not unknown:
        message = "this step has no verb: it does nothing"
        return _at_key(document, path, "no-verb", message, verbs)
    near = _OTHER_WORDS.get(unknown[0]) or nearest(unknown[0], VERBS)
    at = (*path, unknown[0])
    if near is None and unknown[0] in _CAMPAIGN_WORDS:
        message = f'"{unknown[0]}" is not a step, it belongs to the campaign'
        expected = f"{unknown[0]} at the beginning of a line, outside of steps"
        return _at_key(document, at, "misplaced-field", message, expected)
    return _at_key(document, at, "unknown-verb", f'unknown step "{_cut(unknown[0])}"', verbs, near)


def _arm(document: Document, arm: dict[str, Any], path: Path) -> Iterator[tuple[Path, Diagnostic]]:
    below = arm.get("else")
    if below is not None and not isinstance(below, dict):
        message = "else takes no condition" if isinstance(below, str) else "else takes no list"
        yield (
            path,
            _at_key(document, (*path, "else"), "else-with-value", message, "else: and steps:"),
        )
    elif "else" in arm and "if" in arm:
        message = "an arm has either if or else; this one has both"
        yield path, _at_key(document, (*path, "else"), "if-and-else", message, "two arms")
    elif beside := [key for key in arm if key in VERBS]:
        message = f'"{beside[0]}" stands beside the condition of its arm'
        expected = "the arm's steps in a list below steps:"
        yield path, _at_key(document, (*path, beside[0]), "misplaced-step", message, expected)
    elif "else" not in arm and "if" not in arm:
        words = [key for key in arm if key != "steps"]
        near = nearest(words[0], ("if", "else")) if words else None
        message = "this arm does not say when it is taken"
        at = (*path, words[0]) if words else path
        yield path, _at_key(document, at, "arm-without-if", message, "if: or else:", near)


def _fields(model: type[BaseTrigger] | type[BaseStep]) -> Iterable[tuple[str, Any]]:
    return model.model_fields.items()


def _at_key(
    document: Document,
    path: Path,
    code: str,
    message: str,
    expected: str,
    suggestion: str | None = None,
) -> Diagnostic:
    return Diagnostic(
        code=code,
        message=message,
        at=document.position(path, key=isinstance(path[-1], str)),
        path=field_path(path),
        expected=expected,
        suggestion=suggestion,
    )


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}…"
