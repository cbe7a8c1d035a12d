"""Several workers over one PostgreSQL: each customer is decided by one at a time."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.bootstrap import App
from tests.e2e.engine_room import rows, running, tell
from tests.e2e.recorder import Recorder
from tests.e2e.shop import campaign, make_workspace, order_placed

Scale = Callable[[int, int], int]
NewDatabase = Callable[[], str]

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
WORKERS = 4


def work_at_once(apps: Sequence[App]) -> None:
    """Every worker works until nothing is due; fails with what any of them raises."""
    begin = threading.Barrier(len(apps))
    failures: list[BaseException] = []

    def work(app: App) -> None:
        try:
            begin.wait()
            app.worker.quiesce()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def ask(name: str, priority: int) -> str:
    return campaign(name, "  - delay: 1h\n  - id: ask\n    send_email: note",
                    purpose="marketing", more=f"priority: {priority}")  # fmt: skip


def run_workers(workspace: Path, url: str, customers: int, *, batch: int) -> Recorder:
    """Orders come in; an hour later everything falls due and four workers throw themselves on it.

    Events and journeys are worked on by all four, side by side.
    """
    provider = Recorder("email", lambda: START + HOUR)
    with ExitStack() as stack:
        apps = []
        for _ in range(WORKERS):
            app, clock = stack.enter_context(running(workspace, url, START, provider=provider))
            app.worker.batch = batch
            apps.append((app, clock))
        tell(apps[0][0], [order_placed(number, START) for number in range(customers)])
        work_at_once([app for app, _ in apps])
        for _, clock in apps:
            clock.advance_to(START + HOUR)
        work_at_once([app for app, _ in apps])
        apps[0][0].worker.quiesce()  # what others held when each looked for the last time
    return provider


def test_two_journeys_due_at_one_instant_keep_a_cap_of_one(
    tmp_path: Path, new_postgresql: NewDatabase, scale: Scale
) -> None:
    workspace = make_workspace(
        tmp_path / "shop",
        [ask("first", 60), ask("second", 50)],
        caps="[{channel: any, purpose: marketing, count: 1, per: 7d}]",
    )
    customers = scale(150, 500)
    for turn in range(scale(2, 30)):
        url = new_postgresql()
        provider = run_workers(workspace, url, customers, batch=(3, 40, 500)[turn % 3])
        messages = rows(url, "messages")
        made = Counter((row["campaign"], row["status"], row["reason"]) for row in messages)
        assert made == {
            ("first", "sent", None): customers,
            ("second", "skipped", "cap"): customers,
        }
        assert len({outgoing.to for outgoing in provider.sent}) == customers
        assert len(provider.sent) == customers


def test_many_due_journeys_send_each_message_once(
    tmp_path: Path, new_postgresql: NewDatabase, scale: Scale
) -> None:
    workspace = make_workspace(tmp_path / "shop", [ask("only", 50)])
    customers = 2000
    for turn in range(scale(1, 10)):
        url = new_postgresql()
        provider = run_workers(workspace, url, customers, batch=(100, 500, 7)[turn % 3])
        messages = rows(url, "messages")
        assert Counter(row["status"] for row in messages) == {"sent": customers}
        assert sorted(outgoing.message_id for outgoing in provider.sent) == sorted(
            row["id"] for row in messages
        )
        assert {row["status"] for row in rows(url, "journeys")} == {"completed"}
