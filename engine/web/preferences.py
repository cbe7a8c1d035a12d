"""The page behind a message's link: what it says and offers, for what holds now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from babel.dates import format_date
from starlette.responses import Response

from config.policy import Policy
from config.topics import in_language
from engine.services.unsubscribe import PAUSES, View
from engine.web.page import page
from engine.web.wording import LANGUAGES, Wording

Done = Literal["back", "saved", "paused", "resumed"]

TOPIC: Final = "topic"
CHANNEL: Final = "channel"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Button:
    """The page's first button; ``quiet`` for the less expected choice."""

    action: str
    label: str
    quiet: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Switch:
    """One choice of a form."""

    kind: str
    value: str
    name: str
    about: str | None
    is_on: bool


def preference_page(policy: Policy, language: str, view: View, done: Done | None) -> Response:
    """The page as it is now. ``done`` is what the visitor has just had done by it, if anything.

    Unsubscribing comes first, since that is what the link in a message promises; nobody has to
    choose anything else before it. Who is unsubscribed is offered no topics and no pause.
    """
    words = LANGUAGES[language]
    until = view.paused_until
    date = _date(until, policy, language) if until is not None else ""

    def fill(text: str) -> str:
        return text.format(
            brand=policy.brand.name, address=view.address, way=words.way[view.channel], date=date
        )

    is_out = view.status == "unsubscribed"
    heading, paragraphs, button = _first(words, view, done)
    notices = {"saved": words.saved, "paused": words.paused_notice, "resumed": words.resumed}
    notice = notices.get(done) if done is not None else None
    return page(
        policy.brand,
        "preferences.html",
        language=language,
        words=words,
        heading=heading,
        paragraphs=[fill(text) for text in paragraphs],
        button=button,
        notice=None if notice is None else fill(notice),
        topics=() if is_out else _topics(policy, language, view),
        topics_legend=fill(words.topics_legend),
        channels=[
            _Switch(
                kind=CHANNEL,
                value=one.channel,
                name=words.channel[one.channel],
                about=one.address,
                is_on=one.is_on,
            )
            for one in view.others
        ],
        channels_legend=fill(words.channels_legend),
        pause=fill(words.pause),
        paused=None if is_out or until is None else fill(words.paused),
        pauses=[]
        if is_out or until is not None
        else [(days, words.pause_button.format(days=days)) for days in PAUSES],
    )


def _first(
    words: Wording, view: View, done: Done | None
) -> tuple[str, Sequence[str], _Button | None]:
    """The heading, what stands below it, and the button of the page's first part."""
    is_back = done == "back"
    ask = _Button(action="unsubscribe", label=words.ask_button, quiet=is_back)
    if is_back:
        return words.back_heading, (words.back,), ask
    if view.status != "unsubscribed":
        return words.ask_heading, (words.ask, words.kept), ask
    if view.can_undo:
        undo = _Button(action="subscribe", label=words.undo_button, quiet=True)
        return words.done_heading, (words.done, words.kept, words.undo), undo
    return words.done_heading, (words.done, words.kept), None


def _topics(policy: Policy, language: str, view: View) -> list[_Switch]:
    return [
        _Switch(
            kind=TOPIC,
            value=name,
            name=in_language(topic.name, language, policy.locale),
            about=in_language(topic.about, language, policy.locale) if topic.about else None,
            is_on=name not in view.declined,
        )
        for name, topic in policy.topics.items()
    ]


def _date(moment: datetime, policy: Policy, language: str) -> str:
    return format_date(moment.astimezone(policy.zone).date(), "long", locale=language)
