"""A web application over real or recording storage, for tests of its routes."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from config.policy import Policy
from config.settings import Settings, load_settings
from engine.core.receipt import Receipt
from engine.core.texts import InboundText
from engine.links import Links
from engine.ports.calling import CallReader, CallReply, CallTurn
from engine.ports.clock import VirtualClock
from engine.ports.decisions import Decisions
from engine.ports.providers import ReceiptReader, TextReader
from engine.ports.storage import UnitOfWork
from engine.ports.stored import Incoming
from engine.providers.readers import build_call_reader, build_readers, build_text_readers
from engine.services.clicks import Clicks
from engine.services.fingerprints import Fingerprints
from engine.services.inbox import Inbox
from engine.services.referral_pages import ReferralPages
from engine.services.review_page import ReviewPage
from engine.services.surveys import Surveys
from engine.services.unsubscribe import Ingest, Unsubscribe
from engine.web.app import create_app
from engine.web.metrics import PrometheusMetrics
from engine.web.services import Check, WebServices
from triggers.catalog import Catalog
from triggers.event import Rejected
from triggers.event_types import BUILT_IN

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
TOKEN = "token-of-the-tests-0123456789abcdef"
AUTHORISED = {"Authorization": f"Bearer {TOKEN}"}
FINGERPRINTS = Fingerprints(["key-of-the-tests-0123456789abcdef"])
LINKS = Links(["key-of-the-tests-0123456789abcdef"], "https://shop.example.com")
POLICY = Policy.model_validate(
    {
        "version": "1",
        "brand": {
            "name": "Maison <Bellerive>",
            "url": "https://shop.example.com",
            "color": "#7a1f2b",
            "postal_address": "100 Example Street, New Orleans, LA 70116, USA",
            "support": {"email": "help@example.com"},
        },
        "currency": "USD",
        "timezone": "America/Chicago",
        "senders": {"email": {"from_name": "Maison", "from_email": "bonjour@example.com"}},
    }
)


class RecordingStorage:
    """Keeps what it is given; ``fail_with`` makes it fail, ``before`` runs before each commit."""

    def __init__(self) -> None:
        self.batches: list[list[Incoming]] = []
        self.rejected: list[Rejected] = []
        self.fail_with: Exception | None = None
        self.before: Callable[[], None] = lambda: None

    @property
    def accepted(self) -> list[Incoming]:
        return [one for batch in self.batches for one in batch]

    def accept(self, incoming: Sequence[Incoming]) -> None:
        self.before()
        if self.fail_with is not None:
            raise self.fail_with
        self.batches.append(list(incoming))

    def reject(self, rejected: Sequence[Rejected]) -> None:
        if self.fail_with is not None:
            raise self.fail_with
        self.rejected.extend(rejected)


class EventStorage(Protocol):
    """What the routes need of storage."""

    def accept(self, incoming: Sequence[Incoming]) -> None: ...

    def reject(self, rejected: Sequence[Rejected]) -> None: ...


class _Nobody:
    def deciding(self, *, urgent: bool = False) -> AbstractContextManager[UnitOfWork]:
        raise NotImplementedError

    def take(self, incoming: Sequence[Incoming]) -> int:
        raise NotImplementedError


def ready() -> Sequence[Check]:
    return [Check(name="database", ok=True)]


@dataclass
class Site:
    """Everything behind one application; ``app`` is made at first use."""

    storage: RecordingStorage = field(default_factory=RecordingStorage)
    database: EventStorage | None = None  # instead of ``storage``
    decisions: Decisions = field(default_factory=_Nobody)
    ingest: Ingest = field(default_factory=_Nobody)
    environment: Mapping[str, str] = field(
        default_factory=lambda: {"LAGNIAPPE_API_TOKEN": f"older-token, {TOKEN}"}
    )
    readiness: Callable[[], Sequence[Check]] = ready
    clock: VirtualClock = field(default_factory=lambda: VirtualClock(NOW))
    capacity: int = 20_000
    receive: Callable[[Sequence[Receipt]], int] = len
    reply: Callable[[InboundText], str | None] = lambda _: None
    turn: Callable[[CallTurn], CallReply] = lambda _: CallReply(say="goodbye")
    catalog: Callable[[], Catalog] = lambda: BUILT_IN
    policy: Callable[[], Policy] = lambda: POLICY

    def __post_init__(self) -> None:
        settings = load_settings(Path(), self.environment)
        registry = CollectorRegistry()
        metrics = PrometheusMetrics(registry)
        storage = self.database or self.storage
        self.inbox = Inbox(storage, metrics=metrics, capacity=self.capacity)
        self.unsubscribe = Unsubscribe(self.decisions, self.ingest, LINKS, self.clock)
        self.services = WebServices(
            settings=lambda: settings,
            clock=self.clock,
            reject=storage.reject,
            inbox=self.inbox,
            unsubscribe=self.unsubscribe,
            surveys=Surveys(self.decisions, self.ingest, LINKS, self.clock),
            referrals=ReferralPages(
                self.decisions,
                self.ingest,
                self.clock,
                policy=self.policy,
                mailboxes=FINGERPRINTS.mailboxes,
            ),
            reviews=ReviewPage(self.decisions, self.ingest, LINKS, self.clock),
            clicks=Clicks(LINKS, self.receive, self.clock),
            readers=_readers(settings),
            receive=self.receive,
            text_readers=_text_readers(settings),
            reply=self.reply,
            call_reader=lambda: _call_reader(settings),
            turn=self.turn,
            catalog=self.catalog,
            policy=self.policy,
            readiness=self.readiness,
            metrics=metrics,
            registry=registry,
        )
        self.app: FastAPI = create_app(self.services)

    @contextmanager
    def accepting(self) -> Iterator["Site"]:
        """The site with its inbox at work."""
        self.inbox.start()
        try:
            yield self
        finally:
            self.inbox.stop()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of the application, without a network."""
        with self.accepting():
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
                yield client


def _readers(settings: Settings) -> dict[str, ReceiptReader]:
    token = settings.twilio_auth_token
    return build_readers(
        sendgrid_public_keys=settings.sendgrid_webhook_public_key,
        twilio_auth_tokens=[token.get_secret_value()] if token else [],
        public_url=settings.base_url,
    )


def _text_readers(settings: Settings) -> dict[str, TextReader]:
    token = settings.twilio_auth_token
    return build_text_readers(
        twilio_auth_tokens=[token.get_secret_value()] if token else [],
        public_url=settings.base_url,
    )


def _call_reader(settings: Settings) -> CallReader:
    token = settings.twilio_auth_token
    return build_call_reader(
        twilio_auth_tokens=[token.get_secret_value()] if token else [],
        public_url=settings.base_url,
    )


def order_placed(number: int = 1, **given: Any) -> dict[str, Any]:
    """A small valid event."""
    return {
        "id": f"placed-{number}",
        "source": "shop",
        "type": "order.placed",
        "time": "2026-03-02T09:00:00Z",
        "customer": {"id": "c-1", "email": "ann@example.com"},
        "order": {"id": str(number), "total": "59.90", "currency": "USD"},
        **given,
    }
