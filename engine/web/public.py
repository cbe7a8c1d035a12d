"""``/u/{token}``: unsubscribe and preferences, and RFC 8058's one-click POST to the same address.

GET shows and changes nothing, because mail programs and scanners follow links. Only POST acts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.core.message import Channel
from engine.links import BadToken
from engine.ports.storage import Contended
from engine.services.unsubscribe import (
    PAUSES,
    Choice,
    NotUndoable,
    UnknownMessage,
    Unsubscribe,
    View,
)
from engine.web.body import read_body
from engine.web.errors import plain_page
from engine.web.health import Endpoint
from engine.web.page import sentence
from engine.web.preferences import CHANNEL, TOPIC, Done, preference_page
from engine.web.services import WebServices
from engine.web.wording import LANGUAGES, choose

PATH: Final = "/u/{token}"
MOST: Final = 16 * 1024
_MOST_FIELDS: Final = 500
_CHANNELS: Final[tuple[Channel, ...]] = ("email", "sms", "voice")

log = structlog.get_logger(__name__)

Act = Callable[[Unsubscribe, str], View]
_Fields = dict[str, list[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What a visitor asks for, and how the page answers it. ``is_brief``: to a mail program."""

    act: Act
    done: Done | None = None
    is_brief: bool = False


_LOOK: Final = _Wish(act=Unsubscribe.read)
_ONE_CLICK: Final = _Wish(act=lambda use, token: use.unsubscribe(token, "one-click"), is_brief=True)
_LEAVE: Final = _Wish(act=lambda use, token: use.unsubscribe(token, "page"))
_UNDO: Final = _Wish(act=Unsubscribe.resubscribe, done="back")
_RESUME: Final = _Wish(act=lambda use, token: use.pause(token, None), done="resumed")


def unsubscribe_endpoint(services: WebServices) -> Endpoint:
    """The page's endpoint for GET, HEAD and POST."""

    async def visit(request: Request) -> Response:
        wish = _LOOK
        if request.method == "POST":
            body = await read_body(request, most=MOST)
            wish = _wish(body, services.policy().topics)
        return await _answer(services, request, wish)

    return visit


def _wish(body: bytes, topics: Collection[str]) -> _Wish:
    """What a POST asks for; anything unclear means to unsubscribe, the one safe reading.

    RFC 8058, 3.2: the body is ``List-Unsubscribe=One-Click``, urlencoded or multipart.
    """
    if b"list-unsubscribe" in body.lower() and b"one-click" in body.lower():
        return _ONE_CLICK
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return _LEAVE
    match fields.get("action"):
        case ["subscribe"]:
            return _UNDO
        case ["resume"]:
            return _RESUME
        case ["save"]:
            choice = Choice(
                topics=_ticks(fields, TOPIC, topics), channels=_ticks(fields, CHANNEL, _CHANNELS)
            )
            return _Wish(act=lambda use, token: use.choose(token, choice), done="saved")
        case [action] if (days := _PAUSE_ACTIONS.get(action)) is not None:
            return _Wish(act=lambda use, token: use.pause(token, days), done="paused")
        case _:
            return _LEAVE


_PAUSE_ACTIONS: Final = {f"pause-{days}": days for days in PAUSES}


def _ticks(fields: _Fields, kind: str, known: Collection[Any]) -> dict[Any, bool]:
    """Which of the switches that the page showed are on: a form does not send the others."""
    shown, ticked = set(fields.get(f"shown_{kind}", ())), set(fields.get(kind, ()))
    return {value: value in ticked for value in known if value in shown}


async def _answer(services: WebServices, request: Request, wish: _Wish) -> Response:
    policy = services.policy()
    accepted = request.headers.get("accept-language")
    language = choose(accepted, policy.locale)
    words = LANGUAGES[language]
    token: str = request.path_params["token"]

    def say(heading: str, text: str, status: int) -> Response:
        told = text.format(support=policy.brand.support.email)
        return sentence(policy.brand, language, heading, told, status)

    try:
        view = await run_in_threadpool(wish.act, services.unsubscribe, token)
    except (BadToken, UnknownMessage):
        return say(words.broken_heading, words.broken, 404)
    except NotUndoable:
        return say(words.done_heading, words.fixed, 409)
    except Contended:
        log.warning("unsubscribe_contended")
        answer = say(words.busy_heading, words.busy, 503)
        answer.headers["Retry-After"] = "60"
        return answer
    language = choose(accepted, view.locale, policy.locale)
    if wish.is_brief:
        return plain_page(200, LANGUAGES[language].done_heading)
    return preference_page(policy, language, view, wish.done)
