"""Scanners and privacy proxies are told from people."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core.machines import is_machine_agent, mark
from engine.core.receipt import ReceiptKind
from tests.core.test_delivery import NOW, receipt

IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15"
    " (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36"
    " (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
)
GMAIL = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0"
    " (via ggpht.com GoogleImageProxy)"
)  # fmt: skip


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0", "", " ", "curl/8.5.0", "python-requests/2.32", "Go-http-client/1.1",
        "Barracuda Sentinel (EE)", "Mozilla/5.0 (compatible; Googlebot/2.1)",
        "Microsoft Office Existence Discovery", "Slackbot-LinkExpanding 1.0", "WhatsApp/2.23",
        "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/126.0 Safari/537.36",
    ],
)  # fmt: skip
def test_machines_are_known_by_their_name(agent: str) -> None:
    assert is_machine_agent(agent)


@pytest.mark.parametrize("agent", [IPHONE, CHROME, GMAIL, None])
def test_people_and_those_who_look_for_them_are_not(agent: str | None) -> None:
    assert not is_machine_agent(agent)


def test_nobody_reads_a_message_within_seconds() -> None:
    soon = receipt(ReceiptKind.CLICKED, 1, user_agent=CHROME, url="https://a")
    later = receipt(ReceiptKind.CLICKED, 60, user_agent=CHROME, url="https://a")
    assert [one.machine for one in mark([soon, later], NOW)] == [True, False]
    assert [one.machine for one in mark([soon, later], None)] == [False, False]


def test_nobody_follows_two_links_in_one_second() -> None:
    clicks = [
        receipt(ReceiptKind.CLICKED, 100, url="https://a"),
        receipt(ReceiptKind.CLICKED, 101, url="https://b"),
        receipt(ReceiptKind.CLICKED, 200, url="https://a"),
        receipt(ReceiptKind.CLICKED, 201, url="https://a"),
    ]
    assert [one.machine for one in mark(clicks, NOW)] == [True, True, False, False]


def test_a_link_followed_together_with_one_that_is_known_is_a_machines() -> None:
    known = [receipt(ReceiptKind.CLICKED, 100, url="https://a")]
    for seconds, url, wanted in ((100, "b", True), (101, "b", True), (102, "b", False),
                                 (100, "a", False)):  # fmt: skip
        click = receipt(ReceiptKind.CLICKED, seconds, url=f"https://{url}")
        assert [one.machine for one in mark([click], NOW, known)] == [wanted]


def test_only_opens_and_clicks_are_marked() -> None:
    others = [
        receipt(kind, 0, user_agent="curl/8")
        for kind in ReceiptKind
        if kind not in (ReceiptKind.OPENED, ReceiptKind.CLICKED)
    ]
    assert mark(others, NOW - timedelta(seconds=1)) == others


def test_what_the_provider_marked_stays_marked() -> None:
    told = receipt(ReceiptKind.OPENED, 500, user_agent=IPHONE, machine=True)
    assert mark([told], NOW) == [told]
