"""Which parts of another shop's ``config/store.yaml`` campaigns need, and this shop's has not.

Tried rather than derived: with all that the other one has more, then with ever less, as long as the
campaigns have no problem with the policy that they did not have before.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from config.diagnostics import Diagnostic
from config.policy import POLICY_FILE, Policy, load_policy
from config.yaml_source import Document, SourceError
from config.yaml_source import load as read_yaml
from engine.authoring.compile import Draft
from engine.authoring.lint_policy import lint_policy
from engine.ports.rendering import Templates

Keys = tuple[str, ...]

# Under these stand things that the shop itself has named: each is needed for itself.
_COLLECTIONS: Final[frozenset[Keys]] = frozenset(
    {
        ("topics",),
        ("offers",),
        ("referrals",),
        ("reviews", "sites"),
        ("calls", "queues"),
    }
)
_OF_THE_SHOP_ALONE: Final = frozenset({"version", "brand", "senders"})


def lacking(
    drafts: Sequence[Draft], own: Document, library: Document, templates: Templates
) -> tuple[Keys, ...]:
    """The paths of ``library`` to be added to ``own``, in their order there.

    Empty when nothing there would mend anything, or one of the two is no good policy.
    """
    if not isinstance(own.data, dict) or not isinstance(library.data, dict):
        return ()

    def problems(paths: Sequence[Keys]) -> frozenset[tuple[str, str, str]] | None:
        policy = _policy(own.data, library.data, paths)
        return None if policy is None else _problems(drafts, policy, templates)

    wanted = list(_more(own.data, library.data, ()))
    least = problems(wanted)
    if least is None or problems(()) == least:
        return ()
    shrinking = True
    while shrinking:  # what only something else needed can go once that has gone
        shrinking = False
        for path in reversed(tuple(wanted)):
            rest = [one for one in wanted if one != path]
            if problems(rest) == least:
                wanted, shrinking = rest, True
    return tuple(wanted)


def excerpt(library: Document, paths: Sequence[Keys]) -> str:
    """The text of ``paths`` as ``library`` has it, with its comments, under its headings."""
    told: list[str] = []
    above: Keys = ()
    for path in paths:
        told += [
            f"{'  ' * depth}{key}:"
            for depth, key in enumerate(path[:-1])
            if above[: depth + 1] != path[: depth + 1]
        ]
        told += _lines(library, path)
        above = path[:-1]
    return "\n".join(told) + "\n" if told else ""


def _lines(library: Document, path: Keys) -> Iterator[str]:
    """The lines of one key: from the comment right above it to the end of its value."""
    first = library.position(path, key=True).line
    last = _last_line(library, path)
    while first > 1 and library.line(first - 1).strip().startswith("#"):
        first -= 1
    return (library.line(number) for number in range(first, last + 1))


def _last_line(library: Document, path: Keys) -> int:
    last = library.position(path, key=True).line
    indent = len(library.line(last)) - len(library.line(last).lstrip())
    for number in range(last + 1, len(library.source.lines) + 1):
        line = library.line(number)
        if not line.strip() or line.strip().startswith("#"):
            continue
        if len(line) - len(line.lstrip()) <= indent:
            break
        last = number
    return last


def _more(own: Mapping[str, Any], library: Mapping[str, Any], above: Keys) -> Iterator[Keys]:
    """What ``library`` has and ``own`` has not: whole keys, or single things of a collection."""
    for key, value in library.items():
        path = (*above, key)
        if not above and key in _OF_THE_SHOP_ALONE:
            continue
        mine = own.get(key)
        if path in _COLLECTIONS and isinstance(value, dict):
            there = mine if isinstance(mine, dict) else {}
            yield from ((*path, name) for name in value if name not in there)
        elif mine is None:
            yield path
        elif isinstance(mine, dict) and isinstance(value, dict):
            yield from _more(mine, value, path)


def _policy(
    own: Mapping[str, Any], library: Mapping[str, Any], paths: Sequence[Keys]
) -> Policy | None:
    merged = json.loads(json.dumps(own))
    for path in paths:
        inner, other = merged, library
        for part in path[:-1]:
            if not isinstance(inner.get(part), dict):
                inner[part] = {}
            inner, other = inner[part], other[part]
        inner[path[-1]] = other[path[-1]]
    try:
        return load_policy(read_yaml(json.dumps(merged, ensure_ascii=False), POLICY_FILE))
    except SourceError:
        return None


def _problems(
    drafts: Sequence[Draft], policy: Policy, templates: Templates
) -> frozenset[tuple[str, str, str]]:
    found: list[Diagnostic] = [
        one for draft in drafts for one in lint_policy(draft, policy, templates)
    ]
    return frozenset((one.code, one.at.file, one.path) for one in found)
