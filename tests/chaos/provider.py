"""SendGrid, Twilio and the shop's own web hook in one process that misbehaves by plan.

``python -m tests.chaos.provider --journal FILE …`` prints its addresses as one JSON line. What it
takes is in the journal, synced, before any answer leaves. It reports receipts, and can be asked
what became of a message, as both APIs can. ``POST /control`` brings it down for a while.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.chaos.behaviour import TAKES, Conduct, conduct
from tests.chaos.receipts import Reporter
from tests.fakes.http_fake import FakeApi, Verdict
from tests.fakes.receipts import SendGridWebhook
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.twilio import FakeTwilio

_RETRY_AFTER = "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A message that the customer gets."""

    id: str
    message_id: str
    to: str
    words: str  # subject or body
    at: datetime


class Provider:
    """Both APIs over one journal."""

    def __init__(self, told: argparse.Namespace, reporter: Reporter) -> None:
        self._seed: int = told.seed
        self._slow: float = told.slow
        self._silence: float = told.silence
        self._stretch: int = told.stretch
        self._reporter = reporter
        self._journal = os.open(told.journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._calls: Counter[str] = Counter()
        self._taken: dict[str, list[Taken]] = {}
        self._transports: set[asyncio.Transport] = set()
        self._sites: list[web.TCPSite] = []
        self._runners: list[tuple[web.ServerRunner, int]] = []
        self.downs = 0

    async def serve(self, api: FakeApi, port: int) -> str:
        """Serve one API; its base URL."""

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._handle(api, request)

        runner = web.ServerRunner(web.Server(handle))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        port = runner.addresses[0][1]
        self._runners.append((runner, port))
        self._sites.append(site)
        return f"http://127.0.0.1:{port}"

    async def go_down(self, seconds: float) -> None:
        """Cut every connection and refuse new ones for a while."""
        self.downs += 1
        for site in self._sites:
            await site.stop()
        for transport in list(self._transports):
            transport.abort()
        await asyncio.sleep(seconds)
        self._sites = []
        for runner, port in self._runners:
            site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024, reuse_address=True)
            await site.start()
            self._sites.append(site)

    async def _handle(self, api: FakeApi, request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(request.transport, asyncio.Transport):
            self._transports.add(request.transport)
        body = await request.read()
        if request.method == "GET":
            return self._look_up(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        verdict = api.judge(request.method, request.path, headers, body)
        if not 200 <= verdict.status < 300 or verdict.message_id is None:
            self._write(api, verdict, None)
            return web.Response(status=verdict.status, headers=verdict.headers, body=verdict.body)
        self._calls[verdict.message_id] += 1
        call = self._calls[verdict.message_id]
        doing = conduct(self._seed, verdict.message_id, call, stretch=self._stretch)
        self._write(api, verdict, doing)
        if doing in TAKES:
            self._take(api, verdict)
        return await self._answer(request, verdict, doing)

    async def _answer(
        self, request: web.BaseRequest, verdict: Verdict, doing: Conduct
    ) -> web.StreamResponse:
        statuses = {
            Conduct.ERROR_BEFORE: 500, Conduct.ERROR_AFTER: 500, Conduct.TOO_MANY: 429,
            Conduct.UNAVAILABLE: 503, Conduct.REFUSED: 400,
        }  # fmt: skip
        if doing in statuses:
            headers = {"Retry-After": _RETRY_AFTER} if doing is Conduct.TOO_MANY else {}
            return web.Response(status=statuses[doing], headers=headers)
        answer: web.StreamResponse = web.Response(
            status=verdict.status, headers=verdict.headers, body=verdict.body
        )
        if doing is Conduct.SLOW:
            await asyncio.sleep(self._slow)
        elif doing is Conduct.SILENT:
            await asyncio.sleep(self._silence)
        elif doing is Conduct.CUT:
            answer = web.StreamResponse(status=verdict.status, headers=verdict.headers)
            answer.content_length = len(verdict.body) + 100
            await answer.prepare(request)
            await answer.write(verdict.body or b"{")
        if doing in (Conduct.SILENT, Conduct.CUT, Conduct.CLOSED) and request.transport is not None:
            request.transport.close()
        return answer

    def _write(self, api: FakeApi, verdict: Verdict, doing: Conduct | None) -> None:
        line = {
            "api": api.name,
            "message_id": verdict.message_id,
            "to": verdict.to,
            "conduct": None if doing is None else doing.value,
            "taken": doing in TAKES,
        }
        os.write(self._journal, (json.dumps(line) + "\n").encode())
        os.fsync(self._journal)

    def _take(self, api: FakeApi, verdict: Verdict) -> None:
        is_mail = api.name == "sendgrid"
        assert verdict.message_id is not None
        assert verdict.to is not None
        key = verdict.headers["X-Message-Id"] if is_mail else json.loads(verdict.body)["sid"]
        words = verdict.fields["subject" if is_mail else "Body"]
        taken = Taken(
            id=key, message_id=verdict.message_id, to=verdict.to, words=words, at=datetime.now(UTC)
        )
        self._taken.setdefault(verdict.to, []).append(taken)
        self._reporter.plan(api.name, taken.message_id, key)

    def _look_up(self, request: web.BaseRequest) -> web.Response:
        path = request.path
        if path.startswith("/v3/messages/"):
            key = path.rpartition("/")[2]
            every = (one for listed in self._taken.values() for one in listed)
            found = next(one for one in every if key.startswith(one.id))
            arguments = json.dumps({"lagniappe_message_id": found.message_id})
            return web.json_response({"msg_id": key, "unique_args": arguments})
        if path == "/v3/messages":
            listed = self._taken.get(request.query["query"].split('"')[1], [])
            return web.json_response({"messages": [_activity(one) for one in listed]})
        listed = self._taken.get(request.query["To"], [])
        return web.json_response({"messages": [_listing(one) for one in listed]})


def _activity(one: Taken) -> dict[str, Any]:
    return {
        "msg_id": f"{one.id}.filter0001.1234.0", "subject": one.words, "to_email": one.to,
        "status": "delivered", "last_event_time": one.at.isoformat(),
    }  # fmt: skip


def _listing(one: Taken) -> dict[str, Any]:
    return {
        "sid": one.id, "to": one.to, "body": one.words, "direction": "outbound-api",
        "status": "delivered", "error_code": None, "date_created": format_datetime(one.at),
    }  # fmt: skip


async def _control(provider: Provider, reporter: Reporter, calls: Path) -> str:
    """The address that the chaos itself and the shop's web hook use."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(request: web.BaseRequest) -> web.Response:
        told = await request.json() if request.method == "POST" else {}
        if request.path == "/hook":
            with calls.open("a", encoding="utf-8") as file:
                file.write(request.headers["Idempotency-Key"] + "\n")
            return web.Response(status=204)
        if "down" in told:
            task = asyncio.create_task(provider.go_down(told["down"]))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        if told.get("hurry"):
            reporter.hurry()
        return web.json_response(
            {"pending": reporter.pending, "reported": reporter.reported, "downs": provider.downs}
        )

    runner = web.ServerRunner(web.Server(handle))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return f"http://127.0.0.1:{runner.addresses[0][1]}"


async def _main(told: argparse.Namespace) -> None:
    webhook = SendGridWebhook()
    reporter = Reporter(told.seed, told.report_to, told.public_url, webhook)
    provider = Provider(told, reporter)
    sendgrid = FakeSendGrid(api_key="SG.fake")
    twilio = FakeTwilio(account_sid="ACfake", auth_token="fake")
    addresses = {
        "sendgrid": await provider.serve(sendgrid, 0),
        "twilio": await provider.serve(twilio, 0),
        "control": await _control(provider, reporter, Path(told.calls)),
        "public_key": webhook.public_key,
    }
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
    end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, end.set)
    reporting = asyncio.create_task(reporter.run())
    await end.wait()
    reporting.cancel()
    os._exit(0)  # whoever still waits for an answer waits for a dead provider


def main() -> None:
    """Parse the arguments and serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.provider", description=__doc__)
    parser.add_argument("--journal", required=True)
    parser.add_argument("--calls", required=True, help="gets a line for each web hook called")
    parser.add_argument("--report-to", required=True, help="where receipts are posted")
    parser.add_argument("--public-url", required=True, help="what their signatures cover")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slow", type=float, default=30.0, help="seconds of a slow answer")
    parser.add_argument("--silence", type=float, default=90.0, help="seconds until it hangs up")
    parser.add_argument("--stretch", type=int, default=1, help="widens the misbehaving shares")
    asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    main()
