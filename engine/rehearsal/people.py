"""Who is in a story: the customer and the others, as their events tell them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from config.yaml_source import Document, Path
from engine.authoring.rehearsal_spec import TestSpec, TestsSpec
from engine.authoring.values import plain_value
from engine.core import ids
from engine.core.campaign import Plan
from engine.core.entry import variant_for
from engine.core.verbs import Split

SOURCE: Final = "shop"  # who tells events, unless a line says otherwise
CUSTOMER: Final = ""  # the name of the customer whom the test is about
_FEW: Final = 1_000  # ids to try of another; of 99 % held out one is found
_MOST: Final = 100_000  # ids to try; a variant of 1 % is found among the first thousand


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What chance must have decided of the customer: holdouts and splits are hashes of the id."""

    plans: Sequence[Plan]  # the tested campaign first
    holdout: bool
    variants: Mapping[str, str]

    def fits(self, customer: str) -> bool:
        """Whether it has, for a customer of this internal id."""
        for number, plan in enumerate(self.plans):
            is_out = ids.share(plan.id, "holdout", customer) < plan.holdout
            if is_out != (self.holdout and number == 0):
                return False
        splits = [step for step in self.plans[0].steps if isinstance(step, Split)]
        return all(
            variant_for(self.plans[0], step, customer) == self.variants[step.id]
            for step in splits
            if step.id in self.variants
        )


class NoSuchCustomer(Exception):
    """No customer could be found for whom chance decides as the test wants."""


def people_of(
    document: Document, here: Path, spec: TestsSpec, test: TestSpec, wanted: Wanted
) -> dict[str, dict[str, Any]]:
    """The facts of everybody in the story, by their name in it; the customer's is ``CUSTOMER``.

    Raises ``NoSuchCustomer``.
    """
    told: dict[str, Any] = {"email": "customer@example.com", "email_verified": True}
    if spec.customer is not None:
        told = overlaid(told, plain_facts(document, ("customer",), spec.customer))
    if test.customer is not None:
        told = overlaid(told, plain_facts(document, (*here, "customer"), test.customer))
    if "id" not in told:
        told["id"] = _fitting(wanted)
    elif told["id"] is not None and not wanted.fits(_internal(told["id"])):
        raise NoSuchCustomer(
            f"the customer {told['id']} is not one of those whom the test wants: holdouts and "
            "splits follow from the id; leave it out, and a fitting one is taken"
        )
    people = {CUSTOMER: told}
    there = replace(wanted, holdout=False, variants={})
    for name, facts in (test.others or {}).items():
        own = plain_facts(document, (*here, "others", name), facts)
        # Nobody is held out by chance, unless everybody is.
        known_as = (name, *(f"{name}-{number}" for number in range(2, _FEW)))
        fitting = next((one for one in known_as if there.fits(_internal(one))), name)
        base = {"id": fitting, "email": f"{name}@example.com", "email_verified": True}
        people[name] = overlaid(base, own)
    return people


def plain_facts(document: Document, path: Path, facts: Mapping[str, Any]) -> dict[str, Any]:
    """A customer's facts: free-form attributes with their values, consent in its short form."""
    told = dict(facts)
    if isinstance(told.get("attributes"), dict):
        told["attributes"] = plain_value(document, (*path, "attributes"), told["attributes"])
    consent = told.get("consent")
    if isinstance(consent, dict):
        told["consent"] = {
            channel: {"status": status} if isinstance(status, str) else status
            for channel, status in consent.items()
        }
    return told


def overlaid(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with what ``over`` says instead; mappings one level down are laid over likewise."""
    made = dict(base)
    for name, value in over.items():
        former = made.get(name)
        if isinstance(value, dict) and isinstance(former, dict):
            value = {**former, **value}
        made[name] = value
    return made


def _fitting(wanted: Wanted) -> str:
    for number in range(1, _MOST + 1):
        name = f"customer-{number}"
        if wanted.fits(_internal(name)):
            return name
    raise NoSuchCustomer(
        f"none of {_MOST:,} customers is as the test wants: "
        f"{_listed(wanted.variants)}{', held out' if wanted.holdout else ''}"
    )


def _internal(name: object) -> str:
    """The id that the engine gives to a customer whom it first knows by the shop's."""
    return ids.customer_id(f"id:{SOURCE}", str(name))


def _listed(variants: Mapping[str, str]) -> str:
    pairs: Iterable[str] = (f"{step}: {variant}" for step, variant in variants.items())
    return ", ".join(pairs) or "not held out"
