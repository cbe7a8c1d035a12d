"""Addresses and phone numbers to time zones: known places, and a table that contradicts nothing."""

from __future__ import annotations

from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triggers import places as module
from triggers.places import Places
from triggers.regions import ELSEWHERE, POSTAL, REGIONS, WHOLE

CHICAGO = Places(ZoneInfo("America/Chicago"))
VIENNA = Places(ZoneInfo("Europe/Vienna"))


def names(found: tuple[tuple[ZoneInfo, ...], str] | None) -> str:
    assert found is not None
    return " ".join(zone.key for zone in found[0])


@pytest.mark.parametrize(
    ("country", "region", "postal_code", "zones"),
    [
        ("AT", None, None, "Europe/Vienna"),
        ("at", "9", "1010", "Europe/Vienna"),
        ("US", "NY", None, "America/New_York"),
        ("US", "US-NY", "10001", "America/New_York"),
        ("US", "IN", None, "America/Chicago America/New_York"),
        ("US", "IN", "46320", "America/Chicago"),
        ("US", "IN", "46204", "America/New_York"),
        ("US", "IN", "46534", "America/Chicago America/New_York"),  # Knox: 465 lies in both
        ("US", "TX", "79901", "America/Denver"),
        ("US", "FL", "32401", "America/Chicago America/New_York"),
        ("US", "FL", "33101-1234", "America/New_York"),
        ("US", "AZ", None, "America/Denver America/Phoenix"),
        ("US", "AE", None, None),  # armed forces: anywhere in the country's zones
        ("CA", "ON", None, "America/Winnipeg America/Atikokan America/Toronto"),
        ("CA", "SK", None, "America/Edmonton America/Regina"),
        ("AU", "NSW", "2000", "Australia/Sydney"),
        ("AU", "NSW", "2898", "Australia/Lord_Howe"),
        ("BR", "SP", None, "America/Sao_Paulo"),
        ("MX", "Q ROO", None, "America/Cancun"),
        ("RU", "MOW", None, "Europe/Moscow"),
        ("RU", "CHU", None, "Asia/Kamchatka"),
        ("ID", "BA", None, "Asia/Makassar"),
        ("ES", "TF", None, "Atlantic/Canary"),
        ("ES", "B", None, "Europe/Madrid"),
        ("ES", "Las Palmas", None, "Atlantic/Canary Europe/Madrid"),  # a name is no code
        ("CN", None, None, "Asia/Shanghai"),
        ("CN", "XJ", None, "Asia/Urumqi Asia/Shanghai"),
        ("AR", "C", None, "America/Argentina/Buenos_Aires"),  # twelve zones, one clock
    ],
)
def test_addresses(
    country: str, region: str | None, postal_code: str | None, zones: str | None
) -> None:
    found = names(CHICAGO.by_address(country, region, postal_code))
    assert found == (zones or names(CHICAGO.by_address("US", None, None)))


def test_a_country_without_region_is_in_all_of_its_zones() -> None:
    found = CHICAGO.by_address("US", None, None)
    assert found is not None
    assert found[1] == "US"
    zones = [zone.key for zone in found[0]]
    assert zones[0] == "America/Chicago", "the store's comes first"
    assert {"America/New_York", "America/Los_Angeles", "Pacific/Honolulu"} <= set(zones)
    assert names(VIENNA.by_address("US", None, None)).startswith("America/Adak Pacific/Honolulu")


def test_the_store_stands_for_zones_with_its_own_clock() -> None:
    detroit = Places(ZoneInfo("America/Detroit"))
    assert names(detroit.by_address("US", "NY", None)) == "America/Detroit"


@pytest.mark.parametrize("country", ["", "XX", "Austria", "\x00"])
def test_what_is_no_country_tells_nothing(country: str) -> None:
    assert CHICAGO.by_address(country, "NY", None) is None


def test_phone_numbers() -> None:
    assert names(CHICAGO.by_phone("+15045550123")) == "America/Chicago"
    assert names(CHICAGO.by_phone("+436601234567")) == "Europe/Vienna"
    mobile = CHICAGO.by_phone("+79161234567")
    assert mobile is not None
    assert mobile[1] == "+7"
    assert len(mobile[0]) > 8, "a Russian mobile may be anywhere between Kaliningrad and Anadyr"
    assert CHICAGO.by_phone("+881612345678") is None, "a satellite telephone"
    assert CHICAGO.by_phone("no number") is None


@given(st.text(max_size=4), st.none() | st.text(max_size=8), st.none() | st.text(max_size=8))
def test_nothing_typed_into_an_address_breaks_it(
    country: str, region: str | None, postal_code: str | None
) -> None:
    found = CHICAGO.by_address(country, region, postal_code)
    assert found is None or found[0]


@given(st.sampled_from(sorted(REGIONS)), st.data())
def test_a_postal_code_only_ever_narrows_its_region(country: str, data: st.DataObject) -> None:
    region = data.draw(st.sampled_from(sorted(REGIONS[country])))
    code = data.draw(st.from_regex(r"[0-9]{5}", fullmatch=True))
    whole, part = (CHICAGO.by_address(country, region, each) for each in (None, code))
    assert whole is not None
    assert part is not None
    assert set(part[0]) <= set(whole[0])


def test_every_zone_named_exists_and_is_of_its_country() -> None:
    known = available_timezones()
    countries = module._countries()
    overseas = {"AS", "GU", "MP", "PR", "VI"}  # of the United States, with country codes of theirs
    for country, regions in REGIONS.items():
        own = {module._rule(name) for name in countries[country].split()}
        for region, zones in regions.items():
            assert set(zones) <= known, (country, region)
            if region not in overseas:
                assert {module._rule(zone) for zone in zones} <= own, (country, region)
    for country, zone in {**ELSEWHERE, **WHOLE}.items():
        assert zone in countries[country].split()


def test_the_regions_leave_out_no_zone_of_their_country() -> None:
    for country, regions in REGIONS.items():
        named = {module._rule(zone) for zones in regions.values() for zone in zones}
        named.add(module._rule(ELSEWHERE.get(country, next(iter(regions.values()))[0])))
        assert {module._rule(name) for name in module._countries()[country].split()} <= named


def test_postal_codes_lead_to_zones_of_their_region() -> None:
    for (country, region), prefixes in POSTAL.items():
        assert len(REGIONS[country][region]) > 1
        assert set(prefixes.values()) <= set(REGIONS[country][region])


def test_the_united_states_are_complete() -> None:
    states = (
        "AL AK AZ AR CA CO CT DC DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH "
        "NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY"
    )
    assert set(states.split()) <= set(REGIONS["US"])
    assert len(states.split()) == 51
