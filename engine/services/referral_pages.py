"""The page behind a referral code, the friends who leave an address on it, and a shop's decisions.

Of a friend's address only a keyed hash is kept, beside the referrer's code and the words that were
agreed to: enough to know the friend's order by, too little to write to anybody. It is no consent to
marketing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from urllib.parse import urlencode, urlsplit, urlunsplit

import structlog

from config.policy import Policy
from config.referrals import ReferralProgram
from engine.core.beside import CUSTOMER, ORDER
from engine.core.book import Record
from engine.core.ids import referral_id
from engine.core.machines import is_machine_agent
from engine.ports.clock import Clock
from engine.ports.decisions import Decisions
from engine.ports.storage import Contended
from engine.ports.stored import Incoming
from engine.programs.likeness import mailbox
from engine.programs.referral_records import (
    CLAIMED,
    CODES,
    DECIDED,
    REFERRALS,
    VIEWED,
    as_code,
    is_final,
)
from engine.services.batch import OWN_SOURCE
from engine.services.unsubscribe import Ingest
from triggers.event import CustomerFacts, Event
from triggers.sources.native import serialize

log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 20

Verdict = Literal["approve", "reject"]


class UnknownCode(Exception):
    """Nobody's code, or one of a program that the shop has ended."""


class UnknownReferral(Exception):
    """No referral has this id."""


class Settled(Exception):
    """The referral is settled already; ``status`` says how."""

    def __init__(self, status: str) -> None:
        super().__init__(f"the referral is {status} already")
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a friend is shown. ``first_name`` is all that they learn of who invites them."""

    code: str
    customer_id: str
    first_name: str | None
    program_id: str
    program: ReferralProgram
    shop_url: str  # with the code and UTM tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """One referral with whose it is."""

    customer_id: str
    record: Record


class ReferralPages:
    """The use case behind ``/r/`` and ``lagniappe referrals``."""

    def __init__(
        self,
        storage: Decisions,
        ingest: Ingest,
        clock: Clock,
        *,
        policy: Callable[[], Policy],
        mailboxes: Callable[[str], Sequence[str]],
    ) -> None:
        self._storage = storage
        self._ingest = ingest
        self._clock = clock
        self._policy = policy
        self._mailboxes = mailboxes

    def read(self, text: str) -> Invitation:
        """The invitation of a code, however it was typed; raises UnknownCode."""
        code = as_code(text)
        found = None if code is None else self._find(CODES, code)
        program = None if found is None else self._policy().referrals.get(_program(found[1]))
        if code is None or found is None or program is None:
            raise UnknownCode("no customer has this code")
        customer_id, record, first_name = found
        name = _program(record)
        return Invitation(
            code=code,
            customer_id=customer_id,
            first_name=first_name,
            program_id=name,
            program=program,
            shop_url=shop_address(program.shop_url, code, name),
        )

    def observe(self, invitation: Invitation, *, user_agent: str | None, machine: bool) -> None:
        """Note that somebody saw the page; once a day for people, once for machines.

        What cannot be stored is logged and lost: it is less than the page.
        """
        machine = machine or is_machine_agent(user_agent or "")
        now = self._clock.now()
        kind = "machine" if machine else "person"
        data = {"code": invitation.code, "machine": machine}
        identity = f"{VIEWED}:{invitation.code}:{now:%Y%m%d}:{kind}"
        try:
            self._tell(VIEWED, identity, invitation.customer_id, data)
        except Contended:
            log.warning("view_not_stored", reason="contended")
        except Exception as error:
            log.error("view_not_stored", reason=type(error).__name__)

    def claim(self, text: str, email: str, consent: str) -> Invitation:
        """Remember a friend's address for the invitation; raises UnknownCode or Contended.

        ``consent`` is what they agreed to. Nobody is told whether the address was known before.
        """
        invitation = self.read(text)
        mark = self._mailboxes(mailbox(email))[0]
        data = {"code": invitation.code, "mark": mark, "consent": consent}
        identity = f"{CLAIMED}:{referral_id(invitation.code, mark)}"
        self._tell(CLAIMED, identity, invitation.customer_id, data)
        return invitation

    def show(self, referral: str) -> Referral:
        """One referral; raises UnknownReferral."""
        found = self._find(REFERRALS, referral)
        if found is None:
            raise UnknownReferral(referral)
        return Referral(customer_id=found[0], record=found[1])

    def decide(self, referral: str, verdict: Verdict, reason: str | None) -> Referral:
        """A person's word on a referral, and what became of it.

        Raises UnknownReferral, Settled, or Contended.
        """
        held = self.show(referral)
        data = held.record.data
        if is_final(data):
            raise Settled(str(data["status"]))
        told = {
            "referral": referral,
            CUSTOMER: data[CUSTOMER],
            ORDER: data["order"],
            "verdict": verdict,
            "reason": reason,
        }
        identity = f"{DECIDED}:{referral}:{self._clock.now():%Y%m%dT%H%M%S%f}"
        self._tell(DECIDED, identity, held.customer_id, told)
        return self.show(referral)

    def _find(self, book: str, key: str) -> tuple[str, Record, str | None] | None:
        """The oldest record of a book under a key: whose, what, and their first name."""
        with self._storage.deciding(urgent=True) as unit:
            kept = unit.keepers({(book, key)}).get((book, key))
            if not kept:
                return None
            customer_id, _ = min(kept, key=lambda one: (one[1], one[0]))
            unit.open_books({book})
            world = unit.load([customer_id], now=self._clock.now()).get(customer_id)
        record = None if world is None else world.books.get((book, key))
        if world is None or record is None:
            return None
        return customer_id, record, world.customer.first_name

    def _tell(self, kind: str, identity: str, customer_id: str, data: Mapping[str, Any]) -> None:
        now: datetime = self._clock.now()
        event = Event(
            id=identity,
            source=OWN_SOURCE,
            type=kind,
            time=now,
            customer=CustomerFacts(id=customer_id),
            data=dict(data),
        )
        incoming = Incoming(event=event, body=serialize(event), received_at=now)
        for left in reversed(range(_ATTEMPTS)):
            try:
                self._ingest.take([incoming])
                return
            except Contended:
                if not left:
                    raise


def shop_address(shop_url: str, code: str, program: str) -> str:
    """The shop's page with the code, and tags that say where the visitor comes from."""
    parts = urlsplit(shop_url)
    tags = {
        "ref": code,
        "utm_source": "lagniappe",
        "utm_medium": "referral",
        "utm_campaign": program,
    }
    query = "&".join(filter(None, (parts.query, urlencode(tags))))
    return urlunsplit(parts._replace(query=query))


def _program(found: Record) -> str:
    return str(found.data["program"])
