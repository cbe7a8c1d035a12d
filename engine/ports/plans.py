"""What the rest of the engine asks of the campaigns' author: plans, and the sources they are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from config.diagnostics import Diagnostic
from engine.core.campaign import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    """One campaign that can run: its plan, the text it was compiled from, and the file's name.

    ``file`` is relative to the workspace, as in ``campaigns/review-request.yaml``.
    """

    plan: Plan
    source: str
    file: str


class CampaignSource(Protocol):
    """The workspace's campaigns."""

    def load(self) -> Mapping[str, Compiled]:
        """Every campaign by its id, as the files now stand.

        A file that has turned faulty gives its last good version, one that never was good or is
        gone gives none.
        """
        ...

    def compile_source(self, source: str, file: str) -> Plan:
        """The plan of a stored revision.

        What was good when it was stored is taken as it is: templates and event types that are gone
        meanwhile are no problem.

        :raises SourceError: it is no campaign of this release's grammar.
        """
        ...

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Every problem that the last ``load`` found."""
        ...
