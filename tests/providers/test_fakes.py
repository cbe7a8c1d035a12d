"""The fakes refuse what the real ones refuse, and count beyond the life of a caller."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.core.message import Outcome
from engine.providers.build import build_providers
from engine.providers.sendgrid import mail_body
from tests.fakes.http_fake import Behaviour
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.twilio import FakeTwilio
from tests.providers.messages import clock, email, send, sms

HEADERS = {"authorization": "Bearer k", "content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (["from"], {"name": "x"}, "from.email"),
        (["subject"], "", "subject"),
        (["personalizations"], [], "personalizations"),
        (["personalizations", 0, "to"], [], "personalizations.0.to"),
        (["content"], [{"type": "text/html", "value": ""}], "content.0.value"),
        (["content", 0, "type"], "text/html", "content"),
        (["categories"], ["a", "a"], "categories"),
        (["custom_args"], {"n": 1}, "custom_args"),
        (["headers"], {"Subject": "x"}, "headers.Subject"),
        (["tracking_settings", "open_tracking"], {}, "tracking_settings.open_tracking.enable"),
        (["unknown"], 1, "unknown"),
    ],
)
def test_sendgrid_names_the_field_at_fault(path: list[Any], value: object, field: str) -> None:
    mail = json.loads(json.dumps(mail_body(email())))
    place = mail
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    fake = FakeSendGrid(api_key="k")
    verdict = fake.judge("POST", "/v3/mail/send", HEADERS, json.dumps(mail).encode())
    assert verdict.status == 400
    assert field in [error["field"] for error in json.loads(verdict.body)["errors"]]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"authorization": "Bearer other"}, 401),
        ({"authorization": ""}, 401),
        ({"content-type": "text/plain"}, 415),
        ({}, 202),
    ],
)
def test_sendgrid_looks_at_the_headers(changes: dict[str, str], status: int) -> None:
    body = json.dumps(mail_body(email())).encode()
    fake = FakeSendGrid(api_key="k")
    assert fake.judge("POST", "/v3/mail/send", HEADERS | changes, body).status == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"To=%2B15005550006&From=%2B15005550001&Body=x", 201),
        (b"To=%2B15005550006&From=%2B1500&MessagingServiceSid=MG1&Body=x", 400),
        (b"To=%2B15005550006&Body=x", 400),
        (b"To=%2B15005550006&To=%2B15005550007&From=a&Body=x", 400),
        (b"To=%2B15005550006&From=a&Body=x&Sender=y", 400),
    ],
)
def test_twilio_looks_at_the_form(body: bytes, status: int) -> None:
    fake = FakeTwilio(account_sid="AC1", auth_token="t")
    headers = {
        "authorization": "Basic QUMxOnQ=",
        "content-type": "application/x-www-form-urlencoded",
    }
    path = "/2010-04-01/Accounts/AC1/Messages.json"
    assert fake.judge("POST", path, headers, body).status == status
    assert fake.judge("POST", path.replace("AC1", "AC2"), headers, body).status == 404
    assert fake.judge("POST", path, headers | {"authorization": "x"}, body).status == 401


def test_a_message_counts_as_taken_even_when_its_answer_is_lost() -> None:
    with FakeSendGrid(api_key="SG.key") as fake:
        provider = build_providers(
            clock=clock,
            email_provider="sendgrid",
            sendgrid_api_key="SG.key",
            sendgrid_base_url=fake.base_url,
        )["email"]
        fake.next(Behaviour(close="before_answer"), Behaviour(status=503))
        results = send(provider, [email("a"), email("b"), email("c")])
        assert [received.message_id for received in fake.accepted()] == ["a", "c"]
    assert [r.outcome for r in results] == [Outcome.UNKNOWN, Outcome.RETRY, Outcome.ACCEPTED]


def test_as_a_process_they_write_down_what_they_took(tmp_path: Path) -> None:
    record = tmp_path / "requests.jsonl"
    command = [sys.executable, "-m", "tests.fakes", "--record", str(record)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        providers = build_providers(
            clock=clock,
            email_provider="sendgrid",
            sms_provider="twilio",
            sendgrid_api_key="SG.fake",
            sendgrid_base_url=addresses["sendgrid"],
            twilio_account_sid="ACfake",
            twilio_auth_token="fake",
            twilio_base_url=addresses["twilio"],
            public_url="https://shop.test",
        )
        send(providers["email"], [email("e-1"), email("e-1")])
        send(providers["sms"], [sms("s-1"), sms("s-2", to="bad")])
        lines = [json.loads(line) for line in record.read_text().splitlines()]
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    assert [(line["api"], line["message_id"], line["accepted"]) for line in lines] == [
        ("sendgrid", "e-1", True),
        ("sendgrid", "e-1", True),
        ("twilio", "s-1", True),
        ("twilio", None, False),
    ]
