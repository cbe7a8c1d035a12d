"""What Twilio is told to say and to ask in a call.

https://www.twilio.com/docs/voice/twiml/gather, https://www.twilio.com/docs/voice/twiml/say,
https://www.twilio.com/docs/voice/twiml/dial
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from twilio.twiml.voice_response import VoiceResponse

from engine.core.message import Outgoing, VoiceCall
from engine.core.survey import SurveyKind
from engine.ports.calling import PATH, CallReply, Opening

_SILENCE: Final = 6  # seconds that somebody may take to press a key
_TWO_DIGITS: Final = frozenset({"nps"})  # ten has two: # ends the answer, or silence does
# A language without a place in it is not one of Twilio's; these are its usual places.
_PLACES: Final[Mapping[str, str]] = {
    "da": "da-DK", "de": "de-DE", "en": "en-US", "es": "es-ES", "fi": "fi-FI", "fr": "fr-FR",
    "it": "it-IT", "ja": "ja-JP", "nb": "nb-NO", "nl": "nl-NL", "pl": "pl-PL", "pt": "pt-BR",
    "sv": "sv-SE",
}  # fmt: skip
_PLACED: Final = frozenset({"en-GB", "en-AU", "es-MX", "es-US", "fr-CA", "pt-PT"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Words:
    thanks: str
    again: str
    transfer: str
    closed: str
    goodbye: str


_ENGLISH: Final = _Words(
    thanks="Thank you for your answer.",
    again="Sorry, that was not an answer. Please try once more.",
    transfer="To speak with us, press 1.",
    closed="Nobody is here to talk to you right now. Please call us during our opening hours.",
    goodbye="Goodbye.",
)
_GERMAN: Final = _Words(
    thanks="Vielen Dank für Ihre Antwort.",
    again="Das war leider keine Antwort. Bitte versuchen Sie es noch einmal.",
    transfer="Um mit uns zu sprechen, drücken Sie die 1.",
    closed="Gerade ist niemand für Sie da. Bitte rufen Sie uns zu unseren Zeiten an.",
    goodbye="Auf Wiederhören.",
)


def opening(outgoing: Outgoing, public_url: str | None) -> str:
    """What the customer hears who takes the call: words or a recording, then what is asked.

    Nothing is asked where Twilio cannot bring the answer, for want of a ``public_url``.
    """
    content, call = outgoing.content, outgoing.call or VoiceCall()
    begins = Opening(text=content.text, language=content.language, call=call)
    return _begun(begins, outgoing.message_id, public_url)


def _begun(begins: Opening, message_id: str, public_url: str | None) -> str:
    call, language, response = begins.call, begins.language, VoiceResponse()
    words, kind, transfer = _words(language), call.survey, call.transfer
    asks = public_url is not None and (kind is not None or transfer)
    for _ in range(2 if asks else 1):  # whoever says nothing hears it once more
        heard = response
        if asks:
            about = {"message_id": message_id, "transfer": "1" if transfer else ""}
            heard = _gather(response, public_url or "", kind, about)
        if call.recording is not None:
            heard.play(call.recording)
        else:
            heard.say(begins.text, **_spoken(language))
        if asks and kind is None:
            heard.say(words.transfer, **_spoken(_own(language)))
    return str(response)


def answering(reply: CallReply, public_url: str) -> str:
    """What is said to somebody in the middle of a call, and what they are asked next."""
    if reply.opens is not None:
        return _begun(reply.opens, reply.message_id or "", public_url)
    response, words = VoiceResponse(), _words(reply.locale)
    spoken = _spoken(_own(reply.locale))
    if reply.say is not None:
        response.say(getattr(words, reply.say), **spoken)
    about = {"message_id": reply.message_id or "", "transfer": "1" if reply.transfer else ""}
    if reply.ask is not None:
        _gather(response, public_url, reply.ask, {**about, "attempt": str(reply.attempt)})
    elif reply.offer_transfer:
        _gather(response, public_url, None, about).say(words.transfer, **spoken)
    if reply.dial is not None:
        action = f"{public_url}{PATH}?ended=1" if reply.tells_end else None
        response.dial(reply.dial, **({"action": action} if action else {}))
    elif reply.say != "goodbye" and reply.is_talk:
        response.say(words.goodbye, **spoken)
    return str(response)


def _gather(
    response: VoiceResponse, public_url: str, kind: SurveyKind | None, about: Mapping[str, str]
) -> VoiceResponse:
    asked = {"kind": kind} if kind is not None else {}
    query = urlencode({**{name: value for name, value in about.items() if value}, **asked})
    digits = 2 if kind in _TWO_DIGITS else 1
    return response.gather(
        action=f"{public_url}{PATH}?{query}",
        num_digits=digits,
        finish_on_key="#",
        timeout=_SILENCE,
    )


def _spoken(language: str | None) -> dict[str, str]:
    """The voice's language; none that Twilio might not know."""
    tag = language or ""
    known = tag if tag in _PLACED else _PLACES.get(tag.partition("-")[0])
    return {} if known is None else {"language": known}


def _words(language: str | None) -> _Words:
    return _GERMAN if (language or "").partition("-")[0] == "de" else _ENGLISH


def _own(language: str | None) -> str:
    """The language of our own words."""
    return "de" if (language or "").partition("-")[0] == "de" else "en"
