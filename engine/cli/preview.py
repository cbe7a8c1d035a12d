"""``lagniappe preview``: what a template or a campaign would say, as files to look at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from config.diagnostics import nearest
from engine.cli.failure import WRONG_USAGE, Failure
from engine.cli.lookup import customer_id
from engine.cli.output import counted, say
from engine.cli.session import session_of

if TYPE_CHECKING:
    from engine.bootstrap import App
    from engine.services.preview import Reader, Rendered

_LOCALE = re.compile(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]{2,8})*")


def preview(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(metavar="TEMPLATE|CAMPAIGN", help="A template's name or campaign's id.")
    ],
    customer: Annotated[
        str | None,
        typer.Option(metavar="X", help="A real one: an id, email, phone, order id; else a sample."),
    ] = None,
    locale: Annotated[
        str | None, typer.Option(metavar="TAG", help="The language, as in de or pt-BR.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where the files go; else .lagniappe/preview."),
    ] = None,
) -> None:
    """Render a template, or every message of a campaign, to HTML and text files. Sends nothing."""
    from engine.ports.rendering import RenderError
    from engine.services.preview import campaign_previews, template_previews
    from engine.services.tracking import sample_tracks

    if locale is not None and not _LOCALE.fullmatch(locale):
        raise Failure(f"{locale} is no language; write it as in de or pt-BR", code=WRONG_USAGE)
    session = session_of(context)
    with session.looking() as app:
        reader = _reader(app, customer, locale)
        tracks = sample_tracks(app.links, app.policy, app.handover.providers)
        templates = app.templates.names()
        campaigns = {} if name in templates else app.loader.load()
        try:
            if name in templates:
                made = list(template_previews(name, reader, app.templates, app.templates, tracks))
            elif name in campaigns:
                plan = campaigns[name].plan
                made = list(campaign_previews(plan, reader, app.templates, tracks))
            else:
                near = nearest(name, {*templates, *campaigns})
                hint = f"; did you mean {near}?" if near else ""
                raise Failure(f"there is no template or campaign {name}{hint}")
        except RenderError as error:
            raise Failure(str(error)) from None
        if not made:
            raise Failure(f"campaign {name} sends no message")
    target = out or session.workspace / ".lagniappe" / "preview"
    _write(made, target, reader.locale)


def _reader(app: App, customer: str | None, locale: str | None) -> Reader:
    from engine.services.preview import of_customer, of_sample

    if customer is None:
        from engine.rendering.sample import SAMPLE_CONTEXT

        return of_sample(SAMPLE_CONTEXT, locale, app.policy)
    found = customer_id(app, customer)
    now = app.clock.now()
    with app.storage.deciding() as unit:
        unit.open_books(None)
        world = unit.load([found], now=now, complete=[found])[found]
        return of_customer(unit, world, app.policy, locale, app.settings.base_url, now)


def _write(made: Iterable[Rendered], target: Path, locale: str | None) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(made, 1):
        place = f"{number:02}-{one.step}." if one.step else ""
        stem = f"{place}{one.template}.{one.channel}" + (f".{locale}" if locale else "")
        title = f"step {one.step}: {one.template}" if one.step else one.template
        say(f"{title} ({one.channel})")
        if one.content.subject is not None:
            say(f"  subject  {one.content.subject}")
        if one.content.segments is not None:
            segments = counted(one.content.segments, "segment")
            say(f"  length   {len(one.content.text)} characters, {segments}")
        files = [(target / f"{stem}.txt", one.content.text)]
        if one.content.html is not None:
            files.insert(0, (target / f"{stem}.html", one.content.html))
        for path, text in files:
            path.write_text(text, encoding="utf-8")
            say(f"  wrote    {_shown(path)}")


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
