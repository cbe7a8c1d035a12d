"""A simulated shop put together: the workspace's files, the daemon's services, a memory."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from config.policy import Policy
from config.settings import Settings
from engine.authoring.loader import Loader
from engine.core.campaign import CampaignStatus, Plan
from engine.core.guards import GuardRules
from engine.core.message import Channel, Outgoing
from engine.links import Links
from engine.ports.clock import VirtualClock
from engine.ports.decisions import Shelf
from engine.ports.metrics import Uncounted
from engine.ports.plans import CampaignSource, Compiled
from engine.rendering.sms import plain, segments
from engine.rendering.templates import MessageTemplates
from engine.rendering.values import shop_context
from engine.services.advance import Advance
from engine.services.bookkeeping import Bookkeeping
from engine.services.configuration import ZONES, compile_programs, compile_rules
from engine.services.deliveries import Deliveries
from engine.services.dispatch import Dispatch
from engine.services.fingerprints import Fingerprints
from engine.services.handover import HandOver
from engine.services.ingest import Ingest
from engine.services.receive import Receive
from engine.services.replies import Replies
from engine.services.revisions import Policies, Revisions
from engine.services.stocktaking import is_wanted
from engine.services.surveys import Surveys
from engine.services.sweep import Sweep
from engine.services.unsubscribe import Unsubscribe
from engine.setup import read_policy
from engine.simulator.hands import Hands
from engine.simulator.ledger import Ledger
from engine.simulator.memory import Memory
from engine.simulator.nights import MemoryNights
from engine.simulator.sampling import Sampled
from engine.simulator.sleepers import Sleepers
from engine.simulator.storage import MemoryStorage
from triggers.catalog import Catalog

# Links of a simulation lead nowhere, so their key need not be a secret.
_KEY = "a simulation's links lead nowhere, and nobody has to be kept from making them"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What is tried: which campaigns, under which policy.

    ``only``: these campaigns alone, all when empty. ``drafts``: drafts act as live ones.
    ``changes`` of the policy by dotted place. ``render``: how many messages of each template are
    rendered; None for all.
    """

    only: Collection[str] = ()
    drafts: bool = False
    changes: Mapping[str, str] = field(default_factory=dict)
    render: int | None = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What takes longest to make of a workspace, for one policy. ``loader`` asks ``templates``."""

    templates: MessageTemplates
    loader: Loader


class _Chosen:
    """``CampaignSource``: those campaigns of another source that are tried."""

    def __init__(self, source: Loader, trial: Trial) -> None:
        self._source = source
        self._trial = trial

    def load(self) -> dict[str, Compiled]:
        """The campaigns that are tried."""
        return {
            key: replace(each, plan=_raised(each.plan)) if self._trial.drafts else each
            for key, each in self._source.load().items()
            if not self._trial.only or key in self._trial.only
        }

    def compile_source(self, source: str, file: str) -> Plan:
        """The plan of a text."""
        return self._source.compile_source(source, file)

    def diagnostics(self) -> tuple[()]:
        """Those of the source are for ``check``."""
        return ()


def _raised(plan: Plan) -> Plan:
    if plan.status is not CampaignStatus.DRAFT:
        return plan
    return replace(plan, status=CampaignStatus.LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """All that runs in a simulation."""

    policy: Policy
    rules: GuardRules
    catalog: Catalog
    source: CampaignSource
    policies: Policies
    clock: VirtualClock
    memory: Memory
    storage: MemoryStorage
    handover: HandOver
    hands: Hands
    revisions: Revisions
    ingest: Ingest
    advance: Advance
    bookkeeping: Bookkeeping
    dispatch: Dispatch
    made: Made
    rendered: Sampled
    sweep: Sweep
    deliveries: Deliveries
    stocktaking: MemoryNights
    receive: Receive
    replies: Replies
    surveys: Surveys
    unsubscribe: Unsubscribe
    links: Links


def furnish(
    workspace: Path,
    settings: Settings,
    ledger: Ledger,
    *,
    start: datetime,
    trial: Trial | None = None,
    providers: Mapping[Channel, str] | None = None,
    price: Callable[[Outgoing], Decimal | None] = lambda outgoing: None,
    look: Callable[[Outgoing], None] | None = None,
    former: Shelf | None = None,
    made: Made | None = None,
    in_full: Collection[str] = (),
) -> Premises:
    """Put a simulated shop together, empty, its clock standing at ``start``.

    Nothing is read but the workspace's files, and nothing is written. ``providers`` are the names
    that messages are logged under, those of the settings unless given; ``former`` is where the
    revisions are kept that journeys of before stand on, ``made`` is for the same workspace and
    policy, ``in_full`` the channels of which every message is rendered. Messages that nobody is to
    ``look`` at have no headers. Raises ``SetupError``.
    """
    trial = trial or Trial()
    clock = VirtualClock(start)
    policy = read_policy(workspace, trial.changes)
    made = made or _made(workspace, policy)
    templates = made.templates
    keys = [key.get_secret_value() for key in settings.secret_key] or [_KEY]
    links, fingerprints = Links(keys, settings.base_url), Fingerprints(keys)
    memory = Memory(ledger)
    storage = MemoryStorage(memory, former)
    policies = Policies(
        policy=policy,
        rules=compile_rules(policy, ZONES),
        programs=compile_programs(policy, fingerprints.keyed, fingerprints.mailboxes),
    )
    source: CampaignSource = _Chosen(made.loader, trial)
    revisions = Revisions(storage, source, lambda: policies)
    hands = Hands(clock.now, price, look or (lambda outgoing: None))
    rendered = Sampled(templates, trial.render, clock.now, in_full)
    handover = HandOver(
        renderer=rendered,
        sender=hands,
        links=links,
        worker_id="simulation",
        providers=providers
        or {
            "email": settings.email_provider,
            "sms": settings.sms_provider,
            "voice": settings.voice_provider,
        },
        headers=look is not None,
    )
    ingest = Ingest(storage, revisions, handover, clock)  # nobody has been erased
    revisions.reload(start)
    return Premises(
        policy=policy,
        rules=policies.rules,
        catalog=made.loader.catalog,
        source=source,
        policies=policies,
        clock=clock,
        memory=memory,
        storage=storage,
        handover=handover,
        hands=hands,
        revisions=revisions,
        ingest=ingest,
        advance=Advance(storage, revisions, handover),
        bookkeeping=Bookkeeping(storage, revisions, handover),
        dispatch=Dispatch(storage, revisions, handover),
        made=made,
        rendered=rendered,
        sweep=Sweep(storage, revisions, handover, Sleepers(memory, policies.rules).likely),
        deliveries=Deliveries(storage=storage, policy=lambda: policy.delivery, clock=clock),
        stocktaking=MemoryNights(
            memory, policy, clock, wanted=is_wanted(revisions.plans, templates.reads)
        ),
        receive=Receive(storage, revisions, handover, clock),
        replies=Replies(
            storage, revisions, handover, clock, Uncounted(), segments=segments, plain=plain
        ),
        surveys=Surveys(storage, ingest, links, clock),
        unsubscribe=Unsubscribe(storage, ingest, links, clock),
        links=links,
    )


def _made(workspace: Path, policy: Policy) -> Made:
    templates = MessageTemplates(
        workspace / "message_templates",
        shop=shop_context(policy),
        default_locale=policy.locale.split("-")[0],
        tags=policy.link_tags,
    )
    return Made(templates=templates, loader=Loader(workspace, templates))
