"""What was known then: asked later about a moment, the answers are those that were given at it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.cli.lookup import question
from engine.services.as_known import as_known
from engine.services.case import Case, Outcome, Question
from engine.services.history import case_of
from engine.services.timeline import timeline, without_making
from engine.services.why import answers
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, MINUTE, House, campaign, email
from tests.services.planted import CAMPAIGNS, EVENTS, FILES, STORE

PEOPLE = ("ada", "ben", "cem")
# One line a day: what each of them does.
LIFE: tuple[tuple[tuple[str, str, dict[str, Any]], ...], ...] = (
    (("order.delivered", "ada", {"order": "a1"}), ("ask.survey", "ben", {}),
     ("wait.for", "cem", {}), ("gift.due", "cem", {})),
    (("ask.now", "ada", {}), ("order.delivered", "ben", {"order": "b1"}),
     ("club.join", "cem", {})),
    (("order.refunded", "ada", {"order": "a1"}), ("ask.low", "ben", {}),
     ("review.submitted", "cem", {"data": {"rating": 5}})),
    (("order.delivered", "cem", {"order": "c1"}), ("ask.low", "ada", {}),
     ("ask.high", "ben", {})),
    (("club.join", "cem", {}), ("order.delivered", "ada", {"order": "a2"}),
     ("ask.high", "ada", {})),
    (("survey.answered", "ben", {"data": {"kind": "nps", "score": 9}}),),
    (),
    (),
)  # fmt: skip


@pytest.fixture
def lived(new_house: NewHouse) -> tuple[House, dict[datetime, dict[str, Any]]]:
    """A week, and what was answered at the end of each day."""
    wanted = {"review", "now", "low", "high", "survey", "club", "wait", "gift"}
    mine = [one for one in CAMPAIGNS if one["id"] in wanted]
    house = new_house(*mine, store=STORE, templates=FILES)
    listed = "".join(f"  {name}: {{object: customer}}\n" for name in EVENTS)
    house.write("config/events.yaml", f"version: 1\nevents:\n{listed}")
    house.reload()
    given: dict[datetime, dict[str, Any]] = {}
    for day in LIFE:
        for kind, who, facts in day:
            house.tell(kind, who, **facts)
            house.run(HOUR)
        house.run(DAY)
        given[house.clock.now()] = _told(house, question(house.app), None)
        house.clock.advance_to(house.clock.now() + MINUTE)
    return house, given


def _case(house: House, who: str, now: datetime) -> Case:
    return case_of(house.app.history, house.app.storage, house.id_of(who), now)


def _told(house: House, asked: Question, at: datetime | None) -> dict[str, Any]:
    now = house.clock.now()
    found = {}
    for who in PEOPLE:
        case = _case(house, who, now)
        if at is not None:
            case = as_known(case, at)
            asked = replace(asked, now=at, as_known=True)
        for one in answers(case, asked):
            is_present = one.outcome is Outcome.NEVER_TRIGGERED
            text = one.text.split(";")[0] if is_present else one.text
            found[f"{who}:{one.campaign}"] = (one.outcome, one.code, text, one.due_at)
    return found


def test_the_answers_about_a_moment_are_those_given_at_it(
    lived: tuple[House, dict[datetime, dict[str, Any]]],
) -> None:
    house, given = lived
    asked = question(house.app)
    outcomes = set()
    for at, told in given.items():
        assert _told(house, asked, at) == told
        outcomes |= {one[0] for one in told.values()}
    assert {Outcome.SENT, Outcome.WAITING, Outcome.EXITED, Outcome.NOT_SENT} <= outcomes


def test_the_timeline_is_in_order_and_keeps_to_its_bounds(
    lived: tuple[House, dict[datetime, dict[str, Any]]],
) -> None:
    house, given = lived
    asked = question(house.app)
    middle = sorted(given)[3]
    for who in PEOPLE:
        case = _case(house, who, house.clock.now())
        whole = timeline(case, asked)
        assert [one.at for one in whole] == sorted(one.at for one in whole)
        kinds = {one.kind for one in whole}
        assert {"event", "entered", "sent"} <= kinds
        before, after = timeline(case, asked, until=middle), timeline(case, asked, since=middle)
        assert (*before, *after) == whole
        assert all(one.at < middle for one in before)
        one_campaign = timeline(case, asked, campaign="now")
        assert {one.campaign for one in one_campaign} <= {"", "now"}
        shown = without_making(whole)
        assert {one.kind for one in shown} >= {"event", "sent"}
        sent = {(one.message, one.at) for one in shown if one.kind == "sent"}
        assert sent
        assert not sent & {(one.message, one.at) for one in shown if one.kind == "message"}


def test_who_was_held_out_is_so_after_reaching_the_goal(new_house: NewHouse) -> None:
    house = new_house(
        campaign("trial", {"event": "order.placed"}, [email()], holdout="100%",
                 goal={"event": "order.paid", "within": "30d"})
    )  # fmt: skip
    for kind in ("order.placed", "order.paid"):
        house.tell(kind, order="1")
        house.run(DAY)
    asked, case = question(house.app), _case(house, "ada", house.clock.now())
    (known,) = answers(as_known(case, asked.now), replace(asked, as_known=True))
    (present,) = answers(case, asked)
    assert present.outcome is Outcome.HELD_OUT
    assert known == present


def test_who_was_held_was_to_be_looked_at_after_that_moment(new_house: NewHouse) -> None:
    house = new_house(
        campaign("thanks", {"event": "order.placed"}, [email()],
                 hold_while="customer.open_tickets > 0")
    )  # fmt: skip
    house.tell("ticket.opened", ticket={"id": "t1", "subject": "Help"})
    house.tell("order.placed", order="1")
    house.run(2 * DAY + HOUR)
    at = house.clock.now()
    (present,) = answers(_case(house, "ada", at), question(house.app))
    house.run(5 * DAY)
    asked = replace(question(house.app), now=at, as_known=True)
    (known,) = answers(as_known(_case(house, "ada", house.clock.now()), at), asked)
    assert known.due_at == present.due_at
    assert "looked at again 2026-03-05 09:00 CST" in present.text
    assert "looked at again 2026-03-05 09:00 CST" in known.text


def test_nothing_is_known_before_anything_happened(
    lived: tuple[House, dict[datetime, dict[str, Any]]],
) -> None:
    house, given = lived
    at = min(given) - timedelta(days=30)
    case = as_known(_case(house, "ada", house.clock.now()), at)
    assert not (*case.events, *case.decisions, *case.messages, *case.journeys)
    asked = replace(question(house.app), now=at, as_known=True)
    assert {one.outcome for one in answers(case, asked)} == {Outcome.NEVER_TRIGGERED}
