"""``/s/{token}``: a survey's page, on which a score is chosen, explained and sent.

The link in a message only chooses a score. GET shows and changes nothing, because mail programs and
scanners follow links. Only POST records.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from config.policy import Policy
from engine.core.survey import LONGEST_COMMENT, SCALES
from engine.links import BadToken
from engine.ports.storage import Contended
from engine.programs.scales import labels
from engine.services.surveys import OffScale, SurveyView, TooManyAnswers
from engine.services.unsubscribe import UnknownMessage
from engine.web.body import read_body
from engine.web.health import Endpoint
from engine.web.page import page, sentence
from engine.web.services import WebServices
from engine.web.survey_wording import SURVEY_LANGUAGES
from engine.web.wording import choose

PATH: Final = "/s/{token}"
MOST: Final = 64 * 1024  # the longest comment, each character of it as four percent-encoded bytes
_MOST_FIELDS: Final = 10

State = Literal["asked", "missing", "saved"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Sent:
    """What a form holds; ``score`` None when none was chosen."""

    score: int | None
    comment: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Point:
    """One number of the scale."""

    score: int
    label: str
    is_chosen: bool


def survey_endpoint(services: WebServices) -> Endpoint:
    """The page's endpoint for GET, HEAD and POST."""

    async def visit(request: Request) -> Response:
        sent = None
        if request.method == "POST":
            sent = _read(await read_body(request, most=MOST))
        return await run_in_threadpool(_answer, services, request, sent)

    return visit


def _read(body: bytes) -> _Sent:
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        fields = {}
    score, comment = fields.get("score", [""])[-1], fields.get("comment", [""])[-1]
    is_number = score.isascii() and score.isdigit() and len(score) <= 2
    return _Sent(int(score) if is_number else None, comment)


def _answer(services: WebServices, request: Request, sent: _Sent | None) -> Response:
    policy = services.policy()
    accepted = request.headers.get("accept-language")
    language = choose(accepted, policy.locale)
    words = SURVEY_LANGUAGES[language]
    token: str = request.path_params["token"]

    def say(heading: str, text: str, status: int) -> Response:
        told = text.format(support=policy.brand.support.email)
        return sentence(policy.brand, language, heading, told, status)

    state: State = "asked" if sent is None else "saved"
    try:
        if sent is None or sent.score is None:
            view = services.surveys.read(token)
            state = "asked" if sent is None else "missing"
        else:
            try:
                view = services.surveys.submit(token, sent.score, sent.comment)
            except OffScale:
                view, state = services.surveys.read(token), "missing"
    except (BadToken, UnknownMessage):
        return say(words.over_heading, words.over, 404)
    except TooManyAnswers:
        return say(words.fixed_heading, words.fixed, 409)
    except Contended:
        log.warning("answer_contended")
        answer = say(words.busy_heading, words.busy, 503)
        answer.headers["Retry-After"] = "60"
        return answer
    language = choose(accepted, view.locale, policy.locale)
    written = sent.comment if sent is not None and state == "missing" else view.comment
    return survey_page(policy, language, view, state, written)


def survey_page(
    policy: Policy, language: str, view: SurveyView, state: State, comment: str | None
) -> Response:
    """The page as it is now; ``comment`` is what stands in its field."""
    words, scale = SURVEY_LANGUAGES[language], SCALES[view.kind]
    meaning = labels(view.kind, language)

    def fill(text: str) -> str:
        return text.format(brand=policy.brand.name, score=view.answered, highest=scale[-1])

    is_saved = state == "saved"
    notice = None
    if state == "asked" and view.answered is not None:
        notice = fill(words.answered)
    return page(
        policy.brand,
        "survey.html",
        language=language,
        status=422 if state == "missing" else 200,
        words=words,
        heading=words.thanks_heading if is_saved else words.heading,
        question=fill(words.questions[view.kind][view.about]),
        thanks=fill(words.thanks) if is_saved else None,
        notice=notice,
        missing=words.missing if state == "missing" else None,
        points=[
            _Point(score=score, label=meaning.get(score, ""), is_chosen=score == view.score)
            for score in scale
        ],
        ends=(meaning[scale[0]], meaning[scale[-1]]),
        button=words.send if view.answered is None else words.change_button,
        comment=comment or "",
        longest=LONGEST_COMMENT,
    )
