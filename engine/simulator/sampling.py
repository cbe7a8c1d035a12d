"""Rendering only some of the messages: the first few of each template, channel and language."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from engine.core.message import Content
from engine.ports.rendering import Renderer, Track

SHOWN: Final = 2  # sample messages of a campaign on a channel
Kind = tuple[str, str, str]  # template, channel, language


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A message that was rendered, for people to look at."""

    campaign: str
    channel: str
    subject: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Rendered:
    """When a message was rendered, its id, and its words."""

    at: datetime
    message: str
    shown: Shown = field(compare=False)


class Firsts:
    """The first few messages of each kind by (time, id), which no order of work changes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._found: dict[Kind, list[Rendered]] = {}

    def lack(self, kind: Kind, at: datetime) -> bool:
        """Whether a message of this moment may be among them."""
        found = self._found.get(kind, [])
        return len(found) < self._most or at <= found[-1].at

    def take(self, kind: Kind, rendered: Rendered) -> None:
        """Keep one, if it is among them."""
        found = self._found.setdefault(kind, [])
        insort(found, rendered)
        del found[self._most :]

    def has_room(self, kind: Kind, at: datetime, message: str) -> bool:
        """Whether this very message would be among them."""
        found = self._found.get(kind, [])
        return len(found) < self._most or (at, message) < (found[-1].at, found[-1].message)

    def add(self, other: Firsts) -> None:
        """Take in those of other customers."""
        for kind, found in other._found.items():
            for each in found:
                self.take(kind, each)

    def samples(self) -> list[Shown]:
        """Some messages of each campaign and channel, for people to look at."""
        chosen: dict[tuple[str, str], list[Rendered]] = {}
        for each in sorted(one for found in self._found.values() for one in found):
            chosen.setdefault((each.shown.campaign, each.shown.channel), []).append(each)
        return [each.shown for _, found in sorted(chosen.items()) for each in found[:SHOWN]]


class Sampled:
    """``engine.ports.rendering.Renderer`` that renders ``most`` messages of a kind, then repeats.

    What is repeated is the last one rendered, so that segments and language stay those of a real
    message. ``most`` None renders all, and so do the channels ``in_full``.
    """

    def __init__(
        self,
        renderer: Renderer,
        most: int | None,
        clock: Callable[[], datetime],
        in_full: Collection[str] = (),
    ) -> None:
        self._renderer = renderer
        self._all = most is None
        self._clock = clock
        self._in_full = in_full
        self._last: dict[Kind, Content] = {}
        self._repeated: set[Kind] = set()  # that are only repeated, for time never goes back
        self.firsts = Firsts(SHOWN if most is None else most)

    def render(
        self,
        template: str,
        channel: str,
        locale: str | None,
        context: Mapping[str, object],
        track: Track | None = None,
    ) -> Content:
        """The message's parts, or those of another customer.

        :raises RenderError: as the renderer does, where it is asked.
        """
        kind = (template, channel, locale or "")
        if kind in self._repeated:
            return self._last[kind]
        now = self._clock()
        in_full = self._all or channel in self._in_full
        # Nothing of the context is looked at without need: it is made when it is.
        if not in_full and not self._is_first(kind, now, context):
            if not self.firsts.lack(kind, now):
                self._repeated.add(kind)
            return self._last[kind]
        content = self._renderer.render(template, channel, locale, context, track)
        if self.firsts.lack(kind, now):
            shown = Shown(
                campaign=_id(context["campaign"]),
                channel=channel,
                subject=content.subject,
                text=content.text,
            )
            self.firsts.take(kind, Rendered(at=now, message=_id(context["message"]), shown=shown))
        self._last[kind] = content
        return content

    def _is_first(self, kind: Kind, now: datetime, context: Mapping[str, object]) -> bool:
        return self.firsts.lack(kind, now) and self.firsts.has_room(
            kind, now, _id(context["message"])
        )

    def reads(self, template: str, root: str) -> bool:
        """The renderer's own."""
        return self._renderer.reads(template, root)

    def revision(self, template: str) -> str:
        """The renderer's own."""
        return self._renderer.revision(template)

    def sample(self, template: str, channel: str, locale: str | None) -> bytes:
        """The renderer's own."""
        return self._renderer.sample(template, channel, locale)

    def pack(self, template: str, channel: str, locale: str | None, content: Content) -> None:
        """Nothing: what is sent in a simulation is not kept."""


def _id(root: object) -> str:
    assert isinstance(root, Mapping)
    return str(root["id"])
