"""``/r/{code}``: who invites, what both get, and the way to the shop.

GET changes nothing but leaves an observation, marked when it is a machine's. A friend may POST the
address that they will order with. The page names the referrer by first name alone, and never says
whether an address is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qs

import structlog
from email_validator import EmailNotValidError, validate_email
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from config.policy import Policy
from config.referrals import friend_code
from config.topics import in_language
from engine.core.machines import fetches_ahead
from engine.ports.storage import Contended
from engine.services.referral_pages import Invitation, UnknownCode
from engine.web.body import read_body
from engine.web.health import Endpoint
from engine.web.page import page, sentence
from engine.web.referral_wording import REFERRAL_WORDS
from engine.web.services import WebServices
from engine.web.wording import choose

PATH: Final = "/r/{code}"
_MOST: Final = 4 * 1024
_MOST_FIELDS: Final = 20
_LONGEST_EMAIL: Final = 254  # RFC 5321, 4.5.3.1.3
_LONGEST_NAME: Final = 40
_PURPOSE: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")

Said = Literal["noted", "no_email", "no_consent"]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Form:
    email: str | None
    agreed: bool


def referral_endpoint(services: WebServices) -> Endpoint:
    """The page's endpoint for GET, HEAD and POST."""

    async def visit(request: Request) -> Response:
        policy = services.policy()
        language = choose(request.headers.get("accept-language"), policy.locale)
        words = REFERRAL_WORDS[language]
        code: str = request.path_params["code"]
        said: Said | None = None
        try:
            if request.method == "POST":
                form = _form(await read_body(request, most=_MOST))
                if form.email is None:
                    said = "no_email"
                elif not form.agreed:
                    said = "no_consent"
                if said is None and form.email is not None:
                    agreed_to = words.consent.format(brand=policy.brand.name)
                    shown = await run_in_threadpool(
                        services.referrals.claim, code, form.email, agreed_to
                    )
                    return invitation_page(policy, language, shown, "noted")
            shown = await run_in_threadpool(services.referrals.read, code)
        except UnknownCode:
            text = words.broken.format(support=policy.brand.support.email)
            return sentence(policy.brand, language, words.broken_heading, text, 404)
        except Contended:
            log.warning("referral_contended")
            answer = sentence(policy.brand, language, words.busy_heading, words.busy, 503)
            answer.headers["Retry-After"] = "60"
            return answer
        answer = invitation_page(policy, language, shown, said)
        if request.method != "POST":
            answer.background = BackgroundTask(
                services.referrals.observe,
                shown,
                user_agent=request.headers.get("user-agent"),
                machine=_is_machine(request),
            )
        return answer

    return visit


def invitation_page(
    policy: Policy, language: str, shown: Invitation, said: Said | None
) -> Response:
    """The page as it is now; ``said`` is the answer to what the visitor sent, if anything."""
    words, program, brand = REFERRAL_WORDS[language], shown.program, policy.brand.name
    name = (shown.first_name or "").strip()[:_LONGEST_NAME]

    def fill(text: str) -> str:
        return text.format(brand=brand, name=name)

    def own(phrase: dict[str, str]) -> str:
        return in_language(phrase, language, policy.locale)

    return page(
        policy.brand,
        "referral.html",
        language=language,
        status=422 if said in ("no_email", "no_consent") else 200,
        words=words,
        heading=fill(words.invited_by if name else words.invited),
        text=own(program.text),
        friend_gets=own(program.friend.text),
        referrer_gets_label=fill(words.name_gets if name else words.they_get),
        referrer_gets=own(program.reward.text),
        shop_url=shown.shop_url,
        code=friend_code(program, policy.offers) or shown.code,
        consent=fill(words.consent),
        notice=words.noted if said == "noted" else None,
        warning={"no_email": words.no_email, "no_consent": words.no_consent}.get(said or ""),
    )


def _form(body: bytes) -> _Form:
    try:
        fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS)
    except ValueError:
        return _Form(None, False)
    told = fields.get("email", [""])[0].strip()
    agreed = bool(fields.get("agreed"))
    if len(told) > _LONGEST_EMAIL:
        return _Form(None, agreed)
    try:
        email = validate_email(told, check_deliverability=False).normalized
    except EmailNotValidError:
        return _Form(None, agreed)
    return _Form(email, agreed)


def _is_machine(request: Request) -> bool:
    ahead = any(fetches_ahead(request.headers.get(name, "")) for name in _PURPOSE)
    return request.method == "HEAD" or ahead
