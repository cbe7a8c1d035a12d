"""How this installation is deployed: environment, ``.env`` of the workspace, secret files.

Every name begins with ``LAGNIAPPE_``. The environment wins over ``.env``. A secret can also stand
in a file, named by the same variable with ``_FILE`` at its end. No secret, and no part of one,
appears in a repr or in an error.
"""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from config.diagnostics import nearest

PREFIX = "LAGNIAPPE_"
MIN_SECRET_LENGTH = 32
_BIND = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>\d{1,5})")


class SettingsError(Exception):
    """Settings that cannot be used; ``problems`` has one plain sentence for each."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _bind(value: str) -> str:
    found = _BIND.fullmatch(value)
    if found is None or not 0 <= int(found["port"]) <= 65535:
        raise ValueError("write an address and a port, as in 127.0.0.1:8025 or [::1]:8025")
    return value


def _address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise ValueError("write a web address, as in https://mail.example.com")
    return value.rstrip("/")


def _public_address(value: str) -> str:
    address = _address(value)
    if address.startswith("http://") and not _is_loopback(urlsplit(address).hostname or ""):
        raise ValueError(
            "write an address that begins with https://; one-click unsubscribe needs it (RFC 8058)"
        )
    return address


def _database(value: str) -> str:
    if not value.startswith(("sqlite:///", "postgresql+psycopg://")):
        raise ValueError("write sqlite:///FILE or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE")
    return value


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_split)]
Address = Annotated[str, AfterValidator(_address)]
PublicAddress = Annotated[str, AfterValidator(_public_address)]


class Settings(BaseSettings):
    """One installation. Of several keys or secrets the first signs and all verify."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    workspace: Path
    database_url: Annotated[str, AfterValidator(_database)] = Field(repr=False)
    bind: Annotated[str, AfterValidator(_bind)] = "127.0.0.1:8025"
    public_url: PublicAddress | None = None
    secret_key: Secrets = ()
    api_token: Secrets = ()
    email_provider: Literal["preview", "sendgrid", "smtp"] = "preview"
    sms_provider: Literal["preview", "twilio"] = "preview"
    voice_provider: Literal["preview", "twilio"] = "preview"
    sendgrid_api_key: SecretStr | None = None
    sendgrid_base_url: Address = "https://api.sendgrid.com"
    sendgrid_webhook_public_key: Annotated[tuple[str, ...], BeforeValidator(_split)] = ()
    twilio_account_sid: str | None = None
    twilio_auth_token: SecretStr | None = None
    twilio_base_url: Address = "https://api.twilio.com"
    smtp_url: SecretStr | None = None
    shopify_secret: Secrets = ()
    woocommerce_secret: Secrets = ()
    zendesk_secret: Secrets = ()
    stripe_secret: Secrets = ()
    faults: str | None = None
    stripe_order_key: Annotated[str, Field(min_length=1, max_length=40)] = "order_id"
    stripe_order_source: Annotated[str, Field(max_length=255)] | None = None
    carrier_secret: Secrets = ()
    judgeme_secret: Secrets = ()
    carrier_order_source: Annotated[str, Field(max_length=255)] | None = None
    sender: Annotated[Literal["process", "thread"], BeforeValidator(_lower)] = "process"
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = 300
    log_format: Annotated[Literal["text", "json"], BeforeValidator(_lower)] = "text"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(_lower)] = (
        "info"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what ``load_settings`` was given: it reads no process-wide state."""
        return (init_settings,)

    @property
    def bind_host(self) -> str:
        """The address to listen on, without brackets."""
        found = _BIND.fullmatch(self.bind)
        assert found is not None  # the validator saw to it
        return found["v6"] or found["host"]

    @property
    def bind_port(self) -> int:
        """The port to listen on; 0 lets the system choose."""
        return int(self.bind.rsplit(":", 1)[1])

    @property
    def exposed(self) -> bool:
        """Whether others than this machine can reach it."""
        return self.public_url is not None or not _is_loopback(self.bind_host)

    @property
    def base_url(self) -> str:
        """What links in messages begin with."""
        return self.public_url or f"http://{self.bind}"

    @property
    def database_label(self) -> str:
        """The database for logs and ``doctor``: without password or query."""
        if self.database_url.startswith("sqlite"):
            return self.database_url.split("?")[0]
        parts = urlsplit(self.database_url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


_SECRET_FIELDS = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
) | {"database_url"}


_ROTATED = (_SECRET_FIELDS | {"sendgrid_webhook_public_key"}) - {"database_url"}


def rotated(held: Settings, fresh: Settings) -> Settings:
    """``held`` with the secrets of ``fresh``: they alone change without a restart."""
    return held.model_copy(update={name: getattr(fresh, name) for name in sorted(_ROTATED)})


def secret_files(workspace: Path, environ: Mapping[str, str]) -> tuple[Path, ...]:
    """Where secrets may stand: ``.env``, and every file that a variable with ``_FILE`` names."""
    try:
        merged = {**_dotenv(workspace), **environ}
    except SettingsError:
        merged = dict(environ)
    named = {
        workspace / value.strip()
        for name, value in merged.items()
        if name.startswith(PREFIX) and name.endswith("_FILE") and value.strip()
    }
    return (workspace / ".env", *sorted(named))


def load_settings(workspace: Path | None, environ: Mapping[str, str]) -> Settings:
    """The settings of ``workspace``, else of ``LAGNIAPPE_WORKSPACE``, else of this directory.

    Raises SettingsError with one sentence for each thing that is wrong or missing. An empty value
    counts as not set.
    """
    root = Path(workspace or environ.get(f"{PREFIX}WORKSPACE") or ".").absolute()
    merged = {**_dotenv(root), **environ}
    given = {
        name.removeprefix(PREFIX).lower(): value.strip()
        for name, value in merged.items()
        if name.startswith(PREFIX) and value.strip()
    }
    problems: list[str] = []
    values: dict[str, Any] = {"database_url": f"sqlite:///{root / 'lagniappe.db'}"}
    for name, value in sorted(given.items()):
        if name in Settings.model_fields:
            values[name] = value
        elif name.removesuffix("_file") in _SECRET_FIELDS and name.endswith("_file"):
            field = name.removesuffix("_file")
            if field in given:
                problems.append(f"{_variable(field)} and {_variable(name)} are both set; keep one")
            else:
                _read_secret(values, field, root / value, problems)
        else:
            problems.append(_unknown(name))
    values["workspace"] = root
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += _plain(error)
        raise SettingsError(tuple(problems)) from None
    problems += _missing(settings)
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def ensure_secret_key(workspace: Path) -> SecretStr:
    """The key that ``workspace`` keeps for itself in ``.lagniappe/secret_key``, made at first use.

    The file has mode 0600. Of two processes that come first at once, both get the same key.
    Raises OSError when the workspace cannot be written.
    """
    path = workspace / ".lagniappe" / "secret_key"
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_urlsafe(48) + "\n")
                file.flush()
                os.fsync(file.fileno())
            # A link appears whole or not at all, and never replaces the key of another process.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
    return SecretStr(path.read_text(encoding="ascii").strip())


def _dotenv(root: Path) -> dict[str, str]:
    path = root / ".env"
    if not path.is_file():
        return {}
    try:
        read = dotenv_values(path, interpolate=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise SettingsError((f"{path} cannot be read as UTF-8 text",)) from None
    return {name: value for name, value in read.items() if value is not None}


def _read_secret(values: dict[str, Any], field: str, path: Path, problems: list[str]) -> None:
    try:
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        problems.append(f"{_variable(field)}_FILE names a file that cannot be read: {why}")
        return
    if text:
        values[field] = text
    else:
        problems.append(f"{_variable(field)}_FILE names an empty file")


def _unknown(name: str) -> str:
    known = [*Settings.model_fields, *(f"{field}_file" for field in _SECRET_FIELDS)]
    near = nearest(name, sorted(known))
    hint = f"; did you mean {_variable(near)}?" if near else ""
    return f"{_variable(name)} is not a setting{hint}"


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _plain(error: ValidationError) -> list[str]:
    told = []
    for one in error.errors(include_url=False, include_input=False):
        field = str(one["loc"][0])
        context = one.get("ctx") or {}
        if one["type"] == "value_error":
            what = str(context["error"])
        elif one["type"] == "literal_error":
            what = f"write {str(context['expected']).replace(chr(39), '')}"
        elif one["type"] == "int_parsing":
            what = "it should be a whole number"
        else:
            what = one["msg"].replace("Input should be", "it should be")
        told.append(f"{_variable(field)}: {what}")
    return told


def _missing(settings: Settings) -> list[str]:
    problems = []
    if settings.exposed:
        why = f"{PREFIX}PUBLIC_URL is set"
        if settings.public_url is None:
            why = f"{PREFIX}BIND listens beyond this machine"
        for field in ("secret_key", "api_token"):
            held: tuple[SecretStr, ...] = getattr(settings, field)
            if not held:
                problems.append(f"{_variable(field)} must be set, because {why}")
            elif any(len(one.get_secret_value()) < MIN_SECRET_LENGTH for one in held):
                problems.append(
                    f"{_variable(field)} must have at least {MIN_SECRET_LENGTH} characters, "
                    f"because {why}"
                )
    needs = (
        ("email_provider", "sendgrid", ("sendgrid_api_key",)),
        ("email_provider", "smtp", ("smtp_url",)),
        ("sms_provider", "twilio", ("twilio_account_sid", "twilio_auth_token")),
        ("voice_provider", "twilio", ("twilio_account_sid", "twilio_auth_token")),
    )
    for chosen, provider, fields in needs:
        if getattr(settings, chosen) == provider:
            problems += [
                f"{_variable(field)} must be set, because {_variable(chosen)} is {provider}"
                for field in fields
                if getattr(settings, field) is None
            ]
    return problems


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
