"""Scheduled messages go out, and what the provider answered is recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from config.policy import Policy
from engine.core.journey import on_failed, on_retry
from engine.core.message import Channel, Message, MessageStatus, Outcome, SendResult
from engine.core.receipt import Verdict
from engine.core.receiving import judge_address, withdraws_consent
from engine.core.world import World
from engine.ports.decisions import Decisions
from engine.ports.faults import Fault, passing
from engine.ports.storage import UnitOfWork
from engine.services.batch import Batch
from engine.services.consenting import tell_consent
from engine.services.handover import NOT_GIVEN, HandOver
from engine.services.receive import WITHDRAWN
from engine.services.revisions import Revisions

log = structlog.get_logger(__name__)

CHANNELS: tuple[Channel, ...] = ("email", "sms", "voice")


class Dispatch:
    """The two ends of a hand-over: what is due goes out, what comes back is written down."""

    def __init__(self, storage: Decisions, revisions: Revisions, handover: HandOver) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover

    def run(self, now: datetime, limit: int) -> int:
        """Hand over messages that fell due, as far as senders have room; how many customers.

        Raises ``Contended`` when another writer came first: nothing was written then.
        """
        with self._storage.deciding() as unit:
            configuration = self._revisions.configuration(unit)
            customers: dict[str, None] = {}
            for channel in CHANNELS:
                room = min(limit, self._handover.room(channel, configuration))
                if room > 0:
                    customers.update(dict.fromkeys(unit.customers_to_message(now, channel, room)))
            if not customers:
                return 0
            batch = Batch(unit, configuration, self._handover)
            worlds = unit.load(customers, now=now, sends=True)
            outgoings = batch.finish(worlds.values(), now)
        self._handover.give(outgoings)
        return len(customers)

    def record(self, results: Sequence[SendResult], now: datetime) -> None:
        """Write down what became of hand-overs: sent in one statement, trouble one world at a time.

        Raises ``Contended`` when another writer came first: nothing was written then.
        """
        if not results:
            return
        accepted = [each for each in results if each.outcome is Outcome.ACCEPTED]
        trouble: dict[str, SendResult] = {}
        if len(accepted) < len(results):
            trouble = {
                each.message_id: each for each in results if each.outcome is not Outcome.ACCEPTED
            }
        batch: Batch | None = None
        with self._storage.deciding() as unit:
            if accepted:
                unit.record_sent(accepted)
            if trouble:
                batch = self._record_trouble(unit, trouble, now, of=self._handover.worker_id)
            passing(Fault.RESULTS_WRITTEN)
            unit.commit()
        if batch is not None:
            batch.tell_held()
            self._handover.release(
                key for key, one in trouble.items() if one.error_code == NOT_GIVEN
            )
        passing(Fault.RESULTS_RECORDED)

    def never_given(self, now: datetime) -> list[SendResult]:
        """Results of messages that were to be handed over when something failed; to be recorded."""
        return self._handover.never_given(now)

    def _record_trouble(
        self,
        unit: UnitOfWork,
        trouble: dict[str, SendResult],
        now: datetime,
        *,
        of: str | None = None,
    ) -> Batch:
        """Note it, to be committed by the caller.

        ``of``: only what this worker has under way, for another may have the message by now.
        """
        configuration = self._revisions.configuration(unit)
        customers = {message.customer_id for message in unit.messages(trouble).values()}
        unit.lock(customers)
        judges = any(each.verdict is not Verdict.NOTHING for each in trouble.values())
        worlds = unit.load(customers, now=now, past=judges)
        _permit(unit, worlds, trouble)
        batch = Batch(unit, configuration, self._handover)
        context = batch.context(now)
        for world in worlds.values():
            for message in list(world.messages.values()):
                result = trouble.get(message.id)
                if result is None or message.status is not MessageStatus.SENDING:
                    continue
                if of is not None and message.owner != of:
                    continue
                message.error_code = result.error_code
                world.changes.messages.add(message.id)
                if not result.handed_over:
                    message.attempts -= 1
                send_at = _next_attempt(message, result, configuration.policy, now)
                if result.outcome is Outcome.UNKNOWN:
                    message.status = MessageStatus.UNKNOWN
                    message.reason = result.reason or "the provider's answer was never seen"
                    message.sent_at = result.at
                elif send_at is not None:
                    message.reason = result.reason
                    on_retry(world, message, send_at, configuration.plans, context)
                else:
                    on_failed(world, message, context)
                    message.reason = result.reason
                    _judge(batch, world, message, result, now)
                message.owner = None
                log.warning(
                    "hand_over_failed",
                    message=message.id,
                    outcome=result.outcome.value,
                    code=result.error_code,
                    attempts=message.attempts,
                )
        batch.note(worlds.values(), now)
        return batch

    def settle_orphans(self, alive_since: datetime, now: datetime) -> int:
        """Mark as ``unknown`` what a worker that is gone was handing over; how many."""
        with self._storage.deciding() as unit:
            ids = unit.doubtful(alive_since)
            if not ids:
                return 0
            orphans = {
                each: SendResult(
                    message_id=each,
                    outcome=Outcome.UNKNOWN,
                    at=now,
                    error_code="interrupted",
                    reason="the process ended during the hand-over",
                )
                for each in ids
            }
            batch = self._record_trouble(unit, orphans, now)
            passing(Fault.ORPHANS_FOUND)
            unit.commit()
        batch.tell_held()
        return len(ids)


def _permit(
    unit: UnitOfWork, worlds: Mapping[str, World], trouble: Mapping[str, SendResult]
) -> None:
    """Give the worlds what is known of the addresses that answers say something of."""
    told = {
        (world.customer.id, message.recipient): (message.channel, message.recipient)
        for world in worlds.values()
        for message in world.messages.values()
        if message.recipient is not None
        and message.id in trouble
        and trouble[message.id].verdict is not Verdict.NOTHING
    }
    if not told:
        return
    known = unit.permissions({address for _, address in told.values()})
    for (customer_id, _), key in told.items():
        world = worlds[customer_id]
        if key in known.consents:
            world.consents[key] = known.consents[key]
        if key in known.suppressions:
            world.suppressions[key] = known.suppressions[key]
        if key in known.preferences:
            world.preferences[key] = known.preferences[key]


def _judge(batch: Batch, world: World, message: Message, result: SendResult, now: datetime) -> None:
    """What a refusal says of the address holds at once, as if a receipt had told it."""
    context, plans = batch.context(now), batch.configuration.plans
    judge_address(world, message, result.verdict, result.at, plans, context)
    if withdraws_consent(result.verdict) and message.recipient is not None:
        code, provider = result.error_code, message.provider
        tell_consent(
            batch,
            world,
            "unsubscribed",
            channel=message.channel,
            address=message.recipient,
            key=f"withdrawn:{message.id}:{provider}:{code}",
            proof=f"{WITHDRAWN[result.verdict]}: {provider} refused message {message.id} ({code})",
            at=result.at,
            now=now,
            message=message,
        )


def _next_attempt(
    message: Message, result: SendResult, policy: Policy, now: datetime
) -> datetime | None:
    """When to try again; None when it must not be, or no attempt is left."""
    if result.outcome is not Outcome.RETRY or message.attempts >= policy.retry.attempts:
        return None
    if not result.handed_over:
        return now + timedelta(seconds=result.retry_after or 0)
    first, most = policy.retry.first.nominal_seconds, policy.retry.most.nominal_seconds
    wait = min(most, first * 2 ** (message.attempts - 1))
    return now + timedelta(seconds=max(wait, result.retry_after or 0))
