"""The workspace's ``message_templates/``: compiled, kept current, rendered."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from config.diagnostics import Diagnostic, Position, nearest
from config.utm import LinkTags
from engine.core.message import Content
from engine.ports.rendering import Packed, RenderError, TemplateInfo, Track
from engine.rendering.archive import pack
from engine.rendering.compilation import CompiledTemplate, TemplateCompiler, Variant
from engine.rendering.folder import LAYOUT, Folder, Stamp, read_folder, shortened, stamps
from engine.rendering.names import KNOWN_NAMES
from engine.rendering.values import MessageValues

_NO_ROOTS: frozenset[str] = frozenset()


class MessageTemplates:
    """All templates under ``root`` (implements ``Templates`` and ``Renderer``).

    ``shop`` (``values.shop_context``) is built into the templates when they are compiled. Files
    without a language in their name are written in ``default_locale``. A template whose files turn
    faulty keeps rendering as it last compiled; ``info`` tells what is wrong. With ``lazily`` a
    template is compiled when it is first asked for: for a process that needs only a few of them.
    """

    def __init__(
        self,
        root: Path,
        *,
        shop: Mapping[str, object],
        default_locale: str = "en",
        tags: LinkTags | None = None,
        lazily: bool = False,
    ) -> None:
        self._root = root
        self._is_lazy = lazily
        self._awaited: set[str] = set()  # changed, and not compiled yet
        self._default_locale = default_locale
        self._shop: dict[str, object] = {}
        self._tags: LinkTags | None = None
        self._use(shop, tags)
        self._stamps: dict[str, dict[str, Stamp]] = {}
        self._folders: dict[str, Folder] = {}
        self._infos: dict[str, TemplateInfo] = {}
        self._roots: dict[str, frozenset[str]] = {}
        self._compiled: dict[str, CompiledTemplate] = {}
        self._chosen: dict[tuple[str, str, str | None], tuple[str, Variant]] = {}
        self.refresh()

    def _use(self, shop: Mapping[str, object], tags: LinkTags | None) -> None:
        self._tags = tags
        names = [name.split(".") for name in KNOWN_NAMES if name.startswith("shop.")]
        self._shop = dict.fromkeys(name[1] for name in names) | dict(shop)
        self._compiler = TemplateCompiler(self._shop, self._default_locale, tags)
        self._values = MessageValues(self._shop)

    def rebrand(self, shop: Mapping[str, object], tags: LinkTags | None = None) -> None:
        """Compile everything anew for a shop that has changed; nothing when it is the same."""
        former = self._shop, self._tags
        self._use(shop, tags)
        if (self._shop, self._tags) != former:
            self._stamps, self._folders = {}, {}
            self.refresh()

    def refresh(self) -> frozenset[str]:
        """Read what has changed on disk, and compile it unless that is left until it is asked for;
        the names whose ``info`` is new.

        A file has changed when its time or size has, and its content.
        """
        found: dict[str, dict[str, Stamp]] = {}
        if self._root.is_dir():
            for path in sorted(self._root.iterdir()):
                if path.is_dir() and not path.name.startswith(".") and path.name != "__pycache__":
                    found[path.name] = stamps(path)
        changed = {name for name in found if found[name] != self._stamps.get(name)}
        gone = self._folders.keys() - found.keys()
        self._stamps = found
        stale: set[str] = set()
        for name in changed:
            folder = read_folder(self._root / name, f"{self._root.name}/{name}")
            if folder != self._folders.get(name):
                self._folders[name] = folder
                stale.add(name)
        for name in gone:
            del self._folders[name]
            self._infos.pop(name, None)
            self._compiled.pop(name, None)
            self._roots.pop(name, None)
        if LAYOUT in stale | gone:
            stale |= self._folders.keys()
        stale.discard(LAYOUT)
        self._awaited = (self._awaited | stale) & self._folders.keys()
        if not self._is_lazy:
            for name in stale:
                self._compile(name)
        self._chosen = {}  # a new one: a choice under way in another thread ends in the old
        return frozenset(stale | (gone - {LAYOUT}))

    def _compile(self, name: str) -> None:
        self._awaited.discard(name)
        layout = self._folders.get(LAYOUT) or Folder(LAYOUT, LAYOUT, {}, ())
        compiled, self._infos[name] = self._compiler.compile(self._folders[name], layout)
        if compiled is not None:
            self._compiled[name] = compiled
            variables = self._infos[name].variables
            self._roots[name] = frozenset(one.split(".")[0] for one in variables)

    def names(self) -> frozenset[str]:
        """The names of all templates, usable or not."""
        return frozenset(self._folders.keys() - {LAYOUT})

    def info(self, name: str) -> TemplateInfo | None:
        """What is known of the template as its files now stand; None when there is none."""
        if name in self._awaited:
            self._compile(name)
        return self._infos.get(name)

    def render(
        self,
        template: str,
        channel: str,
        locale: str | None,
        context: Mapping[str, object],
        track: Track | None = None,
    ) -> Content:
        """The message's parts in the language that comes nearest to ``locale``.

        ``context`` has the roots of ``names.KNOWN_NAMES`` and step results by step id, all plain
        dictionaries and lists. ``track`` replaces links (``link_targets``).

        :raises RenderError: the template is missing, faulty, has no such channel, or fails on
            these values.
        """
        variant = self._choice(template, channel, locale)[1]
        values = self._values.of(variant.locale, locale, context)
        return variant.render(template, channel, values, track)

    def reads(self, template: str, root: str) -> bool:
        """Whether the template reads anything of a root."""
        if template in self._awaited:
            self._compile(template)
        return root in self._roots.get(template, _NO_ROOTS)

    def revision(self, template: str) -> str:
        """A hash of the template's and the layout's files, the shop, and the samples.

        :raises RenderError: there is no usable template of this name.
        """
        return self._usable(template).revision

    def sample(self, template: str, channel: str, locale: str | None) -> bytes:
        """The sample customer's rendering as zlib dictionary (``archive``).

        :raises RenderError: as for ``render``.
        """
        tag, _ = self._choice(template, channel, locale)
        return self._usable(template).samples[channel, tag]

    def pack(self, template: str, channel: str, locale: str | None, content: Content) -> Packed:
        """A rendering compressed for keeping, with the dictionary that unpacks it.

        :raises RenderError: as for ``render``.
        """
        sample = self.sample(template, channel, locale)
        return Packed(sample_id=_digest(sample), sample=sample, packed=pack(content, sample))

    def _choice(self, template: str, channel: str, locale: str | None) -> tuple[str, Variant]:
        return self._chosen.get((template, channel, locale)) or self._choose(
            template, channel, locale
        )

    def _choose(self, template: str, channel: str, locale: str | None) -> tuple[str, Variant]:
        chosen = self._chosen
        by_locale = self._usable(template).variants.get(channel)
        if not by_locale:
            raise RenderError(template, f"it has no {channel} part")
        tag = next(tag for tag in shortened(locale) if tag in by_locale)
        if len(chosen) > 10_000:  # tags come from data
            chosen.clear()
        return chosen.setdefault((template, channel, locale), (tag, by_locale[tag]))

    def _usable(self, template: str) -> CompiledTemplate:
        if template in self._awaited:
            self._compile(template)
        compiled = self._compiled.get(template)
        if compiled is not None:
            return compiled
        info = self._infos.get(template)
        if info is None:
            near = nearest(template, self.names())
            raise RenderError(
                template, "there is no such template" + (f"; did you mean {near}?" if near else "")
            )
        problem = next(iter(info.diagnostics), None)
        raise RenderError(template, _said(problem), _place(problem))


@lru_cache(maxsize=256)
def _digest(sample: bytes) -> str:
    return hashlib.blake2b(sample, digest_size=16).hexdigest()


def _said(problem: Diagnostic | None) -> str:
    return "it cannot be compiled" + (f": {problem.message}" if problem else "")


def _place(problem: Diagnostic | None) -> Position | None:
    return problem.at if problem else None
