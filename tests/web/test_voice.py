"""Turns in a call come in by HTTP, proven or refused."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import httpx
from twilio.request_validator import RequestValidator

from engine.ports.calling import PATH, CallReply, CallTurn
from engine.ports.storage import Contended
from engine.providers.twilio_signature import SIGNATURE
from tests.web.site import Site

TOKEN, PUBLIC = "token-of-the-tests", "https://mail.example.com/behind/a/proxy"
ENVIRONMENT = {
    "LAGNIAPPE_SECRET_KEY": "k" * 32,
    "LAGNIAPPE_API_TOKEN": "t" * 32,
    "LAGNIAPPE_TWILIO_AUTH_TOKEN": TOKEN,
    "LAGNIAPPE_PUBLIC_URL": PUBLIC,
}
FIELDS = {"CallSid": "CA1", "Digits": "9", "From": "+15045550100", "To": "+15045550123"}
TARGET = f"{PATH}?message_id=m-1&kind=nps"


class Turns:
    """Stands for the use case."""

    def __init__(self, reply: CallReply | None = None) -> None:
        self.taken: list[CallTurn] = []
        self._reply = reply

    def __call__(self, turn: CallTurn) -> CallReply:
        if self._reply is None:
            raise Contended
        self.taken.append(turn)
        return self._reply


def post(turns: Turns, target: str = TARGET, **fields: str) -> httpx.Response:
    """Post what was signed for ``TARGET``."""
    site = Site(environment=ENVIRONMENT, turn=turns)
    proof = RequestValidator(TOKEN).compute_signature(PUBLIC + TARGET, FIELDS)
    headers = {SIGNATURE: proof, "Content-Type": "application/x-www-form-urlencoded"}

    async def run() -> Any:
        async with site.client() as client:
            body = urlencode(FIELDS | fields).encode()
            return await client.post(target, content=body, headers=headers)

    answer: httpx.Response = asyncio.run(run())
    return answer


def test_a_proven_turn_is_taken_and_answered_in_twiml() -> None:
    turns = Turns(CallReply(message_id="m-1", say="thanks", transfer=True, offer_transfer=True))
    answer = post(turns)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    assert "Thank you for your answer." in answer.text
    assert "To speak with us, press 1." in answer.text
    (turn,) = turns.taken
    assert (turn.digits, turn.query) == ("9", {"message_id": "m-1", "kind": "nps"})


def test_the_unproven_is_refused() -> None:
    turns = Turns(CallReply(say="goodbye"))
    for answer in (
        post(turns, Digits="8"),
        post(turns, f"{PATH}?message_id=m-2&kind=nps"),
    ):
        assert answer.status_code == 401
    assert turns.taken == []


def test_what_could_not_be_stored_is_told_so_that_twilio_asks_again() -> None:
    assert post(Turns()).status_code == 503
