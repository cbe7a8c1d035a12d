"""Campaigns that start each other without end: ``emit-cycle``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from config.diagnostics import Diagnostic
from config.yaml_source import Path
from engine.authoring.compile import Draft
from engine.authoring.step_specs import EmitEventStep


def check(drafts: Sequence[Draft]) -> Iterator[Diagnostic]:
    """One error for each cycle, in the file whose name is last, so that the others stay good.

    An emitted event starts the campaigns that have it for a trigger. The engine itself refuses
    chains of more than eight.
    """
    ordered = sorted(drafts, key=lambda draft: draft.document.file)
    starts: dict[str, list[int]] = {}
    for number, draft in enumerate(ordered):
        if draft.knowledge.event is not None:
            starts.setdefault(draft.knowledge.event, []).append(number)
    emits = [_emitted(draft) for draft in ordered]
    edges = [
        {target: event for event in events for target in starts.get(event, ())} for events in emits
    ]
    for last in range(len(ordered)):
        cycle = _cycle_through(last, edges)
        if cycle is not None:
            event = edges[last][cycle[1]]
            chain = [
                f"{ordered[here].spec.id} emits {edges[here][there]}"
                for here, there in pairwise(cycle)
            ]
            message = f"campaigns start each other without end: {', '.join(chain)}"
            yield ordered[last].problem(
                "emit-cycle",
                emits[last][event],
                f"{message}, which starts {ordered[last].spec.id}",
                expected="an event that starts none of these campaigns",
            )


def _emitted(draft: Draft) -> dict[str, Path]:
    """The events that a campaign emits, with the place of the first step that does."""
    found: dict[str, Path] = {}
    for step in draft.steps:
        if isinstance(step.spec, EmitEventStep):
            path = (*step.verb_path, "type")
            path = path if draft.document.has(path) else step.verb_path
            found.setdefault(step.spec.emit_event.type, path)
    return found


def _cycle_through(last: int, edges: Sequence[dict[int, str]]) -> list[int] | None:
    """The shortest way from ``last`` back to it over none but earlier ones; its ends included."""
    queue = [[last]]
    seen: set[int] = set()
    for way in queue:
        for target in sorted(edges[way[-1]]):
            if target == last:
                return [*way, last]
            if target < last and target not in seen:
                seen.add(target)
                queue.append([*way, target])
    return None
