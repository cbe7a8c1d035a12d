"""``lagniappe campaigns add``: a campaign of the starter library into a workspace of one's own."""

from __future__ import annotations

import filecmp
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.diagnostics import Severity, nearest
from engine.cli.checking import open_templates, report_of
from engine.cli.copying import place
from engine.cli.failure import FINDING, WRONG_USAGE, Failure
from engine.cli.output import Column, Row, RowFormat, counted, print_rows, say, warn, write
from engine.cli.session import Session, session_of
from engine.cli.starter import STARTER

if TYPE_CHECKING:
    from engine.authoring.library import Entry

FIELDS = ("id", "name", "stage", "purpose", "status", "line", "about", "file", "templates", "here")

_LAYOUT = "message_templates/_layout"
_SCHEMA = "config/campaign.schema.json"
_TESTS_SCHEMA = "config/campaign-tests.schema.json"
_POLICY = "config/store.yaml"


def add(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="A campaign of the library, or the first word of several that belong together; "
            "without it, what there is.",
        ),
    ] = None,
    wanted: Annotated[
        str | None,
        typer.Option("--as", metavar="ID", help="The id that it gets here, in place of NAME."),
    ] = None,
    keep: Annotated[
        bool,
        typer.Option("--keep", help="Use templates that are here already as they are."),
    ] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the library.")] = False,
    chosen: Annotated[
        RowFormat, typer.Option("--format", help="Of the list.")
    ] = RowFormat.TABLE,
) -> None:  # fmt: skip
    """Copy a campaign of the starter library, with its templates and tests, into the workspace.

    Overwrites nothing: what is here already is named, and then nothing is written. Ends with what
    the check finds in it, and with what config/store.yaml lacks for it.
    """
    from config.yaml_source import SourceError
    from engine.authoring.library import program, programs, read_library, under_ids

    session = session_of(context)
    library = read_library(STARTER)
    if listed or name is None:
        if wanted is not None or keep:
            raise Failure("--as and --keep go with a NAME", code=WRONG_USAGE)
        _list(session, library, chosen)
        return
    workspace = session.workspace
    entries = program(library, name)
    if not entries:
        near = nearest(name, programs(library))
        hint = (
            f"; did you mean {near}?" if near else "; lagniappe campaigns add lists what there is"
        )
        raise Failure(f"the library has no campaign {name}{hint}")
    if wanted is not None:
        try:
            entries = under_ids(entries, name, wanted, STARTER)
        except SourceError as error:
            raise Failure(
                f"--as {wanted}: {error.diagnostics[0].message}", code=WRONG_USAGE
            ) from None
    _copy(workspace, entries, keep=keep)
    for entry in entries:
        say(f"Added {entry.file} (status: {entry.draft.spec.status})")
    raise typer.Exit(_look_over(workspace, entries))


def _list(session: Session, library: tuple[Entry, ...], chosen: RowFormat) -> None:
    here = _ids(session.workspace)
    rows: list[Row] = [
        {
            "id": entry.id,
            "name": entry.draft.spec.name,
            "stage": entry.draft.spec.stage,
            "purpose": entry.draft.spec.purpose,
            "status": entry.draft.spec.status,
            "line": entry.line,
            "about": entry.about,
            "file": entry.file,
            "templates": sorted(entry.templates),
            "here": entry.id in here,
        }
        for entry in library
    ]
    print_rows(
        rows,
        chosen,
        (
            Column(title="CAMPAIGN", cell=lambda row: row["id"]),
            Column(title="STAGE", cell=lambda row: row["stage"]),
            Column(title="HERE", cell=lambda row: "yes" if row["here"] else ""),
            Column(title="WHAT IT DOES", cell=lambda row: row["line"], wide=True),
        ),
        fields=FIELDS,
        empty="the library is empty",
        note="lagniappe campaigns add NAME copies one, or several whose names begin alike.",
    )


def _copy(workspace: Path, entries: tuple[Entry, ...], *, keep: bool) -> None:
    here = _ids(workspace)
    taken = [f"{entry.id} ({here[entry.id]})" for entry in entries if entry.id in here]
    taken += [
        entry.file
        for entry in entries
        if entry.id not in here and (workspace / entry.file).exists()
    ]
    wanted: dict[str, Path | str] = {}
    changed: list[str] = []
    for name in sorted({one for entry in entries for one in entry.templates}):
        folder = f"message_templates/{name}"
        if not (workspace / folder).exists():
            wanted[folder] = STARTER / folder
        elif not _is_same(STARTER / folder, workspace / folder):
            changed.append(folder)
    if taken:
        known = ", ".join(taken)
        raise Failure(
            f"here already: {known}; nothing was changed. --as ID adds it under another id"
        )
    if changed and not keep:
        raise Failure(
            f"here already, and other than in the library: {', '.join(changed)}; nothing was "
            "changed. --keep uses yours as they are"
        )
    for entry in entries:
        tests = entry.file.removesuffix(".yaml") + ".test.yaml"
        # Under another id they would test a campaign that is not here.
        if (STARTER / tests).is_file() and not (workspace / tests).exists():
            wanted[tests] = STARTER / tests
    tested = any(name.endswith(".test.yaml") for name in wanted)
    for name in (_LAYOUT, _SCHEMA, *((_TESTS_SCHEMA,) if tested else ())):
        if not (workspace / name).exists() and (STARTER / name).exists():
            wanted[name] = STARTER / name
    files = {entry.file: entry.text for entry in entries}
    place(workspace, {**wanted, **files}, last=tuple(files))
    if changed:
        say(f"Kept as they are: {', '.join(changed)}")
    for folder in wanted:
        say(f"Added {folder}")


def _look_over(workspace: Path, entries: tuple[Entry, ...]) -> int:
    """Tell what the check finds in what was added; the exit code."""
    from config.diagnostic_report import as_text

    report = report_of(workspace)
    files = {entry.file for entry in entries}
    folders = tuple(f"message_templates/{name}/" for entry in entries for name in entry.templates)
    ours = [
        one for one in report.diagnostics if one.at.file in files or one.at.file.startswith(folders)
    ]
    others = len(report.diagnostics) - len(ours)
    if ours:
        say()
        write(as_text(ours, report.sources))
    missing = _lacking(workspace, entries)
    if missing:
        say(f"\n{_POLICY} lacks for it (the library's own words and figures: make them yours):\n")
        write(missing)
    if others:
        warn(f"lagniappe: the check finds {counted(others, 'problem')} in other files")
    if any(one.severity is Severity.ERROR for one in ours):
        return FINDING
    if not ours:
        say("The check finds nothing wrong with it. Next:")
        say(f"  lagniappe preview {entries[0].id}")
    return 0


def _lacking(workspace: Path, entries: tuple[Entry, ...]) -> str:
    from config.policy import load_policy
    from config.yaml_source import SourceError, load
    from engine.authoring.lacking import excerpt, lacking

    try:
        own = load((workspace / _POLICY).read_bytes(), _POLICY)
        policy = load_policy(own)
    except (OSError, SourceError):
        return ""  # told with the check's findings
    library = load((STARTER / _POLICY).read_bytes(), _POLICY)
    templates = open_templates(workspace, policy)
    return excerpt(library, lacking([one.draft for one in entries], own, library, templates))


def _ids(workspace: Path) -> dict[str, str]:
    """The campaigns of a workspace: their files by id, as far as they can be read."""
    from config.yaml_source import SourceError, load
    from engine.authoring.loader import CAMPAIGNS, campaign_files

    found: dict[str, str] = {}
    for path in campaign_files(workspace / CAMPAIGNS):
        name = path.relative_to(workspace).as_posix()
        try:
            data = load(path.read_bytes(), name).data
        except (OSError, SourceError):
            continue
        if isinstance(data, dict) and isinstance(data.get("id"), str):
            found.setdefault(data["id"], name)
    return found


def _is_same(folder: Path, other: Path) -> bool:
    """Whether ``other`` has every file of ``folder``, each byte for byte."""
    names = [path.name for path in folder.iterdir() if path.is_file()]
    return other.is_dir() and filecmp.cmpfiles(folder, other, names, shallow=False)[0] == names
