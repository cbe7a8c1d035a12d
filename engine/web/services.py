"""What the web is given; it builds nothing itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from config.policy import Policy
from config.settings import Settings
from engine.core.receipt import Receipt
from engine.core.texts import InboundText
from engine.ports.calling import CallReader, CallReply, CallTurn
from engine.ports.clock import Clock
from engine.ports.metrics import Metrics
from engine.ports.providers import ReceiptReader, TextReader
from engine.services.clicks import Clicks
from engine.services.inbox import Inbox
from engine.services.referral_pages import ReferralPages
from engine.services.review_page import ReviewPage
from engine.services.surveys import Surveys
from engine.services.unsubscribe import Unsubscribe
from triggers.catalog import Catalog
from triggers.event import Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition of readiness. ``reason`` says what is wrong, without secrets."""

    name: str  # database, migrations, campaigns, worker
    ok: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebServices:
    """The use cases and values behind the routes.

    ``settings``, ``catalog`` and ``policy`` are asked for at each use, since all may be reloaded.
    ``reject`` is the storage's. ``readers`` are by the provider's name; ``receive`` takes in what
    they read. ``text_readers`` and ``reply`` are the same for what customers write back.
    ``reject``, ``receive``, ``reply`` and ``readiness`` may block: they are called in a thread,
    and so is ``turn``, which takes what people do in a call.
    """

    settings: Callable[[], Settings]
    clock: Clock
    reject: Callable[[Sequence[Rejected]], None]
    inbox: Inbox
    unsubscribe: Unsubscribe
    surveys: Surveys
    referrals: ReferralPages
    clicks: Clicks
    reviews: ReviewPage
    readers: Mapping[str, ReceiptReader]
    receive: Callable[[Sequence[Receipt]], int]
    text_readers: Mapping[str, TextReader]
    reply: Callable[[InboundText], str | None]
    call_reader: Callable[[], CallReader]
    turn: Callable[[CallTurn], CallReply]
    catalog: Callable[[], Catalog]
    policy: Callable[[], Policy]
    readiness: Callable[[], Sequence[Check]]
    metrics: Metrics
    registry: CollectorRegistry
