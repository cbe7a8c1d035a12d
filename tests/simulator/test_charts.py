"""Charts hold every bar, none taller than the chart, and tell themselves to who cannot see them."""

from __future__ import annotations

import re
from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.charts import bars, shares

rows = st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), min_size=1, max_size=300)


@given(rows=rows)
def test_bars_are_as_tall_as_their_figures(rows: list[tuple[int, int]]) -> None:
    chart = bars(
        [str(at) for at in range(len(rows))],
        {"emails": [one for one, _ in rows], "SMS": [other for _, other in rows]},
        title="Messages <a day>",
        caption="most on Monday",
    )
    found = re.findall(r'y="([\d.]+)" width="([\d.]+)" height="([\d.]+)"', chart)
    assert len(found) == sum(bool(count) for row in rows for count in row)
    assert all(float(y) >= -0.02 and float(y) + float(tall) <= 100.02 for y, _, tall in found)
    top = int(re.findall(r"<em>([\d,]+)</em>", chart)[0].replace(",", ""))
    most = max(map(sum, rows))
    assert most <= max(top, 1) <= max(1.5 * most, 1)
    painted = sum(float(tall) for _, _, tall in found)
    assert abs(painted * max(top, 1) / 100 - sum(map(sum, rows))) <= 0.01 * max(top, 1) * len(found)
    (label,) = re.findall(r'role="img" aria-label="([^"]+)"', chart)
    assert unescape(label) == "Messages <a day>. most on Monday"
    assert chart.count("<title>") == sum(any(row) for row in rows)


def test_nothing_is_drawn_of_nothing() -> None:
    assert bars([], {"emails": []}, title="Messages", caption="none") == ""
    assert shares([], title="Reasons") == ""


@given(counts=st.lists(st.integers(1, 9999), min_size=1, max_size=9))
def test_shares_are_parts_of_the_greatest(counts: list[int]) -> None:
    drawn = shares([(f"reason {count}", count) for count in counts], title="Reasons")
    widths = [float(one) for one in re.findall(r"width:([\d.]+)%", drawn)]
    assert max(widths) == 100
    assert all(
        abs(width - 100 * count / max(counts)) < 0.06
        for width, count in zip(widths, counts, strict=True)
    )
