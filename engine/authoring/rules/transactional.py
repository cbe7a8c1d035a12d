"""Promotion under the cover of an order: ``promotion-in-transactional``.

A message is transactional only as far as it is about what was bought. A coupon, points, an
invitation of friends or a request for a review makes it advertising, which needs consent and a way
out: 16 CFR 316.3 (CAN-SPAM, "primary purpose"); Directive 2002/58/EC, Article 13; for requests for
feedback in Germany BGH, 10 July 2018, VI ZR 225/17.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from config.diagnostics import Diagnostic
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.ports.rendering import Templates

RULES: Final = "16 CFR 316.3 (CAN-SPAM) and Directive 2002/58/EC Article 13"
PROMOTES: Final[Mapping[str, str]] = {
    "ask_review": "a request for a review",
    "ask_referral": "an invitation of friends",
}
_ROOTS: Final[Mapping[str, str]] = {
    "coupons": "a coupon",
    "referral": "an invitation of friends",
    "recommendations": "recommendations",
    "shop.community_url": "an invitation to the community",
}


def check(draft: Draft, templates: Templates) -> Iterator[Diagnostic]:
    """One error for each step of a transactional campaign that promotes."""
    if draft.spec.purpose != "transactional":
        return
    for step in draft.steps:
        what = PROMOTES.get(step.verb)
        contact = contact_of(step.spec)
        info = templates.info(contact.template) if contact is not None else None
        if what is None and info is not None:
            read = {name.partition(".")[0] for name in info.variables} | set(info.variables)
            what = next((word for root, word in _ROOTS.items() if root in read), None)
        if what is not None:
            yield draft.problem(
                "promotion-in-transactional",
                step.verb_path,
                f"{what} is advertising: it cannot go out as transactional, without consent",
                key=True,
                expected=f"purpose: marketing; see {RULES}",
            )
