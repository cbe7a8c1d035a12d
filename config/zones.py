"""Time zones as files name them."""

from __future__ import annotations

from functools import cache
from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from config.diagnostics import nearest


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())  # reads a directory of six hundred files


def time_zone(value: str) -> str:
    """``value`` when it is a zone of the IANA database; raises an error with the nearest one."""
    zones = _zones()
    if value in zones:
        return value
    cities = {zone.rsplit("/", 1)[-1]: zone for zone in sorted(zones)}
    near = nearest(value.replace(" ", "_"), zones)
    if near is None:
        city = nearest(value.replace(" ", "_").rsplit("/", 1)[-1], cities)
        near = cities[city] if city else None
    raise PydanticCustomError(
        "unknown_time_zone",
        "there is no time zone {zone}",
        {"zone": value, "expected": "a zone such as America/Chicago", "suggestion": near},
    )


Zone = Annotated[str, AfterValidator(time_zone)]
