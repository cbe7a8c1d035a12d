"""Messages per second handed over to a provider behind TLS that answers after 80 ms.

The daemon as shipped: SendGrid's provider, called from a process beside it, the slots of the
settings, everything recorded. Beside
it, in the same run, a bare aiohttp loop posts the same bodies to the same server over as many
connections. The provider is a process of its own both times.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import linear_regression
from time import perf_counter, process_time, sleep

import aiohttp
import uvloop

from benchmarks.figure import Figure
from benchmarks.process import alone
from benchmarks.provider import running_provider
from benchmarks.sending import count_sent, work_off
from benchmarks.shop import START
from benchmarks.waiting import fill
from benchmarks.workspaces import SLOTS, Bench, ShiftedClock, application
from engine.bootstrap import App
from engine.core.message import Outcome, Outgoing, SendResult
from engine.daemon import Daemon
from engine.ports.clock import Clock
from engine.providers.preview import Preview
from engine.providers.process_sender import ProcessSender
from engine.providers.sendgrid import SendGrid

_SHARE = 0.6  # of the bare loop
_STEP = 10_000  # messages between two looks at the memory
_KEY = "SG.benchmark"


def to_a_provider(bench: Bench) -> list[Figure]:
    """The bare loop, then the daemon, each in a process of its own."""
    with running_provider() as provider, _environment(provider.environ):
        (bare,), _ = alone(partial(_bare, url=provider.url), bench)
        (rate, *memory), _ = alone(partial(_daemon, url=provider.url), bench)
    wanted = _SHARE * bare.value
    rate = replace(rate, wanted=wanted, limit=bare.value, limit_name=bare.name)
    return [bare, rate, *memory]


def _bare(bench: Bench, url: str) -> list[Figure]:
    bodies = _bodies(100)
    count = bench.amount(40_000, 10_000)
    rate, per_cpu = uvloop.run(_post_all(f"{url}/v3/mail/send", bodies, count))
    return [
        Figure(
            database=bench.database,
            name="a bare aiohttp loop posting the same bodies",
            value=rate,
            unit="messages/s",
            per_cpu=per_cpu,
        )
    ]


async def _post_all(url: str, bodies: list[bytes], count: int) -> tuple[float, float]:
    headers = {"Authorization": f"Bearer {_KEY}", "Content-Type": "application/json"}
    left = islice(cycle(bodies), count)

    async def post() -> None:
        for body in left:
            async with session.post(url, data=body) as response:
                await response.read()
                assert response.status == 202

    connector = aiohttp.TCPConnector(limit=SLOTS)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        started, cpu = perf_counter(), process_time()
        await asyncio.gather(*(post() for _ in range(SLOTS)))
        return count / (perf_counter() - started), count / (process_time() - cpu)


class _Collecting(Preview):
    """Keeps what SendGrid's provider would have posted."""

    def __init__(self, app_clock: Clock) -> None:
        super().__init__("email", clock=app_clock.now)
        self.bodies: list[bytes] = []
        self._sendgrid = SendGrid(api_key=_KEY, clock=app_clock.now)

    async def send(self, outgoing: Outgoing) -> SendResult:
        self.bodies.append(self._sendgrid.request(outgoing).body)
        return await super().send(outgoing)


def _bodies(count: int) -> list[bytes]:
    """What the daemon posts, of some messages."""
    clock = ShiftedClock(START)
    collecting = _Collecting(clock)
    bench = Bench(database="SQLite", url=None)
    with application(bench, clock=clock, sends=True, providers={"email": collecting}) as app:
        fill(app, count, first=1, due=START - timedelta(minutes=10), every=timedelta(0))
        app.sender.start()
        work_off(app)
        app.sender.stop()
    assert len(collecting.bodies) >= count
    return collecting.bodies


def _daemon(bench: Bench, url: str) -> list[Figure]:
    count = bench.amount(100_000, 20_000)
    settings = {
        "EMAIL_PROVIDER": "sendgrid",
        "SENDGRID_API_KEY": _KEY,
        "SENDGRID_BASE_URL": url,
    }
    with application(bench, clock=ShiftedClock(START), sends=True, settings=settings) as app:
        fill(app, count, first=1, due=START - timedelta(minutes=10), every=timedelta(0))
        daemon = Daemon(app, "all")
        memory: list[float] = []
        beside: list[float] = []
        started, cpu = perf_counter(), process_time()
        daemon.start()
        assert isinstance(app.sender, ProcessSender)
        assert app.sender.pid is not None
        while (sent := _recorded(app)) < count:  # each look takes the daemon half a millisecond
            if sent >= (len(memory) + 1) * _STEP:
                memory.append(_resident())
                beside.append(_resident(app.sender.pid))
            sleep(0.1)
        gone, cpu = perf_counter() - started, process_time() - cpu
        calls = _processor(app.sender.pid)
        memory.append(_resident())
        beside.append(_resident(app.sender.pid))
        assert count_sent(app) >= count
        daemon.stop()
    return [
        Figure(
            database=bench.database,
            name="messages to a provider behind TLS, 80 ms",
            value=count / gone,
            unit="messages/s",
            per_cpu=count / cpu,
        ),
        *(
            Figure(
                database=bench.database,
                name=f"processor time of such a message, {where}",
                value=seconds / count * 1e6,
                unit="µs",
                at_most=True,
            )
            for where, seconds in (("in the daemon", cpu), ("in the process that calls", calls))
        ),
        *_memory(bench, count, memory),
        Figure(
            database=bench.database,
            name="memory of the process that calls at its highest",
            value=max(beside),
            unit="MB",
            at_most=True,
        ),
    ]


def _recorded(app: App) -> int:
    """Messages whose acceptance is in the database."""
    labels = {"channel": "all", "status": Outcome.ACCEPTED.value}
    return int(app.registry.get_sample_value("lagniappe_messages_total", labels) or 0)


def _processor(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident(process: int | str = "self") -> float:
    """A process's memory now, in megabytes."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _memory(bench: Bench, count: int, seen: list[float]) -> list[Figure]:
    """Growth is the slope of the line that fits best, without the first look: caches fill."""
    settled = seen[1:] or seen
    grown = linear_regression(range(len(settled)), settled).slope if len(settled) > 1 else 0.0
    figures = {
        f"memory after {min(count, _STEP):,} messages": seen[0],
        f"memory after {count:,}": seen[-1],
        f"memory at its highest of {len(seen)} looks": max(seen),
        f"memory more with each {_STEP:,} from the second on": grown,
    }
    return [
        Figure(database=bench.database, name=name, value=value, unit="MB", at_most=True)
        for name, value in figures.items()
    ]


@contextmanager
def _environment(changed: dict[str, str]) -> Iterator[None]:
    """For processes that are started meanwhile: aiohttp reads certificates when it is imported."""
    former = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
