"""SendGrid's ``POST /v3/mail/send`` as it is documented.

https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send
"""

from __future__ import annotations

import hashlib
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.fakes.http_fake import AS_DOCUMENTED, Behaviour, FakeApi, Verdict

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_FIELDS = {
    "asm", "attachments", "batch_id", "categories", "content", "custom_args", "from", "headers",
    "ip_pool_name", "mail_settings", "personalizations", "reply_to", "reply_to_list", "sections",
    "send_at", "subject", "template_id", "tracking_settings",
}  # fmt: skip
_TRACKING = {"click_tracking", "ganalytics", "open_tracking", "subscription_tracking"}
_RESERVED_HEADERS = {
    "x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type",
    "content-transfer-encoding", "to", "from", "subject", "reply-to", "cc", "bcc",
}  # fmt: skip


class FakeSendGrid(FakeApi):
    """Knows one API key; answers 202 with an ``X-Message-Id`` and no body."""

    name = "sendgrid"

    def __init__(
        self,
        *,
        api_key: str,
        port: int = 0,
        record: Path | None = None,
        default: Behaviour = AS_DOCUMENTED,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(port=port, record=record, default=default, tls=tls)
        self._api_key = api_key

    def judge(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Verdict:
        """401 before anything else, then the form of the body, one error for each fault."""
        if path != "/v3/mail/send":
            return _errors(404, [("not found", None)])
        if method != "POST":
            return _errors(405, [("method not allowed", None)])
        if headers.get("authorization") != f"Bearer {self._api_key}":
            words = "The provided authorization grant is invalid, expired, or revoked"
            return _errors(401, [(words, None)])
        if headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _errors(415, [("Content-Type should be application/json.", None)])
        try:
            mail = json.loads(body)
        except ValueError:
            mail = None
        if not isinstance(mail, dict):
            return _errors(400, [("Bad Request", None)])
        faults = list(_faults(mail))
        if faults:
            return _errors(400, faults)
        message_id = mail.get("custom_args", {}).get("lagniappe_message_id")
        return Verdict(
            status=202,
            headers={"X-Message-Id": hashlib.sha256(body).hexdigest()[:22]},
            message_id=message_id,
            to=mail["personalizations"][0]["to"][0]["email"],
            fields=mail,
        )


def _faults(mail: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    for name in sorted(mail.keys() - _FIELDS):
        yield "Unknown field.", name
    people = mail.get("personalizations")
    if not isinstance(people, list) or not people:
        yield (
            "The personalizations field is required and must have at least one entry.",
            ("personalizations"),
        )
    else:
        for number, person in enumerate(people):
            to = person.get("to")
            if not isinstance(to, list) or not to:
                yield "The to array is required.", f"personalizations.{number}.to"
                continue
            for place, party in enumerate(to):
                yield from _party(party, f"personalizations.{number}.to.{place}")
    yield from _party(mail.get("from"), "from")
    if "reply_to" in mail:
        yield from _party(mail["reply_to"], "reply_to")
    subject = mail.get("subject")
    if not isinstance(subject, str) or not subject:
        yield "The subject is required.", "subject"
    yield from _content(mail.get("content"))
    yield from _extras(mail)


def _party(party: Any, field: str) -> Iterator[tuple[str, str | None]]:
    if not isinstance(party, dict) or not isinstance(party.get("email"), str):
        yield "The email field is required.", f"{field}.email"
    elif not _EMAIL.fullmatch(party["email"]):
        address = party["email"]
        yield f"Does not contain a valid address: {address}", f"{field}.email"
    elif party.keys() - {"email", "name"}:
        yield "Unknown field.", field


def _content(content: Any) -> Iterator[tuple[str, str | None]]:
    if not isinstance(content, list) or not content:
        yield "The content field is required.", "content"
        return
    for number, part in enumerate(content):
        value = part.get("value")
        if not isinstance(value, str) or not value:
            yield (
                "The content value must be a string at least one character in length.",
                (f"content.{number}.value"),
            )
    types = [part.get("type") for part in content]
    if types not in (["text/plain"], ["text/html"], ["text/plain", "text/html"]):
        yield "If present, text/plain must be first, followed by text/html.", "content"


def _extras(mail: dict[str, Any]) -> Iterator[tuple[str, str | None]]:
    categories = mail.get("categories", [])
    if len(categories) > 10 or len(set(categories)) < len(categories):
        yield "At most 10 categories, each once.", "categories"
    if any(not isinstance(name, str) or len(name) > 255 for name in categories):
        yield "Each category may have at most 255 characters.", "categories"
    custom = mail.get("custom_args", {})
    if any(not isinstance(value, str) for value in custom.values()):
        yield "Each value must be a string.", "custom_args"
    if len(json.dumps(custom)) > 10_000:
        yield "The total length of custom arguments must be less than 10000 bytes.", "custom_args"
    for name, value in mail.get("headers", {}).items():
        if name.lower() in _RESERVED_HEADERS or not isinstance(value, str):
            yield "This header may not be set.", f"headers.{name}"
    tracking = mail.get("tracking_settings", {})
    for name in sorted(tracking.keys() - _TRACKING):
        yield "Unknown field.", f"tracking_settings.{name}"
    for name, setting in tracking.items():
        if not isinstance(setting.get("enable"), bool):
            yield "Must be a boolean.", f"tracking_settings.{name}.enable"


def _errors(status: int, faults: list[tuple[str, str | None]]) -> Verdict:
    errors = [{"message": words, "field": field, "help": None} for words, field in faults]
    return Verdict(
        status=status,
        headers={"Content-Type": "application/json"},
        body=json.dumps({"errors": errors}).encode(),
    )
