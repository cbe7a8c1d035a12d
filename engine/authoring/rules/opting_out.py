"""Marketing that nobody can end: ``no-unsubscribe``, ``no-sms-opt-out``, ``no-postal-address``.

15 U.S.C. 7704(a)(3) and (a)(5) (CAN-SPAM): an opt-out and a postal address in commercial email;
Directive 2002/58/EC, Article 13(2) to (4). CTIA, Messaging Principles and Best Practices: how to
opt out of texts. Transactional messages are let alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from config.diagnostics import Diagnostic, Severity
from config.yaml_source import Path
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.ports.rendering import TemplateInfo, Templates

_CAN_SPAM: Final = "15 U.S.C. 7704(a)(5) (CAN-SPAM)"


def check(draft: Draft, templates: Templates) -> Iterator[Diagnostic]:
    """Each template of a marketing campaign once, at the first step that sends it."""
    if draft.spec.purpose != "marketing":
        return
    told: set[tuple[str, str]] = set()
    for step in draft.steps:
        contact = contact_of(step.spec)
        if contact is None or (contact.template, contact.channel) in told:
            continue
        told.add((contact.template, contact.channel))
        info = templates.info(contact.template)
        if info is None:
            continue
        path = (*step.verb_path, "template")
        path = path if draft.document.has(path) else step.verb_path
        if contact.channel == "sms":
            yield from _text(draft, path, info)
        elif contact.channel == "email":
            yield from _mail(draft, path, info)


def _mail(draft: Draft, path: Path, info: TemplateInfo) -> Iterator[Diagnostic]:
    if where := _where(info, "unsubscribe"):
        yield draft.problem(
            "no-unsubscribe",
            path,
            f'the template "{info.name}" has no unsubscribe link ({where}), and this is marketing',
            expected=f"links.unsubscribe in the template or in _layout; see {_CAN_SPAM}",
        )
    if where := _where(info, "postal_address"):
        yield draft.problem(
            "no-postal-address",
            path,
            f'the template "{info.name}" does not show the postal address ({where}), '
            "and this is marketing",
            severity=Severity.WARNING,
            expected=f"shop.postal_address in the template or in _layout; see {_CAN_SPAM}",
        )


def _text(draft: Draft, path: Path, info: TemplateInfo) -> Iterator[Diagnostic]:
    if where := _where(info, "opt_out"):
        yield draft.problem(
            "no-sms-opt-out",
            path,
            f'the template "{info.name}" does not say how to opt out ({where}), '
            "and this is marketing",
            severity=Severity.WARNING,
            expected='words such as "Reply STOP to opt out" (CTIA, Messaging Principles)',
        )


def _where(info: TemplateInfo, what: str) -> str:
    places = (f"{one.part}, {one.locale}" for one in info.lacks if one.what == what)
    return "; ".join(sorted(places))
