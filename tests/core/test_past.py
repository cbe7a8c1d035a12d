"""What re-entry knows of former journeys."""

from __future__ import annotations

import pickle
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
        st.sampled_from([1, 2, 3, 126, 127, 128, 5000]),
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


def test_it_knows_entries_at_thousands_of_times() -> None:
    past, count = Past(), 2_100
    for one in range(count):
        past.note("hello", f"shop:{one}", "ann", entry_no=1, entered_at=T0 + timedelta(days=one))
    past.note("hello", "shop:2099", "ann", entry_no=2, entered_at=LATE)
    past.note("hello", "shop:7", "ann", entry_no=2, entered_at=LATER)
    assert len(past) == count
    for one in range(count - 1):
        entry = past.find("hello", f"shop:{one}", "ann")
        assert entry == ((2, LATER) if one == 7 else (1, T0 + timedelta(days=one)))
    assert past.find("hello", "shop:2099", "ann") == (2, LATE)


def test_one_entry_again_and_again_takes_no_more_room() -> None:
    past = Past()
    for one in range(1, 100):
        past.note("hello", "shop:1", "ann", entry_no=one, entered_at=T0 + timedelta(days=one))
    once = Past()
    once.note("hello", "shop:1", "ann", entry_no=99, entered_at=T0 + timedelta(days=99))
    assert past == once
    assert pickle.dumps(past) == pickle.dumps(once)
