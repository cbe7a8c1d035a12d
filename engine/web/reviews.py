"""``/v/{token}``: a page on which what was bought is reviewed.

GET shows it, with the stars of the link's ``stars`` chosen for the product of ``p``, and changes
nothing; only POST is a review.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from engine.links import BadToken
from engine.ports.storage import Contended
from engine.services.review_page import Reviewed, ReviewView, Said
from engine.services.unsubscribe import UnknownMessage
from engine.web.body import read_body
from engine.web.health import Endpoint
from engine.web.page import page, sentence
from engine.web.review_wording import REVIEW_LANGUAGES
from engine.web.services import WebServices
from engine.web.wording import choose

PATH: Final = "/v/{token}"
MOST: Final = 256 * 1024
_MOST_FIELDS: Final = 500

log = structlog.get_logger(__name__)


def review_endpoint(services: WebServices) -> Endpoint:
    """The page's endpoint for GET, HEAD and POST."""

    async def visit(request: Request) -> Response:
        said: dict[int, Said] | None = None
        if request.method == "POST":
            said = _said(await read_body(request, most=MOST))
        return await _answer(services, request, said)

    return visit


def _said(body: bytes) -> dict[int, Said]:
    """What a form says of each product: ``stars_1``, ``text_1``; nothing without stars."""
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return {}
    found = {}
    for name, values in fields.items():
        word, _, number = name.partition("_")
        if word == "stars" and _is_number(number) and values[0] in ("1", "2", "3", "4", "5"):
            text = fields.get(f"text_{number}", [""])[0].replace("\r\n", "\n").strip()
            found[int(number)] = Said(stars=int(values[0]), text=_printable(text))
    return found


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _printable(text: str) -> str:
    return "".join(each for each in text if each.isprintable() or each == "\n")


async def _answer(
    services: WebServices, request: Request, said: Mapping[int, Said] | None
) -> Response:
    policy = services.policy()
    accepted = request.headers.get("accept-language")
    language = choose(accepted, policy.locale)
    words = REVIEW_LANGUAGES[language]
    token: str = request.path_params["token"]

    def say(heading: str, text: str, status: int) -> Response:
        told = text.format(support=policy.brand.support.email)
        return sentence(policy.brand, language, heading, told, status)

    reviews = services.reviews
    try:
        if said:
            view = await run_in_threadpool(reviews.submit, token, said)
        else:
            view = await run_in_threadpool(reviews.read, token)
    except (BadToken, UnknownMessage):
        return say(words.broken_heading, words.broken, 404)
    except Contended:
        log.warning("review_contended")
        answer = say(words.busy_heading, words.busy, 503)
        answer.headers["Retry-After"] = "60"
        return answer
    language = choose(accepted, view.locale, policy.locale)
    words = REVIEW_LANGUAGES[language]
    if not view.products:
        return say(words.nothing_heading, words.nothing, 200)
    query = request.query_params
    wished = (query.get("p", ""), query.get("stars", "")) if said is None else ("", "")
    return page(
        policy.brand,
        "review.html",
        language=language,
        status=200 if said is None or said else 400,
        words=words,
        heading=words.thanks_heading if said else words.heading,
        ask=words.ask.format(brand=policy.brand.name),
        notice=_notice(words.thanks.format(brand=policy.brand.name), words.no_stars, said),
        products=_chosen(view, *wished),
    )


def _notice(thanks: str, no_stars: str, said: Mapping[int, Said] | None) -> str | None:
    if said is None:
        return None
    return thanks if said else no_stars


def _chosen(view: ReviewView, number: str, stars: str) -> list[tuple[Reviewed, int | None]]:
    """The products with the stars that stand chosen, the one that the link is about first."""
    wanted = int(number) if _is_number(number) else None
    chosen = int(stars) if stars in ("1", "2", "3", "4", "5") else None
    products = sorted(view.products, key=lambda one: (one.number != wanted, one.number))
    return [
        (one, chosen if one.number == wanted and chosen is not None else one.stars)
        for one in products
    ]
