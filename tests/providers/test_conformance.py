"""Every provider, held to the conformance suite."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator

import pytest

from engine.core.message import Outcome, Outgoing
from engine.ports.providers import Provider
from engine.providers.preview import Preview
from engine.providers.sendgrid import SendGrid
from engine.providers.simulated import Reply, Script, Simulated
from engine.providers.twilio_sms import TwilioSms
from engine.providers.twilio_voice import TwilioVoice
from engine.providers.wire import Timeouts
from tests.fakes.http_fake import FakeApi
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.twilio import FakeTwilio
from tests.fakes.twilio_calls import FakeTwilioCalls
from tests.providers.conformance import Accepts, Fails, OverHttp
from tests.providers.messages import clock, email, send, sms, voice

API_KEY = "SG.q9dW3kPz.secret-part"
SID = "AC0123456789abcdef0123456789abcdef"
TOKEN = "f00dcafef00dcafe0123"


class TestPreviewEmail(Accepts):
    @contextlib.contextmanager
    def provider(self) -> Iterator[Provider]:
        yield Preview("email", clock=clock)


class TestPreviewSms(Accepts):
    @contextlib.contextmanager
    def provider(self) -> Iterator[Provider]:
        yield Preview("sms", clock=clock)


class TestSimulated(Fails):
    @contextlib.contextmanager
    def provider(self) -> Iterator[Provider]:
        yield Simulated("email", clock=clock)

    @contextlib.contextmanager
    def failing(self, failure: Outcome) -> Iterator[Provider]:
        hint = 17.0 if failure is Outcome.RETRY else None
        reply = Reply(outcome=failure, error_code="x", reason="It was told to.", retry_after=hint)
        yield Simulated("email", clock=clock, script=Script(default=reply))


class TestSendGrid(OverHttp):
    secrets = (API_KEY,)

    def fake(self) -> FakeApi:
        return FakeSendGrid(api_key=API_KEY)

    def at(
        self, base_url: str, timeouts: Timeouts | None = None, *, wrong_key: bool = False
    ) -> Provider:
        return SendGrid(
            api_key="SG.other" if wrong_key else API_KEY,
            base_url=base_url,
            clock=clock,
            timeouts=timeouts,
        )

    def impossible(self) -> Outgoing:
        return email(to="jeanne.dupont")

    def error_body(self, words: str) -> bytes:
        return json.dumps({"errors": [{"message": words, "field": None}]}).encode()


class TestPreviewVoice(Accepts):
    @contextlib.contextmanager
    def provider(self) -> Iterator[Provider]:
        yield Preview("voice", clock=clock)


class TestTwilioVoice(OverHttp):
    secrets = (TOKEN,)

    def fake(self) -> FakeApi:
        return FakeTwilioCalls(account_sid=SID, auth_token=TOKEN)

    def at(
        self, base_url: str, timeouts: Timeouts | None = None, *, wrong_key: bool = False
    ) -> Provider:
        return TwilioVoice(
            account_sid=SID,
            auth_token="other" if wrong_key else TOKEN,
            base_url=base_url,
            public_url="https://shop.test",
            clock=clock,
            timeouts=timeouts,
        )

    def impossible(self) -> Outgoing:
        return voice(to="5005550006")

    @pytest.mark.parametrize("on_machine", ["speak", "hang_up"])
    def test_answering_machines_may_be_found_out(self, on_machine: str) -> None:
        with self.fake() as fake:
            one = voice("m-1", on_machine=on_machine, survey="nps")
            (result,) = send(self.at(fake.base_url), [one])
        assert result.outcome is Outcome.ACCEPTED

    def error_body(self, words: str) -> bytes:
        return json.dumps({"code": 20001, "message": words, "status": 400}).encode()


class TestTwilio(OverHttp):
    secrets = (TOKEN,)

    def fake(self) -> FakeApi:
        return FakeTwilio(account_sid=SID, auth_token=TOKEN)

    def at(
        self, base_url: str, timeouts: Timeouts | None = None, *, wrong_key: bool = False
    ) -> Provider:
        return TwilioSms(
            account_sid=SID,
            auth_token="other" if wrong_key else TOKEN,
            base_url=base_url,
            public_url="https://shop.test",
            clock=clock,
            timeouts=timeouts,
        )

    def impossible(self) -> Outgoing:
        return sms(to="5005550006")

    def error_body(self, words: str) -> bytes:
        return json.dumps({"code": 20001, "message": words, "status": 400}).encode()
