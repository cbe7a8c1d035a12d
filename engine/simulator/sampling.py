"""Rendering only some of the messages: the first few of each template, channel and language."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.message import Content
from engine.ports.rendering import Packed, Renderer, Track


class Sampled:
    """``engine.ports.rendering.Renderer`` that renders ``most`` messages of a kind, then repeats.

    What is repeated is the last one rendered, so that segments and language stay those of a real
    message. ``most`` None renders all.
    """

    def __init__(self, renderer: Renderer, most: int | None) -> None:
        self._renderer = renderer
        self._most = most
        self._rendered: dict[tuple[str, str, str | None], tuple[int, Content]] = {}

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
        key = (template, channel, locale)
        count, content = self._rendered.get(key, (0, None))
        if content is not None and self._most is not None and count >= self._most:
            return content
        content = self._renderer.render(template, channel, locale, context, track)
        self._rendered[key] = (count + 1, content)
        return content

    def reads(self, template: str, root: str) -> bool:
        """The renderer's own."""
        return self._renderer.reads(template, root)

    def revision(self, template: str) -> str:
        """The renderer's own."""
        return self._renderer.revision(template)

    def sample(self, template: str, channel: str, locale: str | None) -> bytes:
        """The renderer's own."""
        return self._renderer.sample(template, channel, locale)

    def pack(self, template: str, channel: str, locale: str | None, content: Content) -> Packed:
        """Nothing: what is sent in a simulation is not kept."""
        return Packed(sample_id="", sample=b"", packed=b"")
