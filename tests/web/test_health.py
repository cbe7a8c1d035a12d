"""What a watcher sees."""

import asyncio
import threading
from collections.abc import Mapping, Sequence

import httpx
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from engine.ports.metrics import Metrics, Uncounted
from engine.web.health import ready_endpoint
from engine.web.metrics import PrometheusMetrics
from engine.web.services import Check
from tests.web.site import AUTHORISED, TOKEN, Site


def get(path: str, site: Site, headers: Mapping[str, str] | None = None) -> httpx.Response:
    async def run() -> httpx.Response:
        async with site.client() as client:
            return await client.get(path, headers=headers)

    return asyncio.run(run())


def test_a_process_is_alive_whatever_it_depends_on() -> None:
    def broken() -> Sequence[Check]:
        raise OSError

    assert get("/healthz", Site(readiness=broken)).json() == {"status": "ok"}


def test_ready_is_when_every_check_passes() -> None:
    answer = get("/readyz", Site())
    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"database": {"ok": True}}}


def test_not_ready_says_why() -> None:
    checks = [
        Check(name="database", ok=True),
        Check(name="worker", ok=False, reason="no worker has reported for 40 s"),
    ]
    answer = get("/readyz", Site(readiness=lambda: checks))
    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    worker = answer.json()["checks"]["worker"]
    assert worker == {"ok": False, "reason": "no worker has reported for 40 s"}


def test_a_check_that_fails_itself_is_not_ready_and_tells_no_detail() -> None:
    def broken() -> Sequence[Check]:
        raise OSError("password=hunter2")

    answer = get("/readyz", Site(readiness=broken))
    assert answer.status_code == 503
    assert "OSError" in answer.text
    assert "hunter2" not in answer.text


def test_a_check_that_hangs_is_not_ready() -> None:
    release = threading.Event()

    def slow() -> Sequence[Check]:
        release.wait(10)
        return []

    endpoint = ready_endpoint(Site(readiness=slow).services, seconds=0.01)

    async def run() -> bytes:
        try:
            answer = await endpoint(None)  # type: ignore[arg-type]  # it looks at no request
        finally:
            release.set()
        assert answer.status_code == 503
        return bytes(answer.body)

    assert b"took longer than 0.01 seconds" in asyncio.run(run())


@pytest.mark.parametrize("headers", [{}, AUTHORISED])
def test_metrics_are_open_on_this_machine_only(headers: Mapping[str, str]) -> None:
    assert get("/metrics", Site(), headers).status_code == 200
    exposed = {
        "LAGNIAPPE_PUBLIC_URL": "https://shop.example.com",
        "LAGNIAPPE_SECRET_KEY": "key-of-the-tests-0123456789abcdef",
        "LAGNIAPPE_API_TOKEN": TOKEN,
    }
    answer = get("/metrics", Site(environment=exposed), headers)
    assert answer.status_code == (200 if headers else 401)


def use_all(metrics: Metrics) -> None:
    metrics.events_accepted(3)
    metrics.events_rejected(2)
    metrics.messages("email", "sent", 5)
    metrics.messages("email", "sent")
    metrics.due_lag(1.5)
    metrics.in_flight(7)
    metrics.batch("advance", 0.02, 500)


def test_figures_are_told_in_prometheus_terms() -> None:
    registry = CollectorRegistry()
    use_all(PrometheusMetrics(registry))
    use_all(Uncounted())
    told = generate_latest(registry).decode()
    for line in (
        "lagniappe_events_accepted_total 3.0",
        "lagniappe_events_rejected_total 2.0",
        'lagniappe_messages_total{channel="email",status="sent"} 6.0',
        "lagniappe_due_lag_seconds 1.5",
        "lagniappe_in_flight 7.0",
        'lagniappe_batch_seconds_bucket{le="0.025",work="advance"} 1.0',
        'lagniappe_batch_size_sum{work="advance"} 500.0',
    ):
        assert line in told.splitlines()
