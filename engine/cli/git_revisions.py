"""A revision of the repository that a workspace stands in, as files; git itself is asked for it."""

from __future__ import annotations

import io
import posixpath
import shutil
import subprocess
import tarfile
from pathlib import Path

from engine.cli.failure import WRONG_USAGE, Failure


def check_out(workspace: Path, revision: str, folder: Path) -> str:
    """Write the workspace as it was in ``revision`` into ``folder``; the commit's short name.

    Neither the working tree nor the repository is touched. Raises ``Failure``.
    """
    commit = _git(workspace, revision, "rev-parse", "--verify", "--quiet", "--short",
                  "--end-of-options", f"{revision}^{{commit}}").decode().strip()  # fmt: skip
    _extract(_git(workspace, revision, "archive", "--format=tar", commit), revision, folder)
    for line in _git(workspace, revision, "ls-tree", "-r", "-z", commit).decode().split("\0"):
        entry, _, path = line.partition("\t")
        if entry.startswith("160000 ") and _is_read(path):  # a submodule: git archives none
            held = _git(workspace / path, revision, "archive", "--format=tar", entry.split()[2])
            _extract(held, revision, folder / path, f"{path}/")
    if not (folder / "config" / "store.yaml").is_file():
        raise Failure(f"in {revision} there is no workspace: it has no config/store.yaml")
    return commit


def _extract(archive: bytes, revision: str, folder: Path, where: str = "") -> None:
    """``where``: what stands before the archive's own paths in the workspace."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as held:
        members = held.getmembers()
        for link in [each for each in members if each.issym() and _leads_out(each)]:
            name = f"{where}{link.name}"
            if _is_read(name):
                raise Failure(
                    f"in {revision} {name} is a link to {link.linkname}, outside of the "
                    "workspace; name a folder with that version"
                )
            members.remove(link)
        # Python before 3.11.4 has no filters; git itself archives no path that leads out.
        held.extraction_filter = getattr(tarfile, "data_filter", None)
        held.extractall(folder, members=members)


def _leads_out(link: tarfile.TarInfo) -> bool:
    place = posixpath.normpath(posixpath.join(posixpath.dirname(link.name), link.linkname))
    return place.startswith(("/", "../")) or place == ".."


def _is_read(path: str) -> bool:
    from engine.simulator.edits import FOLDERS

    return path.partition("/")[0] in FOLDERS


def _git(workspace: Path, revision: str, *args: str) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise Failure(
            f"{revision} is no folder, and without the program git no revision can be read; "
            "name a folder with the version before"
        )
    run = subprocess.run([program, "-C", str(workspace), *args], capture_output=True, check=False)
    if run.returncode == 0:
        return run.stdout
    told = run.stderr.decode("utf-8", "replace").strip().removeprefix("fatal: ").splitlines()
    reason = told[0] if told else "git knows no such revision"
    raise Failure(f"{revision} is neither a folder nor a revision of {workspace}: {reason}",
                  code=WRONG_USAGE)  # fmt: skip
