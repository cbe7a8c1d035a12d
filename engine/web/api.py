"""``POST /v1/events``: the answer comes when the events are durable.

The endpoint works on the bare request: routing by FastAPI's parameters would cost more per event
than reading it does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.ports.stored import Incoming
from engine.services.inbox import NotStored, Overloaded
from engine.web.body import MEGABYTE, read_body
from engine.web.errors import as_json, problem
from engine.web.services import WebServices
from engine.web.tokens import Tokens
from triggers.event import Event
from triggers.sources import cloudevents
from triggers.sources.native import Batch, Refused, parse_events, serialize

PATH: Final = "/v1/events"
MOST: Final = 5 * MEGABYTE
MEDIA_TYPES: Final = ("application/json", cloudevents.SINGLE, cloudevents.BATCH)

# Beyond this a body is read in a thread: reading it would make other senders wait.
_LONG: Final = 64 * 1024
_ONE_TAKEN: Final = as_json({"accepted": 1, "rejected": 0}, 202)


def events_endpoint(services: WebServices) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint."""
    tokens = Tokens(lambda: services.settings().api_token)
    inbox, clock, catalog, metrics = (
        services.inbox,
        services.clock,
        services.catalog,
        services.metrics,
    )

    def read(body: bytes, content_type: str, now: datetime) -> tuple[Batch, list[Incoming]]:
        batch = parse_events(body, received_at=now, content_type=content_type, catalog=catalog())
        incoming = [
            Incoming(event=event, body=serialize(event), received_at=now) for event in batch.events
        ]
        return batch, incoming

    async def post_events(request: Request) -> Response:
        if (refusal := tokens.refuse(request)) is not None:
            return refusal
        content_type = request.headers.get("content-type", "")
        if (refusal := _refuse_form(request, content_type)) is not None:
            return refusal
        body = await read_body(request, most=MOST)
        now = clock.now()
        if len(body) <= _LONG:
            batch, incoming = read(body, content_type, now)
        else:
            batch, incoming = await run_in_threadpool(read, body, content_type, now)
        try:
            await inbox.accept(incoming)
        except (Overloaded, NotStored) as error:
            return unavailable(error)
        if len(batch.items) == 1 and incoming:
            return _ONE_TAKEN
        if refused := len(batch.items) - len(incoming):
            metrics.events_rejected(refused)
        return _answer(batch, len(incoming), refused)

    return post_events


def unavailable(error: Overloaded | NotStored) -> Response:
    """Nothing is known to be stored: come again in a second."""
    return problem(503, str(error), {"Retry-After": "1"})


def _refuse_form(request: Request, content_type: str) -> Response | None:
    media = content_type.partition(";")[0].strip().lower()
    if media not in MEDIA_TYPES:
        got = f'not "{media[:100]}"' if media else "and say so in Content-Type"
        return problem(415, f"send {', '.join(MEDIA_TYPES[:2])} or {MEDIA_TYPES[2]}, {got}")
    coding = request.headers.get("content-encoding", "identity")
    if coding.strip().lower() != "identity":
        return problem(
            415, "send the body without Content-Encoding", {"Accept-Encoding": "identity"}
        )
    return None


def _answer(batch: Batch, accepted: int, refused: int) -> Response:
    counts = {"accepted": accepted, "rejected": refused}
    if not refused and accepted:
        return as_json(counts, 202)
    items = [_verdict(index, item) for index, item in enumerate(batch.items)]
    if accepted:
        return as_json({**counts, "items": items}, 207)
    if not items:
        return problem(400, "the array is empty", None, **counts, items=items)
    first = batch.refused[0]
    where = f"event {first.index}: " if len(items) > 1 else ""
    message = f"no event was accepted; {where}{first.problems[0]}"
    return problem(400, message, None, **counts, items=items)


def _verdict(index: int, item: Event | Refused) -> dict[str, Any]:
    if isinstance(item, Event):
        return {"index": index, "id": item.id, "status": "accepted", "errors": []}
    errors = [{"path": one.path, "message": one.message} for one in item.problems]
    return {"index": index, "id": item.id, "status": "rejected", "errors": errors}
