"""A template's folder: which files it has, for which channel and language, and whether whole."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from config.diagnostics import Diagnostic, Position, Severity, nearest
from config.source_text import SourceText

LAYOUT: Final = "_layout"
_FILE = re.compile(
    r"(?P<part>[a-z]+)(?:\.(?P<locale>[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*))?"
    r"\.(?P<kind>txt|mjml|html)"
)
_TEMPLATE_FILES = frozenset(
    {"subject.txt", "preheader.txt", "body.mjml", "body.html", "body.txt"}
    | {"sms.txt", "voice.txt", "script.txt"}
)
_LAYOUT_FILES = frozenset({"email.mjml", "email.txt"})
# What each channel needs; an email's HTML is body.mjml or body.html.
CHANNELS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("subject.txt", "body.txt", "body.mjml"),
    "sms": ("sms.txt",),
    "voice": ("voice.txt",),
    "script": ("script.txt",),
}
_CHANNEL_OF = {
    "subject.txt": "email",
    "preheader.txt": "email",
    "body.mjml": "email",
    "body.html": "email",
    "body.txt": "email",
    "sms.txt": "sms",
    "voice.txt": "voice",
    "script.txt": "script",
}

Files = dict[str, SourceText]  # by name without locale: "body.mjml"
Stamp = tuple[int, int]  # modification time in nanoseconds, size


@dataclass(frozen=True, slots=True)
class Folder:
    """The files of one template, or of the layout: by locale, the default's under ``""``."""

    name: str
    where: str
    files: Mapping[str, Files]
    diagnostics: tuple[Diagnostic, ...]

    def channel_files(self, channel: str, locale: str) -> Files:
        """The files of ``channel`` in exactly this ``locale``."""
        found = self.files.get(locale, {})
        return {name: file for name, file in found.items() if _CHANNEL_OF.get(name) == channel}

    def nearest_file(self, name: str, locale: str) -> SourceText | None:
        """The file in ``locale``, in a shorter tag of it, or in the default (RFC 4647, 3.4)."""
        for tag in shortened(locale):
            if name in self.files.get(tag, {}):
                return self.files[tag][name]
        return None


def frame_of(folder: Folder, layout: Folder, locale: str, part: str) -> str:
    """The file with the foot of a part (``html``, ``text``, ``sms``): the layout's, or its own."""
    files = folder.files[locale]
    if part == "sms":
        return files["sms.txt"].file
    if part == "text":
        return (layout.nearest_file("email.txt", locale) or files["body.txt"]).file
    body = files.get("body.mjml")
    if body is None:
        return files["body.html"].file
    shared = layout.nearest_file("email.mjml", locale)
    return body.file if shared is None or is_whole(body) else shared.file


def is_whole(body: SourceText) -> bool:
    """Whether a ``body.mjml`` is a document of its own, which needs no layout."""
    return "<mjml" in body.text


def shortened(locale: str | None) -> list[str]:
    """``de-AT`` as ``["de-AT", "de", ""]``: the lookup of RFC 4647, ending in the default."""
    parts = (locale or "").replace("_", "-").split("-")
    tags = [_canonical("-".join(parts[:end])) for end in range(len(parts), 0, -1)]
    return [tag for tag in tags if tag] + [""]


def stamps(folder: Path) -> dict[str, Stamp]:
    """The folder's files, each with what changes when it is written."""
    found: dict[str, Stamp] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.name.endswith("~"):
            continue
        with suppress(FileNotFoundError):  # an editor's own file, gone again
            if path.is_file():
                status = path.stat()
                found[path.name] = (status.st_mtime_ns, status.st_size)
    return found


def read_folder(folder: Path, where: str) -> Folder:
    """Read all files of ``folder``; ``where`` is its path as diagnostics show it."""
    wanted = _LAYOUT_FILES if folder.name == LAYOUT else _TEMPLATE_FILES
    files: dict[str, Files] = {}
    problems: list[Diagnostic] = []
    for name in stamps(folder):
        shown = f"{where}/{name}"
        if name.lower().endswith(".md"):
            continue
        found = _FILE.fullmatch(name)
        plain = f"{found['part']}.{found['kind']}" if found else name
        if found is None or plain not in wanted:
            problems.append(
                Diagnostic(
                    code="unknown-file",
                    message=f"{name} is no part of a message",
                    at=Position(file=shown, line=1, column=1),
                    severity=Severity.WARNING,
                    expected=", ".join(sorted(wanted)),
                    suggestion=nearest(plain, sorted(wanted)),
                )
            )
            continue
        try:
            text = (folder / name).read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            problems.append(
                Diagnostic(
                    code="encoding",
                    message=f"{name} is not UTF-8 text (byte {error.start})",
                    at=Position(file=shown, line=1, column=1),
                )
            )
            continue
        except OSError as error:
            problems.append(
                Diagnostic(
                    code="unreadable",
                    message=f"{name} cannot be read: {error.strerror}",
                    at=Position(file=shown, line=1, column=1),
                )
            )
            continue
        locale = _canonical(found["locale"] or "")
        files.setdefault(locale, {})[plain] = SourceText(shown, text)
    folder_files = Folder(folder.name, where, files, ())
    if folder.name != LAYOUT:
        problems += _incomplete(folder_files)
    return Folder(folder.name, where, files, tuple(problems))


def _incomplete(folder: Folder) -> list[Diagnostic]:
    problems: list[Diagnostic] = []
    if not any(_CHANNEL_OF.get(name) for files in folder.files.values() for name in files):
        at = Position(file=folder.where, line=1, column=1)
        message = f"template {folder.name} has no message in it"
        expected = "subject.txt, body.mjml and body.txt, or sms.txt, voice.txt, script.txt"
        return [Diagnostic(code="missing-part", message=message, at=at, expected=expected)]
    for locale in sorted(folder.files):
        for channel, parts in CHANNELS.items():
            present = folder.channel_files(channel, locale)
            if not present:
                continue
            first = next(iter(present.values()))
            at = Position(file=first.file, line=1, column=1)
            if locale and not folder.channel_files(channel, ""):
                problems.append(
                    Diagnostic(
                        code="missing-part",
                        message=f"{channel} has a variant for {locale} and no default",
                        at=at,
                        expected=", ".join(parts),
                    )
                )
            if {"body.mjml", "body.html"} <= present.keys():
                both = "body.mjml and body.html are both there, and a mail has one HTML part"
                problems.append(Diagnostic(code="two-bodies", message=both, at=at))
            for part in parts:
                if part in present or (part == "body.mjml" and "body.html" in present):
                    continue
                name = part.replace(".", f".{locale}.") if locale else part
                why = ": mail without a text part is taken for spam" if part == "body.txt" else ""
                problems.append(
                    Diagnostic(
                        code="missing-part",
                        message=f"{folder.where}/{name} is missing{why}",
                        at=at,
                        expected=f"{name} beside it",
                    )
                )
    return problems


def _canonical(tag: str) -> str:
    """A tag as BCP 47 recommends writing it: ``de-AT``, ``zh-Hant-TW``."""
    parts = tag.split("-")
    return "-".join(
        [parts[0].lower()]
        + [
            part.upper() if len(part) == 2 else part.title() if len(part) == 4 else part.lower()
            for part in parts[1:]
        ]
    )
