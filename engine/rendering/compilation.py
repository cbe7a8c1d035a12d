"""From a template's files to something that renders, with every problem found on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from jinja2 import Template, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError

from config.diagnostics import Diagnostic, Position, Severity
from config.source_text import SourceText
from config.utm import LinkTags
from engine.core.message import Content
from engine.ports.rendering import RenderError, TemplateInfo, Track
from engine.rendering import archive
from engine.rendering.bounds import TooLarge
from engine.rendering.duties import lacks_of
from engine.rendering.environment import TemplateEnvironment, render_part
from engine.rendering.folder import CHANNELS, Files, Folder, frame_of
from engine.rendering.inspection import Findings, inspect
from engine.rendering.link_targets import UNTRACKED, replace_in_html, replace_in_text
from engine.rendering.markup import compile_html, compile_mjml, compile_text
from engine.rendering.names import ROOTS
from engine.rendering.sample import SAMPLE_CONTEXT, SPARSE_CONTEXT
from engine.rendering.sms import plain, segments
from engine.rendering.stated import hold_to_statement
from engine.rendering.tags import Compiled
from engine.rendering.untrusted import one_line
from engine.rendering.values import MessageValues

# What fails only without some value is a warning: the shop may always have that value.
_TRIALS: Final = (
    (SAMPLE_CONTEXT, "", Severity.ERROR),
    (SPARSE_CONTEXT, " for a customer of whom little is known", Severity.WARNING),
)


@dataclass(frozen=True, slots=True)
class Part:
    """One compiled part: a subject, an HTML body, a text."""

    template: Template
    compiled: Compiled

    def render(self, name: str, values: dict[str, Any]) -> str:
        """:raises RenderError: with the place of the tag that failed."""
        try:
            return render_part(self.template, values)
        except Exception as error:  # whatever a template's expression can raise
            raise RenderError(name, _reason(error), self._place(error)) from error

    def _place(self, error: Exception) -> Position | None:
        line = None
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals.get("__jinja_template__") is self.template:
                line = self.template.get_corresponding_lineno(trace.tb_lineno)
            trace = trace.tb_next
        return None if line is None else self.compiled.position(line)


@dataclass(frozen=True, slots=True)
class Variant:
    """One channel in one language."""

    locale: str
    parts: Mapping[str, Part]

    def render(
        self, name: str, channel: str, values: dict[str, Any], track: Track | None = None
    ) -> Content:
        """:raises RenderError: when a part fails on these values."""
        parts = self.parts
        if channel != "email":
            text = replace_in_text(plain(parts["text"].render(name, values)), track)
            return Content(
                text=text,
                segments=segments(text) if channel == "sms" else None,
                language=self.locale if channel == "voice" else None,
            )
        return Content(
            subject=one_line(parts["subject"].render(name, values)).replace(UNTRACKED, ""),
            html=replace_in_html(parts["html"].render(name, values), track),
            text=replace_in_text(parts["text"].render(name, values), track),
        )


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """A template that renders. ``variants`` is by channel and locale, ``""`` the default."""

    revision: str
    variants: Mapping[str, Mapping[str, Variant]]
    samples: Mapping[tuple[str, str], bytes] = field(repr=False)


class TemplateCompiler:
    """Compiles templates for one shop."""

    def __init__(
        self, shop: Mapping[str, object], default_locale: str, tags: LinkTags | None
    ) -> None:
        self._html = TemplateEnvironment(autoescape=True, shop=shop)
        self._text = TemplateEnvironment(autoescape=False, shop=shop)
        self._values = MessageValues(shop)
        self._shop = shop
        self._default_locale = default_locale
        self._tags = tags
        self._framed: tuple[Folder, list[Findings]] | None = None

    def compile(
        self, folder: Folder, layout: Folder
    ) -> tuple[CompiledTemplate | None, TemplateInfo]:
        """The template and what is known of it; no template when there is any error."""
        problems = list(folder.diagnostics)
        variables = self._inspect(folder, layout, problems)
        foreign = {name: at for name, at in variables.items() if name.split(".")[0] not in ROOTS}
        variants: dict[str, dict[str, Variant]] = {}
        if not _has_errors(problems):
            for locale in sorted(folder.files):
                for channel in CHANNELS:
                    files = folder.channel_files(channel, locale)
                    parts = self._parts(files, layout, locale, problems) if files else None
                    if parts:
                        variant = Variant(locale or self._default_locale, parts)
                        variants.setdefault(channel, {})[locale] = variant
        samples: dict[tuple[str, str], Content] = {}
        if not _has_errors(problems):
            samples = self._try(folder, variants, foreign, problems)
        compiled = None
        if not _has_errors(problems):
            packed = {key: archive.dictionary(content) for key, content in samples.items()}
            revision = self._revision(folder, layout, packed)
            compiled = CompiledTemplate(revision, variants, packed)
        for (_, locale), content in samples.items():
            if content.segments is not None:
                file = folder.channel_files("sms", locale)["sms.txt"]
                problems += hold_to_statement(file, content.segments)
        info = TemplateInfo(
            name=folder.name,
            channels=frozenset(
                channel for channel in CHANNELS if folder.channel_files(channel, "")
            ),
            locales=(self._default_locale, *sorted(filter(None, folder.files))),
            variables=variables,
            step_names=foreign,
            diagnostics=tuple(problems),
            segments={
                locale or self._default_locale: content.segments
                for (_, locale), content in samples.items()
                if content.segments is not None
            },
            texts={
                locale or self._default_locale: content.text
                for (channel, locale), content in samples.items()
                if channel == "sms"
            },
            lacks=tuple(
                lack
                for (channel, locale), content in samples.items()
                for lack in lacks_of(
                    channel,
                    locale or self._default_locale,
                    content,
                    self._shop,
                    partial(frame_of, folder, layout, locale),
                )
            ),
        )
        return compiled, info

    def _inspect(
        self, folder: Folder, layout: Folder, problems: list[Diagnostic]
    ) -> dict[str, Position]:
        variables: dict[str, Position] = {}
        for files in folder.files.values():
            for file in files.values():
                found = inspect(file, self._text)
                problems += found.diagnostics
                for name, at in found.variables.items():
                    variables.setdefault(name, at)
        if folder.channel_files("email", ""):
            for found in self._frame(layout):
                problems += found.diagnostics
                for name in found.variables.keys() - {"content", "preheader"}:
                    variables.setdefault(name, found.variables[name])
        return variables

    def _frame(self, layout: Folder) -> list[Findings]:
        """What the layout's files read, which all templates share."""
        known = self._framed
        if known is None or known[0] is not layout:
            files = [file for each in layout.files.values() for file in each.values()]
            known = self._framed = layout, [inspect(file, self._text) for file in files]
        return known[1]

    def _parts(
        self, files: Files, layout: Folder, locale: str, problems: list[Diagnostic]
    ) -> dict[str, Part] | None:
        parts: dict[str, Part] = {}
        for name, file in files.items():
            kind, compiled, environment = "text", None, self._text
            if name == "preheader.txt":
                continue
            if name == "body.mjml":
                kind, environment = "html", self._html
                shared = layout.nearest_file("email.mjml", locale)
                compiled, found = compile_mjml(file, shared, files.get("preheader.txt"))
                problems += found
            elif name == "body.html":
                kind, environment = "html", self._html
                compiled, found = compile_html(file)
                problems += found
            elif name == "body.txt":
                compiled = compile_text(file, layout.nearest_file("email.txt", locale))
            else:
                kind = "subject" if name == "subject.txt" else "text"
                compiled = compile_text(file, None)
            if compiled is None:
                return None
            part = _part(compiled, file, environment, problems)
            if part is None:
                return None
            parts[kind] = part
        return parts

    def _try(
        self,
        folder: Folder,
        variants: Mapping[str, Mapping[str, Variant]],
        foreign: Mapping[str, Position],
        problems: list[Diagnostic],
    ) -> dict[tuple[str, str], Content]:
        samples: dict[tuple[str, str], Content] = {}
        results: dict[str, object] = {name.split(".")[0]: {} for name in foreign}
        told: set[tuple[Position, str]] = set()
        for channel, by_locale in variants.items():
            track = self._track(channel)
            for locale, variant in by_locale.items():
                for context, whose, severity in _TRIALS:
                    values = self._values.of(variant.locale, variant.locale, results | context)
                    try:
                        content = variant.render(folder.name, channel, values, track)
                    except RenderError as error:
                        first = next(iter(folder.channel_files(channel, locale).values()))
                        at = error.position or first.position(0)
                        if (at, error.reason) not in told:
                            told.add((at, error.reason))
                            message = f"rendering fails{whose}: {error.reason}"
                            problem = Diagnostic(
                                code="render", message=message, at=at, severity=severity
                            )
                            problems.append(problem)
                    else:
                        samples.setdefault((channel, locale), content)
        return samples

    def _track(self, channel: str) -> Track | None:
        """The tags of a sample's links: they count as characters of a text."""
        tags = self._tags
        if tags is None:
            return None
        sample = SAMPLE_CONTEXT["campaign"]["id"]
        own = tuple(SAMPLE_CONTEXT["links"].values())
        return lambda url: (
            url
            if url in own
            else tags.tagged(url, channel=channel, campaign=sample, content=sample)
        )

    def _revision(
        self, folder: Folder, layout: Folder, samples: Mapping[tuple[str, str], bytes]
    ) -> str:
        digest = hashlib.sha256(repr(sorted(self._shop.items())).encode())
        for each in (layout, folder):
            for locale in sorted(each.files):
                for name, file in sorted(each.files[locale].items()):
                    digest.update(f"\0{locale}\0{name}\0{file.text}".encode())
        for key in sorted(samples):
            digest.update(samples[key])
        return digest.hexdigest()[:16]


def _part(
    compiled: Compiled,
    file: SourceText,
    environment: TemplateEnvironment,
    problems: list[Diagnostic],
) -> Part | None:
    try:
        return Part(environment.template(compiled.source, file.file), compiled)
    except TemplateSyntaxError as error:
        at = compiled.position(error.lineno or 1) or file.position(0)
        message = error.message or "syntax error"
        problems.append(Diagnostic(code="template-syntax", message=message, at=at))
    except RecursionError:
        at, message = file.position(0), "expressions are nested too deeply"
        problems.append(Diagnostic(code="template-syntax", message=message, at=at))
    return None


def _has_errors(problems: list[Diagnostic]) -> bool:
    return any(problem.severity is Severity.ERROR for problem in problems)


def _reason(error: Exception) -> str:
    """What happened, without the values that it happened to."""
    if isinstance(error, UndefinedError | SecurityError | TooLarge | ValueError | TypeError):
        return str(error) or type(error).__name__
    return type(error).__name__
