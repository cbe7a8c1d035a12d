"""From a campaign to the request that SendGrid and Twilio document, and what goes wrong there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.engine_room import rows
from tests.e2e.processes import TOKEN, Daemon, environment, wait_until
from tests.e2e.shop import campaign, make_workspace, order_placed
from tests.fakes.http_fake import Behaviour, FakeApi
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.twilio import FakeTwilio

CAMPAIGNS = [
    campaign("news", "  - {id: mail, send_email: note}\n  - {id: text, send_sms: note}"),
    campaign("offer", "  - {id: mail, send_email: note}\n  - {id: text, send_sms: note}",
             purpose="marketing"),
]  # fmt: skip


@pytest.fixture
def apis() -> Iterator[tuple[FakeSendGrid, FakeTwilio]]:
    with (
        FakeSendGrid(api_key="SG.fake") as sendgrid,
        FakeTwilio(account_sid="ACfake", auth_token="fake") as twilio,
    ):
        yield sendgrid, twilio


@pytest.fixture
def daemon(tmp_path: Path, database_url: str, apis: tuple[FakeApi, FakeApi]) -> Iterator[Daemon]:
    sendgrid, twilio = apis
    environ = environment(
        database_url,
        email_provider="sendgrid",
        sms_provider="twilio",
        sendgrid_api_key="SG.fake",
        sendgrid_base_url=sendgrid.base_url,
        twilio_account_sid="ACfake",
        twilio_auth_token="fake",
        twilio_base_url=twilio.base_url,
        public_url="https://mail.example.com",
        secret_key="key-of-the-tests-0123456789abcdef",
        api_token=TOKEN,
    )
    with ExitStack() as stack:
        workspace = make_workspace(tmp_path / "shop", CAMPAIGNS)
        yield stack.enter_context(Daemon(workspace=workspace, environ=environ)).start()


def test_requests_are_as_documented(
    daemon: Daemon, database_url: str, apis: tuple[FakeSendGrid, FakeTwilio]
) -> None:
    sendgrid, twilio = apis
    daemon.post("/v1/events", json=order_placed(1, datetime.now(UTC)))

    def statuses() -> list[str]:
        return [row["status"] for row in rows(database_url, "messages")]

    wait_until("four messages", lambda: statuses() == ["sent"] * 4)
    # The fakes refuse whatever the documentation does not allow.
    assert [each.status for each in sendgrid.received] == [202, 202]
    assert [each.status for each in twilio.received] == [201, 201]
    by_id = {row["id"]: row for row in rows(database_url, "messages")}
    for mail in sendgrid.received:
        row = by_id[mail.message_id or ""]
        assert mail.to == row["recipient"] == "c1@example.com"
        assert mail.fields["from"] == {"email": "hello@example.com", "name": "Bellerive"}
        assert mail.fields["subject"] == row["subject"] == "About your order, Name1"
        assert [part["type"] for part in mail.fields["content"]] == ["text/plain", "text/html"]
        assert row["provider"] == "sendgrid"
        headers = mail.fields.get("headers", {})
        if row["purpose"] == "marketing":
            assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            link = headers["List-Unsubscribe"].strip("<>")
            assert link.startswith("https://mail.example.com/u/")
            assert all(link in part["value"] for part in mail.fields["content"])
        else:
            assert "List-Unsubscribe" not in headers
    for text in twilio.received:
        assert text.fields["To"] == "+15045560001"
        assert text.fields["From"] == "+15045550123"
        assert text.fields["Body"].startswith("Bellerive: order #1.")
    # The link in the mail works, where the daemon really listens.
    marketing = next(
        row for row in by_id.values() if (row["purpose"], row["channel"]) == ("marketing", "email")
    )
    [mail] = [each for each in sendgrid.received if each.message_id == marketing["id"]]
    path = mail.fields["headers"]["List-Unsubscribe"].strip("<>").split("example.com", 1)[1]
    answer = daemon.post(path, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    daemon.post("/v1/events", json=order_placed(2, datetime.now(UTC)))
    daemon.post("/v1/events", json={**order_placed(1, datetime.now(UTC)), "id": "again",
                                    "order": {"id": "9", "total": "5", "currency": "USD"},
                                    "customer": {"id": "c1"}})  # fmt: skip
    wait_until("all others", lambda: Counter(statuses()) == {"sent": 11, "skipped": 1})
    [skipped] = [row for row in rows(database_url, "messages") if row["status"] == "skipped"]
    assert (skipped["campaign"], skipped["channel"]) == ("offer", "email")
    assert skipped["reason"] == "no_consent"
    assert daemon.stop() == 0


def test_trouble_at_the_provider_is_classed(
    daemon: Daemon, database_url: str, apis: tuple[FakeSendGrid, FakeTwilio]
) -> None:
    sendgrid, _ = apis
    sendgrid.next(
        Behaviour(status=429, headers={"Retry-After": "1"}),  # not taken: again
        Behaviour(status=400, body=b'{"errors":[{"message":"no"}]}'),  # never
        Behaviour(close="before_answer"),  # perhaps taken: in doubt
    )
    orders = [order_placed(number, datetime.now(UTC)) for number in range(2)]
    daemon.post("/v1/events", json=orders)

    def counts() -> Counter[tuple[str, str]]:
        found = rows(database_url, "messages")
        return Counter((row["channel"], row["status"]) for row in found)

    wait_until(
        "every verdict",
        lambda: (
            counts()
            == {
                ("email", "scheduled"): 1,
                ("email", "failed"): 1,
                ("email", "unknown"): 1,
                ("email", "sent"): 1,
                ("sms", "sent"): counts()["sms", "sent"],
            }
        ),
    )
    ids = Counter(each.message_id for each in sendgrid.received)
    assert set(ids.values()) == {1}
    assert daemon.stop() == 0
