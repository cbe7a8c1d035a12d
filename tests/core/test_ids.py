"""Ids and assignments derive from content."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from engine.core import ids

TEXT = st.text(st.characters(exclude_characters="\x1f", exclude_categories=["Cs"]))


@given(TEXT, TEXT, st.integers(1, 99))
def test_ids_are_uuids_of_version_8(campaign: str, key: str, number: int) -> None:
    made = uuid.UUID(ids.journey_id(campaign, key, number))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)
    assert str(made) == ids.journey_id(campaign, key, number)


@given(st.lists(st.tuples(TEXT, TEXT), unique=True, max_size=20))
def test_different_content_has_different_ids(pairs: list[tuple[str, str]]) -> None:
    assert len({ids.message_id(*pair) for pair in pairs}) == len(pairs)
    assert len({ids.customer_id(*pair) for pair in pairs}) == len(pairs)
    assert len({ids.share(*pair, "c") for pair in pairs}) == len(pairs)


@given(TEXT, TEXT, TEXT)
def test_a_share_is_a_percentage_and_always_the_same(campaign: str, salt: str, who: str) -> None:
    share = ids.share(campaign, salt, who)
    assert 0 <= share < 100
    assert share == ids.share(campaign, salt, who)
