"""What re-entry knows of former journeys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import hypothesis
from hypothesis import strategies as st

from engine.core.past import Past, PastEntry

T0 = datetime(2026, 3, 1, 9, tzinfo=UTC)
LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)
LATE, LATER = datetime(2255, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)
_owners = st.sampled_from(["ann", "ben"])
_OWN_KEYS = ["{}", "{}:2026-03-01", "{}:2026-03-02"]
_keys = st.sampled_from([*_OWN_KEYS, "{}x", "shop:1", "shop:2", ":", ""])
_entries = st.lists(
    st.tuples(
        _owners,
        st.sampled_from(["hello", "bye"]),
        _keys,
        st.sampled_from([1, 2, 3, 1022, 1023, 1024, 5000]),
        st.one_of(
            st.integers(-5, 5).map(lambda days: T0 + timedelta(days=days, microseconds=7)),
            st.sampled_from([LONG_AGO, LATE, LATER]),
        ),
    ),
    max_size=30,
)


@hypothesis.given(entries=_entries, owner=_owners)
def test_it_knows_the_newest_entry_under_each_key_also_after_a_merge(
    entries: list[tuple[str, str, str, int, datetime]], owner: str
) -> None:
    pasts = {"ann": Past(), "ben": Past()}
    known: dict[tuple[str, str, str], PastEntry] = {}
    for who, campaign, key, number, at in entries:
        pasts[who].note(campaign, key.format(who), who, entry_no=number, entered_at=at)
        one = PastEntry(number, at)
        known[who, campaign, key] = max(known.get((who, campaign, key), one), one)
    for who, campaign, key in known:
        assert pasts[who].find(campaign, key.format(who), who) == known[who, campaign, key]
        assert pasts[who].find("another", key.format(who), who) is None
    other = "ben" if owner == "ann" else "ann"
    mine, theirs = pasts[owner], pasts[other]
    mine.join(theirs)
    again = Past()
    again.join(mine)
    again.join(theirs)
    assert again == mine
    joined: dict[tuple[str, str], PastEntry] = {}
    for (who, campaign, key), entry in known.items():
        # A key that holds the id of the one who is gone holds the survivor's from then on.
        renamed = key.format(owner if key in _OWN_KEYS else who)
        joined[campaign, renamed] = max(joined.get((campaign, renamed), entry), entry)
    assert len(mine) == len(joined)
    for (campaign, entry_key), entry in joined.items():
        assert mine.find(campaign, entry_key, owner) == entry
