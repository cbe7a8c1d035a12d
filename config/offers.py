"""The ``offers`` part of ``config/store.yaml``: what coupons are worth, where codes come from."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from config.durations import Duration, DurationField, PercentField, parse
from config.topics import Phrase

# Without 0 O, 1 I L, 2 Z, 5 S, 8 B, and without vowels, so that no code is a word.
ALPHABET: Final = "34679CDFGHJKMNPQRTVWXY"
_ID: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_PREFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)
_LIMIT: Final = re.compile(r"(\d{1,4})\s+per\s+(\S+)", re.ASCII)
# What must be left to chance: at 60 bits a million codes meet once in two million shops.
_LEAST_CODES: Final = 10**9


def offer_id(value: str) -> str:
    """``value`` when it can name an offer or a pool; raises ValueError."""
    if not _ID.fullmatch(value) or len(value) > 64:
        raise ValueError(
            f"{value} cannot name an offer or a pool; write lower-case letters, digits and "
            "underscores, as in thanks_10"
        )
    return value


def _code(value: str) -> str:
    if not value.isascii() or not value.isprintable() or any(map(str.isspace, value)):
        raise ValueError(f"{value} cannot be a code; write letters, digits and dashes")
    return value


def _prefix(value: str) -> str:
    if not _PREFIX.fullmatch(value):
        raise ValueError(f"{value} cannot begin a code; write letters, digits and dashes")
    return value


def _letters(value: str) -> str:
    if not value.isalnum() or not value.isascii():
        raise ValueError("an alphabet has letters and digits only")
    if len({one.lower() for one in value}) != len(value):
        raise ValueError("a letter stands twice in it; upper and lower case are the same in codes")
    return value


def _span(value: Duration) -> Duration:
    if value.is_zero:
        raise ValueError("it must be longer than no time at all")
    return value


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PerCustomer(_Part):
    """At most ``count`` coupons of the offer for one customer in any span of ``per``."""

    count: Annotated[int, Field(ge=1, le=1000)]
    per: Annotated[DurationField, AfterValidator(_span)]

    def __str__(self) -> str:
        return f"{self.count} per {self.per}"


def _per_customer(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = _LIMIT.fullmatch(value.strip())
    if found is None:
        raise ValueError(f"{value} is not a limit; write it as in 1 per 90d")
    return {"count": int(found[1]), "per": parse(found[2])}


OfferId = Annotated[str, AfterValidator(offer_id)]
_Code = Annotated[str, StringConstraints(min_length=3, max_length=40), AfterValidator(_code)]
_Limit = Annotated[
    PerCustomer,
    BeforeValidator(_per_customer),
    WithJsonSchema({"type": "string", "examples": ["1 per 90d"]}),
]


class Offer(_Part):
    """One offer, and how its coupons are made.

    ``kind``: ``generated`` codes are made here, each once, and must be accepted by the shop's
    system by rule or import; ``pool`` codes were uploaded (``lagniappe coupons import``); a
    ``fixed`` one is the same for everybody.
    """

    kind: Literal["generated", "pool", "fixed"] = "generated"
    value: Phrase
    code: _Code | None = None
    prefix: Annotated[str, StringConstraints(max_length=20), AfterValidator(_prefix)] | None = None
    length: Annotated[int, Field(ge=6, le=24)] = 10
    alphabet: Annotated[
        str, StringConstraints(min_length=10, max_length=62), AfterValidator(_letters)
    ] = ALPHABET
    pool: OfferId | None = None
    amount: Annotated[Decimal, Field(gt=0)] | None = None
    percent: PercentField | None = None
    expires: Annotated[DurationField, AfterValidator(_span)] | None = None
    end_of_day: bool = False
    per_customer: _Limit | None = None
    reuse: bool = False
    warn_at: Annotated[int, Field(ge=0)] = 200
    expiring_warning: Annotated[DurationField, AfterValidator(_span)] = Duration(days=3)
    when_cancelled: Literal["keep", "give_back"] = "keep"
    when_undelivered: Literal["give_back", "keep"] = "give_back"

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        wants = {"pool": "pool", "fixed": "code"}.get(self.kind)
        if wants is not None and getattr(self, wants) is None:
            raise ValueError(f"a {self.kind} offer needs {wants}")
        kinds = {"pool": ("pool",), "code": ("fixed",), "prefix": ("generated",)}
        for name, of in kinds.items():
            if getattr(self, name) is not None and self.kind not in of:
                raise ValueError(f"{name} is for offers of kind {of[0]}, this one is {self.kind}")
        if self.kind == "generated" and len(self.alphabet) ** self.length < _LEAST_CODES:
            raise ValueError("codes this short can be guessed; give it more length")
        if self.amount is not None and self.percent is not None:
            raise ValueError("it takes off an amount or a percentage, not both")
        if self.end_of_day and self.expires is None:
            raise ValueError("end_of_day is about expires, and this offer does not expire")
        return self


Offers = dict[OfferId, Offer]
