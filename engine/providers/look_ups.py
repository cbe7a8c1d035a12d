"""Asking providers what became of messages in doubt.

Twilio lists an account's messages, https://www.twilio.com/docs/messaging/api/message-resource:
ours is the one with the same number, the same words and a fitting time.

Its list of calls, https://www.twilio.com/docs/voice/api/call-resource, tells no words: ours is the
one call between the two numbers at the time, and where there are several nobody can say which.

SendGrid's Email Activity needs an add-on and a key that may read it,
https://www.twilio.com/docs/sendgrid/for-developers/sending-email/getting-started-email-activity-api:
ours is the one that carries our id among its ``unique_args``.
"""

from __future__ import annotations

import abc
import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp

from engine.core.receipt import Receipt, ReceiptKind
from engine.ports.providers import LookUpUnavailable, Sought
from engine.providers import twilio_voice
from engine.providers.http import checked_base_url
from engine.providers.twilio_receipts import status_receipt
from engine.providers.wire import MAX_ANSWER, Timeouts

_MARGIN: Final = timedelta(minutes=2)  # between the provider's clock and ours
_MOST: Final = 20 * MAX_ANSWER
_CANDIDATES: Final = 3  # of one message, to be read in full
_DENIED: Final = frozenset({401, 403, 404})
_ACTIVITY: Final[Mapping[str, ReceiptKind]] = {
    "processed": ReceiptKind.QUEUED,
    "delivered": ReceiptKind.DELIVERED,
    "not_delivered": ReceiptKind.FAILED,
}


class _HttpLookUp(abc.ABC):
    """The skeleton: one session for one round of questions."""

    name: str

    def __init__(
        self, *, base_url: str, headers: Mapping[str, str], timeouts: Timeouts | None
    ) -> None:
        self._base_url = checked_base_url(base_url)
        self._headers = {"Accept": "application/json", **headers}
        self._timeouts = timeouts or Timeouts(connect=5.0, total=10.0)

    async def find(self, sought: Sequence[Sought]) -> Sequence[Receipt]:
        """See ``engine.ports.providers.LookUp``."""
        found: list[Receipt] = []
        taken: set[str] = set()
        async with self._session() as session:
            for one in sought:
                receipt = await self._find(session, one, taken)
                if receipt is not None:
                    found.append(receipt)
                    taken.add(receipt.provider_message_id or "")
        return found

    def _session(self) -> aiohttp.ClientSession:
        """TLS is verified; proxies and credentials from the environment are not looked at."""
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=4),
            timeout=aiohttp.ClientTimeout(
                total=self._timeouts.total, connect=self._timeouts.connect
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "Accept-Encoding": "identity",
                "User-Agent": "lagniappe",
                **self._headers,
            },
            trust_env=False,
        )

    @abc.abstractmethod
    async def _find(
        self, session: aiohttp.ClientSession, sought: Sought, taken: set[str]
    ) -> Receipt | None:
        """The receipt of one message; ``taken`` are ids that others of this round have."""

    async def _get(self, session: aiohttp.ClientSession, path: str, query: str = "") -> Any:
        url = f"{self._base_url}{path}{'?' if query else ''}{query}"
        try:
            async with session.get(url, allow_redirects=False) as response:
                status, body = response.status, await response.content.read(_MOST)
                while part := await response.content.read(_MOST - len(body)):
                    body += part
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            reason = f"no answer ({type(error).__name__})"
            raise LookUpUnavailable(reason, permanent=False) from None
        if status != 200:
            raise LookUpUnavailable(f"answered {status}", permanent=status in _DENIED)
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            raise LookUpUnavailable("the answer is not JSON", permanent=False) from None


class _TwilioLookUp(_HttpLookUp):
    """A list of a Twilio account."""

    resource: str

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        base_url: str,
        timeouts: Timeouts | None = None,
    ) -> None:
        """Raises ``ValueError`` for a base URL that is not https, loopback aside."""
        credentials = base64.b64encode(f"{account_sid}:{auth_token}".encode()).decode("ascii")
        headers = {"Authorization": f"Basic {credentials}"}
        super().__init__(base_url=base_url, headers=headers, timeouts=timeouts)
        self._path = f"/2010-04-01/Accounts/{quote(account_sid, safe='')}/{self.resource}.json"

    async def _fitting(
        self, session: aiohttp.ClientSession, sought: Sought, taken: set[str], **more: str
    ) -> list[tuple[datetime, str, dict[str, Any]]]:
        """Everything to the number at the time that is no other message's, oldest first."""
        query = urlencode({"To": sought.to, **more, "PageSize": 100})
        answer = await self._get(session, self._path, query)
        listed = answer.get(self.resource.lower()) if isinstance(answer, dict) else None
        return sorted(
            (
                (at, one["sid"], one)
                for one in (listed if isinstance(listed, list) else ())
                if isinstance(one, dict)
                and isinstance(one.get("sid"), str)
                and one["sid"] not in sought.known
                and one["sid"] not in taken
                and str(one.get("direction", "")).startswith("outbound")
                and one.get("to") == sought.to
                and (at := _moment(one)) is not None
                and sought.since - _MARGIN <= at <= sought.until + _MARGIN
            ),
            key=lambda one: one[:2],
        )


def _first_day(sought: Sought) -> str:
    return (sought.since - _MARGIN).date().isoformat()


class TwilioLookUp(_TwilioLookUp):
    """Twilio's message list."""

    name = "twilio"
    resource = "Messages"

    async def _find(
        self, session: aiohttp.ClientSession, sought: Sought, taken: set[str]
    ) -> Receipt | None:
        if sought.text is None:
            return None  # without its words it cannot be told from another
        more = {"DateSent>": _first_day(sought)}
        fitting = await self._fitting(session, sought, taken, **more)
        ours = [one for one in fitting if one[2].get("body") == sought.text]
        if not ours:
            return None
        at, sid, message = ours[0]
        code = message.get("error_code")
        return status_receipt(
            sought.message_id,
            sid=sid,
            status=str(message.get("status")),
            error_code=None if code is None else str(code),
            reason=None,
            at=at,
            raw=json.dumps({"sid": sid, "status": message.get("status"), "error_code": code}),
            looked_up=True,
        )


class TwilioCallLookUp(_TwilioLookUp):
    """Twilio's list of calls."""

    name = twilio_voice.NAME
    resource = "Calls"

    async def _find(
        self, session: aiohttp.ClientSession, sought: Sought, taken: set[str]
    ) -> Receipt | None:
        if sought.sender is None:
            return None  # anybody of the shop may have called from another number
        more = {"From": sought.sender, "StartTime>": _first_day(sought)}
        fitting = await self._fitting(session, sought, taken, **more)
        ours = [one for one in fitting if one[2].get("from") == sought.sender]
        if len(ours) != 1:
            return None
        ((at, sid, call),) = ours
        status = str(call.get("status"))
        return twilio_voice.call_receipt(
            sought.message_id,
            sid=sid,
            status=status,
            error_code=None,
            at=at,
            raw=json.dumps({"sid": sid, "status": status}),
            looked_up=True,
        )


class SendGridLookUp(_HttpLookUp):
    """SendGrid's Email Activity, where the account has it."""

    name = "sendgrid"

    def __init__(self, *, api_key: str, base_url: str, timeouts: Timeouts | None = None) -> None:
        """Raises ``ValueError`` for a base URL that is not https, loopback aside."""
        headers = {"Authorization": f"Bearer {api_key}"}
        super().__init__(base_url=base_url, headers=headers, timeouts=timeouts)

    async def _find(
        self, session: aiohttp.ClientSession, sought: Sought, taken: set[str]
    ) -> Receipt | None:
        if '"' in sought.to:
            return None  # it would end the query's text
        query = urlencode({"limit": 50, "query": f'to_email="{sought.to}"'}, quote_via=quote)
        answer = await self._get(session, "/v3/messages", query)
        listed = answer.get("messages") if isinstance(answer, dict) else None
        asked = 0
        for message in listed if isinstance(listed, list) else ():
            if not isinstance(message, dict) or not isinstance(message.get("msg_id"), str):
                continue
            key, at = message["msg_id"], _iso(message.get("last_event_time"))
            if message.get("subject") != sought.subject or at is None:
                continue
            if at < sought.since - _MARGIN or key.partition(".")[0] in sought.known:
                continue
            if asked == _CANDIDATES:
                break
            asked += 1
            detail = await self._get(session, f"/v3/messages/{quote(key, safe='')}")
            if _own_id(detail) == sought.message_id:
                return _activity(sought.message_id, key, message, at)
        return None


def _activity(message_id: str, key: str, message: dict[str, Any], at: datetime) -> Receipt:
    status = str(message.get("status"))
    is_failure = status == "not_delivered"
    return Receipt(
        provider="sendgrid",
        id=f"{key}:{status}"[:255],
        kind=_ACTIVITY.get(status, ReceiptKind.OTHER),
        message_id=message_id,
        at=at,
        provider_message_id=key.partition(".")[0],
        reason="SendGrid's activity says: not delivered" if is_failure else None,
        looked_up=True,
        raw=json.dumps({"msg_id": key, "status": status}),
    )


def _own_id(detail: Any) -> str | None:
    arguments = detail.get("unique_args") if isinstance(detail, dict) else None
    if isinstance(arguments, str):  # documented as "JSON hash of key-value pairs"
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return None
    value = arguments.get("lagniappe_message_id") if isinstance(arguments, dict) else None
    return value if isinstance(value, str) else None


def _moment(message: dict[str, Any]) -> datetime | None:
    """Twilio's times are RFC 2822 dates in UTC."""
    for name in ("date_created", "date_sent", "start_time"):
        value = message.get(name)
        if isinstance(value, str):
            try:
                return _aware(parsedate_to_datetime(value))
            except (ValueError, TypeError):
                continue
    return None


def _iso(value: Any) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        return _aware(datetime.fromisoformat(value))
    except ValueError:
        return None


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
