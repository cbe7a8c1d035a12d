"""Comparing accounts counts every message once, and edits taken apart add up to the whole."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from engine.simulator.comparison import compare
from engine.simulator.edits import STORE, edits
from engine.simulator.witness import Account, Name, Went

AT = datetime(2026, 3, 2, 15, tzinfo=UTC)
names = st.builds(
    Name,
    campaign=st.sampled_from(["a", "b"]),
    customer=st.sampled_from(["x", "y", "z"]),
    entry_key=st.just("k"),
    entry_no=st.integers(1, 3),
    step=st.sampled_from(["one", "two", "three"]),
)
sent = st.builds(
    Went,
    id=st.just("m"),
    at=st.integers(0, 3).map(lambda days: AT + timedelta(days=days)),
    channel=st.sampled_from(["email", "sms"]),
    template=st.sampled_from(["t", "u"]),
    digest=st.sampled_from([b"1", b"2"]),
    cost=st.integers(0, 2),
)
events = st.lists(st.sampled_from(["e", "f", "g", "h"]), min_size=3, max_size=3)
accounts = st.builds(
    lambda went, events: Account(
        went=went, began={name.entry: events[name.entry_no - 1] for name in went}
    ),
    st.dictionaries(names, sent, max_size=12),
    events,
)
sections = st.dictionaries(
    st.sampled_from(["caps", "brand", "min_gap", "offers"]),
    st.one_of(
        st.sampled_from(["20h", "10:00", "true", "# no comment", "a: b"]),
        st.lists(st.integers(0, 9), max_size=2),
        st.dictionaries(st.sampled_from(["p", "q"]), st.integers(0, 9), max_size=2),
    ),
)


@given(before=accounts, after=accounts)
def test_every_message_is_counted_once(before: Account, after: Account) -> None:
    found = compare(before, after)
    total = found.total
    assert (total.before, total.after) == (len(before.went), len(after.went))
    assert total.after - total.before == total.added - total.removed
    stays = total.after - total.added
    assert max(total.moved, total.changed) <= stays
    assert found.let_through.total() == total.added
    assert found.kept_from.total() == total.removed
    for one in found.changes.values():
        assert one.after - one.before == one.added - one.removed
    back = compare(after, before).total
    assert (back.added, back.removed) == (total.removed, total.added)


@given(before=accounts)
def test_one_entry_less_makes_no_others_of_those_that_follow(before: Account) -> None:
    gone = {name for name in before.went if name.entry_no == 1}
    before.began = {name.entry: f"e{name.entry_no}" for name in before.went}
    left = {
        replace(name, entry_no=name.entry_no - 1): went
        for name, went in before.went.items()
        if name not in gone
    }
    after = Account(went=left, began={name.entry: f"e{name.entry_no + 1}" for name in left})
    total = compare(before, after).total
    assert (total.removed, total.added, total.moved, total.changed) == (len(gone), 0, 0, 0)


@given(account=accounts)
def test_an_account_equals_itself(account: Account) -> None:
    assert compare(account, account).is_empty


def block(data: dict[str, Any]) -> bytes:
    return b"# The shop.\n" + yaml.safe_dump(data, default_flow_style=False).encode()


def braces(data: dict[str, Any]) -> bytes:
    return json.dumps(data).encode()


def read(content: bytes) -> Any:
    return yaml.load(content, yaml.BaseLoader) or {}


@given(before=sections, after=sections, write=st.sampled_from([block, braces]))
def test_sections_are_edited_one_at_a_time(
    before: dict[str, Any], after: dict[str, Any], write: Any
) -> None:
    before, after = {"version": 1, **before}, {"version": 1, **after}
    former, now = write(before), write(after)
    told = {
        one.name.removeprefix(f"{STORE}: "): one for one in edits({STORE: former}, {STORE: now})
    }
    one, other = read(former), read(now)
    assert set(told) == {key for key in one | other if one.get(key) != other.get(key)}
    for key, edit in told.items():
        wanted = {each: value for each, value in one.items() if each != key}
        if key in other:
            wanted[key] = other[key]
        assert read(edit.on({STORE: former})[STORE]) == wanted
