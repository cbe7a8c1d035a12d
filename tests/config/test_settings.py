from __future__ import annotations

import stat
import traceback
from pathlib import Path

import pytest

from config.settings import Settings, SettingsError, ensure_secret_key, load_settings

LONG = "k" * 40
SECRET = "hunter2-hunter2"


def problems(workspace: Path, **environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as caught:
        load_settings(workspace, {f"LAGNIAPPE_{name}": value for name, value in environ.items()})
    shown = "".join(traceback.format_exception(caught.value))
    assert SECRET not in shown
    return caught.value.problems


def test_nothing_set_is_a_safe_local_installation(tmp_path: Path) -> None:
    settings = load_settings(tmp_path, {})
    assert settings.database_url == f"sqlite:///{tmp_path}/lagniappe.db"
    assert (settings.bind_host, settings.bind_port) == ("127.0.0.1", 8025)
    assert settings.email_provider == settings.sms_provider == "preview"
    assert not settings.exposed
    assert settings.base_url == "http://127.0.0.1:8025"


def test_environment_wins_over_dotenv(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "LAGNIAPPE_LOG_LEVEL=debug\nLAGNIAPPE_MAX_IN_FLIGHT=7\nOTHER=$x\n", encoding="utf-8"
    )
    settings = load_settings(
        None, {"LAGNIAPPE_WORKSPACE": str(tmp_path), "LAGNIAPPE_LOG_LEVEL": "ERROR", "PATH": "/bin"}
    )
    assert (settings.log_level, settings.max_in_flight) == ("error", 7)


def test_secrets_come_from_files_and_rotate(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f" {LONG}1,{LONG}2\n", encoding="utf-8")
    settings = load_settings(
        tmp_path,
        {
            "LAGNIAPPE_SECRET_KEY_FILE": str(tmp_path / "key"),
            "LAGNIAPPE_SHOPIFY_SECRET": "new, old",
            "LAGNIAPPE_API_TOKEN": "",
        },
    )
    assert [one.get_secret_value() for one in settings.secret_key] == [f"{LONG}1", f"{LONG}2"]
    assert [one.get_secret_value() for one in settings.shopify_secret] == ["new", "old"]
    assert settings.api_token == ()


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    held = [
        "SECRET_KEY",
        "API_TOKEN",
        "SENDGRID_API_KEY",
        "TWILIO_AUTH_TOKEN",
        "SMTP_URL",
        "SHOPIFY_SECRET",
        "WOOCOMMERCE_SECRET",
        "ZENDESK_SECRET",
        "STRIPE_SECRET",
    ]
    environ = {f"LAGNIAPPE_{name}": SECRET for name in held}
    environ["LAGNIAPPE_DATABASE_URL"] = f"postgresql+psycopg://u:{SECRET}@db.example.com:5/shop"
    settings = load_settings(tmp_path, environ)
    for shown in (repr(settings), str(settings), f"{settings}", settings.database_label):
        assert SECRET not in shown
    assert settings.database_label == "postgresql+psycopg://db.example.com:5/shop"
    dumped = str(settings.model_dump(exclude={"database_url"}))
    assert SECRET not in dumped
    told = problems(tmp_path, DATABASE_URL=f"mysql://u:{SECRET}@h", API_TOKEN=SECRET, BIND=SECRET)
    assert [one.split(":")[0] for one in told] == ["LAGNIAPPE_DATABASE_URL", "LAGNIAPPE_BIND"]


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        (
            {"DATABSE_URL": SECRET},
            "LAGNIAPPE_DATABSE_URL is not a setting; did you mean LAGNIAPPE_DATABASE_URL?",
        ),
        ({"BIND": "8025"}, "LAGNIAPPE_BIND: write an address and a port"),
        ({"BIND": "127.0.0.1:99999"}, "LAGNIAPPE_BIND: write an address and a port"),
        (
            {"EMAIL_PROVIDER": "sendgird"},
            "LAGNIAPPE_EMAIL_PROVIDER: write preview, sendgrid or smtp",
        ),
        ({"MAX_IN_FLIGHT": "lots"}, "LAGNIAPPE_MAX_IN_FLIGHT: it should be a whole number"),
        ({"PUBLIC_URL": "shop"}, "LAGNIAPPE_PUBLIC_URL: write a web address"),
        ({"API_TOKEN_FILE": "/nowhere/at/all"}, "LAGNIAPPE_API_TOKEN_FILE names a file that"),
        ({"API_TOKEN_FILE": "x", "API_TOKEN": SECRET}, "are both set; keep one"),
        ({"BIND_FILE": "x"}, "LAGNIAPPE_BIND_FILE is not a setting"),
        ({"EMAIL_PROVIDER": "sendgrid"}, "LAGNIAPPE_SENDGRID_API_KEY must be set"),
        ({"EMAIL_PROVIDER": "smtp"}, "LAGNIAPPE_SMTP_URL must be set"),
        (
            {"SMS_PROVIDER": "twilio", "TWILIO_ACCOUNT_SID": "AC"},
            "LAGNIAPPE_TWILIO_AUTH_TOKEN must be set",
        ),
    ],
)
def test_a_wrong_setting_is_named_in_plain_words(
    tmp_path: Path, environ: dict[str, str], told: str
) -> None:
    assert any(told in one for one in problems(tmp_path, **environ))


@pytest.mark.parametrize(
    "exposure",
    [
        {"BIND": "0.0.0.0:80"},
        {"BIND": "[::]:80"},
        {"BIND": "shop:80"},
        {"PUBLIC_URL": "https://mail.example.com"},
    ],
)
def test_what_others_can_reach_needs_long_keys(tmp_path: Path, exposure: dict[str, str]) -> None:
    assert len(problems(tmp_path, **exposure)) == 2
    assert len(problems(tmp_path, **exposure, SECRET_KEY=f"{LONG},{SECRET}", API_TOKEN=LONG)) == 1
    environ = {**exposure, "SECRET_KEY": LONG, "API_TOKEN": LONG}
    settings = load_settings(tmp_path, {f"LAGNIAPPE_{name}": v for name, v in environ.items()})
    assert settings.exposed


@pytest.mark.parametrize("bind", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_loopback_needs_no_keys(tmp_path: Path, bind: str) -> None:
    assert isinstance(load_settings(tmp_path, {"LAGNIAPPE_BIND": bind}), Settings)


def test_a_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    first = ensure_secret_key(tmp_path)
    assert ensure_secret_key(tmp_path) == first
    path = tmp_path / ".lagniappe" / "secret_key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(first.get_secret_value()) >= 32
    assert [one.name for one in path.parent.iterdir()] == ["secret_key"]
    assert ensure_secret_key(tmp_path / "other") != first
