"""What the provider reports back: late, doubled, out of order, and again until it is taken."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime
from typing import Any

import aiohttp

from tests.chaos.behaviour import share
from tests.fakes.receipts import Posted, SendGridWebhook, sendgrid_event, twilio_callback

_REPORTED = 0.85  # of the messages that were taken; of the others nothing is ever heard
_LATEST = 12.0  # seconds
_DOUBLED = 0.15
_BOUNCED = 0.01
_BATCH = 60

_Due = tuple[float, int, str, str, str, str]  # when, a number, api, message, the api's id, what


class Reporter:
    """Plans the receipts of each message taken, and posts what is due."""

    def __init__(self, seed: int, url: str, public_url: str, webhook: SendGridWebhook) -> None:
        self._seed = seed
        self._url = url
        self._public_url = public_url
        self._webhook = webhook
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._under_way = 0
        self.reported = 0

    @property
    def pending(self) -> int:
        """Receipts not taken yet."""
        return len(self._due) + self._under_way

    def plan(self, api: str, message_id: str, key: str) -> None:
        """Report this message, perhaps."""
        if share(self._seed, "reported", message_id) >= _REPORTED:
            return
        bounced = share(self._seed, "bounced", message_id) < _BOUNCED
        if api == "sendgrid":
            names = ["processed", "bounce" if bounced else "delivered"]
            if not bounced and share(self._seed, "opened", message_id) < 0.2:
                names.append("open")
        else:
            names = ["queued", "sent", "undelivered" if bounced else "delivered"]
        for name in names:
            times = 2 if share(self._seed, "doubled", message_id, name) < _DOUBLED else 1
            for again in range(times):
                wait = _LATEST * share(self._seed, "late", message_id, name, again)
                self._push(time.monotonic() + wait, api, message_id, key, name)

    def _push(self, when: float, api: str, message_id: str, key: str, name: str) -> None:
        heapq.heappush(self._due, (when, next(self._numbers), api, message_id, key, name))

    def hurry(self) -> None:
        """Let everything be due now."""
        self._due = [(0.0, *each[1:]) for each in self._due]
        heapq.heapify(self._due)

    async def run(self) -> None:
        """Post for ever."""
        timeout = aiohttp.ClientTimeout(total=20)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                due = self._take_due()
                if not due:
                    await asyncio.sleep(0.1)
                    continue
                self._under_way = len(due)
                taken = await asyncio.gather(
                    *(self._post(session, group) for group in _grouped(due))
                )
                self._under_way = 0
                if not all(taken):
                    await asyncio.sleep(0.3)

    def _take_due(self) -> list[_Due]:
        due: list[_Due] = []
        while self._due and self._due[0][0] <= time.monotonic() and len(due) < _BATCH:
            due.append(heapq.heappop(self._due))
        return due

    async def _post(self, session: aiohttp.ClientSession, group: list[_Due]) -> bool:
        posted = self._written(group)
        try:
            async with session.post(
                self._url + posted.target, data=posted.body, headers=dict(posted.headers)
            ) as answer:
                taken = answer.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError):
            taken = False
        if taken:
            self.reported += len(group)
        else:
            for each in group:
                self._push(time.monotonic() + 1.0, *each[2:])
        return taken

    def _written(self, group: list[_Due]) -> Posted:
        now = datetime.now(UTC)
        _, _, api, message_id, key, name = group[0]
        if api == "twilio":
            sids = {"MessageSid": key, "SmsSid": key}
            if name == "undelivered":
                sids["ErrorCode"] = "30003"
            return twilio_callback(
                message_id, name, token="fake", public_url=self._public_url, **sids
            )
        events: list[dict[str, Any]] = []
        for _, _, _, one, its_key, what in group:
            more: dict[str, Any] = {"sg_message_id": f"{its_key}.filter0001.1234.0"}
            if what == "bounce":
                more |= {"type": "bounce", "reason": "550 no such user", "status": "5.1.1"}
            events.append(sendgrid_event(what, one, now, **more))
        return self._webhook.post(events, now)


def _grouped(due: list[_Due]) -> list[list[_Due]]:
    """SendGrid's in one batch, Twilio's one by one."""
    mails = [each for each in due if each[2] == "sendgrid"]
    texts = [[each] for each in due if each[2] == "twilio"]
    return [mails, *texts] if mails else texts
