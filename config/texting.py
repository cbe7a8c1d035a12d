"""The ``sms`` part of ``config/store.yaml``: keywords of the shop's own, and who answers them."""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from config import keywords
from config.diagnostics import nearest
from config.keywords import fold, folded

# Twilio takes bodies of up to 1,600 characters; an answer longer than a few segments is a mistake.
_LONGEST: Final = 480
_FIELD: Final = re.compile(r"\{([^{}]*)\}")
_FIELDS: Final = ("brand", "help")
_BUILT_IN: Final = {
    "stop": folded(keywords.STOP),
    "start": folded(keywords.START),
    "help": folded(keywords.HELP),
}


def _keyword(value: str) -> str:
    if not fold(value):
        raise ValueError(f'"{value}" has no letter or figure, so no text could be it')
    return value


def _with_known_fields(value: str) -> str:
    for name in _FIELD.findall(value):
        if name not in _FIELDS:
            near = nearest(name, _FIELDS)
            hint = f"; did you mean {{{near}}}?" if near else ""
            raise ValueError(
                f"{{{name}}} is nothing to fill in; there are {{brand}} and {{help}}{hint}"
            )
    return value


Keyword = Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(_keyword)]
Words = Annotated[tuple[Keyword, ...], Field(max_length=100)]
AnswerText = Annotated[
    str, StringConstraints(min_length=1, max_length=_LONGEST), AfterValidator(_with_known_fields)
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeywordLists(_Part):
    """Whole messages that are keywords, beside those that Twilio knows by itself."""

    stop: Words = keywords.MORE_STOP
    start: Words = ()
    help: Words = keywords.MORE_HELP

    @model_validator(mode="after")
    def _each_in_one_list(self) -> Self:
        kinds: dict[str, str] = {word: kind for kind, words in _BUILT_IN.items() for word in words}
        for kind in ("stop", "start", "help"):
            for word in getattr(self, kind):
                other = kinds.setdefault(fold(word), kind)
                if other != kind:
                    built_in = " of Twilio's own" if fold(word) in _BUILT_IN[other] else ""
                    raise ValueError(
                        f'"{word}" is in {kind} and is a word of {other}{built_in}; '
                        "a word can mean one thing only"
                    )
        return self

    @property
    def all_stop(self) -> frozenset[str]:
        """Every word for no more texts, folded."""
        return _BUILT_IN["stop"] | folded(self.stop)

    @property
    def all_start(self) -> frozenset[str]:
        """Every word for texts again, folded."""
        return _BUILT_IN["start"] | folded(self.start)

    @property
    def all_help(self) -> frozenset[str]:
        """Every word for help, folded."""
        return _BUILT_IN["help"] | folded(self.help)


class AnswerTexts(_Part):
    """What is answered to keywords, where the shop answers itself.

    One confirmation of an opt-out, without any marketing in it, is allowed within five minutes (47
    CFR 64.1200(a)(12)). Help must name the brand and a way to reach it (CTIA, "Short Code
    Monitoring Handbook").
    """

    stop: AnswerText = (
        "{brand}: you will get no more messages from us. Reply START to get them again."
    )
    start: AnswerText = (
        "{brand}: you will get messages from us again. Reply HELP for help, STOP to end."
    )
    help: AnswerText = (
        "{brand}: help at {help}. Msg & data rates may apply. Reply STOP to get no more messages."
    )


class Texting(_Part):
    """What customers write back by SMS.

    ``answers``: ``twilio`` where Twilio answers STOP, START and HELP itself, as it does for long
    codes, toll-free numbers and messaging services; ``ours`` where it does not: short codes without
    a messaging service, and accounts whose handling was switched off.
    """

    answers: Literal["twilio", "ours"] = "twilio"
    keywords: KeywordLists = KeywordLists()
    texts: AnswerTexts = AnswerTexts()
