"""Where a test is played: the real services, a throw-away database, and a clock of its own.

Nothing is read but the workspace's files, and nothing leaves the machine.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from config.policy import POLICY_FILE, Policy
from engine.authoring.compile import Draft
from engine.authoring.event_types import EVENTS_FILE
from engine.authoring.loader import Loader
from engine.bootstrap import App, Prepared, build, open_templates
from engine.core.campaign import CampaignStatus, Plan
from engine.core.message import Channel
from engine.core.reasons import ended
from engine.ports.clock import VirtualClock
from engine.providers.immediate import ImmediateSender
from engine.providers.simulated import Simulated
from engine.rendering.templates import MessageTemplates
from engine.services.coupon_pools import pools_of
from engine.setup import read_policy
from engine.storage.coupons import SqlCouponPools
from engine.storage.database import Database
from engine.storage.migrate import upgrade

CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms", "voice")
# Signs the links of messages that nobody gets; the same always, so that texts are the same.
_KEY: Final = "a key for campaigns' tests alone, which sign nothing that anybody gets"
_CODES: Final = 20  # of each pool, so that a coupon can be given
_DAY: Final = timedelta(days=1)
_INSTANT: Final = timedelta(microseconds=1)


class Held(Exception):
    """The engine has stopped a campaign, so that the story would only stand still from here."""

    def __init__(self, campaign: str, reason: str) -> None:
        super().__init__(f"{campaign} was stopped: {ended(reason)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """One test's application, its clock, and what its providers were given."""

    app: App
    clock: VirtualClock
    providers: Mapping[Channel, Simulated]

    def live(self, until: datetime, *, seen: Callable[[], bool] = lambda: False) -> bool:
        """Let time pass as the daemon lives it, at each moment at which something is due.

        Ends at ``until``, or as soon as ``seen`` holds; whether it does. The clock never goes back.
        Raises ``Held``.
        """
        app, clock = self.app, self.clock
        daily = app.policy.delivery.assume_delivered_after or app.policy.delivery.by_country
        nightly = app.stocktaking.wanted()
        night = app.stocktaking.next_night(clock.now())
        while True:
            now = clock.now()
            app.worker.sweep.run(now)
            if nightly and now >= night:
                app.stocktaking.run_unless_done()
                night = app.stocktaking.next_night(now)
            if daily:
                app.deliveries.run()
            app.worker.quiesce()
            for campaign, reason in app.storage.holds().items():
                raise Held(campaign, reason)
            if seen():
                return True
            if now >= until:
                return False
            moments = [until, app.storage.next_due(), app.worker.sweep.next_fire(now)]
            if daily:
                moments.append(now + _DAY)
            if nightly:
                moments.append(night)
            following = min(moment for moment in moments if moment is not None)
            clock.advance_to(max(following, now + _INSTANT))


class Stages:
    """Builds stages for the campaigns of a workspace, in ``folder``, which the caller clears away.

    Templates are compiled and the database's tables made once for all. Raises ``SetupError``.
    """

    def __init__(self, workspace: Path, folder: Path) -> None:
        self.policy: Policy = read_policy(workspace)
        self.templates: MessageTemplates = open_templates(workspace, self.policy)
        self._workspace, self._folder = workspace, folder
        self._blank = folder / "blank.db"
        upgrade(f"sqlite:///{self._blank}")
        database = Database(f"sqlite:///{self._blank}")
        with database.writing() as connection:  # one file, with nothing beside it to be copied
            connection.exec_driver_sql("SELECT 1")
        database.close()
        self._houses: dict[tuple[str, ...], tuple[Path, Prepared]] = {}
        self._built = 0

    def build(
        self, drafts: Sequence[Draft], start: datetime, codes: Mapping[str, int] | None = None
    ) -> Stage:
        """A stage on which these campaigns are live, whatever status their files have.

        ``codes``: how many codes pools have, where it is not the usual number.
        """
        house, prepared = self._house(drafts)
        self._built += 1
        database = self._folder / f"{self._built}.db"
        shutil.copyfile(self._blank, database)
        database.chmod(0o600)
        clock = VirtualClock(start)
        providers = {channel: Simulated(channel, clock=clock.now) for channel in CHANNELS}
        app = build(
            house,
            {"LAGNIAPPE_DATABASE_URL": f"sqlite:///{database}", "LAGNIAPPE_SECRET_KEY": _KEY},
            clock=clock,
            providers=providers,
            make_sender=lambda known: ImmediateSender(known, max_in_flight=100, clock=clock.now),
            prepared=prepared,
        )
        app.storage.database.forgo_durability()
        app.sender.start()
        pools = SqlCouponPools(app.storage.database)
        for pool in pools_of(self.policy.offers):
            count = (codes or {}).get(pool, _CODES)
            made = [f"{pool.upper()}-{number:04}" for number in range(1, count + 1)]
            pools.import_codes(pool, made, start)
        return Stage(app=app, clock=clock, providers=providers)

    def close(self, stage: Stage) -> None:
        """Let go of a stage and its database."""
        stage.app.sender.stop()
        path = stage.app.storage.database.path
        stage.app.close()
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def _house(self, drafts: Sequence[Draft]) -> tuple[Path, Prepared]:
        """A workspace with these campaigns alone."""
        key = tuple(draft.document.file for draft in drafts)
        found = self._houses.get(key)
        if found is None:
            house = self._folder / f"house-{len(self._houses) + 1}"
            for name in (POLICY_FILE, EVENTS_FILE):
                if (self._workspace / name).is_file():
                    (house / name).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(self._workspace / name, house / name)
            for draft in drafts:
                path = house / draft.document.file
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(live_source(draft), encoding="utf-8")
            prepared = Prepared(templates=self.templates, loader=Loader(house, self.templates))
            found = self._houses[key] = house, prepared
        return found


def live_source(draft: Draft) -> str:
    """The campaign's text with its status set to live; nothing else moves by a line."""
    document = draft.document
    if draft.spec.status is CampaignStatus.LIVE:
        return document.source.text
    at = document.position(("status",))
    source = document.source
    start = source.start_of(at.line) + at.column - 1
    written = document.raw(("status",))
    return source.text[:start] + CampaignStatus.LIVE.value + source.text[start + len(written) :]


def live_plan(stage: Stage, campaign: str) -> Plan:
    """The plan that the stage runs."""
    return stage.app.revisions.plans.current[campaign]
