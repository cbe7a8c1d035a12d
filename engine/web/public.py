"""``/u/{token}``: the unsubscribe page, and RFC 8058's one-click POST to the same address.

GET shows and changes nothing, because mail programs and scanners follow links. Only POST acts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal
from urllib.parse import parse_qs

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from config.policy import Brand
from engine.links import BadToken
from engine.ports.storage import Contended
from engine.services.unsubscribe import NotUndoable, UnknownMessage, View
from engine.web.body import read_body
from engine.web.errors import plain_page
from engine.web.health import Endpoint
from engine.web.page import Button, page
from engine.web.services import WebServices
from engine.web.wording import LANGUAGES, Wording, choose

PATH: Final = "/u/{token}"
MOST: Final = 16 * 1024

log = structlog.get_logger(__name__)

Wish = Literal["one-click", "unsubscribe", "subscribe"]


def unsubscribe_endpoint(services: WebServices) -> Endpoint:
    """The page's endpoint for GET, HEAD and POST."""
    unsubscribe = services.unsubscribe

    async def visit(request: Request) -> Response:
        token: str = request.path_params["token"]
        if request.method != "POST":
            return await _answer(services, request, lambda: unsubscribe.read(token))
        wish = _wish(await read_body(request, most=MOST))
        if wish == "one-click":
            return await _answer(
                services, request, lambda: unsubscribe.unsubscribe(token, "one-click"), brief=True
            )
        if wish == "subscribe":
            return await _answer(
                services, request, lambda: unsubscribe.resubscribe(token), back=True
            )
        return await _answer(services, request, lambda: unsubscribe.unsubscribe(token, "page"))

    return visit


def _wish(body: bytes) -> Wish:
    """What a POST asks for; anything unclear means to unsubscribe, the one safe reading.

    RFC 8058, 3.2: the body is ``List-Unsubscribe=One-Click``, urlencoded or multipart.
    """
    if b"list-unsubscribe" in body.lower() and b"one-click" in body.lower():
        return "one-click"
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=20)
    except ValueError:
        return "unsubscribe"
    return "subscribe" if fields.get("action") == ["subscribe"] else "unsubscribe"


async def _answer(
    services: WebServices,
    request: Request,
    act: Callable[[], View],
    *,
    brief: bool = False,
    back: bool = False,
) -> Response:
    policy = services.policy()
    accepted = request.headers.get("accept-language")
    language = choose(accepted, policy.locale)
    words = LANGUAGES[language]
    try:
        view = await run_in_threadpool(act)
    except (BadToken, UnknownMessage):
        return _sentence(policy.brand, language, words.broken_heading, words.broken, 404)
    except NotUndoable:
        return _sentence(policy.brand, language, words.done_heading, words.fixed, 409)
    except Contended:
        log.warning("unsubscribe_contended")
        answer = _sentence(policy.brand, language, words.busy_heading, words.busy, 503)
        answer.headers["Retry-After"] = "60"
        return answer
    language = choose(accepted, view.locale, policy.locale)
    words = LANGUAGES[language]
    if brief:
        return plain_page(200, words.done_heading)
    return _page(policy.brand, language, words, view, back=back)


def _page(brand: Brand, language: str, words: Wording, view: View, *, back: bool) -> Response:
    paragraphs: tuple[str, ...]

    def fill(sentence: str) -> str:
        return sentence.format(brand=brand.name, address=view.address, way=words.way[view.channel])

    ask = Button(action="unsubscribe", label=words.ask_button, quiet=back)
    undo = Button(action="subscribe", label=words.undo_button, quiet=True)
    button: Button | None
    if back:
        heading, paragraphs, button = words.back_heading, (fill(words.back),), ask
    elif view.status != "unsubscribed":
        heading, paragraphs, button = words.ask_heading, (fill(words.ask), words.kept), ask
    elif view.can_undo:
        heading = words.done_heading
        paragraphs, button = (fill(words.done), words.kept, words.undo), undo
    else:
        heading, paragraphs, button = words.done_heading, (fill(words.done), words.kept), None
    return page(brand, language=language, heading=heading, paragraphs=paragraphs, button=button)


def _sentence(brand: Brand, language: str, heading: str, text: str, status: int) -> Response:
    paragraphs = (text.format(support=brand.support.email),)
    return page(brand, language=language, heading=heading, paragraphs=paragraphs, status=status)
