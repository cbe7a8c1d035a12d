"""Asking Twilio and SendGrid about messages in doubt, over loopback."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from engine.core.receipt import Receipt, ReceiptKind
from engine.ports.providers import LookUp, LookUpUnavailable, Sought
from engine.providers.look_ups import SendGridLookUp, TwilioCallLookUp, TwilioLookUp

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SOUGHT = Sought(
    message_id="m-1",
    to="+15045550123",
    subject="News",
    text="Hello & welcome",
    since=NOW,
    until=NOW + timedelta(seconds=30),
)
MAILED = Sought(
    message_id="m-1",
    to="ada+x@example.com",
    subject="News",
    text="Hello",
    since=NOW,
    until=NOW + timedelta(seconds=30),
)


class Api:
    """Answers by path; keeps the questions."""

    def __init__(self, answers: Mapping[str, Any], status: int = 200) -> None:
        self.answers, self.status = answers, status
        self.asked: list[tuple[str, dict[str, list[str]], str]] = []

    async def answer(self, request: web.BaseRequest) -> web.Response:
        parts = urlsplit(str(request.rel_url))
        query = parse_qs(request.rel_url.raw_query_string)
        self.asked.append((parts.path, query, request.headers["Authorization"]))
        body = self.answers.get(parts.path, {})
        text = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=self.status, text=text)


def twilio(base_url: str) -> LookUp:
    return TwilioLookUp(account_sid="ACx", auth_token="secret", base_url=base_url)


def sendgrid(base_url: str) -> LookUp:
    return SendGridLookUp(api_key="SG.secret", base_url=base_url)


def find(api: Api, make: Any, *sought: Sought) -> list[Receipt]:
    async def run() -> list[Receipt]:
        server = RawTestServer(api.answer)
        await server.start_server()
        try:
            return list(await make(str(server.make_url("")).rstrip("/")).find(sought))
        finally:
            await server.close()

    return asyncio.run(run())


def listed(sid: str | None = "SM1", seconds: int = 1, **changed: Any) -> dict[str, Any]:
    at = format_datetime(NOW + timedelta(seconds=seconds))
    return {
        "sid": sid, "to": "+15045550123", "from": "+15045550100", "body": "Hello & welcome",
        "direction": "outbound-api", "status": "delivered", "error_code": None,
        "date_created": at, "date_sent": at, **changed,
    }  # fmt: skip


MESSAGES = "/2010-04-01/Accounts/ACx/Messages.json"


def test_twilio_finds_the_message_by_number_words_and_time() -> None:
    api = Api({MESSAGES: {"messages": [listed()]}})
    (one,) = find(api, twilio, SOUGHT)
    assert (one.message_id, one.kind, one.looked_up) == ("m-1", ReceiptKind.DELIVERED, True)
    assert (one.provider_message_id, one.at) == ("SM1", NOW + timedelta(seconds=1))
    ((path, query, authorization),) = api.asked
    assert path == MESSAGES
    assert query == {"To": ["+15045550123"], "DateSent>": ["2026-03-01"], "PageSize": ["100"]}
    assert authorization == "Basic " + base64.b64encode(b"ACx:secret").decode()


def others() -> Iterator[dict[str, Any]]:
    yield listed(body="Hello")
    yield listed(to="+15045550124")
    yield listed(direction="inbound")
    yield listed(seconds=-3600)
    yield listed(seconds=3600)
    yield listed(date_created=None, date_sent=None)
    yield listed(date_created="yesterday", date_sent=7)
    yield listed(sid=None)


@pytest.mark.parametrize("other", list(others()))
def test_twilio_takes_no_other_message_for_it(other: dict[str, Any]) -> None:
    assert find(Api({MESSAGES: {"messages": [other, 7, None]}}), twilio, SOUGHT) == []


def test_twilio_takes_none_that_belongs_to_another_of_ours() -> None:
    api = Api({MESSAGES: {"messages": [listed("SM2", 2), listed("SM1", 1)]}})
    twin = replace(SOUGHT, message_id="m-2")
    found = find(api, twilio, SOUGHT, twin)
    assert [(one.message_id, one.provider_message_id) for one in found] == [
        ("m-1", "SM1"), ("m-2", "SM2")
    ]  # fmt: skip
    known = replace(SOUGHT, known=frozenset({"SM1", "SM2"}))
    assert find(api, twilio, known) == []


def test_without_its_words_a_message_is_not_looked_for() -> None:
    api = Api({})
    unkept = replace(SOUGHT, text=None)
    assert find(api, twilio, unkept) == []
    assert api.asked == []


def test_a_failed_message_brings_its_code() -> None:
    (one,) = find(
        Api({MESSAGES: {"messages": [listed(status="undelivered", error_code=30005)]}}),
        twilio,
        SOUGHT,
    )
    assert (one.kind, one.error_code, one.verdict.value) == (ReceiptKind.BOUNCED, "30005", "dead")


def activity(**changed: Any) -> dict[str, Any]:
    return {
        "msg_id": "abc.filter-1", "subject": "News", "to_email": "ada+x@example.com",
        "status": "delivered", "last_event_time": "2026-03-01T12:00:09Z", **changed,
    }  # fmt: skip


OURS = {"unique_args": json.dumps({"lagniappe_message_id": "m-1"})}


@pytest.mark.parametrize("detail", [OURS, {"unique_args": {"lagniappe_message_id": "m-1"}}])
def test_sendgrid_finds_the_message_by_our_id(detail: dict[str, Any]) -> None:
    api = Api({"/v3/messages": {"messages": [activity()]}, "/v3/messages/abc.filter-1": detail})
    (one,) = find(api, sendgrid, MAILED)
    assert (one.kind, one.provider_message_id) == (ReceiptKind.DELIVERED, "abc")
    assert api.asked[0][1]["query"] == ['to_email="ada+x@example.com"']
    assert api.asked[0][2] == "Bearer SG.secret"


@pytest.mark.parametrize(
    ("message", "detail"),
    [
        (activity(), {"unique_args": json.dumps({"lagniappe_message_id": "m-2"})}),
        (activity(), {"unique_args": "not json"}),
        (activity(), {}),
        (activity(subject="Other"), OURS),
        (activity(last_event_time="2026-02-01T12:00:00Z"), OURS),
        (activity(last_event_time=None), OURS),
        (7, OURS),
    ],
)
def test_sendgrid_takes_no_other_message_for_it(message: Any, detail: Any) -> None:
    api = Api({"/v3/messages": {"messages": [message]}, "/v3/messages/abc.filter-1": detail})
    assert find(api, sendgrid, MAILED) == []


@pytest.mark.parametrize("make", [twilio, sendgrid])
@pytest.mark.parametrize(
    ("status", "permanent"), [(401, True), (403, True), (404, True), (429, False), (500, False)]
)
def test_who_may_not_be_asked_says_so(make: Any, status: int, permanent: bool) -> None:
    with pytest.raises(LookUpUnavailable) as caught:
        find(Api({}, status), make, SOUGHT)
    assert caught.value.permanent is permanent
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("make", [twilio, sendgrid])
def test_nonsense_is_no_answer(make: Any) -> None:
    api = Api({MESSAGES: "nonsense", "/v3/messages": "nonsense"})
    with pytest.raises(LookUpUnavailable, match="not JSON"):
        find(api, make, SOUGHT)


@pytest.mark.parametrize("make", [twilio, sendgrid])
def test_nobody_there_is_no_answer(make: Any) -> None:
    with pytest.raises(LookUpUnavailable) as caught:
        asyncio.run(make("http://127.0.0.1:9").find([SOUGHT]))
    assert not caught.value.permanent


CALLS = "/2010-04-01/Accounts/ACx/Calls.json"
CALLED = replace(SOUGHT, text=None, subject=None, sender="+15045550100")


def calls(base_url: str) -> LookUp:
    return TwilioCallLookUp(account_sid="ACx", auth_token="secret", base_url=base_url)


def placed(sid: str | None = "CA1", seconds: int = 1, **changed: Any) -> dict[str, Any]:
    at = format_datetime(NOW + timedelta(seconds=seconds))
    return {
        "sid": sid, "to": "+15045550123", "from": "+15045550100", "direction": "outbound-api",
        "status": "completed", "date_created": at, "start_time": at, **changed,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        ("completed", ReceiptKind.DELIVERED, None),
        ("queued", ReceiptKind.QUEUED, None),
        ("no-answer", ReceiptKind.FAILED, "no_answer"),
    ],
)
def test_twilio_finds_the_call_by_both_numbers_and_time(
    status: str, kind: ReceiptKind, code: str | None
) -> None:
    api = Api({CALLS: {"calls": [placed(status=status)]}})
    (one,) = find(api, calls, CALLED)
    assert (one.message_id, one.kind, one.error_code) == ("m-1", kind, code)
    assert (one.provider, one.provider_message_id) == ("twilio_voice", "CA1")
    assert one.looked_up
    ((path, query, _),) = api.asked
    assert path == CALLS
    assert query == {"To": ["+15045550123"], "From": ["+15045550100"],
                     "StartTime>": ["2026-03-01"], "PageSize": ["100"]}  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        placed(to="+15045550124"),
        {**placed(), "from": "+15045550199"},
        placed(direction="inbound"),
        placed(seconds=-3600),
        placed(date_created=None, start_time=None),
        placed(sid=None),
    ],
)
def test_twilio_takes_no_other_call_for_it(other: dict[str, Any]) -> None:
    assert find(Api({CALLS: {"calls": [other, 7, None]}}), calls, CALLED) == []


def test_of_two_calls_nobody_can_say_which_it_was() -> None:
    api = Api({CALLS: {"calls": [placed("CA1"), placed("CA2", 2)]}})
    assert find(api, calls, CALLED) == []
    (one,) = find(api, calls, replace(CALLED, known=frozenset({"CA1"})))
    assert one.provider_message_id == "CA2"


def test_a_call_from_nowhere_is_not_looked_for() -> None:
    api = Api({})
    assert find(api, calls, replace(CALLED, sender=None)) == []
    assert api.asked == []
