"""The kinds of value that campaign files hold, each with its JSON Schema for editors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from config.diagnostics import nearest
from config.durations import Duration, DurationField
from config.store_fields import TimeOfDay
from config.zones import time_zone
from engine.core.facts import FIELDS
from triggers.cron import parse_cron
from triggers.schedule import CUSTOMER_ZONE

T = TypeVar("T")

# cel-spec, doc/langdef.md: keywords, reserved words, type names; then the macros.
CEL_WORDS = frozenset(
    {"false", "in", "null", "true"}
    | {"as", "break", "const", "continue", "else", "for", "function", "if", "import", "let"}
    | {"loop", "package", "namespace", "return", "var", "void", "while"}
    | {"bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type"}
    | {"uint", "all", "exists", "exists_one", "filter", "has"}
)
TEMPLATE_ROOTS = frozenset(
    {"campaign", "links", "loyalty", "message", "now", "range", "review", "shop"}
)
ROOTS = frozenset(name.split(".")[0] for name in FIELDS)

_CAMPAIGN_ID = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_STEP_ID = re.compile(r"[a-z][a-z0-9_]*")
_DERIVED_ID = re.compile(r"step(?:_\d+)+")
_URL = re.compile(r"https?://[^\s/@?#]+(?:[/?#]\S*)?")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_LONG_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_WORDS: dict[str, Iterable[int]] = {
    "weekdays": range(5),
    "weekend": range(5, 7),
    **{word: (number,) for number, word in enumerate(_DAYS)},
    **{word: (number,) for number, word in enumerate(_LONG_DAYS)},
}
_MINUTE = 60


class Spec(BaseModel):
    """A part of the file: frozen, and nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def problem(
    code: str, message: str, expected: str | None = None, suggestion: str | None = None
) -> PydanticCustomError:
    """An error of the file, which ``config.validation`` tells with its hints."""
    # The message is a template to pydantic; what authors wrote must come through as it is.
    context = {"message": message, "expected": expected, "suggestion": suggestion}
    return PydanticCustomError(code.replace("-", "_"), "{message}", context)


def _given(value: Any, info: ValidationInfo) -> Any:
    if value is None:
        name = (info.field_name or "it").rstrip("_")
        raise problem("missing-value", f'"{name}" has no value', "a value; else leave the line out")
    return value


Given = Annotated[T | None, BeforeValidator(_given)]
"""May be left out; a key without a value is an error, since it was surely meant to have one."""


def _campaign_id(value: str) -> str:
    if not _CAMPAIGN_ID.fullmatch(value) or len(value) > 64:
        plain = re.sub(r"[^a-z0-9]+", "-", value.lower()).strip("-")[:64].strip("-")
        raise problem(
            "campaign-id",
            f'"{value}" cannot be the id of a campaign',
            "lower-case letters, digits and dashes, as in review-request",
            plain if _CAMPAIGN_ID.fullmatch(plain) else None,
        )
    return value


def _step_id(value: str) -> str:
    if not _STEP_ID.fullmatch(value) or len(value) > 64:
        plain = re.sub(r"[^a-z0-9]+", "_", value.lower()).strip("_")[:64].strip("_")
        raise problem(
            "step-id",
            f'"{value}" cannot be the id of a step: conditions could not name it',
            "lower-case letters, digits and _, beginning with a letter",
            plain if _STEP_ID.fullmatch(plain) else None,
        )
    if _DERIVED_ID.fullmatch(value):
        raise problem(
            "reserved-step-id", f'"{value}" is how steps without an id are called', "another word"
        )
    if value in CEL_WORDS or value in ROOTS or value in TEMPLATE_ROOTS:
        what = "a word of the condition language"
        if value not in CEL_WORDS:
            what = f"where {'conditions' if value in ROOTS else 'templates'} find other values"
        raise problem(
            "reserved-step-id",
            f'"{value}" cannot be the id of a step: it is {what}',
            "another word",
            f"{value}_step",
        )
    return value


def _variant(value: str) -> str:
    if not _STEP_ID.fullmatch(value) or len(value) > 64:
        raise problem(
            "variant-name",
            f'"{value}" cannot be the name of a variant',
            "lower-case letters, digits and _, beginning with a letter",
        )
    return value


def _cron(value: str) -> str:
    try:
        return parse_cron(value)
    except ValueError as error:
        raise problem("bad-cron", str(error)) from None


def _zone(value: str) -> str:
    return value if value == CUSTOMER_ZONE else time_zone(value)


def _days(value: Any) -> Any:
    words = value.split(",") if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise problem("bad-days", "these are no days", "weekdays, weekend, or days as in mon,wed")
    days: set[int] = set()
    for word in words:
        plain = word.strip().lower()
        if plain not in _DAY_WORDS:
            near = nearest(plain, _DAY_WORDS)
            raise problem(
                "bad-days", f'"{word}" is no day', "weekdays, weekend, or days as in mon,wed", near
            )
        days.update(_DAY_WORDS[plain])
    if not days:
        raise problem("bad-days", "no day is named", "weekdays, weekend, or days as in mon,wed")
    return frozenset(days)


def _a_minute(value: Duration) -> Duration:
    if value.nominal_seconds < _MINUTE:
        raise ValueError(f"{value} is less than a minute, so nearly every message would be dropped")
    return value


def _not_zero(value: Duration) -> Duration:
    if value.is_zero:
        raise ValueError("it must be longer than no time at all")
    return value


def _not_empty(value: T, info: ValidationInfo) -> T:
    if not value:
        raise problem("empty-list", f'"{info.field_name}" is empty', "one entry or more")
    return value


def _url(value: str) -> str:
    if "@" in value.partition("://")[2].partition("/")[0]:
        raise ValueError("an address with a user or password in it would be shown in logs")
    if not _URL.fullmatch(value):
        raise ValueError(f"{value} is not a web address; write it with https://")
    return value


def _https(value: str) -> str:
    if not value.startswith("https://"):
        raise ValueError(f"{value} is not a safe address; write it with https://")
    return _url(value)


def _text(*examples: str, pattern: str | None = None) -> WithJsonSchema:
    schema: dict[str, Any] = {"type": "string", "minLength": 1, "examples": list(examples)}
    return WithJsonSchema(schema if pattern is None else schema | {"pattern": pattern})


# Not min_length: of a list with a bad entry pydantic would say that it is too short as well.
AT_LEAST_ONE = (AfterValidator(_not_empty), Field(json_schema_extra={"minItems": 1}))
Version = Annotated[Literal["1"], WithJsonSchema({"enum": [1, "1"]})]
CampaignId = Annotated[
    str,
    AfterValidator(_campaign_id),
    _text("review-request", pattern="^[a-z][a-z0-9]*([-_][a-z0-9]+)*$"),
]
StepId = Annotated[str, AfterValidator(_step_id), _text("ask", pattern="^[a-z][a-z0-9_]*$")]
VariantName = Annotated[str, AfterValidator(_variant)]
Word = Annotated[str, Field(min_length=1, max_length=200)]
Cel = Annotated[
    str,
    WithJsonSchema({"type": ["string", "boolean"], "examples": ["customer.orders_count >= 3"]}),
]
EventName = Annotated[str, _text("order.delivered", "review.submitted")]
TopicName = Annotated[str, _text("offers", "reviews")]
TemplateName = Annotated[str, _text("review_request")]
DottedName = Annotated[str, _text("order.id", "customer.id")]
DateName = Annotated[str, _text("customer.birthday", "customer.attributes.wedding_day")]
Cron = Annotated[str, AfterValidator(_cron), _text("0 9 * * *")]
Zone = Annotated[str, AfterValidator(_zone), _text("customer", "Europe/Vienna")]
Days = Annotated[
    frozenset[int],
    BeforeValidator(_days, json_schema_input_type=str | list[str]),
    Field(examples=["weekdays", "mon,wed"]),
]
Clock = Annotated[TimeOfDay, _text("10:00", pattern=r"^([01]?\d|2[0-3]):[0-5]\d$")]
Timeout = Annotated[DurationField, AfterValidator(_not_zero)]
Lateness = Annotated[DurationField, AfterValidator(_a_minute)]
Url = Annotated[str, AfterValidator(_url), _text("https://shop.example.com/hooks/lagniappe")]
HttpsUrl = Annotated[str, AfterValidator(_https), _text("https://shop.example.com/hello.mp3")]
