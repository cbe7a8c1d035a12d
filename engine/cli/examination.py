"""What ``doctor`` looks at: one finding for each thing, in the order in which they matter.

It reads and never changes: no file is made, no schema upgraded. What cannot be looked at because
something before it is broken is left out.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from config.diagnostics import Severity
from config.policy import Policy, load_policy
from config.settings import Settings, SettingsError, load_settings
from config.yaml_source import SourceError, load
from engine.cli.checking import report_of
from engine.cli.output import counted

_LIVELY = timedelta(minutes=2)  # a daemon whose heartbeat is older is taken for gone
_EARLIEST = datetime(2026, 1, 1, tzinfo=UTC)  # no clock that is right shows less
_SKEW = timedelta(seconds=30)
_GIB, _MIB = 1 << 30, 1 << 20
_ENCRYPTION = {"tls": "TLS", "starttls": "STARTTLS", "none": "not encrypted, on this machine"}
_RESERVED = ("example.com", "example.org", "example.net", "example", "invalid", "test", "localhost")


class State(StrEnum):
    """How it stands: ``fail`` keeps the daemon, or a real provider, from its work."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``mend`` says what to do, where something is to be done."""

    check: str
    state: State
    told: str
    mend: str | None = None


class Examination:
    """Looks over one workspace as the environment sets it up."""

    def __init__(self, workspace: Path, environ: Mapping[str, str]) -> None:
        self._workspace = workspace
        self._environ = environ

    def findings(self) -> list[Finding]:
        """Everything found. Raises nothing for a set-up that is wrong."""
        return list(self._all())

    def _all(self) -> Iterator[Finding]:
        settings: Settings | None = None
        try:
            settings = load_settings(self._workspace, self._environ)
        except SettingsError as error:
            for problem in error.problems:
                yield Finding("settings", State.FAIL, problem, "set it in .env or the environment")
        else:
            yield Finding("settings", State.OK, f"workspace {self._workspace}")
        policy = self._policy()
        yield from self._files()
        if settings is not None:
            yield from self._database(settings, policy)
            yield from _providers(settings, policy)
            yield from _addresses(settings, policy)
            yield from self._modes(settings)
        yield from _clock(datetime.now(UTC))
        yield from _zones(policy)
        yield from self._disk()

    def _policy(self) -> Policy | None:
        path = self._workspace / "config" / "store.yaml"
        try:
            return load_policy(load(path.read_bytes(), "config/store.yaml"))
        except (OSError, SourceError):
            return None  # told with the other files

    def _files(self) -> Iterator[Finding]:
        found = report_of(self._workspace).diagnostics
        errors = [one for one in found if one.severity is Severity.ERROR]
        mend = "lagniappe check shows each with its place"
        if errors:
            first = errors[0]
            place = f"{first.at.file}:{first.at.line}"
            told = f"{counted(len(errors), 'error')} in the workspace's files, the first in {place}"
            yield Finding("files", State.FAIL, told, mend)
        elif found:
            yield Finding("files", State.WARN, counted(len(found), "warning"), mend)
        else:
            yield Finding("files", State.OK, "campaigns, templates and store.yaml have no problem")

    def _database(self, settings: Settings, policy: Policy | None) -> Iterator[Finding]:
        from engine.storage import migrate
        from engine.storage.database import Database

        label, url = settings.database_label, settings.database_url
        if url.startswith("sqlite") and not Path(url.removeprefix("sqlite:///")).exists():
            told = f"{label} does not exist yet; the first start makes it"
            yield Finding("database", State.OK, told)
            return
        database: Database | None = None
        try:
            found, head = migrate.current(url), migrate.head()
            if found != head:
                told = f"{label} has schema {found or 'none'}, this release needs {head}"
                yield Finding("database", State.FAIL, told, "lagniappe db upgrade")
                return
            yield Finding("database", State.OK, f"{label} answers and has the newest schema")
            database = Database(url)
            with database.reading() as connection:
                yield from _daemon(connection, database, datetime.now(UTC))
                yield from _database_clock(connection, database, datetime.now(UTC))
                yield from _doubt(connection)
                yield from _pools(connection, policy)
        except SQLAlchemyError as error:
            cause = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
            mend = "start the database, or correct LAGNIAPPE_DATABASE_URL"
            yield Finding("database", State.FAIL, f"{label}: {cause}", mend)
        finally:
            if database is not None:
                database.close()

    def _modes(self, settings: Settings) -> Iterator[Finding]:
        key = self._workspace / ".lagniappe" / "secret_key"
        private = [self._workspace / ".env", key]
        if settings.database_url.startswith("sqlite:///"):
            private.append(Path(settings.database_url.removeprefix("sqlite:///").split("?")[0]))
        for path in private:
            if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
                shown = path.relative_to(self._workspace) if path.is_relative_to(
                    self._workspace
                ) else path  # fmt: skip
                mode = stat.S_IMODE(path.stat().st_mode)
                told = f"{shown} can be read by other users of this machine (mode {mode:04o})"
                yield Finding("privacy", State.FAIL, told, f"chmod 600 {shown}")
        if settings.secret_key:
            yield Finding("secret key", State.OK, "set in the environment")
        elif key.exists():
            yield Finding("secret key", State.OK, "kept in .lagniappe/secret_key")
        elif os.access(self._workspace, os.W_OK):
            yield Finding("secret key", State.OK, "made at the first start")
        else:
            told = "none is set, and the workspace cannot be written to keep one"
            yield Finding("secret key", State.FAIL, told, "set LAGNIAPPE_SECRET_KEY")

    def _disk(self) -> Iterator[Finding]:
        free = shutil.disk_usage(self._workspace).free
        told = f"{free / _GIB:.1f} GiB free"
        mend = "make room: a full disk refuses events"
        if free < 100 * _MIB:
            yield Finding("disk", State.FAIL, f"{free // _MIB} MiB free", mend)
        elif free < _GIB:
            yield Finding("disk", State.WARN, f"{free // _MIB} MiB free", mend)
        else:
            yield Finding("disk", State.OK, told)


def _daemon(connection: Connection, database: object, now: datetime) -> Iterator[Finding]:
    seen = connection.execute(text("SELECT max(seen_at) FROM workers")).scalar()
    at = None if seen is None else datetime.fromtimestamp(seen / 1_000_000, UTC)
    if at is not None and now - at < _LIVELY:
        yield Finding("daemon", State.OK, f"runs; last heard of {at:%Y-%m-%d %H:%M:%S} UTC")
        return
    if _is_locked(database):
        yield Finding("daemon", State.OK, "a process is at work on this database")
        return
    told = "does not run" + (f"; last heard of {at:%Y-%m-%d %H:%M} UTC" if at else "")
    yield Finding("daemon", State.WARN, told, "lagniappe run (as a service: docs/how-to)")


def _is_locked(database: object) -> bool:
    """Whether a process holds the SQLite file; the lock is let go again at once."""
    path = Path(f"{getattr(database, 'path', '')}.lock")
    if not getattr(database, "is_sqlite", False) or not path.exists():
        return False
    with path.open() as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        fcntl.flock(handle, fcntl.LOCK_UN)
        return False


def _database_clock(connection: Connection, database: object, now: datetime) -> Iterator[Finding]:
    if not getattr(database, "is_sqlite", False):
        theirs = connection.execute(text("SELECT clock_timestamp()")).scalar()
        if theirs is not None and abs(theirs - now) > _SKEW:
            told = f"the database's clock and this machine's are {abs(theirs - now)} apart"
            yield Finding("clock", State.FAIL, told, "synchronise both (NTP)")
    newest = connection.execute(text("SELECT max(received_at) FROM events")).scalar()
    if newest is not None:
        at = datetime.fromtimestamp(newest / 1_000_000, UTC)
        if at > now + _SKEW:
            told = f"events arrived at {at:%Y-%m-%d %H:%M} UTC, which this clock has not reached"
            yield Finding("clock", State.WARN, told, "synchronise the clock (NTP)")


def _doubt(connection: Connection) -> Iterator[Finding]:
    unknown = connection.execute(
        text("SELECT count(*) FROM messages WHERE status = 'unknown'")
    ).scalar()
    if unknown:
        told = f"{unknown} messages of which nobody can say whether they went out"
        yield Finding("in doubt", State.WARN, told, "lagniappe log --status unknown")
    for campaign, reason in connection.execute(text("SELECT campaign, reason FROM holds")):
        told = f"campaign {campaign} stands still: {reason}"
        yield Finding("held", State.WARN, told, f"lagniappe campaigns resume {campaign}")


def _pools(connection: Connection, policy: Policy | None) -> Iterator[Finding]:
    from engine.services.coupon_pools import pools_of
    from engine.storage.pool_codes import free_codes

    for pool, warn_at in sorted(pools_of(policy.offers if policy else {}).items()):
        left = free_codes(connection, pool, warn_at + 1)
        mend = f"lagniappe coupons import {pool} FILE.csv"
        if left == 0:
            told = f"the pool {pool} has no code: messages that carry its coupons are not sent"
            yield Finding("coupons", State.WARN, told, mend)
        elif left <= warn_at:
            told = f"the pool {pool} has {counted(left, 'code')} left (warn_at: {warn_at})"
            yield Finding("coupons", State.WARN, told, mend)
        else:
            yield Finding("coupons", State.OK, f"the pool {pool} has over {warn_at} codes")


def _providers(settings: Settings, policy: Policy | None) -> Iterator[Finding]:
    bases = {
        "sendgrid": ("sendgrid_base_url", settings.sendgrid_base_url),
        "twilio": ("twilio_base_url", settings.twilio_base_url),
    }
    for channel, provider in (
        ("email", settings.email_provider),
        ("sms", settings.sms_provider),
        ("voice", settings.voice_provider),
    ):
        if provider == "preview":
            told = "preview: every message is kept and none is sent"
            yield Finding(channel, State.OK, told)
            continue
        if provider == "smtp":
            yield from _relay(channel, settings)
            continue
        name, base = bases[provider]
        standard = Settings.model_fields[name].default
        if base != standard:
            told = f"{provider}, but through {base} instead of {standard}"
            yield Finding(channel, State.WARN, told, "unset the BASE_URL unless it is meant")
        else:
            yield Finding(channel, State.OK, f"{provider}, with its keys")
    if policy is not None and policy.senders.sms is None:
        real = settings.sms_provider != "preview"
        yield Finding("sms", State.FAIL if real else State.WARN,
                      "no sender is named, so no SMS can be sent",
                      "add senders.sms.from to config/store.yaml")  # fmt: skip
    if policy is not None and policy.senders.voice is None and settings.voice_provider != "preview":
        yield Finding("voice", State.FAIL, "no number is named, so no call can be placed",
                      "add senders.voice.from to config/store.yaml")  # fmt: skip


def _relay(channel: str, settings: Settings) -> Iterator[Finding]:
    from engine.providers.smtp import smtp_server

    url = settings.smtp_url
    try:
        server = smtp_server(url.get_secret_value() if url is not None else "")
    except ValueError as error:
        yield Finding(channel, State.FAIL, f"LAGNIAPPE_SMTP_URL: {error}", "set it in .env")
        return
    told = f"smtp, through {server.host}:{server.port} ({_ENCRYPTION[server.encryption]})"
    if server.encryption != "none" and server.user is None:
        mend = "write USER:PASSWORD@ into LAGNIAPPE_SMTP_URL if it asks for one"
        yield Finding(channel, State.WARN, f"{told}, without a login", mend)
    else:
        yield Finding(channel, State.OK, told)


def _addresses(settings: Settings, policy: Policy | None) -> Iterator[Finding]:
    real = settings.email_provider != "preview" or settings.sms_provider != "preview"
    grave = State.FAIL if real else State.WARN
    why = "" if real else "; a real provider would be refused"
    mend = "set LAGNIAPPE_PUBLIC_URL=https://… to where customers reach this daemon"
    if settings.public_url is None:
        told = f"not set: unsubscribe links would lead to {settings.base_url}{why}"
        yield Finding("public url", grave, told, mend)
    elif not settings.public_url.startswith("https://"):
        told = f"{settings.public_url} leads to this machine only"
        yield Finding("public url", grave, told, mend)
    else:
        yield Finding("public url", State.OK, settings.public_url)
    if policy is None:
        return
    brand, sender = policy.brand, policy.senders.email.from_email
    mend = "write your own into config/store.yaml"
    if "Example Street" in brand.postal_address:
        told = f"still the starter's ({brand.postal_address}){why}"
        yield Finding("postal address", grave, told, mend)
    else:
        yield Finding("postal address", State.OK, brand.postal_address)
    domain = sender.rpartition("@")[2].lower()
    if any(domain == name or domain.endswith(f".{name}") for name in _RESERVED):
        told = f"{sender} is nobody's address{why}"
        yield Finding("sender", grave, told, f"{mend} (senders.email.from_email)")
    else:
        yield Finding("sender", State.OK, sender)


def _clock(now: datetime) -> Iterator[Finding]:
    if now < _EARLIEST:
        told = f"this machine believes it is {now:%Y-%m-%d %H:%M} UTC"
        yield Finding("clock", State.FAIL, told, "synchronise the clock (NTP)")
    else:
        yield Finding("clock", State.OK, f"{now:%Y-%m-%d %H:%M} UTC")


def _zones(policy: Policy | None) -> Iterator[Finding]:
    known = len(zoneinfo.available_timezones())
    try:
        release = f"tzdata {version('tzdata')}"
    except PackageNotFoundError:
        release = "the system's"
    if known < 400:
        told = f"only {known} time zones are known ({release})"
        yield Finding("time zones", State.FAIL, told, "install the tzdata package")
        return
    told = f"{known} zones, {release}"
    if policy is not None:
        told += f"; the shop's is {policy.timezone}"
    yield Finding("time zones", State.OK, told)
