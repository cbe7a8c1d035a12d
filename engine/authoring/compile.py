"""A campaign file to a plan, or to every problem that keeps it from being one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.diagnostics import Diagnostic, Severity, nearest
from config.yaml_source import Document, Path, SourceError, field_path
from engine.authoring.compile_steps import StepCompiler
from engine.authoring.conditions import Conditions
from engine.authoring.event_types import unknown_event
from engine.authoring.knowledge import Knowledge
from engine.authoring.layout import MAX_STEPS, Placed, count, flat, lay_out
from engine.authoring.reading import read_spec
from engine.authoring.spec import (
    AfterSpec,
    CampaignSpec,
    DateTriggerSpec,
    EventTriggerSpec,
)
from engine.core.campaign import (
    DateTrigger,
    Entry,
    EventTrigger,
    Goal,
    OrderExit,
    Plan,
    ScheduleTrigger,
    Trigger,
)
from engine.core.expression import Condition
from engine.core.verbs import EventMatch
from engine.core.vocabulary import FieldType
from triggers.catalog import Catalog
from triggers.schedule import CUSTOMER_ZONE

__all__ = ["Draft", "compile_campaign", "revision_of"]

_KEY_TYPES = frozenset({FieldType.STRING, FieldType.INT, FieldType.NUMBER, FieldType.TIMESTAMP})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A campaign file that can be read: what ``engine.authoring.lint`` looks at.

    ``plan`` is None when ``diagnostics`` has an error. ``top`` are the steps of the campaign's own
    list, ``steps`` all of them by index; ``conditions`` those that compile, by their path.
    """

    document: Document
    spec: CampaignSpec
    top: tuple[Placed, ...]
    knowledge: Knowledge
    conditions: Mapping[Path, Condition]
    plan: Plan | None
    diagnostics: tuple[Diagnostic, ...] = ()
    steps: tuple[Placed, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(flat(self.top)))

    def problem(
        self,
        code: str,
        path: Path,
        message: str,
        *,
        key: bool = False,
        severity: Severity = Severity.ERROR,
        expected: str | None = None,
        suggestion: str | None = None,
    ) -> Diagnostic:
        """A problem of what is written at ``path``, or of its key."""
        return Diagnostic(
            code=code,
            message=message,
            at=self.document.position(path, key=key),
            severity=severity,
            path=field_path(path),
            expected=expected,
            suggestion=suggestion,
        )


def compile_campaign(document: Document, catalog: Catalog, *, lenient: bool = False) -> Draft:
    """The campaign of a file; types, names and conditions are checked, templates are not.

    ``lenient`` is for stored revisions: event types that the catalog lacks are taken as they are.

    :raises SourceError: the file's fields are not those of a campaign, so there is nothing more to
        check.
    """
    spec = read_spec(document)
    if count(spec.steps) > MAX_STEPS:
        problem = Diagnostic(
            code="too-many-steps",
            message=f"this campaign has {count(spec.steps)} steps",
            at=document.position(("steps",), key=True),
            path="steps",
            expected=f"at most {MAX_STEPS}",
        )
        raise SourceError((problem,))
    top = lay_out(spec.steps)
    return _Compiler(document, spec, top, catalog, lenient=lenient).run()


def revision_of(source: str) -> str:
    """A campaign's revision: 12 hexadecimal digits of the SHA-256 of its text.

    How lines end, and a byte order mark, do not count.
    """
    plain = source.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:12]


class _Compiler:
    def __init__(
        self,
        document: Document,
        spec: CampaignSpec,
        top: tuple[Placed, ...],
        catalog: Catalog,
        *,
        lenient: bool,
    ) -> None:
        self.document = document
        self.spec = spec
        self.top = top
        self.steps = tuple(flat(top))
        self.knowledge = Knowledge(spec, self.steps, catalog, lenient=lenient)
        self.conditions = Conditions(document, self.knowledge)
        self.problems: list[Diagnostic] = []

    def run(self) -> Draft:
        spec, take = self.spec, self.conditions.take
        self._check_ids()
        trigger = self._trigger()
        entry = self._entry()
        filter_ = take(("trigger", "filter"), spec.trigger.filter)
        profile_filter = take(("profile_filter",), spec.profile_filter)
        hold_while = take(("hold_while",), spec.hold_while)
        exit_on, default_exit = self._exit_on()
        goal = self._goal()
        compiler = StepCompiler(self.document, self.knowledge, self.conditions)
        steps = tuple(compiler.compile(step) for step in self.steps)
        found = [*self.problems, *self.conditions.diagnostics, *compiler.problems]
        plan = None
        if not found and trigger is not None:
            plan = Plan(
                id=spec.id,
                revision=revision_of(self.document.source.text),
                name=spec.name or spec.id,
                stage=spec.stage,
                status=spec.status,
                purpose=spec.purpose,
                topic=spec.topic,
                priority=spec.priority,
                trigger=trigger,
                entry=entry,
                steps=steps,
                filter=filter_,
                profile_filter=profile_filter,
                hold_while=hold_while,
                max_age=spec.trigger.max_age,
                holdout=float(spec.holdout or 0),
                exit_on=exit_on,
                exit_on_full_refund_only=default_exit,
                goal=goal,
                volume_limit=spec.volume_limit,
                in_flight=spec.in_flight,
                reads=self._reads(trigger, entry),
                step_index={step.id: step.index for step in steps},
            )
        return Draft(
            document=self.document,
            spec=spec,
            top=self.top,
            knowledge=self.knowledge,
            conditions=self.conditions.compiled,
            plan=plan,
            diagnostics=tuple(found),
        )

    def _check_ids(self) -> None:
        seen: dict[str, Placed] = {}
        for step in self.steps:
            first = seen.setdefault(step.id, step)
            if first is not step:
                at = self.document.position((*first.path, "id"))
                message = f'the id "{step.id}" is taken by the step at line {at.line}'
                self._problem("duplicate-step-id", (*step.path, "id"), message, "another word")

    def _trigger(self) -> Trigger | None:
        trigger = self.spec.trigger
        if isinstance(trigger, EventTriggerSpec):
            if not self._event(("trigger", "event"), ("trigger",), trigger.event):
                return None
            return EventTrigger(event=trigger.event)
        if isinstance(trigger, DateTriggerSpec):
            return DateTrigger(field=trigger.date, offset_days=trigger.offset.days, at=trigger.at)
        segment = self.conditions.take_segment(("trigger", "segment"), trigger.segment)
        if segment is None:
            return None
        zone = trigger.schedule.timezone
        return ScheduleTrigger(
            cron=trigger.schedule.cron,
            zone=None if zone == CUSTOMER_ZONE else zone,
            segment=segment,
        )

    def _entry(self) -> Entry:
        written = self.spec.entry
        key = self.knowledge.key
        re_entry = written.re_entry if written is not None else "never"
        if written is not None and written.key is not None:
            self._check_key(written.key)
        return Entry(
            key=key, re_entry=re_entry.after if isinstance(re_entry, AfterSpec) else re_entry
        )

    def _check_key(self, key: str) -> None:
        path: Path = ("entry", "key") if self.document.has(("entry", "key")) else ("entry",)
        vocabulary = self.knowledge.vocabulary
        declared = vocabulary.fields.get(key)
        if declared is not None and declared.type not in _KEY_TYPES:
            message = f"`{key}` cannot tell entries apart"
            self._problem("bad-key", path, message, "order.id, ticket.id, customer.id or the like")
        elif declared is None and not vocabulary.is_open(key):
            why = self.knowledge.explain(key, None)
            self.problems.append(
                Diagnostic(
                    code=why.code if why else "unknown-field",
                    message=why.message if why else f"unknown field `{key}`",
                    at=self.document.position(path),
                    path=field_path(path),
                    suggestion=why.suggestion if why else nearest(key, vocabulary.fields),
                )
            )

    def _exit_on(self) -> tuple[tuple[EventMatch, ...], bool]:
        spec = self.spec
        if spec.exit_on is None:
            default = spec.purpose == "marketing" and self.knowledge.key.startswith("order.")
            matches = tuple(EventMatch(event=event) for event in OrderExit)
            return (matches, True) if default else ((), False)
        found = []
        for number, match in enumerate(spec.exit_on):
            path: Path = ("exit_on", number)
            self._event((*path, "event"), path, match.event)
            condition = self.conditions.take((*path, "if"), match.if_, event=match.event)
            found.append(EventMatch(event=match.event, match=match.match, condition=condition))
        return tuple(found), False

    def _goal(self) -> Goal | None:
        goal = self.spec.goal
        if goal is None:
            return None
        self._event(("goal", "event"), ("goal",), goal.event)
        condition = self.conditions.take(("goal", "if"), goal.if_, event=goal.event)
        match = EventMatch(event=goal.event, match=goal.match, condition=condition)
        return Goal(match=match, within=goal.within)

    def _event(self, path: Path, short: Path, event: str) -> bool:
        """Whether the event type is known; ``short`` is where its short form stands."""
        if self.knowledge.event_spec(event) is not None:
            return True
        where = path if self.document.has(path) else short
        self.problems.append(unknown_event(self.document, where, event, self.knowledge.catalog))
        return False

    def _reads(self, trigger: Trigger, entry: Entry) -> frozenset[str]:
        names = {name for one in self.conditions.compiled.values() for name in one.names}
        names.add(entry.key)
        if isinstance(trigger, DateTrigger):
            names.add(trigger.field)
        return frozenset(names)

    def _problem(self, code: str, path: Path, message: str, expected: str) -> None:
        self.problems.append(
            Diagnostic(
                code=code,
                message=message,
                at=self.document.position(path),
                path=field_path(path),
                expected=expected,
            )
        )
