"""What marketing is about: topics of ``config/store.yaml`` that customers can tell apart.

A campaign names its topic (``topic: reviews``); customers may decline one topic and keep another.
A campaign without a topic is only under the consent to its channel.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from babel import Locale, UnknownLocaleError
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

ANY_LANGUAGE = "any"  # the key under which a text without languages stands

_ID = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*", re.ASCII)


def topic_id(value: str) -> str:
    """``value`` when it can name a topic; raises ValueError."""
    if not _ID.fullmatch(value) or len(value) > 64:
        raise ValueError(
            f"{value} cannot name a topic; write lower-case letters, digits and dashes, "
            "as in offers"
        )
    return value


def locale_name(value: str) -> str:
    """``value`` when it names a language or locale; raises ValueError."""
    try:
        Locale.parse(value, sep="-")
    except (ValueError, UnknownLocaleError):
        raise ValueError(f"{value} is not a locale; write it as in en-US") from None
    return value


def _language(value: str) -> str:
    return value if value == ANY_LANGUAGE else locale_name(value)


def _by_language(value: Any) -> Any:
    return {ANY_LANGUAGE: value} if isinstance(value, str) else value


def _not_empty(value: dict[str, str]) -> dict[str, str]:
    if not value:
        raise ValueError("it names no language; write text, or a text for each language")
    return value


Language = Annotated[str, AfterValidator(_language)]
Phrase = Annotated[
    dict[Language, Annotated[str, Field(min_length=1, max_length=200)]],
    BeforeValidator(_by_language),
    AfterValidator(_not_empty),
]
"""A short text for customers: one for all, or one a language."""
Paragraph = Annotated[
    dict[Language, Annotated[str, Field(min_length=1, max_length=1000)]],
    BeforeValidator(_by_language),
    AfterValidator(_not_empty),
]
"""A longer one."""

TopicId = Annotated[str, AfterValidator(topic_id)]


def in_language(phrase: Mapping[str, str], locale: str | None, fallback: str) -> str:
    """The text for ``locale``: its own, its language's, the same for ``fallback``, else the first.

    ``fallback`` is the store's locale.
    """
    for wanted in (locale, fallback):
        if wanted is not None:
            for key in (wanted, wanted.partition("-")[0]):
                if key in phrase:
                    return phrase[key]
    return phrase.get(ANY_LANGUAGE) or next(iter(phrase.values()))


class Topic(BaseModel):
    """One topic: what customers read when they choose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Phrase
    about: Phrase | None = None
