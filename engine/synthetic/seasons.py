"""When people buy: by the day of the year, the day of the week and the hour.

The shapes are made up, after what shops commonly see: a peak from Black Friday to the last day on
which a parcel still comes before Christmas, a lull in January, February and August; Sundays and
Mondays ahead; few at night, a first top at noon and the highest in the evening.
"""

from __future__ import annotations

from datetime import date
from itertools import accumulate
from typing import Final

WEEK: Final = (1.1, 1.0, 0.95, 0.95, 0.9, 0.95, 1.15)  # Monday first
_MONTHS: Final = (0.75, 0.8, 0.95, 0.95, 1.0, 0.95, 0.9, 0.8, 0.95, 1.0, 1.25, 1.7)
_HOURS: Final = (
    0.3, 0.15, 0.1, 0.05, 0.05, 0.1, 0.3, 0.6, 0.9, 1.1, 1.3, 1.4,
    1.5, 1.4, 1.3, 1.2, 1.2, 1.3, 1.5, 1.8, 2.1, 2.0, 1.4, 0.7,
)  # fmt: skip
HOURS: Final = tuple(accumulate(_HOURS))  # as random.choices takes them
HIGHEST: Final = 2.4 * max(WEEK)


def demand(day: date) -> float:
    """How much is bought on this day, where 1 is usual; never above ``HIGHEST``."""
    return _of_year(day) * WEEK[day.weekday()]


def _of_year(day: date) -> float:
    if (day.month, day.day) >= (12, 24):
        return 0.6
    if (day.month, day.day) >= (11, 24):
        return 2.4
    return _MONTHS[day.month - 1]
