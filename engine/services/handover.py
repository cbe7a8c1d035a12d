"""From a due message to a provider's hands: last look, rendering, the commit of ``sending``.

The same code serves a message that a step has just made and one that waited. What is committed as
``sending`` never exceeds the free slots of the sender, so that a crash leaves no more in doubt.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Final

import structlog

from config.policy import Policy
from engine.core.campaign import Plans
from engine.core.context import Context
from engine.core.guards import Allow, Drop
from engine.core.journey import before_sending, make_room, on_handed_over, on_withheld
from engine.core.message import (
    Channel,
    Content,
    Message,
    MessageStatus,
    Outcome,
    Outgoing,
    SendResult,
    VoiceCall,
)
from engine.core.timing import add
from engine.core.verbs import AskReview, AskSurvey, PlaceCall, Step
from engine.core.world import World
from engine.links import Links
from engine.ports.faults import Fault, passing
from engine.ports.providers import Handover
from engine.ports.rendering import Renderer, RenderError, WhenAsked
from engine.ports.storage import Unavailable, UnitOfWork
from engine.ports.stored import Archived
from engine.programs.calls import line_team
from engine.services.configuration import Configuration
from engine.services.message_context import full_name, message_context
from engine.services.referral_links import referral_root
from engine.services.review_requests import review_values
from engine.services.suggestions import ROOT, Suggestions
from engine.services.survey_links import survey_root
from engine.services.tracking import Rewriting, clicks_of, rewriting

log = structlog.get_logger(__name__)

NOT_GIVEN: Final = "not_given"  # the code of a hand-over that never reached the sender


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """A channel's way out: what is alike in all messages, as long as the policy is the same."""

    provider: str
    sender: str
    sender_name: str | None
    reply_to: str | None
    links: Rewriting
    provider_clicks: bool


class HandOver:
    """Prepares messages inside a unit of work and gives them to the sender after its commit."""

    def __init__(
        self,
        *,
        renderer: Renderer,
        sender: Handover,
        links: Links,
        worker_id: str,
        providers: Mapping[Channel, str],
        headers: bool = True,
    ) -> None:
        """``headers``: messages get those that they need; not where nobody ever sees them."""
        self._renderer = renderer
        self._sender = sender
        self._headers = headers
        self._links = links
        self.worker_id = worker_id
        # Messages between the decision to hand over and the sender, each with its claim. Worker and
        # web claim and release at once; a dictionary's own operations let one of them be the first.
        self._unsettled: dict[str, object] = {}
        self._taken_back: deque[str] = deque()
        self.providers = providers
        self._ways: tuple[Policy | None, dict[Channel, _Way | None]] = (None, {})

    def room(self, channel: Channel, configuration: Configuration) -> int:
        """How many messages of a channel could leave now."""
        sender = sender_address(channel, configuration)
        return self._sender.room(channel, sender) if sender else 0

    def _way(self, channel: Channel, configuration: Configuration) -> _Way | None:
        """How messages of a channel leave; None where nobody sends them."""
        of, ways = self._ways
        if of is not configuration.policy:
            ways = {}
            self._ways = (configuration.policy, ways)
        if channel not in ways:
            ways[channel] = self._way_out(channel, configuration)
        return ways[channel]

    def _way_out(self, channel: Channel, configuration: Configuration) -> _Way | None:
        sender, provider = sender_address(channel, configuration), self.providers.get(channel)
        if sender is None or provider is None:
            return None
        policy, email = configuration.policy, configuration.policy.senders.email
        clicks = clicks_of(policy, channel, provider)
        return _Way(
            provider=provider,
            sender=sender,
            sender_name=email.from_name if channel == "email" else None,
            reply_to=email.reply_to if channel == "email" else None,
            links=rewriting(self._links, policy, channel, clicks),
            provider_clicks=clicks == "provider",
        )

    def prepare(
        self,
        unit: UnitOfWork,
        worlds: Iterable[World],
        configuration: Configuration,
        context: Context,
        one_step: Collection[str] = (),
    ) -> list[Outgoing]:
        """Make every due message of these worlds ``sending``, as far as there is room.

        What finds no room stays scheduled and is dispatched later. A journey that moves on to
        another message at once is served in the same go. ``one_step``: customers of whom one
        journey has taken a step at this instant, and to whom nothing has happened since.
        """
        plans = configuration.plans
        worlds = [world for world in worlds if world.messages]
        if not worlds:
            return []
        suggestions = Suggestions(unit, worlds)
        left = self._sender.free()
        rooms: dict[Channel, int] = {}
        outgoings: list[Outgoing] = []
        rendered: list[tuple[Message, Content]] = []
        for world in worlds:
            full: set[Channel] = set()
            passed_over: set[str] = set()
            as_decided = world.customer.id in one_step
            while (message := _due(world, context, plans, full, passed_over)) is not None:
                channel = message.channel
                way = self._way(channel, configuration)
                if way is not None and channel not in rooms:
                    rooms[channel] = self._sender.room(channel, way.sender)
                just_made = (
                    as_decided
                    and message.created_at == context.now
                    and message.id in world.changes.messages
                )
                as_decided = False
                if way is None:
                    refusal = Drop("no_sender", {"channel": channel})
                    on_withheld(world, message, refusal, plans, context)
                    continue
                verdict = before_sending(world, message, plans, context, just_made=just_made)
                if isinstance(verdict, Drop) and make_room(world, message, verdict, context):
                    verdict = before_sending(world, message, plans, context)
                if not isinstance(verdict, Allow):
                    on_withheld(world, message, verdict, plans, context)
                    continue
                if left <= 0 or rooms[channel] <= 0:
                    full.add(channel)
                    continue
                if not self._claim(message):
                    passed_over.add(message.id)
                    continue
                outgoing = self._render(
                    unit, world, message, way, configuration, context, suggestions, rendered
                )
                if outgoing is None:
                    self.release([message.id])
                    continue
                left -= 1
                rooms[channel] -= 1
                outgoings.append(outgoing)
        if not rendered:
            return outgoings
        # Not in between: the compressor's tables stay in the processor's cache this way.
        packed = [self._packed(message, content) for message, content in rendered]
        if kept := [each for each in packed if each is not None]:
            unit.archive(kept)
        return outgoings

    def _packed(self, message: Message, content: Content) -> Archived | None:
        packed = self._renderer.pack(message.template, message.channel, message.locale, content)
        if packed is None:
            return None
        return Archived(
            message_id=message.id,
            template=message.template,
            sample_id=packed.sample_id,
            sample=packed.sample,
            packed=packed.packed,
        )

    def _render(
        self,
        unit: UnitOfWork,
        world: World,
        message: Message,
        way: _Way,
        configuration: Configuration,
        context: Context,
        suggestions: Suggestions,
        rendered: list[tuple[Message, Content]],
    ) -> Outgoing | None:
        policy, plans = configuration.policy, configuration.plans
        journey = world.journeys.get(message.journey_id)
        plan = plans.revisions.get((message.campaign, message.revision))
        marketing, is_email = message.purpose == "marketing", message.channel == "email"
        header = None
        if marketing and is_email and self._headers:
            header = self._links.unsubscribe(message.id)
        locale = world.customer.locale or policy.locale
        step = plan.steps[plan.step_index[message.step]] if plan else None

        def values() -> dict[str, object]:
            unsubscribe = header
            if marketing and unsubscribe is None:
                unsubscribe = self._links.unsubscribe(message.id)
            told = message_context(
                world,
                message,
                journey,
                campaign_name=plan.name if plan else message.campaign,
                unsubscribe_url=unsubscribe,
                now=context.now,
                survey=survey_root(plan, message, self._links, locale, context.now),
                referral=referral_root(plan, journey, message, self._links, policy, locale),
                reads=partial(self._renderer.reads, message.template),
            )
            if isinstance(step, AskReview):
                expires = add(context.now, policy.reviews.link_lasts, policy.zone)
                page = self._links.review(message.id, expires)
                told["review"] = review_values(world, message, step, policy, page)
            if self._renderer.reads(message.template, ROOT):
                order = world.orders.get(message.order_id or "")
                told[ROOT] = suggestions.root(world, order)
            return told

        try:
            content = self._renderer.render(
                message.template, message.channel, locale, WhenAsked(values), way.links(message)
            )
        except RenderError as error:
            reason = f"render_error: {error}"
            log.error(
                "render_error", campaign=message.campaign, step=message.step, error=str(error)
            )
            context.braked[message.campaign] = reason
            unit.hold(message.campaign, reason, context.now)
            return None
        message.locale = locale
        message.subject = content.subject
        message.sender = way.sender
        message.provider = way.provider
        message.owner = self.worker_id
        on_handed_over(world, message, plans, context)
        if policy.privacy.store_content:
            rendered.append((message, content))
        return Outgoing(
            message_id=message.id,
            channel=message.channel,
            purpose=message.purpose,
            campaign=message.campaign,
            to=message.recipient or "",
            to_name=full_name(world.customer) if is_email else None,
            sender=way.sender,
            sender_name=way.sender_name,
            reply_to=way.reply_to,
            content=content,
            unsubscribe_url=header,
            provider_clicks=way.provider_clicks,
            call=_call(step, policy, context.now),
        )

    def give(self, outgoings: Sequence[Outgoing]) -> None:
        """Hand over what a committed unit of work has made ``sending``."""
        if not outgoings:
            return
        try:
            passing(Fault.HANDOVER_COMMITTED)
            self._sender.submit(outgoings)
        except (RuntimeError, Unavailable):  # it does not run: none of them was taken
            self.take_back(outgoings)
            raise
        self.release(outgoing.message_id for outgoing in outgoings)

    def take_back(self, outgoings: Iterable[Outgoing]) -> None:
        """Note messages that may stand as ``sending`` although the sender never had them.

        None of them is prepared again before ``release``: nobody knows what its row says.
        """
        self._taken_back.extend(outgoing.message_id for outgoing in outgoings)

    def release(self, message_ids: Iterable[str]) -> None:
        """Let these be prepared again, where their rows say that they are due."""
        for message_id in message_ids:
            self._unsettled.pop(message_id, None)

    def _claim(self, message: Message) -> bool:
        claim = object()
        return self._unsettled.setdefault(message.id, claim) is claim

    def never_given(self, now: datetime) -> list[SendResult]:
        """The results of what was taken back since the last call: surely not handed over.

        ``release`` must follow once they are on record.
        """
        return [
            SendResult(
                message_id=self._taken_back.popleft(),
                outcome=Outcome.RETRY,
                at=now,
                error_code=NOT_GIVEN,
                reason="The hand-over was interrupted before the provider was called.",
                retry_after=0.0,
                handed_over=False,
            )
            for _ in range(len(self._taken_back))
        ]


def _call(step: Step | None, policy: Policy, now: datetime) -> VoiceCall | None:
    """What a call does besides saying its words; nobody is put through out of hours.

    To hang up on machines, the words must be kept until it is known who answers.
    """
    call = step.call if isinstance(step, PlaceCall | AskSurvey) else None
    if call is not None and call.on_machine == "hang_up" and not policy.privacy.store_content:
        call = replace(call, on_machine=None)
    if call is None or not call.transfer:
        return call
    line = policy.calls.support_line
    there = line is not None and line_team(line, policy.zone).is_at_work(now)
    return replace(call, transfer=there)


def sender_address(channel: Channel, configuration: Configuration) -> str | None:
    """Who messages of a channel come from; None when the shop has not said."""
    senders = configuration.policy.senders
    if channel == "email":
        return senders.email.from_email
    named = senders.sms if channel == "sms" else senders.voice
    return named.sender if named else None


def _due(
    world: World,
    context: Context,
    plans: Plans,
    full: Collection[Channel],
    passed_over: Collection[str],
) -> Message | None:
    """The first message of this world that may go out now, on a channel that is not full."""
    now, found = context.now, None
    for message in world.messages.values():
        if (
            message.status is MessageStatus.SCHEDULED
            and message.send_at <= now
            and message.channel not in full
            and message.id not in passed_over
            and (
                message.campaign not in context.braked
                or not context.keeps_back(message.campaign, plans)
            )
            and (found is None or (message.send_at, message.id) < (found.send_at, found.id))
        ):
            found = message
    return found
