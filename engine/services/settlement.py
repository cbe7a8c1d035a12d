"""Ending doubt about messages: ask the provider, then follow the policy, or a person's word.

Receipts settle by themselves (``engine.services.receive``). What they leave is asked for, first
some minutes after the hand-over and then more and more seldom; what is still in doubt after
``on_unknown.after`` is dealt with as the policy says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from engine.core.message import Content, Message, MessageStatus
from engine.core.receipt import Receipt
from engine.core.settling import Ending, settle
from engine.ports.clock import Clock
from engine.ports.faults import Fault, passing
from engine.ports.providers import LookUp, LookUpUnavailable, Sought
from engine.ports.storage import Contended, Storage
from engine.services.batch import Batch
from engine.services.handover import HandOver
from engine.services.receive import Receive
from engine.services.revisions import Revisions

log = structlog.get_logger(__name__)

FIRST_ASK: Final = timedelta(minutes=2)  # receipts mostly come before
_MOST_SELDOM: Final = timedelta(hours=6)
_ASKED_AT_ONCE: Final = 5  # SendGrid's activity allows few calls a minute
_PAGE: Final = 5000
_ATTEMPTS: Final = 20


class NotInDoubt(Exception):
    """The message is not ``unknown``, so there is nothing to resolve."""

    def __init__(self, message: Message) -> None:
        super().__init__(f"message {message.id} is {message.status.value}, not unknown")
        self.message = message


@dataclass(slots=True)
class _Asked:
    """When a message is asked for again; kept in memory, so a restart asks anew."""

    wait: timedelta
    next_at: datetime


@dataclass(slots=True, kw_only=True)
class Settlement:
    """The use case behind ``on_unknown`` and ``log resolve``.

    ``words`` gives what was sent, where it is kept. ``look_ups`` are by provider name.
    """

    storage: Storage
    revisions: Revisions
    handover: HandOver
    receive: Receive
    clock: Clock
    words: Callable[[str], Content | None]
    look_ups: Mapping[str, LookUp] = field(default_factory=dict)
    _asked: dict[str, _Asked] = field(default_factory=dict)
    _denied: set[str] = field(default_factory=set)

    def run(self) -> int:
        """Ask for what is due to be asked for, then apply the policy; how many were settled."""
        doubtful = self.storage.messages_in_doubt(_PAGE)
        settled = 0
        if doubtful:
            settled = self._ask(doubtful)
            settled += self._apply_policy()
        known = {each.id for each in doubtful}
        self._asked = {key: asked for key, asked in self._asked.items() if key in known}
        return settled

    def resolve(self, message_id: str, ending: Ending) -> Message:
        """End the doubt on a person's word; the message as it is then.

        Raises KeyError for an unknown id, NotInDoubt, or Contended.
        """
        return self._persistently(message_id, ending, {"by": "person"})

    def _ask(self, doubtful: Sequence[Message]) -> int:
        now = self.clock.now()
        settled = 0
        for name, look_up in self.look_ups.items():
            if name in self._denied:
                continue
            due = [one for one in doubtful if one.provider == name and self._is_due(one, now)]
            due = due[:_ASKED_AT_ONCE]
            if not due:
                continue
            try:
                receipts = asyncio.run(_found(look_up, self._sought(due, now)))
            except LookUpUnavailable as error:
                log.warning("look_up_unavailable", provider=name, reason=error.reason)
                if error.permanent:
                    self._denied.add(name)
                continue
            for one in due:
                former = self._asked.get(one.id)
                wait = FIRST_ASK if former is None else min(_MOST_SELDOM, former.wait * 2)
                self._asked[one.id] = _Asked(wait, now + wait)
            passing(Fault.SETTLEMENT_ASKED)
            settled += self.receive.take(receipts)
        return settled

    def _is_due(self, message: Message, now: datetime) -> bool:
        asked = self._asked.get(message.id)
        if asked is not None:
            return asked.next_at <= now
        return message.sent_at is None or message.sent_at + FIRST_ASK <= now

    def _sought(self, messages: Sequence[Message], now: datetime) -> list[Sought]:
        known = self.storage.provider_ids({one.customer_id for one in messages})
        voice = self.revisions.policy.senders.voice
        caller = None if voice is None else voice.sender
        sought = []
        for one in messages:
            content = self.words(one.id)
            until = _in_doubt_since(one)
            sought.append(
                Sought(
                    message_id=one.id,
                    to=one.recipient or "",
                    subject=one.subject,
                    text=None if content is None else content.text,
                    since=min(one.send_at, until),
                    until=until,
                    known=known,
                    sender=caller if one.channel == "voice" else None,
                )
            )
        return sought

    def _apply_policy(self) -> int:
        policy = self.revisions.policy.on_unknown
        if policy.do == "hold":
            return 0
        since = self.clock.now() - _span(self.revisions)
        settled = 0
        for message in self.storage.messages_in_doubt(_PAGE):
            if _in_doubt_since(message) > since:
                continue
            asked = self._asked.get(message.id)
            can_ask = message.provider in self.look_ups and message.provider not in self._denied
            if can_ask and asked is None:
                continue  # the provider could not be asked yet
            attempts = self.revisions.policy.retry.attempts
            if policy.do == "resend" and message.attempts >= attempts:
                continue  # held: no attempt is left
            try:
                self._persistently(
                    message.id, policy.do, {"by": "on_unknown", "after": str(policy.after)}
                )
            except NotInDoubt:
                continue  # a receipt came first
            settled += 1
            log.info("doubt_settled", message=message.id, by="on_unknown", ending=policy.do)
        return settled

    def _persistently(self, message_id: str, ending: Ending, trace: dict[str, str]) -> Message:
        for left in reversed(range(_ATTEMPTS)):
            try:
                return self._settle(message_id, ending, trace)
            except Contended:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _settle(self, message_id: str, ending: Ending, trace: dict[str, str]) -> Message:
        now = self.clock.now()
        with self.storage.deciding() as unit:
            found = unit.messages([message_id]).get(message_id)
            if found is None:
                raise KeyError(message_id)
            unit.lock([found.customer_id])
            message = unit.messages([message_id], locked=True)[message_id]
            if message.status is not MessageStatus.UNKNOWN:
                raise NotInDoubt(message)
            batch = Batch(unit, self.revisions.configuration(unit), self.handover)
            worlds = unit.load([message.customer_id], now=now, message_ids=[message.id])
            world = worlds.get(message.customer_id)
            if world is None:
                raise Contended("a customer was merged meanwhile")
            message = world.messages[message.id]
            plans, context = batch.configuration.plans, batch.context(now)
            settle(world, message, ending, plans, context, dict(trace))
            passing(Fault.SETTLEMENT_DECIDED)
            batch.keep([world], now)
        return message


async def _found(look_up: LookUp, sought: Sequence[Sought]) -> Sequence[Receipt]:
    return await look_up.find(sought)


def _in_doubt_since(message: Message) -> datetime:
    return message.sent_at or message.send_at


def _span(revisions: Revisions) -> timedelta:
    return revisions.policy.on_unknown.after.nominal
