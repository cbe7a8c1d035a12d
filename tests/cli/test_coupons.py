"""``lagniappe coupons`` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli import shop
from tests.cli.shop import Cli

OFFERS = "offers:\n  thanks: {value: 10 % off, kind: pool, pool: summer, warn_at: 5}\n"


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    shop.make(tmp_path)
    store = tmp_path / "config/store.yaml"
    store.write_text(store.read_text(encoding="utf-8") + OFFERS, encoding="utf-8")
    return Cli(tmp_path)


def codes(cli: Cli, tmp_path: Path, text: str) -> str:
    file = tmp_path / "codes.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def test_codes_are_imported_once(cli: Cli, tmp_path: Path) -> None:
    file = codes(cli, tmp_path, "Code\nSUN-1\nSUN-2\nsun-1\n")
    assert cli.ok("coupons", "import", "summer", file).startswith(
        "summer: 2 added, 0 known, 1 double in the file"
    )
    assert cli.ok("coupons", "import", "summer", file).startswith("summer: 0 added, 2 known")
    (row,) = json.loads(cli.ok("coupons", "pools", "--format", "json"))
    assert row == {
        "pool": "summer", "offers": ["thanks"], "free": 2, "claimed": 0, "redeemed": 0,
        "expired": 0, "warn_at": 5, "low": True,
    }  # fmt: skip
    assert "low" in cli.ok("coupons", "pools")
    bare = cli("coupons")
    assert bare.exit_code == 0
    assert bare.stdout.strip() == "no coupon was given"
    assert "the pool summer has 2 codes left" in bare.stderr
    assert "lagniappe coupons import summer FILE.csv" in bare.stderr
    assert cli("coupons", "--format", "json").stderr == ""
    more = codes(cli, tmp_path, "\n".join(f"MOON-{number}" for number in range(4)))
    cli.ok("coupons", "import", "summer", more)
    assert cli("coupons").stderr == ""


def test_a_file_with_a_bad_line_is_not_taken_in(cli: Cli, tmp_path: Path) -> None:
    file = codes(cli, tmp_path, "SUN-1\nSUN 2\n")
    done = cli("coupons", "import", "summer", file)
    assert done.exit_code == 1
    assert f"{file}:2:" in done.stderr
    assert "nothing was imported: 1 line cannot be taken" in done.stderr
    (row,) = json.loads(cli.ok("coupons", "pools", "--format", "json"))
    assert row["free"] == 0


def test_a_pool_that_no_offer_names_is_told_of(cli: Cli, tmp_path: Path) -> None:
    done = cli("coupons", "import", "sumer", codes(cli, tmp_path, "A-1\n"))
    assert done.exit_code == 0
    assert "did you mean summer?" in done.stderr


def test_doctor_tells_of_an_empty_pool(cli: Cli, tmp_path: Path) -> None:
    cli.ok("coupons", "pools")
    found = json.loads(cli("doctor", "--format", "json").stdout)["findings"]
    (one,) = [each for each in found if each["check"] == "coupons"]
    assert one["state"] == "warn"
    assert one["mend"] == "lagniappe coupons import summer FILE.csv"
