"""What the rest of the engine asks of message templates: what they are, and their rendering."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from config.diagnostics import Diagnostic, Position
from engine.core.message import Channel, Content
from engine.core.value import value_class

SCRIPT: Final = "script"
Part = Channel | Literal["script"]
"""What a template is for: a message on a channel, or what a person says who calls."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """What a part of a template does not have in one language, as the sample shows.

    ``unsubscribe``: no link that ends it; ``postal_address``: the shop's is not there; ``opt_out``:
    a text without a word that ends it; ``neutrality``: it asks for a good review; ``support`` and
    ``support_hours``: the support's address, or when it answers, is not there. ``file`` is what
    would be mended: the layout where there is one around the part, else the part's own.
    """

    what: Literal[
        "unsubscribe", "postal_address", "opt_out", "neutrality", "support", "support_hours"
    ]
    part: Literal["html", "text", "sms"]
    locale: str
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateInfo:
    """What ``check`` and a campaign's author may know of one template.

    ``channels`` are those of which the template has all parts in its default language. ``locales``
    are BCP 47 tags, the default first. ``variables`` holds the dotted names that the template
    reads, with the place of the first use (an order line's title is ``order.lines.title``);
    ``step_names`` is the part of it whose root no template knows by itself, so it must be the id of
    a step of the campaign. ``segments`` estimates, by locale, the SMS segments of the sample;
    ``texts`` are their words.
    """

    name: str
    channels: frozenset[str]
    locales: tuple[str, ...]
    variables: Mapping[str, Position]
    step_names: Mapping[str, Position] = field(default_factory=dict)
    diagnostics: tuple[Diagnostic, ...] = ()
    segments: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    lacks: tuple[Lack, ...] = ()


@value_class
class Packed:
    """Rendered content as it is kept: readable only with ``sample``, whose hash is its id."""

    sample_id: str
    sample: bytes
    packed: bytes


class RenderError(Exception):
    """A template that could not be rendered: which, why, and where (when it is a template's line).

    ``reason`` names fields, never their values: it may be logged.
    """

    def __init__(self, template: str, reason: str, position: Position | None = None) -> None:
        at = f" ({position.file}:{position.line}:{position.column})" if position else ""
        super().__init__(f"template {template}: {reason}{at}")
        self.template = template
        self.reason = reason
        self.position = position


class Templates(Protocol):
    """The workspace's message templates."""

    def names(self) -> frozenset[str]:
        """The names of all templates, usable or not."""
        ...

    def info(self, name: str) -> TemplateInfo | None:
        """What is known of the template as its files now stand; None when there is none."""
        ...


Track = Callable[[str], str]
"""The address that a link to this one shall have instead; the same where it stays."""


class WhenAsked(Mapping[str, object]):
    """Values that are made when somebody first reads one: not every message is rendered."""

    def __init__(self, make: Callable[[], Mapping[str, object]]) -> None:
        self._make = make
        self._made: Mapping[str, object] | None = None

    @property
    def made(self) -> Mapping[str, object]:
        """The values."""
        if self._made is None:
            self._made = self._make()
        return self._made

    def __getitem__(self, root: str) -> object:
        return self.made[root]

    def __iter__(self) -> Iterator[str]:
        return iter(self.made)

    def __len__(self) -> int:
        return len(self.made)


class Renderer(Protocol):
    """Turns a template and what is known of the customer into the words that are sent."""

    def render(
        self,
        template: str,
        channel: str,
        locale: str | None,
        context: Mapping[str, object],
        track: Track | None = None,
    ) -> Content:
        """The message's parts in the language that comes nearest to ``locale`` (BCP 47).

        ``track`` replaces the links to http and https addresses.

        :raises RenderError: the template is missing, faulty, has no such channel, or fails on
            these values.
        """
        ...

    def reads(self, template: str, root: str) -> bool:
        """Whether the template reads anything of a root, such as ``order``."""
        ...

    def revision(self, template: str) -> str:
        """A hash of all that the template's renderings follow from, besides the context.

        :raises RenderError: there is no usable template of this name.
        """
        ...

    def sample(self, template: str, channel: str, locale: str | None) -> bytes:
        """The sample customer's rendering: the zlib dictionary for stored content.

        Equal revisions have equal samples.

        :raises RenderError: as for ``render``.
        """
        ...

    def pack(
        self, template: str, channel: str, locale: str | None, content: Content
    ) -> Packed | None:
        """A rendering compressed for keeping; None from a renderer of whose none are kept.

        :raises RenderError: as for ``render``.
        """
        ...
