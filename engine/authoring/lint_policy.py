"""What campaigns need of ``config/store.yaml``: topics, senders, queues of calls, webhooks.

``insecure-webhook`` stands here too, since an allowed address of the shop's own network is spared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from config.destinations import is_public, literal_address
from config.diagnostics import Diagnostic, Severity, nearest
from config.policy import Policy
from engine.authoring.compile import Draft
from engine.authoring.contacts import contact_of
from engine.authoring.lint_offers import lint_offers
from engine.authoring.rules import (
    loyalty,
    opting_out,
    referrals,
    requests,
    surveying,
    sweeping,
    texting,
)
from engine.authoring.step_specs import (
    AssignCallStep,
    CallWebhookStep,
    PlaceCallStep,
)
from engine.core.message import Channel
from engine.ports.rendering import Templates

_CALLED: Final[Mapping[Channel, str]] = {"email": "email", "sms": "SMS", "voice": "calls"}


def lint_policy(draft: Draft, policy: Policy, templates: Templates) -> Iterator[Diagnostic]:
    """What this policy keeps a campaign from doing, and what a shop would not want it to do."""
    yield from _topic(draft, policy)
    if policy.senders.sms is None:
        yield from _no_sender(draft, "no-sms-sender", "sms", "no text can be sent")
    if policy.senders.voice is None:
        yield from _no_sender(draft, "no-voice-sender", "voice", "no call can be made")
    yield from _transfers(draft, policy)
    yield from _machines(draft, policy)
    yield from _queues(draft, policy)
    yield from referrals.programs(draft, policy)
    yield from _webhooks(draft, policy)
    yield from lint_offers(draft, policy.offers)
    yield from loyalty.check(draft, policy.loyalty)
    yield from texting.check(draft, policy)
    yield from surveying.check(draft, policy)
    yield from sweeping.check(draft)
    yield from requests.check(draft, templates)
    yield from opting_out.check(draft, templates)


def _no_sender(draft: Draft, code: str, channel: Channel, told: str) -> Iterator[Diagnostic]:
    """A message needs a sender; one warning a campaign, since all of its kind fail alike."""
    for step in draft.steps:
        contact = contact_of(step.spec)
        if contact is not None and contact.channel == channel:
            yield draft.problem(
                code,
                step.verb_path,
                f"{told}: config/store.yaml names no sender for {_CALLED[channel]}",
                key=True,
                severity=Severity.WARNING,
                expected=f"senders: {channel}: from: in config/store.yaml",
            )
            return


def _transfers(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    for step in draft.steps:
        spec = step.spec
        if (
            isinstance(spec, PlaceCallStep)
            and spec.place_call.transfer
            and policy.calls.support_line is None
        ):
            yield draft.problem(
                "no-support-line",
                (*step.verb_path, "transfer"),
                "nobody is put through: config/store.yaml names no support line",
                key=True,
                severity=Severity.WARNING,
                expected="calls: support_line: in config/store.yaml",
            )


def _machines(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    """Words are said to a person only once it is known that one answers, and are kept till then."""
    for step in draft.steps:
        spec = step.spec
        hangs_up = isinstance(spec, PlaceCallStep) and spec.place_call.on_machine == "hang_up"
        if hangs_up and not policy.privacy.store_content:
            yield draft.problem(
                "machine-hears-it",
                (*step.verb_path, "on_machine"),
                "the call does not hang up on machines: config/store.yaml keeps no words to say "
                "when a person answers",
                severity=Severity.WARNING,
                expected="privacy: store_content: true in config/store.yaml, or on_machine: speak",
            )


def _topic(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    topic = draft.spec.topic
    if topic is None:
        return
    if topic not in policy.topics:
        known = ", ".join(policy.topics)
        yield draft.problem(
            "unknown-topic",
            ("topic",),
            f'config/store.yaml has no topic "{topic}"',
            expected=f"one of {known}" if known else "topics: in config/store.yaml",
            suggestion=nearest(topic, policy.topics),
        )
    elif draft.spec.purpose == "transactional":
        yield draft.problem(
            "transactional-topic",
            ("topic",),
            "topics are for marketing: no customer can decline this",
            key=True,
            severity=Severity.WARNING,
            expected="no topic, or purpose: marketing",
        )


def _queues(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    queues = policy.calls.queues
    for step in draft.steps:
        if isinstance(step.spec, AssignCallStep) and step.spec.assign_call.queue not in queues:
            known = ", ".join(queues)
            name = step.spec.assign_call.queue
            yield draft.problem(
                "unknown-queue",
                (*step.verb_path, "queue"),
                f'config/store.yaml has no queue "{name}" of calls',
                expected=f"one of {known}" if known else "calls: queues: in config/store.yaml",
                suggestion=nearest(name, queues),
            )


def _webhooks(draft: Draft, policy: Policy) -> Iterator[Diagnostic]:
    allowed = policy.webhooks.allowed
    for step in draft.steps:
        if not isinstance(step.spec, CallWebhookStep):
            continue
        parts = urlsplit(step.spec.call_webhook.url)
        host = parts.hostname or ""
        if allowed.refuses(host):
            yield draft.problem(
                "private-webhook",
                step.verb_path,
                f"no call will be made: {host} is inside a private network",
                severity=Severity.WARNING,
                expected=f"a public host, or {host} under webhooks: allow: in config/store.yaml",
            )
        elif parts.scheme == "http" and not _is_own(host, policy):
            yield draft.problem(
                "insecure-webhook",
                step.verb_path,
                "what is known of the customer would be sent in the clear",
                severity=Severity.WARNING,
                expected="an address that begins with https://",
            )


def _is_own(host: str, policy: Policy) -> bool:
    """Whether the policy itself names the host, which then is in the shop's own network."""
    allowed, address = policy.webhooks.allowed, literal_address(host)
    return allowed.host(host) or (address is not None and not is_public(address))
