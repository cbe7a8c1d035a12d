"""Finding what people name: a customer by any of their keys, and what questions go by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli.failure import Failure

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.records import Records
    from engine.services.why import Question


def customer_id(records: App | Records, named: str) -> str:
    """The customer of an id or its beginning, an address, an external id, or an order's id.

    Fails when there is none, or more than one.
    """
    from triggers.addresses import normalise_email, normalise_phone

    named = named.strip()
    spellings = [named]
    if "@" in named:
        spellings.append(normalise_email(named) or "")
    elif any(sign.isdigit() for sign in named):
        spellings.append(normalise_phone(named, records.country) or "")
    for text in dict.fromkeys(one for one in spellings if one):
        found = records.history.find_customers(text)
        if len(found) == 1:
            return found[0].id
        if found:
            listed = "".join(
                f"\n  {one.id}  {one.email or one.phone or ''}  (by {one.matched_by})"
                for one in found
            )
            raise Failure(f"{named} names {len(found)} customers; say which:{listed}")
    with records.storage.deciding() as unit:
        owner = unit.owners([named], [named]).get(named)
    if owner is None:
        raise Failure(
            f"there is no customer {named}: it is no id, email, phone, external id, "
            "or id of an order (shop:1001)"
        )
    return owner


def question(app: App) -> Question:
    """What answers follow from: the plans and holds in force, the policy, and the instant."""
    from engine.services.why import Question

    with app.storage.deciding() as unit:
        configuration = app.revisions.configuration(unit)
    return Question(
        plans=configuration.plans,
        rules=configuration.rules,
        now=app.clock.now(),
        zone=configuration.policy.zone,
    )
