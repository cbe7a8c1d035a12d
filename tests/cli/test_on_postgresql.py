"""The commands that touch the database, on PostgreSQL."""

from __future__ import annotations

import json
from pathlib import Path

from engine.storage.migrate import upgrade
from tests.cli import shop
from tests.cli.shop import END, Cli, event
from tests.databases import NewDatabase


def test_the_same_commands_do_the_same(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    shop.make(tmp_path)
    url = new_postgresql()
    upgrade(url)
    cli, env = Cli(tmp_path), {"LAGNIAPPE_DATABASE_URL": url}
    rows = [event("order.placed", END, f"c{number}", number) for number in range(3)]
    text = "".join(f"{json.dumps(one)}\n" for one in rows)
    assert cli.ok("ingest", "-", stdin=text, **env).startswith("3 read: 3 new")
    assert cli.ok("ingest", "-", stdin=text, **env).startswith("3 read: 0 new, 3 known")
    log = json.loads(cli.ok("log", "--format", "json", **env))
    assert [one["status"] for one in log] == ["scheduled"] * 3
    (told,) = json.loads(
        cli.ok("why", "c1", "--campaign", "thanks", "--format", "json", **env)
    )["campaigns"]  # fmt: skip
    assert told["outcome"] == "waiting"
    assert "entered" in cli.ok("events", "show", "order.placed-1", **env)
    assert "is paused" in cli.ok("campaigns", "pause", "thanks", **env)
    assert "held" in cli.ok("campaigns", **env)
    assert "is resumed" in cli.ok("campaigns", "resume", "thanks", **env)
    assert "has the newest schema" in cli.ok("db", "upgrade", **env)
    found = json.loads(cli("doctor", "--format", "json", **env).stdout)["findings"]
    assert {one["state"] for one in found if one["check"] == "database"} == {"ok"}


def test_live_journeys_are_looked_up_there_too(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    before, now = tmp_path / "before", tmp_path / "now"
    shop.make(before)
    shop.make(now)
    url = new_postgresql()
    upgrade(url)
    cli, env = Cli(now), {"LAGNIAPPE_DATABASE_URL": url}
    rows = [event("order.placed", END, f"c{number}", number) for number in range(3)]
    cli.ok("ingest", "-", stdin="".join(f"{json.dumps(one)}\n" for one in rows), **env)
    path = now / "campaigns/thanks.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("steps:\n", "in_flight: migrate\nsteps:\n"), encoding="utf-8")
    found = json.loads(cli.ok("diff", str(before), "--format", "json", **env))
    told = [(row["step"], row["fate"], row["journeys"]) for row in found["live_journeys"]]
    assert told == [("thank", "stay", 3)]
    assert found["total"]["before"] == found["total"]["after"] == 3
    path.write_text(text.replace("status: live", "status: paused"), encoding="utf-8")
    found = json.loads(cli.ok("diff", str(before), "--format", "json", **env))
    told = [(row["step"], row["fate"], row["journeys"]) for row in found["live_journeys"]]
    assert told == [("thank", "stand", 3)]
    assert found["total"]["removed"] == 3


def test_a_simulation_knows_the_codes_there(new_postgresql: NewDatabase, tmp_path: Path) -> None:
    shop.make(tmp_path)
    with (tmp_path / "config/store.yaml").open("a", encoding="utf-8") as store:
        store.write("offers:\n  thanks_10: {kind: pool, pool: spring, value: 10 % off}\n")
    (tmp_path / "codes.csv").write_text("S-1\nS-2\nS-3\n", encoding="utf-8")
    (tmp_path / "past.jsonl").write_text(shop.lines(), encoding="utf-8")
    url = new_postgresql()
    upgrade(url)
    cli, env = Cli(tmp_path), {"LAGNIAPPE_DATABASE_URL": url}
    cli.ok("coupons", "import", "spring", str(tmp_path / "codes.csv"), **env)
    shown = cli.ok("simulate", str(tmp_path / "past.jsonl"), "--format", "json", **env)
    (pool,) = json.loads(shown)["pools"]
    assert (pool["size"], pool["given"], pool["left"]) == (3, 0, 3)
