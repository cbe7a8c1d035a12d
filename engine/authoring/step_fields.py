"""What stands below the verbs of a campaign's steps, as authors write it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    model_validator,
)

from config.durations import DurationField
from engine.authoring.fields import (
    Cel,
    Clock,
    Days,
    EventName,
    Given,
    HttpsUrl,
    Lateness,
    Spec,
    StepId,
    TemplateName,
    Timeout,
    Url,
    Word,
    problem,
)

Data = dict[Annotated[str, Field(min_length=1, max_length=100)], Any]


Tags = Annotated[tuple[Word, ...], Field(max_length=50)]


class MatchSpec(Spec):
    """Which event counts."""

    event: EventName = Field(description="The event's type")
    match: Literal["object", "customer"] = Field(
        "object",
        description="object: an event about another order than the journey's does not count; "
        "customer: any event of the customer counts",
    )
    if_: Given[Cel] = Field(None, alias="if", description="Only when this holds; knows event.*")


class DelayFields(Spec):
    """How long to wait."""

    for_: Given[DurationField] = Field(
        None, alias="for", description="A length of time: d and w are days on the customer's clock"
    )
    until: Given[Clock] = Field(
        None, description="Then until the customer's clock shows this time of day"
    )
    days: Given[Days] = Field(None, description="Only on these days of the week")

    @model_validator(mode="after")
    def _not_empty(self) -> DelayFields:
        if self.for_ is None and self.until is None and self.days is None:
            raise problem("empty-delay", "this delay waits for nothing", "for, until or days")
        return self


class WaitFields(Spec):
    """What to wait for, and how long at most."""

    event: Given[EventName] = Field(None, description="Wait for this type of event")
    match: Given[Literal["object", "customer"]] = Field(
        None,
        description="object (unless said): an event about another order does not count; "
        "customer: any event of the customer counts",
    )
    if_: Given[Cel] = Field(None, alias="if", description="Only an event for which this holds")
    since: Given[Literal["entry", "now"]] = Field(
        None,
        description="entry (unless said): an event since the journey began counts; "
        "now: only one that comes while the journey waits here",
    )
    until: Given[Cel] = Field(None, description="Instead of an event: wait until this holds")
    timeout: Timeout = Field(description="Go on after this time, whatever has happened")

    @model_validator(mode="after")
    def _one_of_two(self) -> WaitFields:
        if (self.event is None) == (self.until is None):
            what = "nothing" if self.event is None else "an event and a condition at once"
            raise problem("wait-for-what", f"this waits for {what}", "either event or until")
        if self.until is not None:
            extra = {"match": self.match, "if": self.if_, "since": self.since}
            for name, value in extra.items():
                if value is not None:
                    message = f'"{name}" is about an event, and this waits for a condition'
                    raise problem("wait-for-what", message, "until and timeout alone")
        return self


class MessageFields(Spec):
    """What to send."""

    template: TemplateName = Field(description="A folder of message_templates/")
    max_lateness: Given[Lateness] = Field(
        None, description="Do not send when this much overdue; unless said, 24h email, 4h SMS"
    )
    coupon: Given[StepId] = Field(
        None, description="The issue_coupon step whose code it carries; not sent without one"
    )


class SurveyFields(MessageFields):
    """What to ask, how, and how long to wait for the answer."""

    kind: Literal["csat", "nps", "ces"] = Field(
        description="csat: satisfied? 1 to 5; nps: recommend us? 0 to 10; ces: was it easy? 1 to 7"
    )
    channel: Literal["email", "sms"] = Field("email", description="How the question is sent")
    timeout: Timeout = Field(description="Go on after this time from sending, answered or not")


class PlaceFields(MessageFields):
    """What to say in a call, and what to ask."""

    recording: Given[HttpsUrl] = Field(
        None, description="Played in the place of the words of voice.txt: a WAV or MP3 file"
    )
    survey: Given[Literal["csat", "nps", "ces"]] = Field(
        None, description="Asked for by keypad; later steps know score, as after ask_survey"
    )
    timeout: Given[Timeout] = Field(
        None, description="With survey: go on after this time; unless said, 1h from the call"
    )
    transfer: bool = Field(
        False, description="Offer to put the customer through to calls: support_line, in its hours"
    )
    on_machine: Given[Literal["speak", "hang_up"]] = Field(
        None,
        description="Find out whether an answering machine takes the call, and speak after its "
        "signal or hang up; unless said, speak to whoever answers",
    )

    @model_validator(mode="after")
    def _asked(self) -> PlaceFields:
        if self.timeout is not None and self.survey is None:
            message = '"timeout" is for the answer, and this call asks for none'
            raise problem("call-timeout", message, "survey beside it, or no timeout")
        return self


class ReferralFields(MessageFields):
    """Which program to invite to, and how."""

    program: Word = Field(description="A program under referrals: in config/store.yaml")
    channel: Literal["email", "sms"] = Field("email", description="How the invitation is sent")


class ReviewFields(MessageFields):
    """What reviews to ask for, where they are written, and how long to wait for one."""

    channel: Literal["email", "sms"] = Field("email", description="How the request is sent")
    products: Literal["each", "order"] = Field(
        "each",
        description="each: ask for every product that has no review yet; "
        "order: one review of any of them is enough",
    )
    site: Given[Word] = Field(
        None,
        description="One of reviews: sites: of config/store.yaml, or shop: the product's page "
        "there; unless said, a page of our own",
    )
    timeout: Given[Timeout] = Field(
        None, description="Wait so long from sending for a review; unless said, go on at once"
    )


class UpdateFields(Spec):
    """What to change of the customer."""

    add_tags: Tags = Field((), description="Tags to add")
    remove_tags: Tags = Field((), description="Tags to remove")
    attributes: Data = Field({}, description="Attributes to set: customer.attributes.NAME")

    @model_validator(mode="after")
    def _not_empty(self) -> UpdateFields:
        if not (self.add_tags or self.remove_tags or self.attributes):
            wanted = "add_tags, remove_tags or attributes"
            raise problem("empty-update", "this changes nothing", wanted)
        for tag in self.add_tags:
            if tag in self.remove_tags:
                message = f'the tag "{tag}" is both added and removed'
                raise problem("contradictory-tags", message, "one of the two")
        return self


class EmitFields(Spec):
    """The event to report."""

    type: EventName = Field(description="One of the types that config/events.yaml declares")
    data: Data = Field({}, description="Its data, as declared there")


class WebhookFields(Spec):
    """Whom to call."""

    url: Url = Field(description="POSTed to, with the journey's facts as JSON")
    data: Data = Field({}, description="Passed on under the key data")


class ExitFields(Spec):
    """Why the journey ends here."""

    reason: Word = Field("exit", description="Shown in the log")


def short(name: str, model: type[Spec], example: str) -> BeforeValidator:
    """Text stands for a ``model`` with this one key."""

    def expand(value: Any, info: ValidationInfo) -> Any:
        if value is None:
            message = f'"{info.field_name}" has no value'
            raise problem("missing-value", message, f"a value, as in {example}")
        return {name: value} if isinstance(value, str) else value

    return BeforeValidator(expand, json_schema_input_type=str | model)
