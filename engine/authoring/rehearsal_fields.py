"""What the words of a file of tests mean: moments, facts, texts and names of steps."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from engine.authoring.fields import problem

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:Z|[+-]\d\d:?\d\d)?)?")
# Before these events are refused; after them a calendar may end before the story does.
_YEARS: Final = range(1995, 2200)
_YEARS_TOLD: Final = f"a year from {_YEARS.start} to {_YEARS.stop - 1}"
_FACTS = WithJsonSchema({"type": "object"})
_ID_OR_FACTS = WithJsonSchema({"type": ["object", "string", "integer"]})


def _moment(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    text = str(value).strip()
    moment: datetime | None = None
    with suppress(ValueError):
        moment = datetime.fromisoformat(text) if _MOMENT.fullmatch(text) else None
    if moment is not None and moment.year in _YEARS:
        return moment
    if moment is not None:
        raise problem("bad-moment", f"no story can be told of {text}", _YEARS_TOLD)
    shown = f'"{text}"' if isinstance(value, str) else "this"
    raise problem("bad-moment", f"{shown} is no moment", "a day and a time, as in 2026-03-02 10:00")


def _texts(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _facts_by_id(value: Any) -> Any:
    return {"id": value} if isinstance(value, str) else value


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "examples": ["2026-03-02 10:00"]}),
]
Facts = Annotated[dict[str, Any], _FACTS]
Named = Annotated[dict[str, Any], BeforeValidator(_facts_by_id), _ID_OR_FACTS]
Said = Annotated[str, Field(min_length=1)]  # every text holds the empty one
Texts = Annotated[tuple[Said, ...], BeforeValidator(_texts, json_schema_input_type=str | list[str])]
StepName = Annotated[str, Field(min_length=1)]
Yes = Annotated[bool, Field(strict=False)]
