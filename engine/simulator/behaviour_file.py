"""The file in which a shop writes how its customers behave."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from config.diagnostics import Diagnostic
from config.validation import diagnose
from config.yaml_source import SourceError, load
from engine.core.expression import ConditionError, compile_condition
from engine.core.facts import FIELDS
from engine.core.message import Channel
from engine.core.survey import SCALES, SurveyKind
from engine.core.vocabulary import Vocabulary
from engine.simulator.behaviour import COST_PLACES, DEFAULT, Behaviour, Manner, Segment

_VOCABULARY = Vocabulary(
    fields={name: one for name, one in FIELDS.items() if name.startswith("customer.")},
    open_prefixes=frozenset({"customer.attributes"}),
)


def _share(value: Any) -> Any:
    if not isinstance(value, str) or not value.endswith("%"):
        raise ValueError("write a share in percent, as in 5.3%")
    share = float(value.removesuffix("%")) / 100
    if not 0 <= share <= 1:
        raise ValueError("a share lies between 0% and 100%")
    return share


def _on_scale(value: dict[SurveyKind, dict[int, float]]) -> dict[SurveyKind, dict[int, float]]:
    for kind, weights in value.items():
        strange = [score for score in weights if score not in SCALES[kind]]
        if strange or not any(weight > 0 for weight in weights.values()):
            scale = f"{min(SCALES[kind])} to {max(SCALES[kind])}"
            raise ValueError(f"{kind} needs a weight for at least one score from {scale}")
    return value


Share = Annotated[float, BeforeValidator(_share)]
Weight = Annotated[float, Field(ge=0)]


class _Manner(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    open: Share | None = None
    click: Share | None = None
    answer: Share | None = None
    buy: Share | None = None
    unsubscribe: Share | None = None
    complain: Share | None = None
    scores: Annotated[dict[SurveyKind, dict[int, Weight]], AfterValidator(_on_scale)] = {}

    def manner(self) -> Manner:
        told = self.model_dump(include={*_DEEDS})
        return Manner(**told, scores=self.scores)


class _Segment(_Manner):
    condition: str = Field(alias="if")


_DEEDS = ("open", "click", "answer", "buy", "unsubscribe", "complain")


class _Channels(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    email: _Manner = _Manner()
    sms: _Manner = _Manner()
    voice: _Manner = _Manner()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal["1"]
    channels: _Channels = _Channels()
    campaigns: dict[str, _Manner] = {}
    segments: list[_Segment] = []
    costs: dict[Channel, Annotated[Decimal, Field(ge=0, decimal_places=COST_PLACES)]] = {}
    as_recorded: bool = True


def read_behaviour(path: Path) -> Behaviour:
    """The behaviour that a file describes, over the defaults.

    Raises SourceError with every problem at its place, and OSError.
    """
    document = load(path.read_bytes(), path.name)
    try:
        told = _File.model_validate(document.data)
    except ValidationError as error:
        raise SourceError(diagnose(error, document, _File)) from None
    segments: list[Segment] = []
    problems: list[Diagnostic] = []
    for number, each in enumerate(told.segments):
        try:
            condition = compile_condition(each.condition, _VOCABULARY)
        except ConditionError as error:
            at = document.position(("segments", number, "if"))
            problems += [
                Diagnostic(code=one.code, message=one.message, at=at) for one in error.problems
            ]
        else:
            segments.append(Segment(condition=condition, manner=each.manner()))
    if problems:
        raise SourceError(tuple(problems))
    channels = told.channels
    return Behaviour(
        channels={
            "email": channels.email.manner().over(DEFAULT["email"]),
            "sms": channels.sms.manner().over(DEFAULT["sms"]),
            "voice": channels.voice.manner().over(DEFAULT["voice"]),
        },
        campaigns={key: each.manner() for key, each in told.campaigns.items()},
        segments=tuple(segments),
        costs=dict(told.costs),
        as_recorded=told.as_recorded,
    )
