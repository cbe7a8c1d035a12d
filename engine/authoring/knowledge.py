"""What a campaign's conditions may speak of, and why they may not speak of the rest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from config.diagnostics import nearest
from engine.authoring.layout import Placed
from engine.authoring.placing import placed_call
from engine.authoring.spec import CampaignSpec, EventTriggerSpec, ScheduleTriggerSpec
from engine.authoring.step_specs import (
    AskReferralStep,
    AskReviewStep,
    AskSurveyStep,
    AssignCallStep,
    AwardPointsStep,
    IssueCouponStep,
    PlaceCallStep,
    SendEmailStep,
    SendSmsStep,
    SplitStep,
    WaitForStep,
)
from engine.core.facts import FIELDS
from engine.core.step_results import step_fields
from engine.core.verbs import (
    AskReferral,
    AskReview,
    AskSurvey,
    AssignCall,
    AwardPoints,
    IssueCoupon,
    SendEmail,
    SendSms,
    Split,
    WaitFor,
)
from engine.core.vocabulary import Field, FieldType, Vocabulary
from triggers.catalog import Catalog, EventSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """Why a name means nothing here."""

    code: str
    message: str
    suggestion: str | None = None
    expected: str | None = None


class Knowledge:
    """The names of one campaign.

    ``order`` and ``ticket`` exist where the trigger carries one or the entry key is one of its
    fields. ``lenient`` takes event types and data that the catalog lacks as they are (a stored
    revision may be older than the catalog).
    """

    def __init__(
        self,
        spec: CampaignSpec,
        steps: Iterable[Placed],
        catalog: Catalog,
        *,
        lenient: bool = False,
    ) -> None:
        self.catalog = catalog
        self.lenient = lenient
        self.results = {step.id: step_results(step) for step in steps}
        self.verbs = {step.id: step.verb for step in steps}
        trigger = spec.trigger
        self.event = trigger.event if isinstance(trigger, EventTriggerSpec) else None
        self.trigger = (
            f"its trigger is {self.event}"
            if self.event is not None
            else "it is started by a schedule"
            if isinstance(trigger, ScheduleTriggerSpec)
            else "it is started by a date of the customer"
        )
        self.key = (spec.entry.key if spec.entry else None) or self._default_key()
        self.has_order = self._has("order")
        self.has_ticket = self._has("ticket")
        self._base = self._campaign_fields()
        self._base_open = {"customer.attributes"}
        if self.has_order:
            self._base_open.add("order.attributes")
        if self.event is not None and self._is_open(self.event):
            self._base_open.add("trigger.data")
        self.vocabulary = Vocabulary(fields=self._base, open_prefixes=frozenset(self._base_open))
        self.of_customer = Vocabulary(
            fields={name: one for name, one in self._base.items() if name.startswith("customer.")},
            open_prefixes=frozenset({"customer.attributes"}),
        )

    def event_spec(self, name: str) -> EventSpec | None:
        """The event type of this name; one that nobody declared, if ``lenient``."""
        known = self.catalog.types.get(name)
        if known is None and self.lenient:
            return EventSpec(name=name, doc="", object=_by_name(name), custom=True)
        return known

    def at(self, step: Placed | None, event: str | None = None) -> Vocabulary:
        """What a condition may name at ``step`` (None: outside of steps), about ``event``."""
        fields: dict[str, Field] = {}
        for one in step.before if step is not None else ():
            fields.update(self.results.get(one, {}))
        opened = set(self._base_open)
        if event is not None:
            fields.update({n: f for n, f in FIELDS.items() if n.startswith("event.")})
            fields.update(self._data_fields("event", event))
            if self._is_open(event):
                opened.add("event.data")
        return Vocabulary(fields={**self._base, **fields}, open_prefixes=frozenset(opened))

    def explain(self, name: str, step: Placed | None, event: str | None = None) -> Unknown | None:
        """Why ``name`` cannot be used there; None when it is just not known."""
        root, _, rest = name.partition(".")
        if root in self.results:
            return self._step_value(root, rest, name, step)
        if root in ("order", "ticket") and not getattr(self, f"has_{root}"):
            message = f"`{name}`: this campaign has no {root}, {self.trigger}"
            return Unknown(code=f"no-{root}", message=message)
        if root == "now":
            message = "there is no `now`: elapsed time is a field"
            return Unknown(code="no-clock", message=message, suggestion="customer.days_since_order")
        if root == "event" and event is None:
            near = name.replace("event.", "trigger.", 1)
            message = f"`{name}`: an event is known only in the `if` of exit_on, wait_for and goal"
            known = near in self.vocabulary.fields or self.vocabulary.is_open(near)
            return Unknown(code="no-event", message=message, suggestion=near if known else None)
        if name.startswith(("trigger.data.", "event.data.")):
            return self._data(name, event)
        return None

    def _step_value(self, root: str, rest: str, name: str, step: Placed | None) -> Unknown | None:
        results = self.results[root]
        if step is None:
            message = f"`{name}`: what a step has brought about is known only in later steps"
            return Unknown(code="value-outside-steps", message=message)
        if not results:
            message = f"`{name}`: the step {root} is a {self.verbs[root]} and has no values"
            return Unknown(code="no-step-values", message=message)
        if root == step.id:
            message = f"`{name}` is used before it exists: this is the step {root} itself"
            return Unknown(code="value-before-step", message=message)
        if root not in step.before:
            message = f"`{name}` is used before it exists: the step {root} does not come before"
            return Unknown(
                code="value-before-step",
                message=message,
                expected=f"a step after {root}, in the same arm or outside of it",
            )
        words = [one.partition(".")[2] for one in results]
        near = nearest(rest, words)
        return Unknown(
            code="unknown-field",
            message=f"the step {root} has no value `{rest}`",
            suggestion=None if near is None else f"{root}.{near}",
            expected=f"one of {', '.join(f'{root}.{word}' for word in words)}",
        )

    def _data(self, name: str, event: str | None) -> Unknown | None:
        of = self.event if name.startswith("trigger.") else event
        if of is None:
            message = f"`{name}`: this campaign has no event data, {self.trigger}"
            return Unknown(code="no-event-data", message=message)
        known = self.event_spec(of)
        if known is None:
            return None
        prefix, field = name.split(".")[0], name.split(".")[2]
        near = nearest(field, known.fields)
        return Unknown(
            code="unknown-data",
            message=f"`{name}`: {of} carries no `{field}`"
            + ("" if known.fields else ", it has no data at all"),
            suggestion=None if near is None else f"{prefix}.data.{near}",
            expected=f"one of {', '.join(known.fields)}" if known.fields else None,
        )

    def _default_key(self) -> str:
        known = None if self.event is None else self.event_spec(self.event)
        if known is None:
            return "customer.id" if self.event is None else f"{_by_name(self.event)}.id"
        return f"{known.object}.id"

    def _has(self, what: Literal["order", "ticket"]) -> bool:
        if self.event is None:
            return False
        known = self.event_spec(self.event)
        if known is None:
            return True  # the unknown event is told already
        if known.object == what or (what == "order" and known.object == "ticket"):
            return True
        could = known.object == "customer" and not known.derived
        return could and self.key.startswith(f"{what}.")

    def _campaign_fields(self) -> dict[str, Field]:
        roots = {"customer", "trigger"}
        roots |= {"order"} if self.has_order else set()
        roots |= {"ticket"} if self.has_ticket else set()
        fields = {name: field for name, field in FIELDS.items() if name.split(".")[0] in roots}
        if self.event is not None:
            fields.update(self._data_fields("trigger", self.event))
        return fields

    def _data_fields(self, root: str, event: str) -> Mapping[str, Field]:
        known = self.event_spec(event)
        if known is None or (self.lenient and known.custom):
            return {}
        return {
            f"{root}.data.{name}": Field(
                type=FieldType(field.type), nullable=field.nullable, doc=field.doc
            )
            for name, field in known.fields.items()
        }

    def _is_open(self, event: str) -> bool:
        known = self.event_spec(event)
        return known is None or self.lenient or (known.custom and not known.fields)


def step_results(step: Placed) -> Mapping[str, Field]:
    """What later conditions and templates may ask of a step, by dotted name."""
    spec = step.spec
    at, following = step.index, step.next
    match spec:
        case SendEmailStep():
            return step_fields(SendEmail(index=at, id=step.id, next=following, template=""))
        case SendSmsStep():
            return step_fields(SendSms(index=at, id=step.id, next=following, template=""))
        case AskSurveyStep():
            ask = spec.ask_survey
            return step_fields(
                AskSurvey(
                    index=at,
                    id=step.id,
                    next=following,
                    kind=ask.kind,
                    channel=ask.channel,
                    template="",
                    timeout=ask.timeout,
                )
            )
        case PlaceCallStep():
            return step_fields(
                placed_call(spec.place_call, {"index": at, "id": step.id, "next": following})
            )
        case AssignCallStep():
            call = spec.assign_call
            return step_fields(
                AssignCall(
                    index=at,
                    id=step.id,
                    next=following,
                    queue=call.queue,
                    within=call.within,
                    script=call.script,
                )
            )
        case AwardPointsStep():
            points = spec.award_points.points
            return step_fields(
                AwardPoints(index=at, id=step.id, next=following, points=points, reason="")
            )
        case AskReferralStep():
            invite = spec.ask_referral
            return step_fields(
                AskReferral(
                    index=at,
                    id=step.id,
                    next=following,
                    program=invite.program,
                    channel=invite.channel,
                    template="",
                )
            )
        case AskReviewStep():
            return step_fields(
                AskReview(index=at, id=step.id, next=following, channel="email", template="")
            )
        case WaitForStep():
            return step_fields(
                WaitFor(index=at, id=step.id, next=following, timeout=spec.wait_for.timeout)
            )
        case IssueCouponStep():
            return step_fields(IssueCoupon(index=at, id=step.id, next=following, offer=""))
        case SplitStep():
            return step_fields(Split(index=at, id=step.id, next=following, variants=()))
        case _:
            return {}


def _by_name(event: str) -> Literal["customer", "order", "ticket"]:
    root = event.partition(".")[0]
    if root == "order":
        return "order"
    return "ticket" if root == "ticket" else "customer"
