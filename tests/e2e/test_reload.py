"""Files that change while the database is away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from engine.bootstrap import build
from engine.daemon import Daemon
from engine.ports.storage import Unavailable
from engine.services.revisions import Revisions
from tests.e2e.processes import environment
from tests.e2e.shop import campaign, make_workspace, write


def test_an_edit_that_could_not_be_stored_is_taken_at_the_next_look(
    tmp_path: Path, new_sqlite: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = make_workspace(tmp_path / "shop", [campaign("one", "  - delay: 1h")])
    app = build(workspace, environment(new_sqlite()))
    daemon = Daemon(app, "web")
    daemon._look_at_files()
    write(workspace, "campaigns/two.yaml", campaign("two", "  - delay: 1h"))
    reload, away = Revisions.reload, [True]

    def fail_once(self: Revisions, now: datetime) -> None:
        if away:
            away.clear()
            raise Unavailable("the connection is gone")
        reload(self, now)

    monkeypatch.setattr(Revisions, "reload", fail_once)
    with pytest.raises(Unavailable):
        daemon._look_at_files()
    assert set(app.revisions.plans.current) == {"one"}
    daemon._look_at_files()
    assert set(app.revisions.plans.current) == {"one", "two"}
    daemon.stop()
