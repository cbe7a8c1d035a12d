"""Providers' reports come in by HTTP, proven or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from engine.core.receipt import Receipt, ReceiptKind
from engine.ports.storage import Contended
from engine.providers import sendgrid_receipts, twilio_signature
from tests.databases import NewDatabase
from tests.fakes.receipts import Posted, SendGridWebhook, sendgrid_event, twilio_callback
from tests.services.house import House, campaign, email
from tests.web.site import NOW, Site

TOKEN, PUBLIC = "token-of-the-tests", "https://mail.example.com"
WEBHOOK, OLDER = SendGridWebhook(), SendGridWebhook()
KEYS = {"LAGNIAPPE_SECRET_KEY": "k" * 32, "LAGNIAPPE_API_TOKEN": "t" * 32}
ENVIRONMENT = KEYS | {
    "LAGNIAPPE_SENDGRID_WEBHOOK_PUBLIC_KEY": f"{WEBHOOK.public_key}, {OLDER.public_key}",
    "LAGNIAPPE_TWILIO_AUTH_TOKEN": TOKEN,
    "LAGNIAPPE_PUBLIC_URL": PUBLIC,
}


class Taken:
    """Stands for the use case and keeps what it is given."""

    def __init__(self, error: Exception | None = None) -> None:
        self.receipts: list[Receipt] = []
        self.error = error

    def __call__(self, receipts: Sequence[Receipt]) -> int:
        if self.error is not None:
            raise self.error
        self.receipts += receipts
        return len(receipts)


def post(posted: Posted, site: Site, **changed: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with site.client() as client:
            given = {"content": posted.body, "headers": dict(posted.headers)} | changed
            return await client.post(posted.target, **given)

    return asyncio.run(run())


def callback(status: str = "delivered") -> Posted:
    return twilio_callback("m-1", status, token=TOKEN, public_url=PUBLIC)


@pytest.mark.parametrize("webhook", [WEBHOOK, OLDER])
def test_a_proven_batch_of_sendgrids_is_taken(webhook: SendGridWebhook) -> None:
    taken = Taken()
    site = Site(environment=ENVIRONMENT, receive=taken)
    events = [sendgrid_event("delivered", f"m-{number}", NOW) for number in range(300)]
    answer = post(webhook.post(events, NOW), site)
    assert (answer.status_code, answer.json()) == (200, {"accepted": 300, "rejected": 0})
    assert {one.kind for one in taken.receipts} == {ReceiptKind.DELIVERED}


def test_a_proven_callback_of_twilios_is_taken_whatever_host_it_came_to() -> None:
    taken = Taken()
    answer = post(callback(), Site(environment=ENVIRONMENT, receive=taken))
    assert answer.status_code == 200
    assert [one.message_id for one in taken.receipts] == ["m-1"]


@pytest.mark.parametrize("provider", ["sendgrid", "twilio"])
@pytest.mark.parametrize("environment", [ENVIRONMENT, {}])
def test_the_unproven_is_refused_and_logged_without_a_secret(
    provider: str, environment: dict[str, str]
) -> None:
    taken = Taken()
    good = WEBHOOK.post([sendgrid_event("open", "m-1", NOW)], NOW)
    if provider == "twilio":
        good = callback()
    names = (sendgrid_receipts.SIGNATURE, sendgrid_receipts.TIMESTAMP, twilio_signature.SIGNATURE)
    present = [name for name in names if name in good.headers]
    wrong: list[dict[str, Any]] = [{"content": good.body + b" "}]
    wrong += [
        {"headers": {key: value for key, value in good.headers.items() if key != name}}
        for name in present
    ]
    wrong += [{"headers": {**good.headers, name: "AAAA"}} for name in present]
    if not environment:
        wrong = [{}]
    with structlog.testing.capture_logs() as logs:
        for changed in wrong:
            site = Site(environment=environment, receive=taken)
            answer = post(good, site, **changed)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == f'Signature realm="{provider}"'
            assert answer.json()["error"]["message"]
    refusals = [entry for entry in logs if entry["event"] == "receipts_refused"]
    assert [entry["provider"] for entry in refusals] == [provider] * len(wrong)
    for secret in (TOKEN, WEBHOOK.public_key, *(good.headers[name] for name in present)):
        assert secret not in str(logs)
    if not environment:
        assert "is not set" in refusals[0]["reason"]
    assert taken.receipts == []


def test_a_stale_batch_is_refused() -> None:
    site = Site(environment=ENVIRONMENT)
    posted = WEBHOOK.post([sendgrid_event("open", "m-1", NOW)], NOW)
    site.clock.advance_to(NOW + 2 * sendgrid_receipts.TOLERANCE)
    answer = post(posted, site)
    assert answer.status_code == 401
    assert "10 minutes" in answer.json()["error"]["message"]


def test_another_provider_is_told_which_there_are() -> None:
    posted = Posted(target="/receipts/mailgun", headers={}, body=b"")
    answer = post(posted, Site(environment=ENVIRONMENT))
    assert answer.status_code == 404
    assert "sendgrid, twilio" in answer.json()["error"]["message"]


def test_what_is_proven_but_not_understood_is_kept() -> None:
    site = Site(environment=ENVIRONMENT)
    answer = post(WEBHOOK.post(b'{"not": "an array"}', NOW), site)
    assert answer.status_code == 200
    (kept,) = site.storage.rejected
    assert (kept.source, kept.body) == ("sendgrid", '{"not": "an array"}')


@pytest.mark.parametrize("error", [OSError("disk full"), Contended("busy")])
def test_nothing_is_answered_with_200_that_is_not_stored(error: Exception) -> None:
    answer = post(callback(), Site(environment=ENVIRONMENT, receive=Taken(error)))
    assert answer.status_code == 503
    assert "Retry-After" in answer.headers


def test_a_get_changes_nothing() -> None:
    async def run() -> httpx.Response:
        async with Site(environment=ENVIRONMENT).client() as client:
            return await client.get("/receipts/sendgrid")

    assert asyncio.run(run()).status_code == 405


def test_from_the_door_to_the_log(new_database: NewDatabase, tmp_path: Path) -> None:
    """Two batches, one of them twice: the log says what became of the message."""
    house = House(
        tmp_path, new_database(), campaign("news", "order.placed", [email(template="news")])
    )
    try:
        house.tell("order.placed", order=1)
        key = house.message().id
        receive = house.app.receive.take
        first = WEBHOOK.post([sendgrid_event("open", key, NOW)], NOW)
        second = WEBHOOK.post([sendgrid_event("processed", key, NOW)], NOW)
        told = [
            post(each, Site(environment=ENVIRONMENT, receive=receive)).json()["accepted"]
            for each in (first, second, first)
        ]
        assert told == [1, 1, 0]
        assert house.message().status == "delivered"
    finally:
        house.close()
