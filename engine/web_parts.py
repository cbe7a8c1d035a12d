"""The web's parts, put together for one process: what ``engine.web`` is given."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.types import ASGIApp

from engine.bootstrap import App
from engine.services.clicks import Clicks
from engine.services.inbox import Inbox
from engine.services.review_page import ReviewPage
from engine.services.unsubscribe import Unsubscribe
from engine.storage.migrate import current, head
from engine.web.app import create_app
from engine.web.services import Check, WebServices

_ALIVE = timedelta(seconds=60)


class WebParts:
    """The inbox's thread and the ASGI application over one ``App``."""

    def __init__(self, app: App, *, works: bool) -> None:
        self._app = app
        self._works = works
        self._inbox = Inbox(
            app.storage,
            metrics=app.metrics,
            on_accepted=app.worker.wake if works else None,
        )
        self.asgi: ASGIApp = create_app(
            WebServices(
                settings=app.rotation.settings,
                clock=app.clock,
                reject=app.storage.reject,
                inbox=self._inbox,
                readers=app.readers,
                receive=app.receive.take,
                text_readers=app.text_readers,
                reply=app.replies.take,
                call_reader=app.call_reader,
                turn=app.turns.take,
                unsubscribe=Unsubscribe(app.storage, app.ingest, app.links, app.clock),
                surveys=app.surveys,
                referrals=app.referrals,
                reviews=ReviewPage(app.storage, app.ingest, app.links, app.clock),
                clicks=Clicks(app.links, app.receive.take, app.clock),
                catalog=lambda: app.loader.catalog,
                policy=lambda: app.revisions.policy,
                readiness=self._readiness,
                metrics=app.metrics,
                registry=app.registry,
            )
        )

    def start(self) -> None:
        """Begin to accept."""
        self._inbox.start()

    def stop(self) -> None:
        """Commit what waits, then end."""
        self._inbox.stop()

    def _readiness(self) -> Sequence[Check]:
        app = self._app
        try:
            version = current(app.settings.database_url)
        except Exception as error:
            return [Check(name="database", ok=False, reason=type(error).__name__)]
        newest = head()
        seen = app.storage.workers_seen(app.clock.now() - _ALIVE)
        campaigns = len(app.revisions.plans.current)
        ready = not self._works or app.sender.is_ready()
        return [
            Check(name="database", ok=True),
            Check(
                name="migrations",
                ok=version == newest,
                reason="" if version == newest else "run: lagniappe db upgrade",
            ),
            Check(
                name="campaigns",
                ok=campaigns > 0,
                reason="" if campaigns else "no campaign could be loaded",
            ),
            Check(name="worker", ok=seen, reason="" if seen else "no worker is alive"),
            Check(
                name="sending",
                ok=ready,
                reason="" if ready else "what calls the providers is being started anew",
            ),
        ]
