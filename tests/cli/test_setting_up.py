"""From nothing to a workspace that checks clean, and what is said when something is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from config.settings import Settings
from engine.cli.main import app
from engine.cli.starter import ENV_EXAMPLE, STARTER


def run(*args: str, env: dict[str, str] | None = None, **more: object) -> Result:
    return CliRunner(env=env or {}).invoke(app, list(args), **more)  # type: ignore[arg-type]


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    target = tmp_path / "shop"
    made = run("init", str(target))
    assert made.exit_code == 0, made.output
    return target


def test_init_makes_a_workspace_that_checks_clean(shop: Path) -> None:
    for name in ("campaigns", "message_templates", "config/store.yaml", ".env.example",
                 ".gitignore"):  # fmt: skip
        assert (shop / name).exists()
    assert not list(shop.rglob("*.py"))
    checked = run("--workspace", str(shop), "check")
    assert checked.exit_code == 0, checked.output


def test_init_never_overwrites(shop: Path) -> None:
    store = shop / "config" / "store.yaml"
    store.write_text("mine")
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}
    again = run("init", str(shop))
    assert again.exit_code == 1
    assert "config/store.yaml" in again.stderr
    assert {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()} == before


def test_init_goes_into_a_directory_that_has_other_files(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("mine")
    assert run("init", str(tmp_path)).exit_code == 0
    assert (tmp_path / "README.md").read_text() == "mine"


RESERVED = {"FAULTS"}  # for tests only


def test_the_example_settings_name_every_setting_that_has_an_effect_and_no_other() -> None:
    named = set(re.findall(r"LAGNIAPPE_([A-Z0-9_]+)=", ENV_EXAMPLE))
    known = {name.upper() for name in Settings.model_fields} - {"WORKSPACE"}
    assert named == known - RESERVED


def test_a_copy_of_the_example_settings_is_for_its_owner_only(tmp_path: Path) -> None:
    assert run("init", str(tmp_path / "shop")).exit_code == 0
    assert (tmp_path / "shop" / ".env.example").stat().st_mode & 0o077 == 0


def test_the_example_settings_are_the_defaults() -> None:
    for name, told in re.findall(r"#LAGNIAPPE_([A-Z0-9_]+)=(.+)", ENV_EXAMPLE):
        default = Settings.model_fields[name.lower()].default
        if isinstance(default, str | int) and name != "DATABASE_URL":
            assert told == str(default)


def test_schema_is_json_schema() -> None:
    told = json.loads(run("schema").stdout)
    assert told["$schema"].startswith("https://json-schema.org/")
    assert "steps" in told["properties"]


def test_check_tells_problems_in_each_format(shop: Path) -> None:
    broken = shop / "campaigns" / "broken.yaml"
    broken.write_text("version: 1\nid: broken\nnaem: Broken\n")
    text = run("-w", str(shop), "check")
    assert text.exit_code == 1
    assert "campaigns/broken.yaml:3:1: error:" in text.stdout
    assert "did you mean name?" in text.stdout
    told = json.loads(run("-w", str(shop), "check", "--format", "json").stdout)
    assert told["errors"] >= 1
    assert {one["file"] for one in told["diagnostics"]} == {"campaigns/broken.yaml"}
    marked = run("-w", str(shop), "check", "--format", "github").stdout
    assert "::error file=campaigns/broken.yaml,line=3,col=1" in marked


def test_a_directory_that_is_no_workspace_is_wrong_usage(tmp_path: Path) -> None:
    for args in (["check"], ["log"], ["doctor"], ["ingest", "-"], ["campaigns", "pause", "x"]):
        told = run("-w", str(tmp_path), *args)
        assert told.exit_code == 2
        assert "lagniappe init DIR" in told.stderr
        assert not told.stdout


@pytest.mark.parametrize("args", [
    ["nonsense"], ["log", "--nonsense"], ["ingest"], ["why"], ["check", "--format", "xml"],
    ["run", "--role", "boss"],
])  # fmt: skip
def test_wrong_usage_is_told_in_a_line_or_two(args: list[str]) -> None:
    told = run(*args)
    assert told.exit_code == 2
    assert told.stderr.startswith("lagniappe: ")
    assert len(told.stderr.splitlines()) <= 3
    assert "Traceback" not in told.output


def test_settings_that_are_wrong_are_told_one_by_one(shop: Path) -> None:
    (shop / ".env").write_text("LAGNIAPPE_EMAIL_PROVIDR=sendgrid\nLAGNIAPPE_BIND=nowhere\n")
    told = run("-w", str(shop), "log")
    assert told.exit_code == 1
    assert "LAGNIAPPE_EMAIL_PROVIDER" in told.stderr
    assert "LAGNIAPPE_BIND" in told.stderr
    assert "Traceback" not in told.stderr
    looked = run("-w", str(shop), "doctor", "--format", "json")
    assert looked.exit_code == 1
    failed = [one for one in json.loads(looked.stdout)["findings"] if one["state"] == "fail"]
    assert {one["check"] for one in failed} == {"settings"}


def test_db_upgrade_and_doctor_agree(shop: Path) -> None:
    assert run("-w", str(shop), "db", "upgrade").exit_code == 0
    found = {
        one["check"]: one
        for one in json.loads(run("-w", str(shop), "doctor", "--format", "json").stdout)["findings"]
    }
    assert found["database"]["state"] == "ok"
    assert found["daemon"]["state"] == "warn"
    assert found["postal address"]["mend"]


def test_doctor_changes_nothing(shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    run("-w", str(shop), "doctor")
    assert sorted(shop.rglob("*")) == before


def test_doctor_finds_what_a_real_provider_would_refuse(shop: Path) -> None:
    env = {"LAGNIAPPE_EMAIL_PROVIDER": "sendgrid", "LAGNIAPPE_SENDGRID_API_KEY": "SG.secret-key"}
    told = run("-w", str(shop), "doctor", env=env)
    assert told.exit_code == 1
    for word in ("public url", "postal address", "sender"):
        assert re.search(rf"^fail\s+{word}", told.stdout, re.MULTILINE), word
    assert "SG.secret-key" not in told.output


def test_doctor_tells_where_a_relay_is_but_not_its_password(shop: Path) -> None:
    env = {"LAGNIAPPE_EMAIL_PROVIDER": "smtp"}
    relay = {**env, "LAGNIAPPE_SMTP_URL": "smtp://shop:hidden-word@relay.invalid"}
    told = run("-w", str(shop), "doctor", env=relay)
    assert re.search(
        r"^ok\s+email\s+smtp, through relay.invalid:587 \(STARTTLS\)", told.stdout, re.M
    )
    wrong = run("-w", str(shop), "doctor", env={**env, "LAGNIAPPE_SMTP_URL": "shop:hidden-word@h"})
    assert re.search(r"^fail\s+email\s+LAGNIAPPE_SMTP_URL: write smtp://", wrong.stdout, re.M)
    assert "hidden-word" not in told.output + wrong.output


def test_doctor_finds_secrets_that_others_can_read(shop: Path) -> None:
    (shop / ".env").write_text("LAGNIAPPE_LOG_LEVEL=info\n")
    (shop / ".env").chmod(0o644)
    told = run("-w", str(shop), "doctor")
    assert told.exit_code == 1
    assert "chmod 600 .env" in told.stdout


def test_an_unreachable_database_is_one_sentence(shop: Path) -> None:
    env = {"LAGNIAPPE_DATABASE_URL": "postgresql+psycopg://me:hidden-word@127.0.0.1:9/none"}
    for args in (["log"], ["doctor"]):
        told = run("-w", str(shop), *args, env=env)
        assert told.exit_code == 1
        assert "Traceback" not in told.output
        assert "hidden-word" not in told.output


def lagniappe(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(STARTER)}
    command = [sys.executable, "-m", "engine.cli.main", *args]
    return subprocess.run(
        command, cwd=cwd, env=env, text=True, capture_output=True, timeout=60, check=False
    )


def test_the_real_program_finds_its_workspace_by_itself(shop: Path) -> None:
    assert lagniappe("check", cwd=shop).returncode == 0
    elsewhere = lagniappe("check", cwd=shop.parent)
    assert elsewhere.returncode == 2
    assert elsewhere.stderr.count("\n") == 1


def test_a_reader_that_goes_away_is_no_news(shop: Path) -> None:
    command = f'"{sys.executable}" -m engine.cli.main schema | true'
    env = {**os.environ, "PYTHONPATH": str(STARTER)}
    done = subprocess.run(["bash", "-c", command], cwd=shop, env=env, text=True,
                          capture_output=True, timeout=60, check=False)  # fmt: skip
    assert done.stderr == ""
