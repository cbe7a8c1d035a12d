"""Templates and event types for campaigns in tests, in place of a workspace's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from config.diagnostics import Diagnostic, Position
from config.yaml_source import SourceError, load
from engine.authoring.compile import compile_campaign
from engine.authoring.lint import lint
from engine.core.campaign import Plan
from engine.ports.rendering import TemplateInfo
from triggers.catalog import Catalog, custom_type
from triggers.event_types import BUILT_IN


@dataclass(frozen=True)
class FakeTemplates:
    """The templates port over fixed infos."""

    infos: Mapping[str, TemplateInfo]

    def names(self) -> frozenset[str]:
        return frozenset(self.infos)

    def info(self, name: str) -> TemplateInfo | None:
        return self.infos.get(name)


def template(
    name: str,
    channels: Iterable[str] = ("email", "sms"),
    reads: Iterable[str] = (),
    steps: Iterable[str] = (),
    problems: tuple[Diagnostic, ...] = (),
    texts: Mapping[str, str] | None = None,
) -> TemplateInfo:
    """A template that reads these names, each on a line of its own."""
    places = {
        each: Position(file=f"message_templates/{name}/body.mjml", line=line, column=1)
        for line, each in enumerate((*reads, *steps), start=1)
    }
    return TemplateInfo(
        name=name,
        channels=frozenset(channels),
        locales=("en",),
        variables=places,
        step_names={each: places[each] for each in steps},
        diagnostics=problems,
        texts=texts or {},
    )


_BROKEN = Diagnostic(
    code="template-syntax",
    message="unexpected end",
    at=Position(file="message_templates/broken/body.mjml", line=3, column=1),
)
TEMPLATES = FakeTemplates(
    {
        one.name: one
        for one in (
            template("thank_you", reads=["customer.first_name", "shop.name"]),
            template("review_request", ["email"], ["order.number", "order.lines.title"]),
            template("review_reminder", reads=["order", "order.number"]),
            template("ticket_news", reads=["ticket.subject"]),
            template("parcel_news", reads=["order.number", "trigger.data.carrier"]),
            template("follow_up", reads=["customer.name"], steps=["ask.clicked"]),
            template("hello", ["voice"]),
            template("recovery", ["script"], ["customer.first_name"]),
            template(
                "nps_survey",
                reads=["survey.scores", "survey.scores.url"],
                texts={"en": "How likely, 0 to 10?"},
            ),
            template(
                "plain_survey",
                reads=["customer.name"],
                texts={"en": "Answer with a number from 0 on", "de": "0 bis 10?"},
            ),
            template("invitation", reads=["referral.code", "referral.url"]),
            template("broken", [], problems=(_BROKEN,)),
        )
    }
)
CATALOG: Catalog = BUILT_IN.with_custom(
    [
        custom_type(
            "shop.quiz_done",
            fields={
                "score": "int",
                "share": "number",
                "passed": "bool",
                "favourite": "string",
                "done_at": "timestamp",
                "topics": "strings",
            },
        ),
        custom_type("shop.pinged"),
        custom_type("shop.packed", carries="order"),
    ]
)


def problems_of(source: str | bytes, file: str) -> tuple[Diagnostic, ...]:
    """Everything that is wrong with one campaign file."""
    try:
        draft = compile_campaign(load(source, file), CATALOG)
    except SourceError as error:
        return error.diagnostics
    return (*draft.diagnostics, *lint(draft, TEMPLATES))


def plan_of(source: str, file: str = "campaigns/sample.yaml") -> Plan:
    """The plan of a campaign that compiles."""
    draft = compile_campaign(load(source, file), CATALOG)
    assert draft.plan is not None, draft.diagnostics
    return draft.plan
