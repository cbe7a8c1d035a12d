"""Where a customer may be, as far as clocks go: an address or a phone number to time zones.

An address in a country with one clock says it all; in one with several its region does, and its
postal code where a border runs through the region. What remains open is left open: all the zones
that are possible are told, and nobody guesses the likeliest. Facts only: ``zone.tab`` of the time
zone database, ``triggers.regions``, and the number ranges of the library phonenumbers.
"""

from __future__ import annotations

import re
import struct
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import phonenumbers

from triggers.regions import ELSEWHERE, POSTAL, REGIONS, WHOLE

Zones = tuple[ZoneInfo, ...]

_CODE: Final = re.compile(r"[A-Z0-9]{1,4}")
_REMEMBERED: Final = 16_384  # places, and numbers, that one process keeps the answer for
_HEADER: Final = struct.Struct(">20x6l")
_SINCE: Final = 1_609_459_200  # 2021-01-01, in seconds since the epoch
# Only says which clock is behind which.
_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


class Places:
    """Looks up zones and remembers what it found; the answers depend on nothing but the question.

    Of zones that show the same time all year only one is told: the store's own where it is one of
    them, else the first that ``zone.tab`` has. The store's zone comes first, the others follow from
    west to east.
    """

    def __init__(self, store: ZoneInfo) -> None:
        self._store = store
        self.by_address = lru_cache(_REMEMBERED)(self._by_address)
        self.by_phone = lru_cache(_REMEMBERED)(self._by_phone)

    def _by_address(
        self, country: str, region: str | None = None, postal_code: str | None = None
    ) -> tuple[Zones, str] | None:
        """The zones of an address, and what told them (``US-IN``); None for no country we know."""
        country = country.strip().upper()
        of_country = WHOLE.get(country, _countries().get(country))
        if of_country is None:
            return None
        names = of_country.split()
        code = _region_code(country, region)
        told = country if code is None else f"{country}-{code}"
        regions = REGIONS.get(country, {})
        if code is not None and code in regions:
            names = list(regions[code])
            if len(names) > 1 and postal_code:
                names = _by_postal_code(country, code, postal_code) or names
        elif code is not None and country in ELSEWHERE:
            names = [ELSEWHERE[country]]
        zones = self._told(names)
        return (zones, told) if zones else None

    def _by_phone(self, phone: str) -> tuple[Zones, str] | None:
        """The zones of a number in E.164 form, and its country's code; None where nothing tells.

        A mobile number has no place within its country (in North America it has, though people
        keep their number when they move).
        """
        # A second table of ranges, some milliseconds to read, that many shops never need.
        from phonenumbers import timezone

        try:
            number = phonenumbers.parse(phone, None)
        except phonenumbers.NumberParseException:
            return None
        zones = self._told(timezone.time_zones_for_number(number))
        return (zones, f"+{number.country_code}") if zones else None

    def _told(self, names: Iterable[str]) -> Zones:
        """The zones of these names, one for each clock, in the order that is promised."""
        found: dict[bytes, ZoneInfo] = {}
        own = _rule(self._store.key)
        for name in names:
            try:
                zone = ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError):
                continue  # "Etc/Unknown", or newer than this machine's database
            rule = _rule(name)
            if rule is not None:
                found.setdefault(rule, self._store if rule == own else zone)
        return tuple(sorted(found.values(), key=self._standing))

    def _standing(self, zone: ZoneInfo) -> tuple[bool, float, str]:
        offset = _ANY_TIME.astimezone(zone).utcoffset()
        assert offset is not None
        return zone is not self._store, offset.total_seconds(), zone.key


def _region_code(country: str, region: str | None) -> str | None:
    """The region's code without its country; None for a name, which could be spelt in many ways."""
    if region is None:
        return None
    code = region.strip().upper().removeprefix(f"{country}-").replace(" ", "")
    return code if _CODE.fullmatch(code) else None


def _by_postal_code(country: str, region: str, postal_code: str) -> list[str]:
    table = POSTAL.get((country, region), {})
    digits = postal_code.strip()
    return [table[digits[:length]] for length in (3, 4) if digits[:length] in table]


@lru_cache(maxsize=1)
def _countries() -> Mapping[str, str]:
    """The zones of each country, separated by blanks, from ``zone.tab``."""
    found: dict[str, str] = {}
    for line in (files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            country, _place, zone = line.split("\t")[:3]
            found[country] = f"{found[country]} {zone}" if country in found else zone
    return found


@lru_cache(maxsize=1024)
def _rule(name: str) -> bytes | None:
    """How a zone's clocks go from 2021 on: equal for zones that show the same time since then.

    Made of the zone's file (RFC 8536, section 3): the changes that it lists, with the offset from
    UTC that each brings, and its last line, which says how it goes on after those.
    """
    path = files("tzdata") / "zoneinfo"
    try:
        content = path.joinpath(*name.split("/")).read_bytes()
    except (OSError, ValueError):
        return None
    # The file holds everything twice: in 32 bits for old readers, then in 64.
    old = _HEADER.unpack_from(content)
    start = _HEADER.size + _length(old, 4)
    new = _HEADER.unpack_from(content, start)
    _utc, _standard, _leaps, times, types, _characters = new
    at = start + _HEADER.size
    moments = struct.unpack_from(f">{times}q", content, at)
    indexes = content[at + 8 * times : at + 9 * times]
    offsets = [
        content[at + 9 * times + 6 * number :][:4] for number in range(types)
    ]  # fmt: skip
    since = bisect_right(moments, _SINCE)
    first = offsets[indexes[since - 1]] if since else offsets[0]
    changes = b"".join(
        struct.pack(">q", moment) + offsets[index]
        for moment, index in zip(moments[since:], indexes[since:], strict=True)
    )
    # After the last change of the list it is the line alone that tells.
    return (first + changes if changes else b"") + content.rstrip(b"\n").rpartition(b"\n")[2]


def _length(counts: tuple[int, ...], width: int) -> int:
    utc, standard, leaps, times, types, characters = counts
    return times * (width + 1) + types * 6 + characters + leaps * (width + 4) + standard + utc
