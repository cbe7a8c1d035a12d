"""Surveys: what is asked, on which scale, and what was answered.

CSAT asks for satisfaction with something, 1 to 5; NPS how likely the customer is to recommend the
shop, 0 to 10 (F. Reichheld, "The One Number You Need to Grow", HBR, December 2003); CES how easy
the shop made it, 1 to 7 (CES 2.0, CEB, 2013).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

SurveyKind = Literal["csat", "nps", "ces"]

SCALES: Final[Mapping[SurveyKind, range]] = {
    "csat": range(1, 6),
    "nps": range(11),
    "ces": range(1, 8),
}
