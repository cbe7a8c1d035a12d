"""Emails that leave a customer with a question alone: ``no-support-contact``, ``no-support-hours``.

For messages of every purpose. What a layout lacks is told once, at the layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from config.diagnostics import Diagnostic, Position, Severity
from engine.ports.rendering import TemplateInfo

_CODES = {"support": "no-support-contact", "support_hours": "no-support-hours"}
_TOLD = {
    "support": ("how to reach support", "shop.support_email or shop.support_phone"),
    "support_hours": ("when support answers", "shop.support_hours, where there are any"),
}


def check(infos: Iterable[TemplateInfo]) -> Iterator[Diagnostic]:
    """One warning for each file that should say it."""
    told: set[tuple[str, str]] = set()
    for info in infos:
        for lack in info.lacks:
            if lack.what not in _CODES or (lack.what, lack.file) in told:
                continue
            told.add((lack.what, lack.file))
            missing, expected = _TOLD[lack.what]
            yield Diagnostic(
                code=_CODES[lack.what],
                message=f"emails with this foot do not say {missing}",
                at=Position(file=lack.file, line=1, column=1),
                severity=Severity.WARNING,
                expected=expected,
            )
