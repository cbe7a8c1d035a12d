"""``make chaos``: both databases, and the table in ``docs/explanation/reliability.md``."""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.page import PAGE, filled_in, table
from tests.chaos.plan import Outcome, Plan
from tests.chaos.run import Chaos
from tests.postgres import Server


def main() -> int:
    """Run, tell, write the table; 1 when anything is not as promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000, help="two for each order")
    parser.add_argument("--minutes", type=float, default=9.0, help="over which orders come in")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="2,000 messages in two minutes")
    parser.add_argument("--keep", type=Path, help="leave databases, logs and journal there")
    parser.add_argument("--no-page", action="store_true", help="leave the page as it is")
    told = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # and end what was started
    outcomes: list[Outcome] = []
    for name in ("sqlite", "postgresql"):
        if told.only in (None, name):
            with _folder(told.keep, name) as folder:
                outcomes.append(_run(name, folder, told))
    print(table(outcomes))
    breaches = [
        f"{each.database}: {breach}"
        for each in outcomes
        for breach in [*each.books.breaches, *(f"never happened: {one}" for one in each.missing)]
    ]
    for breach in breaches[:50]:
        print(breach, file=sys.stderr)
    is_whole = told.only is None and not told.quick and not told.no_page
    if is_whole and not breaches:
        PAGE.write_text(filled_in(PAGE.read_text(encoding="utf-8"), outcomes), encoding="utf-8")
    return 1 if breaches else 0


def _run(name: str, folder: Path, told: argparse.Namespace) -> Outcome:
    orders = min(told.messages, 2_000) // 2 if told.quick else told.messages // 2
    minutes = min(told.minutes, 2.0) if told.quick else told.minutes
    is_sqlite = name == "sqlite"
    plan = Plan(
        orders=orders,
        seconds=minutes * 60,
        seed=told.seed,
        kills=1 if told.quick else 2,
        failures=1 if told.quick else 2,
        at_most=minutes * 60 * 1.4 + 30,
        database_kills=0 if is_sqlite else max(3, round(minutes)),
        checkpoints=max(2, round(minutes / 2)) if is_sqlite else 0,
        lives=(4.0, 20.0) if is_sqlite else (8.0, 45.0),
    )

    def say(words: str) -> None:
        print(f"{name}: {words}", file=sys.stderr, flush=True)

    if is_sqlite:
        return Chaos(
            folder=folder, url=f"sqlite:///{folder / 'lagniappe.db'}", plan=plan, say=say
        ).run()
    server = Server(home=Path(tempfile.mkdtemp(prefix="lagniappe-chaos-pg-")), durable=True)
    try:
        server.start()
        server.create("chaos")
        return Chaos(
            folder=folder, url=server.url("chaos"), plan=plan, server=server, say=say
        ).run()
    finally:
        server.stop()


@contextmanager
def _folder(keep: Path | None, name: str) -> Iterator[Path]:
    if keep is not None:
        (keep / name).mkdir(parents=True)
        yield keep / name
        return
    with tempfile.TemporaryDirectory(prefix="lagniappe-chaos-") as made:
        yield Path(made)


if __name__ == "__main__":
    sys.exit(main())
