"""What coupons need of ``offers`` in ``config/store.yaml``."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic, Severity, nearest
from config.durations import Duration
from config.offers import Offer, Offers
from engine.authoring.compile import Draft
from engine.authoring.contacts import coupon_of
from engine.authoring.layout import Placed
from engine.authoring.step_specs import DelayStep, IssueCouponStep


def lint_offers(draft: Draft, offers: Offers) -> Iterator[Diagnostic]:
    """Offers that there are, last until they are told again, and warn in time."""
    steps = {step.id: step for step in draft.steps}
    for step in draft.steps:
        if isinstance(step.spec, IssueCouponStep):
            yield from _offer(draft, step, step.spec.issue_coupon.offer, offers)
        giver = steps.get(coupon_of(step.spec) or "")
        if giver is not None and isinstance(giver.spec, IssueCouponStep):
            offer = offers.get(giver.spec.issue_coupon.offer)
            if offer is not None and offer.expires is not None:
                yield from _expiry(draft, giver, step, offer.expires)


def _offer(draft: Draft, step: Placed, name: str, offers: Offers) -> Iterator[Diagnostic]:
    path = (*step.verb_path, "offer")
    path = path if draft.document.has(path) else step.verb_path
    offer = offers.get(name)
    if offer is None:
        known = ", ".join(offers)
        yield draft.problem(
            "unknown-offer",
            path,
            f'config/store.yaml has no offer "{name}"',
            expected=f"one of {known}" if known else "offers: in config/store.yaml",
            suggestion=nearest(name, offers),
        )
    else:
        yield from _pool(draft, step, name, offer)


def _pool(draft: Draft, step: Placed, name: str, offer: Offer) -> Iterator[Diagnostic]:
    """A campaign that may empty a pool in less time than its warning leaves."""
    limit = draft.spec.volume_limit
    if offer.kind != "pool" or limit is None or limit.count <= offer.warn_at:
        return
    yield draft.problem(
        "pool-too-small",
        step.verb_path,
        f"{limit} may take more codes than are left when the pool {offer.pool} is warned of "
        f"({offer.warn_at})",
        severity=Severity.WARNING,
        expected=f"offers: {name}: warn_at: {limit.count} in config/store.yaml, or a lower limit",
    )


def _expiry(draft: Draft, giver: Placed, step: Placed, expires: Duration) -> Iterator[Diagnostic]:
    waited = sum(
        one.spec.delay.for_.nominal_seconds
        for one in draft.steps
        if isinstance(one.spec, DelayStep)
        and one.spec.delay.for_ is not None
        and one.spec.if_ is None
        and one.id in step.before
        and giver.id in one.before
    )
    if waited >= expires.nominal_seconds:
        yield draft.problem(
            "coupon-expires-before",
            (*step.verb_path, "coupon"),
            f"the coupon of {giver.id} has expired by then: it lasts {expires}",
            severity=Severity.WARNING,
            expected="shorter delays, or a longer expires in config/store.yaml",
        )
