"""A worker's process: ``python -m benchmarks.worker URL START``; ends when its input does."""

from __future__ import annotations

import sys
from datetime import datetime

from benchmarks.workspaces import Bench, ShiftedClock, application
from engine.daemon import Daemon

if __name__ == "__main__":
    _url, _start = sys.argv[1:]
    _bench = Bench(database="PostgreSQL", url=_url)
    _clock = ShiftedClock(datetime.fromisoformat(_start))
    with application(_bench, clock=_clock, sends=True) as _app:
        _daemon = Daemon(_app, "worker")
        _daemon.start()
        print("at work", flush=True)
        sys.stdin.read()
        _daemon.stop()
