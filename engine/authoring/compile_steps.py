"""One step of a file to one step of a plan."""

from __future__ import annotations

from typing import Any, assert_never

from config.diagnostics import Diagnostic, nearest
from config.yaml_source import Document, Path, field_path
from engine.authoring.conditions import Conditions
from engine.authoring.event_types import unknown_event
from engine.authoring.knowledge import Knowledge
from engine.authoring.layout import Placed
from engine.authoring.placing import placed_call
from engine.authoring.step_fields import MessageFields
from engine.authoring.step_specs import (
    AskReferralStep,
    AskReviewStep,
    AskSurveyStep,
    AssignCallStep,
    AwardPointsStep,
    BranchStep,
    CallWebhookStep,
    DelayStep,
    ElseSpec,
    EmitEventStep,
    ExitStep,
    IssueCouponStep,
    PlaceCallStep,
    SendEmailStep,
    SendSmsStep,
    SplitStep,
    UpdateCustomerStep,
    WaitForStep,
)
from engine.authoring.values import event_data, plain_value
from engine.core.verbs import (
    Arm,
    AskReferral,
    AskReview,
    AskSurvey,
    AssignCall,
    AwardPoints,
    Branch,
    CallWebhook,
    Delay,
    EmitEvent,
    EventMatch,
    Exit,
    IssueCoupon,
    SendEmail,
    SendSms,
    Split,
    Step,
    UpdateCustomer,
    Variant,
    WaitFor,
)


class StepCompiler:
    """Compiles the steps of one file; problems gather in ``problems`` and in ``conditions``."""

    def __init__(self, document: Document, knowledge: Knowledge, conditions: Conditions) -> None:
        self._document = document
        self._knowledge = knowledge
        self._conditions = conditions
        self.problems: list[Diagnostic] = []

    def compile(self, step: Placed) -> Step:
        """The step; what is wrong with it is told, and left out."""
        spec = step.spec
        common: dict[str, Any] = {
            "index": step.index,
            "id": step.id,
            "next": step.next,
            "name": spec.name,
            "condition": self._conditions.take((*step.path, "if"), spec.if_, step),
        }
        match spec:
            case DelayStep():
                delay = spec.delay
                return Delay(for_=delay.for_, until=delay.until, days=delay.days, **common)
            case WaitForStep():
                return self._wait_for(step, spec, common)
            case BranchStep():
                return Branch(arms=self._arms(step, spec), **common)
            case SplitStep():
                variants = [
                    Variant(name=name, weight=variant.weight, target=block.target)
                    for (name, variant), block in zip(spec.split.items(), step.blocks, strict=True)
                ]
                return Split(variants=tuple(variants), **common)
            case SendEmailStep():
                message = spec.send_email
                return SendEmail(**_message(message), **common)
            case SendSmsStep():
                message = spec.send_sms
                return SendSms(**_message(message), **common)
            case AskSurveyStep():
                ask = spec.ask_survey
                return AskSurvey(
                    kind=ask.kind,
                    channel=ask.channel,
                    timeout=ask.timeout,
                    **_message(ask),
                    **common,
                )
            case PlaceCallStep():
                return placed_call(spec.place_call, common)
            case AssignCallStep():
                task = spec.assign_call
                return AssignCall(
                    queue=task.queue,
                    within=task.within,
                    script=task.script,
                    priority=task.priority,
                    assignee=task.assignee,
                    timeout=task.timeout,
                    **common,
                )
            case AwardPointsStep():
                award = spec.award_points
                return AwardPoints(
                    points=award.points,
                    per=award.per,
                    reason=award.reason,
                    multiplier=award.multiplier,
                    **common,
                )
            case AskReferralStep():
                invite = spec.ask_referral
                return AskReferral(
                    program=invite.program,
                    channel=invite.channel,
                    **_message(invite),
                    **common,
                )
            case AskReviewStep():
                review = spec.ask_review
                return AskReview(
                    channel=review.channel,
                    template=review.template,
                    max_lateness=review.max_lateness,
                    products=review.products,
                    site=review.site,
                    timeout=review.timeout,
                    **common,
                )
            case UpdateCustomerStep():
                update = spec.update_customer
                return UpdateCustomer(
                    add_tags=update.add_tags,
                    remove_tags=update.remove_tags,
                    attributes=self._plain((*step.verb_path, "attributes"), update.attributes),
                    **common,
                )
            case EmitEventStep():
                return self._emit(step, spec, common)
            case CallWebhookStep():
                call = spec.call_webhook
                data = self._plain((*step.verb_path, "data"), call.data)
                return CallWebhook(url=call.url, data=data, **common)
            case IssueCouponStep():
                return IssueCoupon(offer=spec.issue_coupon.offer, **common)
            case ExitStep():
                return Exit(reason=spec.exit.reason, **common)
            case _:
                assert_never(spec)

    def _wait_for(self, step: Placed, spec: WaitForStep, common: dict[str, Any]) -> WaitFor:
        wait, path = spec.wait_for, step.verb_path
        match = None
        if wait.event is not None:
            if self._knowledge.event_spec(wait.event) is None:
                self._unknown_event((*path, "event"), wait.event)
            condition = self._conditions.take((*path, "if"), wait.if_, step, wait.event)
            match = EventMatch(event=wait.event, match=wait.match or "object", condition=condition)
        return WaitFor(
            timeout=wait.timeout,
            match=match,
            until=self._conditions.take((*path, "until"), wait.until, step),
            since=wait.since or "entry",
            **common,
        )

    def _arms(self, step: Placed, spec: BranchStep) -> tuple[Arm, ...]:
        arms = []
        for number, (arm, block) in enumerate(zip(spec.branch, step.blocks, strict=True)):
            condition = None
            if not isinstance(arm, ElseSpec):
                path = (*step.verb_path, number, "if")
                condition = self._conditions.take(path, arm.if_, step)
            arms.append(Arm(condition=condition, target=block.target))
        return tuple(arms)

    def _emit(self, step: Placed, spec: EmitEventStep, common: dict[str, Any]) -> EmitEvent:
        emit, path = spec.emit_event, step.verb_path
        type_path = (*path, "type") if self._document.has((*path, "type")) else path
        event = self._knowledge.event_spec(emit.type)
        if event is None:
            self._unknown_event(type_path, emit.type, emitted=True)
            return EmitEvent(event=emit.type, **common)
        if not event.custom:
            own = [name for name, one in self._knowledge.catalog.types.items() if one.custom]
            self._problem(
                "built-in-event",
                type_path,
                f"{emit.type} is reported by the shop's systems, a campaign cannot make it up",
                expected="a type that config/events.yaml declares",
                suggestion=nearest(emit.type, own),
            )
            return EmitEvent(event=emit.type, **common)
        data, problems = event_data(self._document, (*path, "data"), emit.data, event)
        if self._knowledge.lenient:
            data = {**self._plain((*path, "data"), emit.data), **data}
        else:
            self.problems += problems
        return EmitEvent(event=emit.type, data=data, **common)

    def _plain(self, path: Path, written: dict[str, Any]) -> dict[str, Any]:
        return {
            name: plain_value(self._document, (*path, name), value)
            for name, value in written.items()
        }

    def _unknown_event(self, path: Path, event: str, *, emitted: bool = False) -> None:
        catalog = self._knowledge.catalog
        self.problems.append(unknown_event(self._document, path, event, catalog, emitted=emitted))

    def _problem(
        self,
        code: str,
        path: Path,
        message: str,
        *,
        expected: str | None = None,
        suggestion: str | None = None,
    ) -> None:
        self.problems.append(
            Diagnostic(
                code=code,
                message=message,
                at=self._document.position(path),
                path=field_path(path),
                expected=expected,
                suggestion=suggestion,
            )
        )


def _message(fields: MessageFields) -> dict[str, Any]:
    """What every message step has."""
    return {
        "template": fields.template,
        "max_lateness": fields.max_lateness,
        "coupon": fields.coupon,
    }
