"""An HTTP client in a process of its own: a few kept-alive connections, one event a request.

Run as ``python -m benchmarks.client PORT PATH SECONDS CONNECTIONS``; prints what it saw as JSON.
It reads no more of an answer than it must, so that it measures the server and not itself.
"""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter

import uvloop

from benchmarks.shop import START, first_order
from triggers.sources.native import serialize

TOKEN = "a-token-for-benchmarks-on-loopback-only"
_NUMBER = 1_000_000_000  # stands for the customer, the order and the event in the body


async def measure(port: int, path: str, seconds: float, connections: int) -> dict[str, float]:
    """Requests per second and latencies in milliseconds; each connection waits for its answer."""
    body = serialize(first_order(_NUMBER, START))
    end = perf_counter() + seconds
    began = perf_counter()
    taken = await asyncio.gather(
        *(_talk(port, path, body, end, number) for number in range(connections))
    )
    gone = perf_counter() - began
    times = sorted(each for times in taken for each in times)
    return {
        "rate": len(times) / gone,
        "p50": 1000 * times[len(times) // 2],
        "p99": 1000 * times[int(len(times) * 0.99)],
        "most": 1000 * times[-1],
    }


async def _talk(port: int, path: str, model: bytes, end: float, number: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Type: application/json\r\n"
    )
    times: list[float] = []
    count = 0
    while (started := perf_counter()) < end:
        new = _NUMBER + (number + 1) * 1_000_000 + count
        body = model.replace(str(_NUMBER).encode(), str(new).encode())
        writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        if not answer.startswith(b"HTTP/1.1 2"):
            raise RuntimeError(answer.decode())
        times.append(perf_counter() - started)
        count += 1
    writer.close()
    return times


if __name__ == "__main__":
    _port, _path, _seconds, _connections = sys.argv[1:]
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as _runner:
        _seen = _runner.run(measure(int(_port), _path, float(_seconds), int(_connections)))
    print(json.dumps(_seen))
