"""The one place where the parts are put together."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from prometheus_client import CollectorRegistry

from config.policy import Policy
from config.settings import Settings, ensure_secret_key, load_settings, secret_files
from engine.authoring.loader import Loader
from engine.core.message import Channel, Content
from engine.links import Links
from engine.ports.calling import CallReader
from engine.ports.clock import Clock, SystemClock, VirtualClock
from engine.ports.history import History
from engine.ports.metrics import Metrics
from engine.ports.providers import Handover, Provider, ReceiptReader, TextReader
from engine.provider_parts import (
    arm,
    beginning_of,
    call_reader_of,
    calls_apart,
    limits_of,
    look_ups_of,
    providers_of,
    readers_of,
    recipe_of,
    text_readers_of,
)
from engine.providers.gate import Gate
from engine.providers.nowhere import NoHandover
from engine.providers.poster import HttpPoster
from engine.providers.process_sender import ProcessSender
from engine.providers.rotating import Rotating, rotation_of
from engine.providers.sender import Sender
from engine.rendering.archive import content_of
from engine.rendering.sms import plain, segments
from engine.rendering.templates import MessageTemplates
from engine.rendering.values import shop_context
from engine.rotation import Rotation
from engine.services.advance import Advance
from engine.services.bookkeeping import Bookkeeping
from engine.services.call_desk import CallDesk
from engine.services.call_turns import CallTurns
from engine.services.configuration import ZONES, compile_programs, compile_rules
from engine.services.coupon_pools import PoolWatch
from engine.services.deliveries import Deliveries
from engine.services.dispatch import Dispatch
from engine.services.fingerprints import Fingerprints
from engine.services.flagged import Flagged
from engine.services.handover import HandOver
from engine.services.ingest import Ingest
from engine.services.outbox import Outbox
from engine.services.privacy import Privacy
from engine.services.receive import Receive
from engine.services.referral_pages import ReferralPages
from engine.services.replies import Replies
from engine.services.retention import Forgetting
from engine.services.revisions import Policies, Revisions
from engine.services.settlement import Settlement
from engine.services.stocktaking import Stocktaking, is_wanted
from engine.services.surveys import Surveys
from engine.services.sweep import Sweep
from engine.setup import read_policy, settings_of
from engine.storage.coupons import SqlCouponPools
from engine.storage.database import Database
from engine.storage.history import SqlHistory
from engine.storage.migrate import upgrade
from engine.storage.privacy import SqlPrivacy
from engine.storage.shelf import SqlShopping
from engine.storage.store import SqlStorage
from engine.web.metrics import PrometheusMetrics
from engine.worker import Worker
from triggers.catalog import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """What takes longest to make, made already. The database is taken to be up to date."""

    templates: MessageTemplates
    loader: Loader


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """Everything that runs, wired; ``close`` lets go of it."""

    settings: Settings  # as they were at the start; ``rotation`` has those in force
    rotation: Rotation
    policy: Policy
    clock: Clock
    storage: SqlStorage
    history: History
    templates: MessageTemplates
    loader: Loader
    links: Links
    sender: Handover
    revisions: Revisions
    handover: HandOver
    ingest: Ingest
    receive: Receive
    readers: Mapping[str, ReceiptReader]
    surveys: Surveys
    replies: Replies
    text_readers: Mapping[str, TextReader]
    call_reader: Callable[[], CallReader]
    turns: CallTurns
    flagged: Flagged
    calls: CallDesk
    settlement: Settlement
    outbox: Outbox
    personal: SqlPrivacy
    privacy: Privacy
    referrals: ReferralPages
    forgetting: Forgetting
    deliveries: Deliveries
    pool_watch: PoolWatch
    stocktaking: Stocktaking
    worker: Worker
    metrics: Metrics
    registry: CollectorRegistry

    @property
    def catalog(self) -> Catalog:
        """The event types known now, the shop's own among them."""
        return self.loader.catalog

    @property
    def country(self) -> str:
        """How telephone numbers without a country code are read."""
        return self.policy.country

    def reload(self) -> None:
        """Take the workspace's files as they are now; broken ones leave their last good state."""
        self.rotation.reload()
        self.templates.refresh()
        self.revisions.reload(self.clock.now())

    def close(self) -> None:
        """Close the database."""
        self.storage.database.close()


def build(
    workspace: Path,
    environ: Mapping[str, str],
    *,
    clock: Clock | None = None,
    sends: bool = False,
    providers: Mapping[Channel, Provider] | None = None,
    make_sender: Callable[[Mapping[Channel, Provider]], Handover] | None = None,
    prepared: Prepared | None = None,
    looks: bool = False,
) -> App:
    """Put the application of a workspace together; the database is brought up to date.

    ``sends``: this process may hand messages over (the daemon); others only schedule them.
    ``providers`` and ``make_sender`` replace what the settings choose (demo, tests, benchmarks);
    ``prepared`` is for who builds many applications of one workspace. ``looks``: this process only
    answers questions; it stores no revision, and compiles a template when it is asked for one.
    Raises ``SetupError``.
    """
    settings = settings_of(workspace, environ)
    if settings.faults is not None:
        arm(settings)
    workspace = settings.workspace
    clock = clock or SystemClock()
    policy = read_policy(workspace)
    if prepared is None:
        upgrade(settings.database_url)
    keys = settings.secret_key or (ensure_secret_key(workspace),)
    links = Links([key.get_secret_value() for key in keys], settings.base_url)
    fingerprints = Fingerprints([key.get_secret_value() for key in keys])
    database = Database(settings.database_url)
    storage = SqlStorage(database, by_id=isinstance(clock, VirtualClock))
    history = SqlHistory(storage.database)
    if prepared is None:
        templates = open_templates(workspace, policy, lazily=looks)
        stored = history.revisions() if looks else ()
        proven = {(one.campaign, one.revision) for one in stored}
        prepared = Prepared(templates=templates, loader=Loader(workspace, templates, proven=proven))
    templates, loader = prepared.templates, prepared.loader
    rotation = Rotation(
        settings,
        lambda: load_settings(workspace, environ),
        lambda: secret_files(workspace, environ),
    )
    registry = CollectorRegistry()
    metrics = PrometheusMetrics(registry)
    chosen = providers_of(settings, policy, clock) if providers is None else providers
    names = {channel: each.name for channel, each in chosen.items()}
    sender: Handover = NoHandover()
    gate = Gate(names, time.monotonic)
    if make_sender is None and sends and providers is None and calls_apart(settings):
        apart = ProcessSender(
            beginning_of(settings, policy),
            max_in_flight=settings.max_in_flight,
            clock=clock.now,
            limits=limits_of(policy, chosen),
            gate=gate,
            watch=metrics.sending_process,
        )
        sender = apart

        def rotate_apart(fresh: Settings) -> Callable[[], None]:
            providers_of(fresh, policy, clock)  # raises here rather than there
            return lambda: apart.rotate(recipe_of(fresh, policy))

        rotation.on_change(rotate_apart)
    else:
        if providers is None:
            rotating = {channel: Rotating(each) for channel, each in chosen.items()}
            chosen = rotating
            rotation.on_change(
                lambda fresh: rotation_of(rotating, providers_of(fresh, policy, clock))
            )
        if make_sender is not None:
            sender = make_sender(chosen)
        elif sends:
            sender = Sender(
                chosen,
                max_in_flight=settings.max_in_flight,
                clock=clock.now,
                limits=limits_of(policy, chosen),
                gate=gate,
            )

    def policies() -> Policies:
        fresh = read_policy(workspace)
        templates.rebrand(shop_context(fresh), fresh.link_tags)
        return Policies(
            policy=fresh,
            rules=compile_rules(fresh, ZONES),
            programs=compile_programs(fresh, fingerprints.keyed, fingerprints.mailboxes),
        )

    def words(message_id: str) -> Content | None:
        detail = history.message(message_id)
        return None if detail is None else content_of(detail)

    revisions = Revisions(storage, loader, policies, runs_shop=sends or make_sender is not None)
    # Unlike a process id, never used again: in a container every process has the same.
    worker_id = f"{socket.gethostname()}:{os.getpid()}:{clock.now():%Y%m%dT%H%M%S%f}"
    handover = HandOver(
        renderer=templates,
        sender=sender,
        links=links,
        worker_id=worker_id,
        providers=names,
    )
    ingest = Ingest(storage, revisions, handover, clock, fingerprints)
    gate.watch(metrics.provider_paused)
    worker = Worker(
        id=worker_id,
        storage=storage,
        clock=clock,
        sender=sender,
        ingest=ingest,
        advance=Advance(storage, revisions, handover),
        bookkeeping=Bookkeeping(storage, revisions, handover),
        dispatch=Dispatch(storage, revisions, handover),
        sweep=Sweep(storage, revisions, handover),
        slots=settings.max_in_flight,
        metrics=metrics,
    )
    receive = Receive(storage, revisions, handover, clock, worker.wake)
    personal = SqlPrivacy(storage.database)
    replies = Replies(
        storage,
        revisions,
        handover,
        clock,
        metrics,
        segments=segments,
        plain=plain,
        on_taken=worker.wake,
    )
    readers, look_ups = readers_of(settings), look_ups_of(settings)
    surveys = Surveys(storage, ingest, links, clock)
    poster = HttpPoster(
        keys=[key.get_secret_value() for key in keys],
        now=clock.now,
        allowed=lambda: revisions.policy.webhooks.allowed,
    )
    text_readers = text_readers_of(settings)

    def follow(fresh: Settings) -> Callable[[], None]:
        new_readers, new_look_ups = readers_of(fresh), look_ups_of(fresh)
        new_text_readers = text_readers_of(fresh)
        new_keys = [key.get_secret_value() for key in fresh.secret_key or keys]

        def put_into_use() -> None:
            readers.update(new_readers)  # in place: their holders look each up when it is needed
            text_readers.update(new_text_readers)
            look_ups.update(new_look_ups)
            links.change_keys(new_keys)
            poster.change_keys(new_keys)
            fingerprints.change_keys(new_keys)

        return put_into_use

    rotation.on_change(follow)
    app = App(
        settings=settings,
        rotation=rotation,
        policy=policy,
        clock=clock,
        storage=storage,
        history=history,
        templates=templates,
        loader=loader,
        links=links,
        sender=sender,
        revisions=revisions,
        handover=handover,
        ingest=ingest,
        receive=receive,
        readers=readers,
        surveys=surveys,
        call_reader=lambda: call_reader_of(rotation.settings()),
        turns=CallTurns(
            storage,
            surveys,
            lambda: revisions.policy,
            clock,
            worker.wake,
            words,
        ),
        replies=replies,
        text_readers=text_readers,
        flagged=Flagged(storage, revisions, handover, clock),
        calls=CallDesk(storage, revisions, handover, templates, clock),
        settlement=Settlement(
            storage=storage,
            revisions=revisions,
            handover=handover,
            receive=receive,
            clock=clock,
            words=words,
            look_ups=look_ups,
        ),
        outbox=Outbox(storage, poster, clock.now),
        personal=personal,
        privacy=Privacy(
            personal,
            fingerprints,
            compile_rules(policy, ZONES),
            clock,
            country=policy.country,
        ),
        referrals=ReferralPages(
            storage,
            ingest,
            clock,
            policy=lambda: revisions.policy,
            mailboxes=fingerprints.mailboxes,
        ),
        forgetting=Forgetting(
            storage=personal,
            retention=lambda: revisions.policy.retention,
            clock=clock,
        ),
        deliveries=Deliveries(
            storage=storage,
            policy=lambda: revisions.policy.delivery,
            clock=clock,
            wake=worker.wake,
        ),
        pool_watch=PoolWatch(
            SqlCouponPools(storage.database), lambda: revisions.policy.offers, clock, metrics
        ),
        stocktaking=Stocktaking(
            storage=SqlShopping(storage.database),
            policy=lambda: revisions.policy,
            clock=clock,
            wanted=lambda: is_wanted(revisions.plans, templates.reads),
        ),
        worker=worker,
        metrics=metrics,
        registry=registry,
    )
    revisions.reload(clock.now(), looking=looks)
    return app


def open_templates(workspace: Path, policy: Policy, *, lazily: bool = False) -> MessageTemplates:
    """The workspace's templates, compiled for the shop of this policy."""
    return MessageTemplates(
        workspace / "message_templates",
        shop=shop_context(policy),
        default_locale=policy.locale.split("-")[0],
        tags=policy.link_tags,
        lazily=lazily,
    )
