"""Single events accepted per second over HTTP, and how long their senders wait.

The daemon itself, web and worker in one process or apart, on loopback. Its worker never rests: to
the events that come in there is a backlog of due journeys, so it decides, renders and sends all
along. The client is another process on the same two cores.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from starlette.types import Receive, Scope, Send

from benchmarks.client import TOKEN
from benchmarks.figure import Figure
from benchmarks.shop import START
from benchmarks.waiting import fill
from benchmarks.workspaces import ROOT, Bench, ShiftedClock, application
from engine.daemon import Daemon
from engine.web.api import PATH
from engine.web.server import Server

CONNECTIONS = 16


def together(bench: Bench) -> list[Figure]:
    """Web and worker in one process."""
    return _measure(bench, apart=False)


def apart(bench: Bench) -> list[Figure]:
    """Web and worker in two processes; PostgreSQL only."""
    return _measure(bench, apart=True) if bench.url is not None else []


def _measure(bench: Bench, *, apart: bool) -> list[Figure]:
    seconds = bench.amount(10, 4)
    limit = _echo(seconds / 2)
    settings = {"API_TOKEN": TOKEN}
    with application(bench, clock=ShiftedClock(START), sends=True, settings=settings) as app:
        due = START - timedelta(minutes=30)
        fill(app, seconds * 6_000, first=1, due=due, every=timedelta(0))
        daemon = Daemon(app, "web" if apart else "all")
        daemon.start()
        try:
            with _worker(bench) if apart else nullcontext():
                assert daemon.port is not None
                seen = _ask(daemon.port, PATH, seconds)
                backlog = app.storage.next_due()
                assert backlog is not None, "the worker had a rest"
                assert backlog < app.clock.now(), "the worker had a rest"
        finally:
            daemon.stop()
    how = "web and worker apart" if apart else "one process"
    return [
        Figure(
            database=bench.database,
            name=f"single events accepted, {how}, worker flat out",
            value=seen["rate"],
            unit="events/s",
            limit=limit["rate"],
            limit_name="echo on the same server, no worker",
        ),
        Figure(
            database=bench.database,
            name=f"accepting p99, {how}, worker flat out",
            value=seen["p99"],
            unit="ms",
            wanted=10.0 if apart else 30.0,
            limit=limit["p99"],
            limit_name="echo on the same server, no worker",
            at_most=True,
        ),
    ]


def _ask(port: int, path: str, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.client"]
    told = [str(port), path, str(seconds), str(CONNECTIONS)]
    done = subprocess.run([*command, *told], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the client failed: {done.stderr}")
    seen: dict[str, float] = json.loads(done.stdout)
    return seen


def _echo(seconds: float) -> dict[str, float]:
    """The same server with an application that reads the body and answers."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        headers = [(b"content-type", b"application/json"), (b"content-length", b"29")]
        await send({"type": "http.response.start", "status": 202, "headers": headers})
        await send({"type": "http.response.body", "body": b'{"accepted":1,"rejected":0} \n'})

    server = Server(answer, "127.0.0.1", 0)
    server.start()
    try:
        return _ask(server.port, "/", seconds)
    finally:
        server.stop()


@contextmanager
def _worker(bench: Bench) -> Iterator[None]:
    """A worker in a process of its own, on the same database."""
    assert bench.url is not None
    command = [sys.executable, "-m", "benchmarks.worker", bench.url, START.isoformat()]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdout.readline()  # it is at work
        yield
    finally:
        process.stdin.close()
        process.wait(60)
