"""The shop that reports its orders: what is not answered with 2xx is sent again."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from tests.e2e.processes import TOKEN
from tests.e2e.shop import order_placed

EVERY: Final = 20  # orders, of which one is large
_BATCH = 5


class Shop(threading.Thread):
    """Reports ``orders`` over ``seconds``, each until it is taken."""

    def __init__(self, url: str, orders: int, seconds: float) -> None:
        super().__init__(name="shop", daemon=True)
        self._url = url
        self._orders = orders
        self._pause = seconds * _BATCH / orders
        self.accepted: list[str] = []
        self.answers: Counter[str] = Counter()

    def run(self) -> None:
        """Report in batches; a kept pace, and what was held up is made up for."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        due = time.monotonic()
        with httpx.Client(headers=headers, timeout=10.0) as client:
            for first in range(0, self._orders, _BATCH):
                last = min(first + _BATCH, self._orders)
                self._report(client, [told(number) for number in range(first, last)])
                due += self._pause
                time.sleep(max(0.0, due - time.monotonic()))

    def _report(self, client: httpx.Client, events: Sequence[dict[str, Any]]) -> None:
        while True:
            try:
                answer = client.post(f"{self._url}/v1/events", json=events)
                said = str(answer.status_code)
            except httpx.HTTPError as error:
                said = type(error).__name__
            self.answers[said] += 1
            if said == "202":
                self.accepted += [event["id"] for event in events]
                return
            if said in ("400", "401", "403", "413", "422"):
                raise AssertionError(f"{said}: {answer.text}")
            time.sleep(0.2)


def told(number: int) -> dict[str, Any]:
    """One order."""
    event = order_placed(number, datetime.now(UTC))
    if number % EVERY == 0:
        event["order"]["total"] = "250.00"
    return event
