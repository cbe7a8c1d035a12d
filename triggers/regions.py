"""Which time zones the regions of large countries lie in: facts, for ``triggers.places``.

Countries and their zones come from ``zone.tab`` of the IANA time zone database; what stands here
tells the regions of those with several. Regions go by their ISO 3166-2 code without the country,
besides those that Shopify writes otherwise (Mexico). A region that its zones' border crosses has
several; so has one of which a part keeps other clocks by custom. Zones that show the same time the
whole year are told as one.

Sources: 49 CFR part 71 (United States); the commentary in the time zone database's own files
(``northamerica``, ``southamerica``, ``europe``, ``asia``, ``australasia``) and in ``zone.tab``;
ISO 3166-2 for the codes. ZIP codes by the first three digits, from the Postal Service's Labeling
List L002, and only where every place with those digits is surely in one zone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_EAST, _CENTRAL = "America/New_York", "America/Chicago"
_MOUNTAIN, _PACIFIC = "America/Denver", "America/Los_Angeles"
_ALASKA, _HAWAII = "America/Anchorage", "Pacific/Honolulu"

# country -> {zones, separated by blanks: regions, separated by blanks}
_TABLE: Final[Mapping[str, Mapping[str, str]]] = {
    "US": {
        _EAST: "CT DC DE GA MA MD ME NC NH NJ NY OH PA RI SC VA VT WV",
        _CENTRAL: "AL AR IA IL LA MN MO MS OK WI",
        _MOUNTAIN: "CO MT NM UT WY",
        _PACIFIC: "CA WA",
        _HAWAII: "HI",
        f"{_EAST} {_CENTRAL}": "FL IN KY MI TN",
        f"{_CENTRAL} {_MOUNTAIN}": "KS ND NE SD TX",
        f"{_MOUNTAIN} {_PACIFIC}": "ID OR",
        f"{_PACIFIC} {_MOUNTAIN}": "NV",  # West Wendover, and Jackpot by custom
        f"America/Phoenix {_MOUNTAIN}": "AZ",  # the Navajo Nation changes its clocks
        f"{_ALASKA} America/Adak": "AK",
        "America/Puerto_Rico": "PR",
        "America/St_Thomas": "VI",
        "Pacific/Guam": "GU",
        "Pacific/Saipan": "MP",
        "Pacific/Pago_Pago": "AS",
    },
    "CA": {
        "America/Vancouver America/Edmonton America/Dawson_Creek America/Fort_Nelson": "BC",
        "America/Edmonton": "AB",
        "America/Regina America/Edmonton": "SK",  # Lloydminster keeps Alberta's time
        "America/Winnipeg": "MB",
        "America/Toronto America/Winnipeg America/Atikokan": "ON",
        "America/Toronto America/Halifax America/Blanc-Sablon": "QC",
        "America/Halifax": "NB NS PE",
        "America/St_Johns America/Goose_Bay": "NL",
        "America/Whitehorse": "YT",
        "America/Inuvik America/Edmonton": "NT",
        "America/Iqaluit America/Rankin_Inlet America/Cambridge_Bay America/Atikokan": "NU",
    },
    "AU": {
        "Australia/Sydney": "ACT",
        "Australia/Sydney Australia/Broken_Hill Australia/Lord_Howe": "NSW",
        "Australia/Melbourne": "VIC",
        "Australia/Brisbane": "QLD",
        "Australia/Adelaide": "SA",
        "Australia/Perth Australia/Eucla": "WA",
        "Australia/Hobart": "TAS",
        "Australia/Darwin": "NT",
    },
    "BR": {
        "America/Sao_Paulo": "AL AP BA CE DF ES GO MA MG PA PB PI PR RJ RN RS SC SE SP TO",
        "America/Recife America/Noronha": "PE",
        "America/Manaus": "MS MT RO RR",
        "America/Manaus America/Eirunepe": "AM",
        "America/Rio_Branco": "AC",
    },
    "MX": {
        "America/Mexico_City": "AGS AGU CAM CAMP CHIS CHP CMX COL DF DGO DUR GRO GTO GUA HGO HID "
        "JAL MEX MIC MICH MOR OAX PUE QRO QUE SLP TAB TLA TLAX VER YUC ZAC",
        "America/Tijuana": "BC BCN",
        "America/Mazatlan": "BCS SIN",
        "America/Mazatlan America/Bahia_Banderas": "NAY",
        "America/Hermosillo": "SON",
        "America/Chihuahua America/Ciudad_Juarez America/Ojinaga": "CHH CHIH",
        "America/Cancun": "ROO QROO",
        "America/Monterrey America/Matamoros": "COA COAH NL NLE TAM TAMPS",
    },
    "RU": {
        "Europe/Kaliningrad": "KGD",
        "Europe/Moscow": "AD ARK BEL BRY CE CU DA IN IVA KB KC KDA KIR KL KLU KO KOS KR KRS LEN "
        "LIP ME MO MOS MOW MUR NEN NGR NIZ ORL PNZ PSK ROS RYA SE SMO SPE STA TA TAM TUL TVE VGG "
        "VLA VLG VOR YAR",
        "Europe/Samara": "AST SAM SAR UD ULY",
        "Asia/Yekaterinburg": "BA CHE KGN KHM ORE PER SVE TYU YAN",
        "Asia/Omsk": "OMS",
        "Asia/Krasnoyarsk": "AL ALT KEM KK KYA NVS TOM TY",
        "Asia/Irkutsk": "BU IRK",
        "Asia/Yakutsk": "AMU ZAB",
        "Asia/Yakutsk Asia/Vladivostok Asia/Srednekolymsk": "SA",
        "Asia/Vladivostok": "KHA PRI YEV",
        "Asia/Magadan": "MAG SAK",
        "Asia/Kamchatka": "CHU KAM",
    },
    "ID": {
        "Asia/Jakarta": "AC BB BE BT JA JB JI JK JT KB KR KT LA RI SB SS SU YO",
        "Asia/Makassar": "BA GO KI KS KU NB NT SA SG SN SR ST",
        "Asia/Jayapura": "MA MU PA PB PD PE PS PT",
    },
    "CL": {
        "America/Punta_Arenas": "MA",
        "America/Coyhaique America/Punta_Arenas": "AI",
        "America/Santiago Pacific/Easter": "VS",
    },
    "CN": {"Asia/Shanghai Asia/Urumqi": "XJ"},
    "EC": {"Pacific/Galapagos": "W"},
    "ES": {"Atlantic/Canary": "CN GC TF"},
    "NZ": {"Pacific/Chatham": "CIT"},
    "PT": {"Atlantic/Azores": "20", "Atlantic/Madeira": "30"},
    "UA": {"Europe/Simferopol": "40 43"},
}  # fmt: skip

# What every other region of a country keeps.
ELSEWHERE: Final[Mapping[str, str]] = {
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "NZ": "Pacific/Auckland",
    "PT": "Europe/Lisbon",
    "UA": "Europe/Kyiv",
}

# The whole country by law, whatever zone.tab has besides for custom.
WHOLE: Final[Mapping[str, str]] = {"CN": "Asia/Shanghai"}

# In regions with several zones: those whose places have postal codes with these beginnings.
_POSTAL: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    ("US", "AK"): {_ALASKA: "996-999"},
    ("US", "AZ"): {"America/Phoenix": "850-853 855-857"},
    ("US", "FL"): {_EAST: "320-323 326-349", _CENTRAL: "325"},
    ("US", "ID"): {_MOUNTAIN: "832-834 836-837", _PACIFIC: "838"},
    ("US", "IN"): {_EAST: "460-462 466-474 478", _CENTRAL: "463-464 476-477"},
    ("US", "KS"): {_CENTRAL: "660-676"},
    ("US", "KY"): {_EAST: "402-418", _CENTRAL: "420-424"},
    ("US", "MI"): {_EAST: "480-497"},
    ("US", "ND"): {_CENTRAL: "580-584"},
    ("US", "NE"): {_CENTRAL: "680-689"},
    ("US", "NV"): {_PACIFIC: "889-897"},
    ("US", "OR"): {_PACIFIC: "970-978"},
    ("US", "SD"): {_CENTRAL: "570-574", _MOUNTAIN: "577"},
    ("US", "TN"): {_EAST: "374 376 378-379", _CENTRAL: "370-372 380-385"},
    ("US", "TX"): {_CENTRAL: "750-797", _MOUNTAIN: "799 885"},
    ("AU", "NSW"): {
        "Australia/Broken_Hill": "2880",
        "Australia/Lord_Howe": "2898",
        "Australia/Sydney": "2000-2879 2881-2897 2899-2999 1000-1999",
    },
    ("AU", "WA"): {"Australia/Perth": "6000-6442 6444-6999"},
}  # fmt: skip

REGIONS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    country: {
        region: tuple(zones.split())
        for zones, regions in table.items()
        for region in regions.split()
    }
    for country, table in _TABLE.items()
}
"""Country, region: zones."""


def _prefixes(ranges: str) -> list[str]:
    found = []
    for each in ranges.split():
        first, _, last = each.partition("-")
        found += [str(number) for number in range(int(first), int(last or first) + 1)]
    return found


POSTAL: Final[Mapping[tuple[str, str], Mapping[str, str]]] = {
    place: {prefix: zone for zone, ranges in table.items() for prefix in _prefixes(ranges)}
    for place, table in _POSTAL.items()
}
"""Country and region: beginning of the postal code: zone."""
