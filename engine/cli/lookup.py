"""Finding what people name: a customer by any of their keys, and what questions go by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from config.diagnostics import nearest
from engine.cli.failure import Failure

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.core.message import Channel
    from engine.records import Records
    from engine.services.case import Question


_MESSAGE: Final = re.compile(r"[0-9a-fA-F]{6}[0-9a-fA-F-]{0,30}")  # an id, or its beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What somebody named: a customer, or an order, a journey or a message of theirs."""

    customer_id: str
    order_id: str | None = None
    message_id: str | None = None
    journey_id: str | None = None


def customer_id(records: App | Records, named: str) -> str:
    """The customer of an id or its beginning, an address, an external id, or an order.

    Fails when there is none, or more than one.
    """
    return subject(records, named).customer_id


def subject(records: App | Records, named: str, *, messages: bool = False) -> Named:
    """Who or what is named by ``named``: a customer by any of their keys, an order by its id or
    number, a ticket by its id; with ``messages`` also a message by its id, its beginning or the
    provider's id, a journey by its id, and what else people have at hand.

    Fails when there is none, or more than one.
    """
    named = named.strip()
    for text in _spellings(records, named):
        found = records.history.find_customers(text)
        if len(found) == 1:
            return Named(customer_id=found[0].id)
        if found:
            listed = "".join(
                f"\n  {one.id}  {one.email or one.phone or ''}  (by {one.matched_by})"
                for one in found
            )
            raise Failure(f"{named} names {len(found)} customers; say which:{listed}")
    with records.storage.deciding() as unit:
        owner = unit.owners([named], []).get(named)
        if owner is not None:
            return Named(customer_id=_kept(records, owner, named), order_id=named)
        owner = unit.owners([], [named]).get(named)
    if owner is not None:
        return Named(customer_id=_kept(records, owner, named))
    return _message(records, named, messages) or _numbered(records, named, messages)


def _kept(records: App | Records, owner: str, named: str) -> str:
    """The owner of an order or a ticket, unless they were erased: those rows stay for the sums."""
    if not records.history.find_customers(owner):
        raise Failure(f"there is no customer {named}: who it belonged to was erased")
    return owner


def _spellings(records: App | Records, named: str) -> list[str]:
    from triggers.addresses import normalise_email, normalise_phone

    spellings = [named]
    if "@" in named:
        spellings.append(normalise_email(named) or "")
    elif any(sign.isdigit() for sign in named):
        spellings.append(normalise_phone(named, records.country) or "")
        spellings.append(named.lower() if _MESSAGE.fullmatch(named) else "")
    return list(dict.fromkeys(one for one in spellings if one))


def _message(records: App | Records, named: str, wanted: bool) -> Named | None:
    from engine.ports.history import Ambiguous

    if not wanted or not _MESSAGE.fullmatch(named):
        return None
    try:
        found = records.history.message(named.lower())
    except Ambiguous as error:
        raise Failure(f"{named} begins several messages: {', '.join(error.ids)}") from None
    if found is None:
        return None
    return Named(customer_id=found.message.customer_id, message_id=found.message.id)


def _numbered(records: App | Records, named: str, messages: bool) -> Named:
    orders = records.history.find_orders(named)
    if len({one.customer_id for one in orders}) > 1:
        listed = "".join(f"\n  {one.id}  ({one.number or 'no number'})" for one in orders)
        raise Failure(f"{named} names {len(orders)} orders; say which:{listed}")
    if orders:
        only = orders[0].id if len(orders) == 1 else None
        return Named(customer_id=_kept(records, orders[0].customer_id, named), order_id=only)
    other = _other(records, named) if messages else None
    if other is not None:
        return other
    near = nearest(named, records.history.emails_like(named)) if "@" in named else None
    hint = f"; did you mean {near}?" if near else ""
    kinds = ["id", "email", "phone", "external id", "order number", "id of an order (shop:1001)",
             "or of a ticket"]  # fmt: skip
    if messages:
        kinds[-1:] = ["of a ticket", "a journey", "or a message"]
    raise Failure(f"there is no customer {named}: it is no {', '.join(kinds)}{hint}")


def _other(records: App | Records, named: str) -> Named | None:
    found = records.history.find_others(named)
    if len({one.customer_id for one in found}) > 1:
        listed = "".join(f"\n  {one.id}  ({one.kind})" for one in found)
        raise Failure(f"{named} names {len(found)} customers; say which:{listed}")
    for one in found:
        return Named(
            customer_id=_kept(records, one.customer_id, named),
            message_id=one.id if one.kind == "message" else None,
            journey_id=one.id if one.kind == "journey" else None,
        )
    return None


def campaign_named(named: str, names: Mapping[str, str]) -> str | None:
    """The campaign that people mean by its id, its file or its name, in whatever case.

    ``names`` are all names by id. None when it is none of them.
    """
    plain = PurePath(named.strip()).name if "/" in named else named.strip()
    plain = re.sub(r"\.ya?ml$", "", plain, flags=re.IGNORECASE).casefold()
    by_name = [one for one, name in names.items() if name.casefold() == plain]
    found = [one for one in names if one.casefold() == plain] or by_name
    return named if named in names else found[0] if len(found) == 1 else None


def question(app: App) -> Question:
    """What answers follow from: the plans and holds in force, the policy, and the instant."""
    from engine.services.case import Question
    from engine.services.deliveries import compile_delivery

    with app.storage.deciding() as unit:
        configuration = app.revisions.configuration(unit)
    senders = configuration.policy.senders
    named: tuple[tuple[Channel, object], ...] = (
        ("email", senders.email), ("sms", senders.sms), ("voice", senders.voice),
    )  # fmt: skip
    return Question(
        plans=configuration.plans,
        rules=configuration.rules,
        now=app.clock.now(),
        zone=configuration.policy.zone,
        programs=configuration.programs,
        channels=frozenset(channel for channel, sender in named if sender is not None),
        delivery=compile_delivery(configuration.policy.delivery),
        phases=app.history.phases(),
    )
