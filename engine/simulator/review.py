"""Two versions of a workspace lived through over one history, and each edit between them alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from engine.setup import SetupError
from engine.simulator.comparison import Comparison, compare
from engine.simulator.edits import Edit, Tree, edits, lay
from engine.simulator.witness import Account

Run = Callable[[Path, str], Account]
"""Live through the history with the version in a folder; the word says which one it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one edit does when it is the only one; None when it cannot stand alone, and why not."""

    edit: Edit
    comparison: Comparison | None
    fault: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """All edits together, and each of them alone, where that was asked for."""

    before: Account
    after: Account
    edits: tuple[Edit, ...]
    comparison: Comparison
    effects: tuple[Effect, ...]

    @property
    def is_equal(self) -> bool:
        """Whether nothing was edited, and nothing is different."""
        return not self.edits and self.comparison.is_empty

    @property
    def gone(self) -> list[str]:
        """Campaigns that the new version does not have, or has in a form that cannot be used."""
        return sorted(self.before.campaigns.keys() - self.after.campaigns.keys())


def review(before: Tree, after: Tree, run: Run, *, alone: bool = True) -> Review:
    """Compare two versions; ``alone`` tries each edit by itself too. Raises ``SetupError``."""
    changed = edits(before, after)
    former = _lived(before, run, "before")
    now = former if before == after else _lived(after, run, "after")
    joint = compare(former, now)
    effects: list[Effect] = []
    if len(changed) == 1:
        effects.append(Effect(edit=changed[0], comparison=joint))
    elif alone:
        effects += [_alone(edit, before, former, now, run) for edit in changed]
    return Review(
        before=former, after=now, edits=tuple(changed), comparison=joint, effects=tuple(effects)
    )


def _alone(edit: Edit, before: Tree, former: Account, now: Account, run: Run) -> Effect:
    try:
        tried = _lived(edit.on(before), run, edit.name)
    except SetupError as error:
        return Effect(edit=edit, comparison=None, fault=str(error))
    lost = (former.campaigns.keys() & now.campaigns.keys()) - tried.campaigns.keys()
    if lost:
        fault = f"{', '.join(sorted(lost))} cannot be used with this edit alone"
        return Effect(edit=edit, comparison=None, fault=fault)
    return Effect(edit=edit, comparison=compare(former, tried))


def _lived(tree: Tree, run: Run, label: str) -> Account:
    with TemporaryDirectory(prefix="lagniappe-") as folder:
        return run(lay(tree, Path(folder)), label)
