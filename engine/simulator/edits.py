"""What an author has changed between two versions of a workspace, one edit at a time.

An edit is one changed file: a campaign, a template with all its parts, or one section of
``config/store.yaml``. Templates that are only in one of the versions are no edits of their own: a
new one does nothing until a campaign asks for it, so it comes with every edit, and one that is gone
goes last, with all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import yaml

STORE: Final = "config/store.yaml"
_TEMPLATES: Final = "message_templates"
_FOLDERS: Final = ("campaigns", _TEMPLATES, "config")
# What stands in these folders and moves no customer.
_OUTSIDE: Final = (".test.yaml", ".test.yml", ".schema.json")
Tree = Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit: what it is called, and the files as it leaves them; None is gone."""

    name: str
    kind: Literal["added", "removed", "changed"]
    files: Mapping[str, bytes | None] = field(repr=False)

    def on(self, tree: Tree) -> dict[str, bytes]:
        """A version with this edit on top."""
        merged: dict[str, bytes | None] = {**tree, **self.files}
        return {path: held for path, held in merged.items() if held is not None}


def read_tree(folder: Path) -> dict[str, bytes]:
    """All of a version that says what is sent, by path. Raises OSError."""
    found: dict[str, bytes] = {}
    for part in _FOLDERS:
        for path in sorted((folder / part).rglob("*")):
            name = path.relative_to(folder).as_posix()
            hidden = any(each.startswith(".") for each in Path(name).parts)
            if path.is_file() and not hidden and not name.endswith(_OUTSIDE):
                found[name] = path.read_bytes()
    return found


def lay(tree: Tree, folder: Path) -> Path:
    """Write a version into an empty folder. Raises OSError."""
    for name, held in tree.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held)
    return folder


def edits(before: Tree, after: Tree) -> list[Edit]:
    """Every edit that leads from one version to the other, by name."""
    groups: dict[str, dict[str, bytes | None]] = {}
    fresh: dict[str, bytes | None] = {}
    known = ({_group(each) for each in before}, {_group(each) for each in after})
    for path in sorted(before.keys() | after.keys()):
        former, now = before.get(path), after.get(path)
        if former == now:
            continue
        group = _group(path)
        if group.startswith(f"{_TEMPLATES}/") and group not in known[0]:
            fresh[path] = now
        elif not group.startswith(f"{_TEMPLATES}/") or group in known[1]:
            groups.setdefault(group, {})[path] = now
    found: list[Edit] = []
    for group, files in groups.items():
        former, now = before.get(group), after.get(group)
        sections = _sections(former, now) if group == STORE else None
        if sections is not None:
            found += [
                Edit(name=f"{STORE}: {key}", kind=kind, files={**fresh, STORE: text})
                for key, (kind, text) in sections.items()
            ]
            continue
        whole = {*files.values()} == {None}
        new = group not in known[0]
        found.append(
            Edit(
                name=group,
                kind="added"
                if new
                else "removed"
                if whole and group not in known[1]
                else "changed",
                files={**fresh, **files},
            )
        )
    return found


def _group(path: str) -> str:
    """The edit that a file belongs to: itself, or its template."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == _TEMPLATES else path


@dataclass(frozen=True, slots=True)
class _Sections:
    """The top of a YAML mapping, as text; in braces, or on lines of their own."""

    texts: Mapping[str, str]
    values: Mapping[str, object]
    braces: bool

    def write(self, texts: Mapping[str, str]) -> bytes:
        """The mapping with these sections."""
        if self.braces:
            return ("{" + ", ".join(texts.values()) + "}\n").encode()
        return "".join(f"{text}\n" for text in texts.values()).encode()


def _sections(
    before: bytes | None, after: bytes | None
) -> dict[str, tuple[Literal["added", "removed", "changed"], bytes]] | None:
    """For each section that says something else: the former file with that section alone new.

    None when the file is not a mapping, or is written in another manner; it is one edit then.
    """
    former, now = _cut(before), _cut(after)
    if former is None or now is None or former.braces != now.braces:
        return None
    found: dict[str, tuple[Literal["added", "removed", "changed"], bytes]] = {}
    for key in {**former.values, **now.values}:
        if key not in now.values:
            left = {each: text for each, text in former.texts.items() if each != key}
            found[key] = ("removed", former.write(left))
        elif former.values.get(key) != now.values[key]:
            kind: Literal["added", "changed"] = "changed" if key in former.values else "added"
            found[key] = (kind, former.write({**former.texts, key: now.texts[key]}))
    return found


def _cut(content: bytes | None) -> _Sections | None:
    try:
        source = (content or b"").decode("utf-8-sig")
        root = yaml.compose(source, yaml.SafeLoader)
        # Scalars stay text, as the policy's own reader has them.
        values = yaml.load(source, yaml.BaseLoader)
    except (UnicodeDecodeError, yaml.YAMLError):
        return None
    if not isinstance(root, yaml.MappingNode) or not isinstance(values, dict):
        return None
    texts = {
        str(key.value): source[key.start_mark.index : value.end_mark.index].rstrip()
        for key, value in root.value
    }
    return _Sections(texts, values, bool(root.flow_style))
