"""A survey's scale in words, and the template root ``survey``.

The words of CSAT and CES are the usual ones of the survey literature: CSAT's five-point scale from
"very dissatisfied" to "very satisfied", CES 2.0's agreement with "made it easy" (CEB, 2013); NPS
names its ends only (Bain, "Net Promoter System").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.core.survey import SCALES, SurveyKind

Labels = Mapping[int, str]

_ENGLISH: Final[Mapping[SurveyKind, Labels]] = {
    "csat": {
        1: "Very dissatisfied",
        2: "Dissatisfied",
        3: "Neither",
        4: "Satisfied",
        5: "Very satisfied",
    },
    "nps": {0: "Not at all likely", 10: "Extremely likely"},
    "ces": {
        1: "Strongly disagree",
        2: "Disagree",
        3: "Somewhat disagree",
        4: "Neither",
        5: "Somewhat agree",
        6: "Agree",
        7: "Strongly agree",
    },
}
_GERMAN: Final[Mapping[SurveyKind, Labels]] = {
    "csat": {
        1: "Sehr unzufrieden",
        2: "Unzufrieden",
        3: "Teils, teils",
        4: "Zufrieden",
        5: "Sehr zufrieden",
    },
    "nps": {0: "Überhaupt nicht wahrscheinlich", 10: "Äußerst wahrscheinlich"},
    "ces": {
        1: "Stimme gar nicht zu",
        2: "Stimme nicht zu",
        3: "Stimme eher nicht zu",
        4: "Teils, teils",
        5: "Stimme eher zu",
        6: "Stimme zu",
        7: "Stimme völlig zu",
    },
}
_BY_LANGUAGE: Final = {"en": _ENGLISH, "de": _GERMAN}


def labels(kind: SurveyKind, locale: str | None) -> Labels:
    """What the numbers of a scale mean, in English unless the locale's language is known."""
    language = (locale or "").replace("_", "-").partition("-")[0].lower()
    return _BY_LANGUAGE.get(language, _ENGLISH)[kind]


def survey_values(
    kind: SurveyKind, locale: str | None, address: Callable[[int | None], str]
) -> dict[str, Any]:
    """The root ``survey`` of templates. ``address`` makes the link for a score, None for none."""
    words, scale = labels(kind, locale), SCALES[kind]
    return {
        "kind": kind,
        "lowest": scale[0],
        "highest": scale[-1],
        "lowest_label": words[scale[0]],
        "highest_label": words[scale[-1]],
        "url": address(None),
        "scores": [
            {"score": score, "label": words.get(score, ""), "url": address(score)}
            for score in scale
        ],
    }


def survey_nowhere(kind: SurveyKind, locale: str | None, base_url: str) -> dict[str, Any]:
    """The same for a preview: links as long as real ones that lead nowhere."""
    return survey_values(kind, locale, lambda score: f"{base_url}/s/{'x' * 52}{score or 0:02}")
