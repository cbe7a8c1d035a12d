"""Texts from customers: kept once, acted upon and told to campaigns in one transaction.

When this returns, a STOP holds: no message can pass any more. What was written is never logged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import structlog

from config.policy import Policy
from engine.core import replying
from engine.core.asking import waiting_survey
from engine.core.customer import Customer
from engine.core.decision import EntryVerdict
from engine.core.identity import IdentityKey
from engine.core.journey import on_event
from engine.core.message import Message
from engine.core.projection import project
from engine.core.survey import SurveyKind, answer_in
from engine.core.texts import InboundText, Intent, Keywords, Reading, read_text
from engine.core.world import World
from engine.ports.clock import Clock
from engine.ports.decisions import Decisions
from engine.ports.metrics import Metrics
from engine.ports.storage import Contended, UnitOfWork
from engine.ports.stored import Incoming, Processed
from engine.services.batch import Batch, order_reference, ticket_reference
from engine.services.consenting import later_than_held, tell_consent
from engine.services.handover import HandOver
from engine.services.revisions import Revisions
from engine.services.surveys import Asked, answer_event, asked_of
from triggers.event import CustomerFacts, Event
from triggers.sources.native import serialize

log = structlog.get_logger(__name__)

_ATTEMPTS: Final = 20
_LOOK_BACK: Final = 50  # messages to one number that are looked through
NOBODYS: Final = "no customer is known by this number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharers:
    """Everybody whom texts to a number concern.

    ``subject`` is the one who is thought to have written, else a world without customer: what is
    permitted belongs to the number, whoever has it. ``sent`` are the last messages to it, newest
    first.
    """

    subject: World
    others: tuple[World, ...]
    sent: tuple[Message, ...]

    @property
    def answered(self) -> Message | None:
        """The last message, to which a text is thought to reply."""
        return self.sent[0] if self.sent else None

    @property
    def is_known(self) -> bool:
        """Whether the subject is a customer."""
        return bool(self.subject.customer.id)

    @property
    def worlds(self) -> tuple[World, ...]:
        """All worlds, to be kept."""
        return (self.subject, *self.others)


class Replies:
    """The use case behind ``/webhooks/twilio``.

    ``segments`` counts the SMS segments of an answer, ``plain`` spells it without typography.
    """

    def __init__(
        self,
        storage: Decisions,
        revisions: Revisions,
        handover: HandOver,
        clock: Clock,
        metrics: Metrics,
        *,
        segments: Callable[[str], int],
        plain: Callable[[str], str],
        on_taken: Callable[[], None] | None = None,
    ) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover
        self._clock = clock
        self._metrics = metrics
        self._segments = segments
        self._plain = plain
        self._on_taken = on_taken

    def take(self, text: InboundText) -> str | None:
        """Take a text in, durably; what to answer, None for nothing.

        One that was taken before changes nothing and is not answered again. Raises ``Contended``
        when other writers always came first.
        """
        for left in reversed(range(_ATTEMPTS)):
            try:
                taken = self._take(text)
                break
            except Contended:
                if not left:
                    raise
        if taken is None:
            return None
        if self._on_taken is not None:
            self._on_taken()
        return self._answer(text, *taken)

    def _take(self, text: InboundText) -> tuple[Reading, bool] | None:
        now = self._clock.now()
        with self._storage.deciding(urgent=True) as unit:
            if not unit.unseen({(text.provider, text.id)}):
                return None
            configuration = self._revisions.configuration(unit)
            reading = _read(text, configuration.policy)
            sharers = sharers_of(unit, text.sender, now)
            batch = Batch(unit, configuration, self._handover)
            has_effect = _act(batch, sharers, text, reading, now)
            _keep(batch, sharers, text, reading, has_effect, now)
            batch.keep(sharers.worlds, now)
        self._tell(text, reading, has_effect, sharers.is_known)
        return reading, has_effect

    def _tell(self, text: InboundText, reading: Reading, has_effect: bool, is_known: bool) -> None:
        self._metrics.text_received(reading.intent.value)
        log.info(
            "text_received",
            text=text.id,
            intent=reading.intent.value,
            effect=has_effect,
            customer="known" if is_known else "unknown",
        )
        if reading.intent is Intent.WISH:
            log.warning("texts_held", text=text.id, next="lagniappe customers flagged")

    def _answer(self, text: InboundText, reading: Reading, has_effect: bool) -> str | None:
        """Ours, unless the provider answers: help, and one confirmation of what changed."""
        policy = self._revisions.policy
        if policy.sms.answers != "ours" or text.asked is not None:
            return None
        if reading.intent is not Intent.HELP and not has_effect:
            return None
        texts = policy.sms.texts
        match reading.intent:
            case Intent.STOP:
                told = texts.stop
            case Intent.START:
                told = texts.start
            case Intent.HELP:
                told = texts.help
            case _:
                return None
        support = policy.brand.support
        reach = support.phone or support.email
        answer = self._plain(told.replace("{brand}", policy.brand.name).replace("{help}", reach))
        log.info(
            "text_answered",
            text=text.id,
            intent=reading.intent.value,
            segments=self._segments(answer),
        )
        return answer


def sharers_of(unit: UnitOfWork, number: str, now: datetime) -> Sharers:
    """Load, locked, everybody whom texts to this number concern.

    Who wrote: the customer of the last message that went to the number, else the one who is known
    by it as verified. Raises ``Contended`` when a customer was merged meanwhile.
    """
    holders = _phones(unit, number)
    found = {each.customer_id for each in unit.texts_to(number, _LOOK_BACK)}
    customers = found | set(holders.values())
    unit.lock(customers)
    sent = unit.texts_to(number, _LOOK_BACK)
    holders = _phones(unit, number)
    if {*holders.values(), *(each.customer_id for each in sent)} - customers:
        raise Contended("a customer was merged, or written to, meanwhile")
    worlds = unit.load(
        customers,
        now=now,
        past=True,
        order_ids={each.order_id for each in sent if each.order_id is not None},
        ticket_ids={each.ticket_id for each in sent if each.ticket_id is not None},
    )
    kept = tuple(each for each in sent if each.customer_id in worlds)
    owner = kept[0].customer_id if kept else holders.get(IdentityKey("phone", number), "")
    subject = worlds.pop(owner, None) or World(customer=Customer(id="", created_at=now))
    known = unit.permissions({number})
    for world in (subject, *worlds.values()):
        world.consents |= known.consents
        world.suppressions |= known.suppressions
        world.preferences |= known.preferences
    return Sharers(subject=subject, others=tuple(worlds.values()), sent=kept)


def opt_out(
    batch: Batch, sharers: Sharers, number: str, *, key: str, proof: str, now: datetime
) -> None:
    """No more texts and calls to the number: suppressed, consent withdrawn, with its proof."""
    subject = sharers.subject
    context, plans = batch.context(now), batch.configuration.plans
    replying.stop(subject, sharers.others, number, now, plans, context)
    for channel in replying.BY_PHONE:
        held = subject.consents.get((channel, number))
        if (channel == "voice" and held is None) or (held and held.status == "unsubscribed"):
            continue  # a permission to call that was never given needs no withdrawal
        before = held.status if held is not None else "none"
        tell_consent(
            batch,
            subject,
            "unsubscribed",
            channel=channel,
            address=number,
            key=f"{key}:{channel}",
            proof=f"{proof}; before: {before}",
            at=later_than_held(subject, channel, number, now),
            now=now,
            message=sharers.answered,
        )


def _phones(unit: UnitOfWork, number: str) -> dict[IdentityKey, str]:
    return {
        key: owner
        for key, owner in unit.holders(number).items()
        if key.kind.partition(":")[0] == "phone"
    }


def _read(text: InboundText, policy: Policy) -> Reading:
    words = policy.sms.keywords
    keywords = Keywords(stop=words.all_stop, start=words.all_start, help=words.all_help)
    reading = read_text(text.text, keywords)
    if text.asked is None or reading.intent is text.asked:
        return reading
    # A keyword that the shop has set up at its provider only: that has acted on it already.
    return Reading(text.asked, text.asked.value.upper())


def _act(
    batch: Batch, sharers: Sharers, text: InboundText, reading: Reading, now: datetime
) -> bool:
    """Do what the text asks for; whether that changed anything."""
    subject, number = sharers.subject, text.sender
    context, plans = batch.context(now), batch.configuration.plans
    if reading.intent is Intent.WISH:
        return replying.hold(subject, sharers.others, number, now, plans, context)
    has_effect = replying.takes_effect(reading, number, subject)
    proof = f"replied {reading.word} by SMS, {text.provider} {text.id}"
    if reading.intent is Intent.STOP:
        opt_out(batch, sharers, number, key=f"stop:{text.id}", proof=proof, now=now)
    elif has_effect:
        replying.lift(subject, number)
        tell_consent(
            batch,
            subject,
            "subscribed",
            channel="sms",
            address=number,
            key=f"start:{text.id}",
            proof=proof,
            at=later_than_held(subject, "sms", number, now),
            now=now,
            message=sharers.answered,
        )
    return has_effect


def _keep(
    batch: Batch,
    sharers: Sharers,
    text: InboundText,
    reading: Reading,
    has_effect: bool,
    now: datetime,
) -> None:
    """Store the text as an event and let the customer's journeys see it.

    One from a number that nobody is known by is kept among the rejected, where people look.
    """
    answered = sharers.answered
    data: dict[str, Any] = {"channel": "sms", "text": text.text, "media": text.media}
    if answered is not None:
        data |= {
            "message_id": answered.id,
            "campaign": answered.campaign,
            "journey": answered.journey_id,
            "step": answered.step,
        }
    acts = reading.intent in (Intent.STOP, Intent.HELP) or has_effect
    data["keyword"] = reading.intent.value.upper() if reading.word and acts else None
    data["flagged"] = reading.intent is Intent.WISH
    event = Event(
        id=text.id,
        source=text.provider,
        type="message.replied",
        time=now,
        customer=CustomerFacts(phone=text.sender, phone_verified=True),
        order=order_reference(answered.order_id) if answered else None,
        ticket=ticket_reference(answered.ticket_id) if answered else None,
        data=data,
    )
    incoming = Incoming(event=event, body=serialize(event), received_at=now)
    if not sharers.is_known:
        nobodys = Processed(seq=None, incoming=incoming, customer_id=None, reason=NOBODYS)
        batch.unit.processed([nobodys])
        return
    # Its own number is known already, and might not be the one that is written to today.
    done = [_told(batch, sharers.subject, incoming, replace(event, customer=None), now)]
    if reading.intent is Intent.REPLY and (found := score_given(batch, sharers, text.text)):
        world, asked, kind, score, comment = found
        answer = answer_event(asked, kind, score, comment, "sms", now)
        told = Incoming(event=answer, body=serialize(answer), received_at=now)
        done.append(_told(batch, world, told, replace(answer, customer=None), now))
    batch.unit.processed(done)


def score_given(
    batch: Batch, sharers: Sharers, text: str
) -> tuple[World, Asked, SurveyKind, int, str | None] | None:
    """The survey that a text answers: the newest to this number that waits, if the score is on it.

    A survey waits while its journey does: the answer to one that is over is a reply like any other.
    """
    worlds = {world.customer.id: world for world in sharers.worlds}
    for message in sharers.sent:
        world = worlds[message.customer_id]
        step = waiting_survey(world, message, batch.configuration.plans)
        if step is not None:
            given = answer_in(step.kind, text)
            return None if given is None else (world, asked_of(message, world), step.kind, *given)
    return None


def _told(batch: Batch, world: World, incoming: Incoming, event: Event, now: datetime) -> Processed:
    """Let programs and journeys of one customer see an event."""
    verdicts: list[EntryVerdict] = []
    context, configuration = batch.context(now), batch.configuration
    for transition in project(world, event):
        configuration.programs.follow(world, transition, context)
        verdicts += on_event(world, transition, configuration.plans, context)
    return Processed(seq=None, incoming=incoming, customer_id=world.customer.id, verdicts=verdicts)
