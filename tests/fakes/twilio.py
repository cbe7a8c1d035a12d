"""Twilio's ``POST /2010-04-01/Accounts/{sid}/Messages.json`` as it is documented.

https://www.twilio.com/docs/messaging/api/message-resource
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import ssl
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, urlsplit

from tests.fakes.http_fake import AS_DOCUMENTED, Behaviour, FakeApi, Verdict

E164 = re.compile(r"\+[1-9]\d{6,14}")
_FIELDS = {"To", "From", "MessagingServiceSid", "Body", "StatusCallback"}


class FakeTwilio(FakeApi):
    """Knows one account; ``opted_out``: numbers that answered STOP. Answers 201.

    A message is known by the id in its ``StatusCallback``, else by its ``To`` and ``Body``.
    """

    name = "twilio"
    resource = "Messages"

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        opted_out: Collection[str] = (),
        port: int = 0,
        record: Path | None = None,
        default: Behaviour = AS_DOCUMENTED,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(port=port, record=record, default=default, tls=tls)
        self._account_sid = account_sid
        self._opted_out = frozenset(opted_out)
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode()
        self._authorization = f"Basic {credentials}"

    def judge(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        """One error at a time, with Twilio's code."""
        if headers.get("authorization") != self._authorization:
            return refused(401, 20003, "Authenticate")
        if path != f"/2010-04-01/Accounts/{self._account_sid}/{self.resource}.json":
            return refused(404, 20404, f"The requested resource {path} was not found")
        if method != "POST":
            return refused(405, 20004, "Method not allowed")
        media_type = headers.get("content-type", "").partition(";")[0].strip()
        if media_type != "application/x-www-form-urlencoded":
            return refused(415, 20415, "Unsupported media type")
        return self.made(body, headers)

    def made(self, body: bytes, headers: Mapping[str, str]) -> Verdict:
        """The message, or Twilio's refusal."""
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        form = dict(pairs)
        refusal = self._refusal(form, twice=len(form) < len(pairs))
        if refusal is not None:
            return refusal
        to, text = form["To"], form["Body"]
        callback = parse_qs(urlsplit(form.get("StatusCallback", "")).query)
        sid = "SM" + hashlib.md5(body, usedforsecurity=False).hexdigest()
        message = {
            "sid": sid,
            "account_sid": self._account_sid,
            "to": to,
            "from": form.get("From"),
            "messaging_service_sid": form.get("MessagingServiceSid"),
            "body": text,
            "status": "queued" if "From" in form else "accepted",
            "num_segments": "1",
            "price": None,
            "price_unit": "USD",
            "error_code": None,
            "error_message": None,
        }
        return Verdict(
            status=201,
            headers={"Content-Type": "application/json"},
            body=json.dumps(message).encode(),
            message_id=callback.get("message_id", [f"{to}|{text}"])[0],
            to=to,
            fields=form,
        )

    def _refusal(self, form: dict[str, str], *, twice: bool) -> Verdict | None:
        if twice or form.keys() - _FIELDS:
            return refused(400, 20001, "Unknown or repeated parameter")
        to = form.get("To", "")
        if not to:
            return refused(400, 21604, "A 'To' phone number is required.")
        if not E164.fullmatch(to):
            return refused(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if ("From" in form) == ("MessagingServiceSid" in form):
            return refused(400, 21603, "A 'From' phone number is required.")
        if not form.get("Body"):
            return refused(400, 21602, "Message body is required.")
        if len(form["Body"]) > 1600:
            return refused(
                400, 21617, "The concatenated message body exceeds the 1600 character limit"
            )
        if to in self._opted_out:
            return refused(400, 21610, "Attempt to send to unsubscribed recipient")
        return None


def refused(status: int, code: int, message: str) -> Verdict:
    """Twilio's answer to what it does not take."""
    error = {
        "code": code,
        "message": message,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    return Verdict(
        status=status,
        headers={"Content-Type": "application/json"},
        body=json.dumps(error).encode(),
    )
