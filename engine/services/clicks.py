"""``/c/`` links: where they lead, and the observation that somebody followed one.

An observation is a receipt, as a provider would report it: it is kept once and becomes an event,
and what a machine did moves no journey. Following a link changes nothing else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from engine.core.machines import is_machine_agent
from engine.core.receipt import Receipt, ReceiptKind
from engine.links import BadToken, Links, Purpose
from engine.ports.clock import Clock
from engine.ports.storage import Contended

log = structlog.get_logger(__name__)

PROVIDER: Final = "lagniappe"  # whose receipts these are: nobody else's
_LONGEST_AGENT: Final = 300  # characters that are kept


class Clicks:
    """Reads tokens and notes clicks. ``receive`` takes receipts in and may block."""

    def __init__(
        self, links: Links, receive: Callable[[Sequence[Receipt]], int], clock: Clock
    ) -> None:
        self._links = links
        self._receive = receive
        self._clock = clock

    def target(self, token: str) -> str:
        """Where the link leads to; raises ``BadToken``."""
        target = self._links.read(Purpose.CLICK, token).target
        if target is None:
            raise BadToken("this link is not valid")
        return target

    def observe(self, token: str, *, user_agent: str | None, machine: bool) -> None:
        """Note that a link was followed; ``machine``: certainly not by a person.

        Of many clicks on one link in one minute, those of people and those of machines are one
        each: who has a link cannot fill the database with it. What cannot be stored is logged and
        lost, because it is less than the redirect.
        """
        found, now = self._links.read(Purpose.CLICK, token), self._clock.now()
        agent = (user_agent or "").strip()
        machine = machine or is_machine_agent(agent)
        link = hashlib.sha256((found.target or "").encode()).hexdigest()[:16]
        receipt = Receipt(
            provider=PROVIDER,
            id=f"{link}:{int(now.timestamp()) // 60}:{'machine' if machine else 'person'}",
            kind=ReceiptKind.CLICKED,
            message_id=found.message_id,
            at=now,
            url=found.target,
            user_agent=agent,
            machine=machine,
            raw=json.dumps({"user_agent": agent[:_LONGEST_AGENT]}),
        )
        try:
            self._receive([receipt])
        except Contended:
            log.warning("click_not_stored", reason="contended")
        except Exception as error:
            log.error("click_not_stored", reason=type(error).__name__)
