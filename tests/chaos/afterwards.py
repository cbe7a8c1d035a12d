"""What a daemon does once a day or after hours, at once, in a process that can be killed.

``python -m tests.chaos.afterwards settle|forget WORKSPACE``
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.bootstrap import App, build
from engine.logs import configure_logging

_ROUNDS = 2000


class LaterClock:
    """The machine's clock, so far ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """That instant."""
        return datetime.now(UTC) + self.ahead


def settle(app: App, clock: LaterClock) -> None:
    """As hours go by: call what was not called, ask, apply the policy, until no doubt is left."""
    for _ in range(6):
        clock.ahead += timedelta(minutes=15)  # calls that a dead process had leased are free again
        while app.outbox.run():
            pass
    for _ in range(_ROUNDS):
        if not app.storage.messages_in_doubt(1):
            return
        clock.ahead += timedelta(minutes=3)
        app.settlement.run()
    raise SystemExit("some doubt never ended")


def forget(app: App, clock: LaterClock) -> None:
    """Forget everything, years later."""
    clock.ahead += timedelta(days=3000)
    app.forgetting.page = 100
    app.forgetting.run()


def main() -> None:
    """Run one of them."""
    what, workspace = sys.argv[1:]
    configure_logging("json", "info")
    clock = LaterClock()
    app = build(Path(workspace), os.environ, clock=clock)
    try:
        app.storage.database.claim_workspace()
        {"settle": settle, "forget": forget}[what](app, clock)
    finally:
        app.close()


if __name__ == "__main__":
    main()
