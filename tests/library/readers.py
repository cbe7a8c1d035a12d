"""Whom the library's messages are tried on: of some everything is known, of others next to nothing.

Every message is rendered as its campaign would send it, so that results of earlier steps are there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Final

from engine.core.message import Content
from engine.rendering.sample import SAMPLE_CONTEXT, SPARSE_CONTEXT
from engine.rendering.templates import MessageTemplates
from engine.rendering.values import shop_context
from engine.services.preview import campaign_previews, of_sample
from tests.library.walk import WORKSPACE, campaigns, policy

_LEFT_OF_A_LINE: Final = ("title", "quantity", "product_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """One message as it is for one reader."""

    campaign: str
    purpose: str
    template: str
    part: str
    locale: str
    reader: str
    content: Content

    def __str__(self) -> str:
        return f"{self.template} ({self.part}, {self.locale}) for who is known {self.reader}"


def _wholly() -> dict[str, Any]:
    return copy.deepcopy(SAMPLE_CONTEXT)


def _hardly() -> dict[str, Any]:
    return copy.deepcopy(SPARSE_CONTEXT)


def _by_titles_alone() -> dict[str, Any]:
    """No name and no telephone; of what was bought only the words: no picture or page; a price of
    zero is that of a source which tells none."""
    context = copy.deepcopy(SPARSE_CONTEXT)
    context["order"]["lines"] = [
        dict.fromkeys(line) | {"price": Decimal(0)} | {key: line[key] for key in _LEFT_OF_A_LINE}
        for line in SAMPLE_CONTEXT["order"]["lines"]
    ]
    context["links"] = dict(SAMPLE_CONTEXT["links"])
    return context


READERS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "wholly": _wholly,
    "hardly": _hardly,
    "by titles alone": _by_titles_alone,
}


@cache
def templates() -> MessageTemplates:
    """The library's templates, for its own shop."""
    return MessageTemplates(WORKSPACE / "message_templates", shop=shop_context(policy()))


@cache
def messages() -> tuple[Made, ...]:
    """Every message of every campaign, in each of its languages, for each reader."""
    return tuple(_messages())


def _messages() -> Iterator[Made]:
    languages = sorted({tag for name in templates().names() for tag in _locales(name)})
    for name, compiled in campaigns().items():
        for reader, make in READERS.items():
            for locale in languages:
                sample = of_sample(make(), locale)
                for made in campaign_previews(compiled.plan, sample, templates()):
                    if locale in _locales(made.template):
                        yield Made(
                            campaign=name,
                            purpose=compiled.plan.purpose,
                            template=made.template,
                            part=made.channel,
                            locale=locale,
                            reader=reader,
                            content=made.content,
                        )


def _locales(template: str) -> tuple[str, ...]:
    info = templates().info(template)
    assert info is not None, template
    return info.locales
