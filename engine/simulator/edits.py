"""What an author has changed between two versions of a workspace, one edit at a time.

An edit is one changed file: a campaign, a template with all its parts, or one section of
``config/store.yaml``. A campaign's file that only got another name is still the same file.

A template that is only in one of the versions is an edit of its own only where a campaign of the
other version asks for it. Else a new one does nothing until a campaign asks for it, so it comes
with every edit, and one that is gone goes last, with all of them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import yaml

from config.yaml_source import SourceError, load

STORE: Final = "config/store.yaml"
_TEMPLATES: Final = "message_templates"
FOLDERS: Final = ("campaigns", _TEMPLATES, "config")
_LAYOUT: Final = f"{_TEMPLATES}/_layout"  # around every email
# What stands in these folders and moves no customer.
_OUTSIDE: Final = (".test.yaml", ".test.yml", ".schema.json", ".py", ".pyc")
Tree = Mapping[str, bytes]
Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One edit: what it is called, and the files as it leaves them; None is gone."""

    name: str
    kind: Kind
    files: Mapping[str, bytes | None] = field(repr=False)

    def on(self, tree: Tree) -> dict[str, bytes]:
        """A version with this edit on top."""
        merged: dict[str, bytes | None] = {**tree, **self.files}
        return {path: held for path, held in merged.items() if held is not None}


def read_tree(folder: Path) -> dict[str, bytes]:
    """All of a version that says what is sent, by path. Raises OSError."""
    found: dict[str, bytes] = {}
    linked = [each for each in (folder / _TEMPLATES).glob("*") if each.is_symlink()]
    for root in (*(folder / part for part in FOLDERS), *linked):
        for path in sorted(root.rglob("*")):
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
    known = ({_group(each) for each in before}, {_group(each) for each in after})
    fresh = {
        path: held
        for path, held in after.items()
        if _is_template(group := _group(path)) and group not in {*known[0], _LAYOUT}
    }
    groups: dict[str, dict[str, bytes | None]] = {}
    moved = _moved(before, after)
    for path in sorted(before.keys() | after.keys()):
        group = _group(moved.get(path, path))
        if before.get(path) != after.get(path) and _stands_alone(group, known, before, after):
            groups.setdefault(group, {})[path] = after.get(path)
    found: list[Edit] = []
    for group, files in groups.items():
        sections = _sections(before.get(group), after.get(group)) if group == STORE else None
        if sections is not None:
            found += [
                Edit(name=f"{STORE}: {key}", kind=kind, files={**fresh, STORE: text})
                for key, (kind, text) in sections.items()
            ]
            continue
        kind: Kind = "changed"
        if group not in known[1]:
            kind = "removed"
        elif group not in known[0] and group not in moved.values():
            kind = "added"
        found.append(Edit(name=group, kind=kind, files={**fresh, **files}))
    return found


def _moved(before: Tree, after: Tree) -> dict[str, str]:
    """The new file of each campaign that has only got another one."""
    fresh = {campaign_of(path, after[path]): path for path in after.keys() - before.keys()}
    gone = {campaign_of(path, before[path]): path for path in before.keys() - after.keys()}
    return {gone[one]: fresh[one] for one in gone.keys() & fresh.keys() if one is not None}


def campaign_of(path: str, content: bytes) -> str | None:
    """The id that a campaign's file gives itself; None when the file is none, or cannot be read."""
    if not path.startswith("campaigns/"):
        return None
    try:
        data = load(content, path).data
    except SourceError:  # check tells of it
        return None
    return str(data["id"]) if isinstance(data, dict) and "id" in data else None


def _stands_alone(
    group: str, known: tuple[Collection[str], Collection[str]], before: Tree, after: Tree
) -> bool:
    """Whether it is an edit of its own: always, but for a template that only one version has, and
    that no other file of the other version asks for.

    Everything asks for the layout.
    """
    if not _is_template(group) or group == _LAYOUT or (group in known[0] and group in known[1]):
        return True
    other = before if group not in known[0] else after
    name = re.compile(rb"(?<![\w-])" + re.escape(group.split("/")[1]).encode() + rb"(?![\w-])")
    return any(name.search(held) for path, held in other.items() if not _is_template(path))


def _is_template(path: str) -> bool:
    return path.startswith(f"{_TEMPLATES}/")


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


def _sections(before: bytes | None, after: bytes | None) -> dict[str, tuple[Kind, bytes]] | None:
    """For each section that says something else: the former file with that section alone new.

    None when the file is not a mapping, or is written in another manner; it is one edit then.
    """
    former, now = _cut(before), _cut(after)
    if former is None or now is None or former.braces != now.braces:
        return None
    found: dict[str, tuple[Kind, bytes]] = {}
    for key in {**former.values, **now.values}:
        if key not in now.values:
            left = {each: text for each, text in former.texts.items() if each != key}
            found[key] = ("removed", former.write(left))
        elif former.values.get(key) != now.values[key]:
            kind: Kind = "changed" if key in former.values else "added"
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
