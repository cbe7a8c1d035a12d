"""Twilio's ``POST /2010-04-01/Accounts/{sid}/Calls.json`` as it is documented.

https://www.twilio.com/docs/voice/api/call-resource
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from urllib.parse import parse_qs, parse_qsl, urlsplit
from xml.etree import ElementTree

from tests.fakes.http_fake import Verdict
from tests.fakes.twilio import E164, FakeTwilio, refused

_FIELDS = {
    "To", "From", "Twiml", "Url", "MachineDetection", "StatusCallback", "StatusCallbackEvent"
}  # fmt: skip
_EVENTS = {"initiated", "ringing", "answered", "completed"}


class FakeTwilioCalls(FakeTwilio):
    """Knows one account. Answers 201 with a queued call.

    A call is known by the id in its ``StatusCallback``, else by its ``To`` and ``Twiml``.
    """

    resource = "Calls"

    def made(self, body: bytes, headers: Mapping[str, str]) -> Verdict:
        """The call, or Twilio's refusal."""
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
        form = {name: value for name, value in pairs if name != "StatusCallbackEvent"}
        told = [value for name, value in pairs if name == "StatusCallbackEvent"]
        if len(form) + len(told) < len(pairs) or form.keys() - _FIELDS or set(told) - _EVENTS:
            return refused(400, 20001, "Unknown or repeated parameter")
        if form.get("MachineDetection", "Enable") not in ("Enable", "DetectMessageEnd"):
            return refused(400, 21209, "MachineDetection is Enable or DetectMessageEnd")
        to, twiml, url = form.get("To", ""), form.get("Twiml", ""), form.get("Url", "")
        if bool(twiml) == bool(url):
            return refused(400, 21205, "Url parameter is required, or Twiml")
        if not E164.fullmatch(to):
            return refused(400, 21211, f"The 'To' number {to} is not a valid phone number.")
        if not E164.fullmatch(form.get("From", "")):
            return refused(400, 21212, "The 'From' number is not a valid phone number.")
        if len(twiml) > 4000:
            return refused(400, 21205, "Twiml is too long")
        if twiml and ElementTree.fromstring(twiml).tag != "Response":
            return refused(400, 12100, "Document parse failure")
        callback = parse_qs(urlsplit(form.get("StatusCallback", "")).query)
        call = {
            "sid": "CA" + hashlib.md5(body, usedforsecurity=False).hexdigest(),
            "to": to,
            "from": form["From"],
            "status": "queued",
            "price": None,
            "price_unit": "USD",
        }
        return Verdict(
            status=201,
            headers={"Content-Type": "application/json"},
            body=json.dumps(call).encode(),
            message_id=callback.get("message_id", [f"{to}|{twiml}"])[0],
            to=to,
            fields=form,
        )
