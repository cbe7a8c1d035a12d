"""Stories are played as the daemon would live them, and every kind of line has its effect."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostic_report import as_text
from engine.rehearsal.run import Report, run_tests
from tests.rehearsal.shop import file_of, played, workspace

PERSON = """\
customer:
  first_name: Ada
  phone: "+15045550142"
  consent: {email: subscribed, sms: subscribed}
"""


def passes(report: Report) -> None:
    told = [as_text(one.failures, report.sources) for one in report.results if one.failures]
    assert not report.diagnostics, as_text(report.diagnostics, report.sources)
    assert not told, "\n".join(told)
    assert report.results
    assert report.passed


def test_every_way_through_a_campaign(tmp_path: Path) -> None:
    report = played(
        tmp_path,
        "everything",
        """
        name: a promoter is thanked with a coupon and points
        variants: {way: left}
        given:
          - {event: order.delivered, order: 1}
          - {answer: nps, score: 9, comment: Lovely}
          - {after: 1d, event: order.placed, order: {id: 2, total: 30}, using: gift}
        expect:
          messages:
            - {email: note, step: nps, at: 2026-03-02 10:00, subject: For Ada}
            - {email: gift, after: 1h, contains: [10 % off, SUMMER-0001], lacks: SUMMER-0002}
            - sms: text
          coupons: [thanks]
          points: 50
          tasks: []
          events: []
          goal: false
          journey: completed
        """,
        """
        name: a detractor is called
        variants: {way: right}
        given:
          - {event: order.delivered, order: 1}
          - {after: 2d, answer: nps, score: 3}
          - {call: call, outcome: resolved, note: All well}
          - {after: 1d, event: review.submitted, order: 1, data: {rating: 5}}
        expect:
          messages: [email: note, sms: text]
          tasks: [{queue: support, step: call, priority: high}]
          events: [shop.went_right]
          coupons: []
          goal: true
          journey: completed
        """,
        """
        name: who cannot be reached is let go of
        given:
          - {event: order.delivered, order: 1}
          - {answer: nps, score: 0}
          - no_answer: call
          - {after: 1d, no_answer: call, note: Tried twice}
        expect:
          messages: [email: note]
          journey: {exited: nobody there}
        """,
        """
        name: a call that nobody makes
        given:
          - {event: order.delivered, order: 1}
          - {answer: nps, score: 0}
        expect:
          messages: [email: note, sms: text]
          journey: completed
        """,
        """
        name: who does not answer is noted
        customer: {phone: ~}
        given:
          - {event: order.delivered, order: 1}
        expect:
          messages: [email: note]
          skips: [{step: text}]
          customer: {tags: silent, lacks_tags: loud, attributes: {asked: 1}}
        """,
        """
        name: one of those held out
        holdout: true
        given:
          - {event: order.delivered, order: 1}
        expect:
          messages: []
          journey: held_out
        """,
        more=PERSON,
    )
    passes(report)
    (covered,) = [one for one in report.coverage if one.tests]
    assert (covered.steps_reached, covered.branches_reached) == (covered.steps, covered.branches)
    assert covered.never == ()


def test_what_is_done_with_messages(tmp_path: Path) -> None:
    report = played(
        tmp_path,
        "plain",
        """
        name: a click
        given:
          - {event: order.delivered, order: {id: 1, total: 20}}
          - click: mail
        expect: {messages: [email: note], skips: [{step: again, reason: if}]}
        """,
        """
        name: an open, told in German
        customer: {locale: de-AT, timezone: Europe/Vienna}
        given:
          - {at: 2026-07-01 09:00, event: order.delivered, order: {id: 1, total: 20}}
          - {after: 1d, open: mail}
        expect:
          messages: [{email: note, at: 2026-07-01 09:00, contains: Guten Tag, locale: de}]
        """,
        """
        name: an address that does not exist
        given:
          - {event: order.delivered, order: {id: 1, total: 20}}
          - bounce: mail
        expect: {messages: [email: note], skips: [{step: again, reason: suppressed}]}
        """,
        """
        name: reported as spam, which is no matter of what is about an order
        given:
          - {event: order.delivered, order: {id: 1, total: 20}}
          - complain: mail
        expect: {messages: [email: note, email: note]}
        """.replace("[email: note, email: note]", "[{email: note}, {email: note, after: 2d}]"),
        """
        name: too small an order
        given:
          - {event: order.delivered, order: {id: 1, total: 19.99}}
        expect: {messages: [], journey: {refused: filter}}
        """,
        """
        name: waiting, and called off
        given:
          - {event: order.delivered, order: {id: 1, total: 20}}
          - {after: 1d, event: order.cancelled, order: 1}
        expect: {journey: {exited: order.cancelled}}
        """,
        """
        name: still waiting
        given:
          - {event: order.delivered, order: {id: 1, total: 20}}
          - after: 30h
        until: 1h
        expect: {messages: [email: note], journey: {waiting: step_2}}
        """,
        """
        name: nobody at all
        given:
          - after: 1d
        expect: nothing
        """,
        more=PERSON,
    )
    passes(report)


def test_others_and_other_campaigns(tmp_path: Path) -> None:
    report = played(
        tmp_path,
        "inviting",
        """
        name: a friend buys with the code
        others: {bea: {first_name: Bea, consent: {email: subscribed}}}
        with: [plain]
        given:
          - {event: order.delivered, order: {id: 1, total: 50}}
          - {after: 1h, event: order.delivered, by: bea, order: {id: 2, total: 50}, using: invite}
          - {click: invite, by: bea, link: /r/}
        expect:
          messages:
            - {email: invite, contains: Bring a friend}
            - {email: invite, to: bea, after: 1h}
          journeys: [completed, completed]
        """,
        """
        name: who writes STOP gets no more texts
        given:
          - {event: order.delivered, order: {id: 1, total: 50}}
          - reply: STOP
        expect: {messages: [email: invite]}
        """,
        more=PERSON,
    )
    passes(report)
    by_name = {one.campaign: one for one in report.coverage}
    assert by_name["plain"].tests == 0
    assert by_name["plain"].steps_reached == 0


def test_drafts_are_tested_as_if_they_were_live(tmp_path: Path) -> None:
    given = "name: goes out\ngiven: [{event: order.placed, order: 1}]"
    test = f"{given}\nexpect: {{messages: [email: note]}}"
    passes(played(tmp_path, "drafted", test))


def test_the_workspace_is_only_read(tmp_path: Path) -> None:
    test = "name: t\ngiven: [{event: order.placed, order: 1}]\nexpect: {goal: false}"
    shop = workspace(tmp_path, {"drafted": file_of("drafted", test)})
    (shop / ".env").write_text("LAGNIAPPE_EMAIL_PROVIDER=nonsense\n")
    before = {path: path.stat().st_mtime_ns for path in shop.rglob("*")}
    passes(run_tests(shop))
    assert {path: path.stat().st_mtime_ns for path in shop.rglob("*")} == before


def test_the_same_tests_have_the_same_outcome(tmp_path: Path) -> None:
    test = """
    name: of a coupon
    given:
      - {event: order.delivered, order: 1}
      - {answer: nps, score: 9}
    expect: {messages: []}
    """
    one, other = (played(tmp_path / name, "everything", test) for name in ("one", "other"))
    assert [each.failures for each in one.results] == [each.failures for each in other.results]
    assert [each.happened for each in one.results] == [each.happened for each in other.results]
    assert one.coverage == other.coverage


@pytest.mark.parametrize(("word", "count"), [("APPLE", 1), ("pear", 0), ("e", 2)])
def test_tests_are_picked_by_name(tmp_path: Path, word: str, count: int) -> None:
    tests = [f"name: {name}\ngiven: [after: 1d]\nexpect: nothing" for name in ("apple", "cherry")]
    shop = workspace(tmp_path, {"plain": file_of("plain", *tests)})
    report = run_tests(shop, name=word)
    assert len(report.results) == count
    assert len(report.coverage) == (count > 0)
