"""MJML and HTML bodies made into the HTML that is sent, once for every change of the files.

MJML: https://documentation.mjml.io. Its compiler (mrml) tells no positions, so the nesting of
elements is checked here first.
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

import css_inline
import mjml

from config.diagnostics import Diagnostic, Severity, nearest
from config.source_text import SourceText
from engine.rendering.folder import is_whole
from engine.rendering.tags import TAG, Compiled, TagKeeper

# Elements without an end: HTML standard, section 13.1.2.
_VOID = frozenset(
    """
    area base br col embed hr img input link meta param source track wbr
    """.split()  # noqa: SIM905
)
_MJML = frozenset(
    """
    mjml mj-head mj-body mj-attributes mj-all mj-class mj-breakpoint mj-font mj-html-attributes
    mj-preview mj-style mj-title mj-accordion mj-accordion-element mj-accordion-text
    mj-accordion-title mj-button mj-carousel mj-carousel-image mj-column mj-divider mj-group mj-hero
    mj-image mj-navbar mj-navbar-link mj-raw mj-section mj-social mj-social-element mj-spacer
    mj-table mj-text mj-wrapper mj-selector mj-html-attribute
    """.split()  # noqa: SIM905
)
_DEFAULTS = re.compile(r"<mj-attributes>.*?</mj-attributes>", re.DOTALL)
LARGEST_HTML = 102_000  # bytes; Gmail clips longer messages


def compile_mjml(
    body: SourceText, layout: SourceText | None, preheader: SourceText | None
) -> tuple[Compiled | None, list[Diagnostic]]:
    """The HTML of ``body`` inside ``layout``, and what is wrong with either.

    ``{{ content }}`` in the layout is where the body goes, ``{{ preheader }}`` where the line goes
    that mail programs show beside the subject. A body that is a whole document (``<mjml>``) stands
    by itself.
    """
    whole = is_whole(body)
    if not whole and layout is None:
        problem = Diagnostic(
            code="no-layout",
            message="the body needs the shared layout, and _layout/email.mjml is missing",
            at=body.position(0),
        )
        return None, [problem]
    problems = _unbalanced(body)
    if problems:
        return None, problems
    keeper = TagKeeper()
    if whole or layout is None:
        hidden = keeper.hide(body)
    else:

        def line() -> str:
            return html.escape(keeper.hide(preheader).strip()) if preheader else ""

        hidden = keeper.hide(layout, {"content": lambda: keeper.hide(body), "preheader": line})
    try:
        made = mjml.mjml2html(hidden, fonts={})
    except ValueError as error:
        at = body.position(0)
        return None, [Diagnostic(code="mjml", message=f"MJML cannot be compiled: {error}", at=at)]
    # A default for an element that this message does not have leaves no trace, and need not.
    defaults = keeper.numbers("".join(_DEFAULTS.findall(hidden)))
    return _finished(keeper, made, "MJML", body, defaults)


def compile_html(body: SourceText) -> tuple[Compiled | None, list[Diagnostic]]:
    """The HTML of ``body``, a whole document, with its style sheets inlined."""
    keeper = TagKeeper()
    hidden = keeper.hide(body, comments=True)
    inliner = css_inline.CSSInliner(
        keep_style_tags=True, keep_at_rules=True, load_remote_stylesheets=False
    )
    try:
        made = inliner.inline(hidden)
    except css_inline.InlineError as error:
        at = body.position(0)
        return None, [Diagnostic(code="css", message=f"CSS cannot be inlined: {error}", at=at)]
    return _finished(keeper, made, "the HTML parser", body)


def compile_text(body: SourceText, layout: SourceText | None) -> Compiled:
    """The plain text of ``body`` inside ``layout``."""
    keeper = TagKeeper()
    if layout is None:
        hidden = keeper.hide(body)
    else:
        hidden = keeper.hide(layout, {"content": lambda: keeper.hide(body).rstrip("\n")})
    return keeper.restore(hidden, html=False)


def _finished(
    keeper: TagKeeper,
    made: str,
    by: str,
    body: SourceText,
    spare: frozenset[int] = frozenset(),
) -> tuple[Compiled | None, list[Diagnostic]]:
    problems = keeper.lost(made, by, spare)
    if problems:
        return None, problems
    compiled = keeper.restore(made, html=True)
    size = len(compiled.source.encode())
    if size > LARGEST_HTML:
        problems.append(
            Diagnostic(
                code="html-size",
                message=f"the HTML has {size // 1000} KB before any value; Gmail clips at 102 KB",
                at=body.position(0),
                severity=Severity.WARNING,
            )
        )
    return compiled, problems


class _Nesting(HTMLParser):
    def __init__(self, source: SourceText) -> None:
        super().__init__(convert_charrefs=False)
        self.problems: list[Diagnostic] = []
        self.open: list[tuple[str, int]] = []
        self._source = source

    def _offset(self) -> int:
        line, column = self.getpos()
        return self._source.start_of(line) + column

    def report(self, code: str, message: str, offset: int, suggestion: str | None = None) -> None:
        at = self._source.position(offset)
        self.problems.append(Diagnostic(code=code, message=message, at=at, suggestion=suggestion))

    def _named(self, tag: str) -> None:
        if tag.startswith("mj") and tag not in _MJML:
            message = f"MJML has no element <{tag}>"
            self.report("mjml-element", message, self._offset(), nearest(tag, sorted(_MJML)))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._named(tag)
        if tag not in _VOID:
            self.open.append((tag, self._offset()))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._named(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open:
            self.report("mjml-nesting", f"</{tag}> closes nothing", self._offset())
        elif self.open[-1][0] == tag:
            self.open.pop()
        elif any(name == tag for name, _ in self.open):
            while self.open[-1][0] != tag:
                name, offset = self.open.pop()
                self.report("mjml-nesting", f"<{name}> is not closed before </{tag}>", offset)
            self.open.pop()
        else:
            self.report("mjml-nesting", f"</{tag}> was never opened", self._offset())


def _unbalanced(source: SourceText) -> list[Diagnostic]:
    # Tags give way to filler of the same shape, so that positions stay those of the file.
    filled = TAG.sub(
        lambda found: "".join("\n" if c == "\n" else "x" for c in found[0]), source.text
    )
    nesting = _Nesting(source)
    nesting.feed(filled.replace("\r\n", " \n").replace("\r", "\n"))
    nesting.close()
    for name, offset in nesting.open:
        nesting.report("mjml-nesting", f"<{name}> is never closed", offset)
    return nesting.problems
