"""What customers write back comes in by HTTP, proven or refused."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from engine.core.texts import InboundText, Intent
from engine.ports.storage import Contended
from engine.providers.twilio_signature import SIGNATURE
from tests.databases import NewDatabase
from tests.fakes.receipts import Posted, twilio_text
from tests.services.house import TEXTING, House, campaign, person
from tests.web.site import Site

TOKEN, PUBLIC = "token-of-the-tests", "https://mail.example.com/behind/a/proxy"
ENVIRONMENT = {
    "LAGNIAPPE_SECRET_KEY": "k" * 32,
    "LAGNIAPPE_API_TOKEN": "t" * 32,
    "LAGNIAPPE_TWILIO_AUTH_TOKEN": TOKEN,
    "LAGNIAPPE_PUBLIC_URL": PUBLIC,
}
NOTHING = '<?xml version="1.0" encoding="UTF-8"?><Response />'


class Taken:
    """Stands for the use case and keeps what it is given."""

    def __init__(self, answer: str | None = None, error: Exception | None = None) -> None:
        self.texts: list[InboundText] = []
        self._answer, self._error = answer, error

    def __call__(self, text: InboundText) -> str | None:
        if self._error is not None:
            raise self._error
        self.texts.append(text)
        return self._answer


def text(body: str = "Thank you!", sid: str = "SM" + "a" * 32, **more: str) -> Posted:
    return twilio_text(sid, body, token=TOKEN, public_url=PUBLIC, **more)


def post(posted: Posted, site: Site, **changed: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        async with site.client() as client:
            given = {"content": posted.body, "headers": dict(posted.headers)} | changed
            return await client.post(posted.target, **given)

    return asyncio.run(run())


def test_a_proven_text_is_taken_and_nothing_is_said_back() -> None:
    taken = Taken()
    site = Site(environment=ENVIRONMENT, reply=taken)
    answer = post(text("Grüße \U0001f375 & <b>", NumMedia="2", OptOutType="STOP"), site)
    assert (answer.status_code, answer.text) == (200, NOTHING)
    assert answer.headers["content-type"].startswith("application/xml")
    (got,) = taken.texts
    assert (got.id, got.sender, got.text) == (
        "SM" + "a" * 32, "+15045550123", "Grüße \U0001f375 & <b>",
    )  # fmt: skip
    assert (got.media, got.asked) == (2, Intent.STOP)


def test_an_answer_is_twiml_and_cannot_break_out_of_it() -> None:
    site = Site(environment=ENVIRONMENT, reply=Taken("Tea & <Redirect>more</Redirect>"))
    answer = post(text("HELP"), site)
    assert "<Message>Tea &amp; &lt;Redirect&gt;more&lt;/Redirect&gt;</Message>" in answer.text


@pytest.mark.parametrize("environment", [ENVIRONMENT, {}])
def test_the_unproven_is_refused_and_logged_without_its_words(environment: dict[str, str]) -> None:
    taken, good = Taken(), text("my secret words")
    wrong: list[dict[str, Any]] = [
        {"content": good.body + b"&Extra=1"},
        {"content": good.body.replace(b"secret", b"public")},
        {"content": b"\xff\xfe"},
        {"headers": {}},
        {"headers": {**good.headers, SIGNATURE: "AAAA"}},
        {"headers": {**good.headers, SIGNATURE: good.headers[SIGNATURE][:-1]}},
    ]
    with structlog.testing.capture_logs() as logs:
        for changed in wrong:
            answer = post(good, Site(environment=environment, reply=taken), **changed)
            assert answer.status_code == 401
            assert answer.headers["WWW-Authenticate"] == 'Signature realm="twilio"'
        query = Posted(target=good.target + "?x=1", headers=good.headers, body=good.body)
        assert post(query, Site(environment=environment, reply=taken)).status_code == 401
    assert taken.texts == []
    for private in ("secret words", "+15045550123", "5045550123", TOKEN):
        assert private not in str(logs)


def test_a_body_too_large_is_refused() -> None:
    taken = Taken()
    answer = post(text("x" * 70_000), Site(environment=ENVIRONMENT, reply=taken))
    assert answer.status_code == 413
    assert taken.texts == []


def test_a_long_text_is_cut_and_taken() -> None:
    taken = Taken()
    assert post(text("é" * 5000), Site(environment=ENVIRONMENT, reply=taken)).status_code == 200
    assert len(taken.texts[0].text) == 2000


@pytest.mark.parametrize("sender", ["whatsapp:+15045550123", "12345", "BANK", ""])
def test_what_comes_from_no_number_is_kept(sender: str) -> None:
    site = Site(environment=ENVIRONMENT, reply=Taken())
    answer = post(text(sender=sender), site)
    assert (answer.status_code, answer.text) == (200, NOTHING)
    (kept,) = site.storage.rejected
    assert (kept.source, kept.id) == ("twilio", "SM" + "a" * 32)


@pytest.mark.parametrize("error", [OSError("disk full"), Contended("busy")])
def test_nothing_is_answered_with_200_that_is_not_stored(error: Exception) -> None:
    answer = post(text(), Site(environment=ENVIRONMENT, reply=Taken(error=error)))
    assert answer.status_code == 503


def test_from_the_door_to_the_database(new_database: NewDatabase, tmp_path: Path) -> None:
    """A STOP, posted twice: one event, one confirmation, and no further text."""
    house = House(
        tmp_path,
        new_database(),
        campaign("news", "order.placed", [{"id": "ask", "send_sms": {"template": "text"}}]),
        store={"senders": TEXTING, "sms": {"answers": "ours"}},
    )
    try:
        house.tell("order.placed", order=1)
        reply = house.app.replies.take
        posted = text("Stop!", sender=person("ada")["phone"])
        first, again = (
            post(posted, Site(environment=ENVIRONMENT, reply=reply)).text for _ in range(2)
        )
        assert "<Message>Bellerive: you will get no more messages" in first
        assert again == NOTHING
        assert len(house.events("message.replied")) == 1
        assert house.rows("SELECT DISTINCT scope, reason FROM suppressions") == [("all", "stop")]
        house.tell("order.placed", order=2)
        assert sorted(one.status for one in house.messages()) == ["sent", "skipped"]
    finally:
        house.close()
