"""The steps of a campaign as authors write them: one model a verb."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    field_validator,
    model_validator,
)

from engine.authoring.fields import (
    AT_LEAST_ONE,
    Cel,
    Given,
    Spec,
    StepId,
    VariantName,
    Word,
    problem,
)
from engine.authoring.program_fields import CallFields, CouponFields, PointsFields
from engine.authoring.step_fields import (
    DelayFields,
    EmitFields,
    ExitFields,
    MessageFields,
    PlaceFields,
    ReferralFields,
    ReviewFields,
    SurveyFields,
    UpdateFields,
    WaitFields,
    WebhookFields,
    short,
)


class IfSpec(Spec):
    """One arm of a branch: the first whose condition holds is taken."""

    if_: Cel = Field(alias="if", description="Take this arm when this holds")
    steps: tuple[StepSpec, ...] = Field(description="The arm's steps; [] for none")


class ElseBody(Spec):
    """The steps, written below else."""

    steps: tuple[StepSpec, ...] = Field(description="The arm's steps; [] for none")


class ElseSpec(Spec):
    """The last arm of a branch: taken when no other was."""

    else_: ElseBody | None = Field(alias="else", description="Empty, or steps")
    steps: Given[tuple[StepSpec, ...]] = Field(None, description="The arm's steps; [] for none")

    @model_validator(mode="after")
    def _steps_once(self) -> ElseSpec:
        if (self.else_ is None) == (self.steps is None):
            what = "no steps" if self.steps is None else "steps twice"
            raise problem("else-steps", f"this arm has {what}", "steps: below else, [] for none")
        return self

    @property
    def body(self) -> tuple[StepSpec, ...]:
        """The steps, wherever they are written."""
        return self.else_.steps if self.else_ is not None else self.steps or ()


def _arm_kind(value: Any) -> str | None:
    return "ElseSpec" if isinstance(value, dict) and "else" in value else "IfSpec"


ArmSpec = Annotated[
    Annotated[IfSpec, Tag("IfSpec")] | Annotated[ElseSpec, Tag("ElseSpec")],
    Discriminator(_arm_kind),
]


class VariantSpec(Spec):
    """One variant of a split."""

    weight: Annotated[int, Field(ge=1, le=100)] = Field(description="Percent of the customers")
    steps: tuple[StepSpec, ...] = Field(description="The variant's steps; [] for none")


def _wait_event(value: Any) -> Any:
    """No short form, since a time-out belongs to it: so that this is what is told."""
    return {"event": value} if isinstance(value, str) else value


def _exit(value: Any) -> Any:
    if value is None:
        return {}
    return {"reason": value} if isinstance(value, str) else value


class BaseStep(Spec):
    """What every step may have besides its verb."""

    id: Given[StepId] = Field(
        None, description="Conditions and templates name the step's results by it: ask.clicked"
    )
    name: Given[Word] = Field(None, description="For people; nothing depends on it")
    if_: Given[Cel] = Field(None, alias="if", description="Skip the step unless this holds")


class DelayStep(BaseStep):
    """Wait for a length of time, a time of day, a day of the week."""

    delay: Annotated[DelayFields, short("for", DelayFields, "3d")] = Field(
        description="3d, or for, until, days"
    )


class WaitForStep(BaseStep):
    """Wait for an event or a condition, with a time-out."""

    wait_for: Annotated[WaitFields, BeforeValidator(_wait_event)] = Field(
        description="event or until, and timeout"
    )


class BranchStep(BaseStep):
    """Take the first arm whose condition holds."""

    branch: Annotated[tuple[ArmSpec, ...], *AT_LEAST_ONE] = Field(
        description="A list of if and steps, the last perhaps else and steps"
    )


class SplitStep(BaseStep):
    """Divide customers by chance, kept for good: an A/B test."""

    split: dict[VariantName, VariantSpec] = Field(
        description="Variants by name, each with weight and steps; the weights make 100"
    )

    @field_validator("split")
    @classmethod
    def _whole(cls, split: dict[str, VariantSpec]) -> dict[str, VariantSpec]:
        if len(split) < 2:
            raise problem("split-variants", "a split needs two variants or more", "another variant")
        total = sum(variant.weight for variant in split.values())
        if total != 100:
            message = f"the weights of this split make {total}"
            raise problem("split-weights", message, "weights that make 100 together")
        return split


class SendEmailStep(BaseStep):
    """Send an email."""

    send_email: Annotated[MessageFields, short("template", MessageFields, "review_request")] = (
        Field(description="A template's name, or template and max_lateness")
    )


class SendSmsStep(BaseStep):
    """Send an SMS."""

    send_sms: Annotated[MessageFields, short("template", MessageFields, "review_request")] = Field(
        description="A template's name, or template and max_lateness"
    )


class AskSurveyStep(BaseStep):
    """Ask for a score, and wait for it."""

    ask_survey: SurveyFields = Field(description="kind, template, channel, timeout")


class AssignCallStep(BaseStep):
    """Have a person call the customer."""

    assign_call: CallFields = Field(description="queue, within, script, priority, timeout")


class AwardPointsStep(BaseStep):
    """Give loyalty points."""

    award_points: PointsFields = Field(description="points, per, reason, multiplier")


class PlaceCallStep(BaseStep):
    """Call the customer, and say something or ask for a score."""

    place_call: Annotated[PlaceFields, short("template", PlaceFields, "delivery_check")] = Field(
        description="A template's name, or template, recording, survey, timeout, transfer"
    )


class AskReferralStep(BaseStep):
    """Invite the customer to bring friends, with a code of their own."""

    ask_referral: ReferralFields = Field(description="program, template, channel")


class AskReviewStep(BaseStep):
    """Ask for reviews of what was delivered, kept and not yet reviewed."""

    ask_review: Annotated[ReviewFields, short("template", ReviewFields, "review_request")] = Field(
        description="A template's name, or template, channel, products, site, timeout"
    )


class UpdateCustomerStep(BaseStep):
    """Change the customer's tags and attributes."""

    update_customer: UpdateFields = Field(description="add_tags, remove_tags, attributes")


class EmitEventStep(BaseStep):
    """Report an event of the shop's own, which other campaigns may start from."""

    emit_event: Annotated[EmitFields, short("type", EmitFields, "shop.quiz_done")] = Field(
        description="The event's type, or type and data"
    )


class CallWebhookStep(BaseStep):
    """POST the journey's facts to an address of the shop's; retried, never waited for."""

    call_webhook: Annotated[
        WebhookFields, short("url", WebhookFields, "https://shop.example.com/hook")
    ] = Field(description="An address, or url and data")


class IssueCouponStep(BaseStep):
    """Give the customer a code of an offer, which later messages carry."""

    issue_coupon: Annotated[CouponFields, short("offer", CouponFields, "thanks_10")] = Field(
        description="An offer's id, or offer"
    )


class ExitStep(BaseStep):
    """End the journey here."""

    exit: Annotated[
        ExitFields, BeforeValidator(_exit, json_schema_input_type=str | ExitFields | None)
    ] = Field(description="The reason, for the log; may be empty")


_MODELS: dict[str, type[BaseStep]] = {
    "delay": DelayStep,
    "wait_for": WaitForStep,
    "branch": BranchStep,
    "split": SplitStep,
    "send_email": SendEmailStep,
    "send_sms": SendSmsStep,
    "ask_survey": AskSurveyStep,
    "assign_call": AssignCallStep,
    "award_points": AwardPointsStep,
    "place_call": PlaceCallStep,
    "ask_referral": AskReferralStep,
    "ask_review": AskReviewStep,
    "update_customer": UpdateCustomerStep,
    "emit_event": EmitEventStep,
    "call_webhook": CallWebhookStep,
    "issue_coupon": IssueCouponStep,
    "exit": ExitStep,
}
VERBS = tuple(_MODELS)


def _verb_of(value: Any) -> str | None:
    verbs = [verb for verb in VERBS if isinstance(value, dict) and verb in value]
    return _MODELS[verbs[0]].__name__ if len(verbs) == 1 else None


# A tag is the name of its model: that is how config.validation finds the fields below a tag.
StepSpec = Annotated[
    Annotated[DelayStep, Tag("DelayStep")]
    | Annotated[WaitForStep, Tag("WaitForStep")]
    | Annotated[BranchStep, Tag("BranchStep")]
    | Annotated[SplitStep, Tag("SplitStep")]
    | Annotated[SendEmailStep, Tag("SendEmailStep")]
    | Annotated[SendSmsStep, Tag("SendSmsStep")]
    | Annotated[AskSurveyStep, Tag("AskSurveyStep")]
    | Annotated[AssignCallStep, Tag("AssignCallStep")]
    | Annotated[AwardPointsStep, Tag("AwardPointsStep")]
    | Annotated[PlaceCallStep, Tag("PlaceCallStep")]
    | Annotated[AskReferralStep, Tag("AskReferralStep")]
    | Annotated[AskReviewStep, Tag("AskReviewStep")]
    | Annotated[UpdateCustomerStep, Tag("UpdateCustomerStep")]
    | Annotated[EmitEventStep, Tag("EmitEventStep")]
    | Annotated[CallWebhookStep, Tag("CallWebhookStep")]
    | Annotated[IssueCouponStep, Tag("IssueCouponStep")]
    | Annotated[ExitStep, Tag("ExitStep")],
    Discriminator(_verb_of),
]
