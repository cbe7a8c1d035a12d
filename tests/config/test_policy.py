from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.diagnostics import Diagnostic
from config.durations import Duration
from config.policy import Policy, load_policy
from config.yaml_source import SourceError, load

STORE = (Path(__file__).parents[2] / "config" / "store.yaml").read_text(encoding="utf-8")
SMALLEST = """\
version: 1
brand:
  name: Corner Shop
  url: https://shop.example.com/
  postal_address: 1 Example Street, Springfield
  support: {email: help@example.com}
currency: EUR
timezone: Europe/Paris
senders: {email: {from_name: Corner Shop, from_email: hello@example.com}}
"""


def problems(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SourceError) as caught:
        load_policy(load(text, "store.yaml"))
    return caught.value.diagnostics


def changed(old: str, new: str) -> Diagnostic:
    assert old in STORE
    found = problems(STORE.replace(old, new, 1))
    assert len(found) == 1, found
    return found[0]


def test_the_starter_policy_is_sound() -> None:
    policy = load_policy(load(STORE, "store.yaml"))
    assert policy.brand.name == "Maison Bellerive"
    assert policy.zone.key == "America/Chicago"
    quiet = policy.quiet_hours.of("email")
    assert quiet is not None
    assert (quiet.start, quiet.until) == (time(21), time(8))
    assert policy.caps[0].per == Duration(days=7)
    assert policy.retry.attempts == 6


def test_little_is_required_and_the_rest_is_careful() -> None:
    policy = load_policy(load(SMALLEST, "store.yaml"))
    assert policy.brand.url == "https://shop.example.com"
    assert policy.senders.sms is None
    assert policy.on_unknown.do == "hold"
    assert policy.quiet_hours.email is None
    assert policy.quiet_hours.sms is not None
    off = load_policy(load(SMALLEST + "quiet_hours: {sms: none}\n", "store.yaml"))
    assert off.quiet_hours.sms is None


def test_a_policy_cannot_be_changed() -> None:
    policy = load_policy(load(SMALLEST, "store.yaml"))
    with pytest.raises(ValidationError):
        policy.currency = "USD"


@pytest.mark.parametrize(
    ("old", "new", "code", "suggestion"),
    [
        ("America/Chicago", "America/Chigaco", "unknown-time-zone", "America/Chicago"),
        ("America/Chicago", "Chicago", "unknown-time-zone", "America/Chicago"),
        ('color: "#', 'colour: "#', "unknown-field", "color"),
        ("then: drop", "then: dorp", "unknown-value", "drop"),
        ("count: 3", "count: many", "wrong-type", None),
        ("count: 3", "count: 0", "invalid-value", None),
        ("count: 3", "count: ~", "missing-value", None),
        ("  tips: {name", "  Tips!: {name", "invalid-value", None),
        ("min_gap: 20h", "min_gap: 20", "invalid-value", None),
        ("email: help@", "email: help at ", "invalid-value", None),
        ("store_content: true", "store_content: maybe", "wrong-type", None),
        ("currency: USD", "currency: USX", "invalid-value", None),
        ("locale: en-US", "locale: klingon", "invalid-value", None),
        ("country: US", "country: USA", "invalid-value", None),
        ('from: "+15045550123"', 'from: "5045550123"', "invalid-value", None),
        ('"21:00"', '"25:00"', "invalid-value", None),
        ('until: "08:00"', 'until: "21:00"', "invalid-value", None),
        ("first: 30s", "first: 2h", "invalid-value", None),
        ("url: https://", "url: ftp://", "invalid-value", None),
        ("version: 1", "version: 2", "unknown-value", None),
        ("1000/s", "1000 per second", "invalid-value", None),
        ("  email: {require: subscribed}", "  email: later", "wrong-type", None),
    ],
)
def test_a_mistake_is_told_at_its_place(
    old: str, new: str, code: str, suggestion: str | None
) -> None:
    found = changed(old, new)
    assert (found.code, found.suggestion) == (code, suggestion)
    line = STORE[: STORE.index(old)].count("\n") + 1
    assert found.at.line == line
    assert found.message
    assert "Input should" not in found.message


def test_a_missing_section_and_its_misspelling_are_both_told() -> None:
    found = problems(STORE.replace("senders:", "sendres:"))
    assert [one.code for one in found] == ["missing-field", "unknown-field"]
    assert found[1].suggestion == "senders"


def test_every_problem_is_told_at_once() -> None:
    text = STORE.replace("count: 3, per: 7d", "count: 0, prr: 7d").replace("USD", "XXZ")
    found = problems(text)
    assert [one.path for one in found] == [
        "currency",
        "caps[0].per",
        "caps[0].count",
        "caps[0].prr",
    ]


@pytest.mark.parametrize("text", ["", "[]", "just text"])
def test_a_file_that_is_no_mapping_is_told(text: str) -> None:
    assert len(problems(text)) == 1


@given(st.data())
def test_any_line_may_be_mutilated(data: st.DataObject) -> None:
    lines = STORE.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    cut = data.draw(st.integers(0, len(lines[at])))
    lines[at] = lines[at][:cut] + data.draw(st.sampled_from(["", "x", ": 1", "[", "{a: b}", " - "]))
    told: tuple[Diagnostic, ...] = ()
    policy = None
    try:
        policy = load_policy(load("\n".join(lines), "store.yaml"))
    except SourceError as error:
        told = error.diagnostics
    assert isinstance(policy, Policy) != bool(told)
    assert all(1 <= one.at.line <= len(lines) for one in told)
