"""Surveys from the event to the next decision: asked, answered, changed, and remembered."""

from __future__ import annotations

import asyncio
import json
import re
from datetime import timedelta
from typing import Any

import httpx
import pytest

from engine.core.survey import ANSWERABLE
from engine.services.surveys import OffScale, TooManyAnswers
from engine.services.unsubscribe import UnknownMessage
from engine.web_parts import WebParts
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, TEMPLATES, TEXTING, House, campaign
from tests.services.test_replies import say, suppressions

ASKING = {
    **TEMPLATES,
    "nps/subject.txt": "One question",
    "nps/body.txt": "{% for each in survey.scores %}\n{{ each.score }}: {{ each.url }}\n"
    "{% endfor %}\n{{ survey.lowest_label }} {{ links.unsubscribe }}",
    "nps/body.html": "<html><body>{% for each in survey.scores %}"
    '<a href="{{ each.url }}" title="{{ each.label }}">{{ each.score }}</a>{% endfor %}'
    '<a href="{{ links.unsubscribe }}">No more</a></body></html>',
    "nps/sms.txt": "{{ survey.lowest }} to {{ survey.highest }}? {{ links.unsubscribe }}",
}


def routed(channel: str = "email", kind: str = "nps") -> list[dict[str, Any]]:
    """Ask, then mark the customer by what they said."""
    ask = {"kind": kind, "template": "nps", "channel": channel, "timeout": "5d"}

    def tag(name: str) -> list[dict[str, Any]]:
        return [{"update_customer": {"add_tags": [name]}}]

    return [
        {"id": "nps", "ask_survey": ask},
        {"branch": [
            {"if": "!nps.answered", "steps": tag("silent")},
            {"if": "nps.score <= 6 && customer.nps <= 6", "steps": tag("unhappy")},
            {"else": None, "steps": tag("happy")},
        ]},
    ]  # fmt: skip


def asked(new_house: NewHouse, channel: str = "email", kind: str = "nps", **more: Any) -> House:
    """A customer who has been asked about an order."""
    house = new_house(
        campaign("care", "order.delivered", routed(channel, kind), purpose="marketing",
                 entry={"key": "order.id"}),
        store={"senders": TEXTING, **more}, templates=ASKING,
    )  # fmt: skip
    house.tell("order.delivered", order=1)
    house.run(HOUR)
    assert house.journey().waiting == "event"
    return house


def links(house: House) -> list[str]:
    """The paths of the email's scores, least first."""
    return re.findall(r"\d: http://\S+?(/s/\S+)", house.email.received[0].content.text)


def visit(
    house: House, path: str, method: str = "GET", *, language: str = "en", **form: Any
) -> httpx.Response:
    """One request to the web in front of the house, and all that follows of it."""
    parts = WebParts(house.app, works=False)

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=parts.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://site") as client:
            return await client.request(
                method, path, data=form or None, headers={"Accept-Language": language}
            )

    answer = asyncio.run(run())
    house.app.worker.quiesce()
    return answer


def tags(house: House) -> list[str]:
    ((found,),) = house.rows("SELECT tags FROM customers")
    return list(json.loads(found))


def answers(house: House) -> list[dict[str, Any]]:
    rows = house.rows("SELECT data FROM books WHERE book = 'answers' ORDER BY \"at\"")
    return [json.loads(data) for (data,) in rows]


def test_a_score_in_the_email_opens_a_page_and_only_sending_it_decides(
    new_house: NewHouse,
) -> None:
    house = asked(new_house)
    paths = links(house)
    assert len(paths) == 11
    assert len({len(path) for path in paths}) == 1
    assert len(paths[0]) <= 60
    page = visit(house, paths[9])
    assert page.status_code == 200
    assert page.text.count('type="radio"') == 11
    assert re.search(r'value="9" required checked', page.text)
    assert page.text.count(" checked") == 1
    assert "How likely are you to recommend Bellerive" in page.text
    assert visit(house, paths[3], "HEAD").status_code == 200
    assert (answers(house), house.journey().waiting) == ([], "event")
    thanks = visit(house, paths[9], "POST", score="9", comment="Lovely <tea>\r\nagain")
    assert thanks.status_code == 200
    assert "Your answer, 9 of 10, has reached Bellerive." in thanks.text
    assert "Lovely &lt;tea&gt;\nagain" in thanks.text
    assert (tags(house), house.journey().status) == (["happy"], "completed")
    (event,) = house.events("survey.answered")
    assert (event.source, event.customer_id) == ("lagniappe", house.id_of("ada"))
    (kept,) = answers(house)
    message = house.message()
    expected = {
        "kind": "nps", "score": 9, "comment": "Lovely <tea>\nagain", "how": "page",
        "message": message.id, "campaign": "care", "step": "nps", "order": "shop:1",
        "journey": house.journey().id, "ticket": None, "products": [], "history": [],
        "survey_id": None,
    }  # fmt: skip
    assert kept == expected


def test_a_low_score_takes_the_other_way_and_silence_the_third(new_house: NewHouse) -> None:
    house = asked(new_house)
    visit(house, links(house)[2], "POST", score="2")
    assert tags(house) == ["unhappy"]
    other = asked(new_house)
    other.run(6 * DAY)
    assert tags(other) == ["silent"]
    late = visit(other, links(other)[8], "POST", score="8")
    assert late.status_code == 200
    assert [one["score"] for one in answers(other)] == [8]


def test_a_changed_answer_keeps_the_former_and_a_repeated_one_changes_nothing(
    new_house: NewHouse,
) -> None:
    house = asked(new_house)
    path = links(house)[9]
    for score, comment in (("9", ""), ("9", ""), ("4", "broke"), ("4", "broke"), ("9", "")):
        house.run(HOUR)
        assert visit(house, path, "POST", score=score, comment=comment).status_code == 200
    (kept,) = answers(house)
    assert (kept["score"], kept["comment"]) == (9, None)
    former = [(one["score"], one["comment"], one["how"]) for one in kept["history"]]
    assert former == [(9, None, "page"), (4, "broke", "page")]
    assert len(house.events("survey.answered")) == 3
    assert tags(house) == ["happy"]  # the decision stands
    again = visit(house, links(house)[3])
    assert "Your answer so far: 9 of 10" in again.text
    assert re.search(r'value="3" required checked', again.text)


def test_what_was_not_sent_as_a_score_is_asked_again(new_house: NewHouse) -> None:
    house = asked(new_house)
    path = links(house)[0]
    for score in ("11", "-1", "", "nine", "٣", "9" * 400):
        page = visit(house, path, "POST", score=score, comment="kept words")
        assert page.status_code == 422, score
        assert "Please choose a number first." in page.text
        assert "kept words" in page.text
    assert visit(house, path, "POST").status_code == 422
    assert answers(house) == []


def test_links_are_good_for_one_purpose_and_a_time(new_house: NewHouse) -> None:
    house = asked(new_house)
    path = links(house)[7]
    token = path.removeprefix("/s/")
    for place in range(0, len(token), 3):
        other = "A" if token[place] != "A" else "B"
        forged = f"/s/{token[:place]}{other}{token[place + 1 :]}"
        assert visit(house, forged, "POST", score="1").status_code == 404, place
    unsubscribe = house.app.links.unsubscribe(house.message().id).rpartition("/")[2]
    assert visit(house, f"/s/{unsubscribe}", "POST", score="1").status_code == 404
    assert visit(house, f"/u/{token}").status_code == 404
    german = visit(house, path, language="de")
    assert "Wie wahrscheinlich ist es" in german.text
    assert german.headers["Content-Language"] == "de"
    house.run(ANSWERABLE - 2 * HOUR)
    assert visit(house, path).status_code == 200
    house.run(2 * HOUR)
    over = visit(house, path, "POST", score="1")
    assert (over.status_code, answers(house)) == (404, [])
    assert "help@example.com" in over.text


def test_an_answer_can_be_changed_only_so_often(new_house: NewHouse) -> None:
    house = asked(new_house)
    surveys, message = house.app.surveys, house.message().id
    for number in range(20):
        house.clock.advance_to(house.clock.now() + timedelta(minutes=1))
        surveys.answer(message, "nps", number % 11, how="voice")
    with pytest.raises(TooManyAnswers):
        surveys.answer(message, "nps", 5, how="voice")
    assert visit(house, links(house)[5], "POST", score="5").status_code == 409
    with pytest.raises(OffScale):
        surveys.answer(message, "csat", 0, how="voice")
    with pytest.raises(UnknownMessage):
        surveys.answer("00000000-0000-0000-0000-000000000000", "nps", 5, how="voice")


def test_an_answer_told_from_outside_counts_and_is_a_fact(new_house: NewHouse) -> None:
    house = asked(new_house)
    house.tell("survey.answered", data={"kind": "csat", "score": 5})
    assert (tags(house), house.journey().waiting) == ([], "event")
    house.tell("survey.answered", order=1, data={"kind": "nps", "score": 3, "comment": "late"})
    assert tags(house) == ["unhappy"]
    assert sorted((one["kind"], one["score"]) for one in answers(house)) == [
        ("csat", 5), ("nps", 3),
    ]  # fmt: skip


def test_a_second_survey_is_throttled_whatever_its_topic(new_house: NewHouse) -> None:
    topics = {"surveys": {"name": "Surveys"}, "care": {"name": "Care"}}
    house = new_house(
        campaign("one", "order.delivered", routed(), purpose="marketing", topic="care",
                 entry={"key": "order.id"}),
        campaign("two", "order.paid", routed(kind="csat"), purpose="marketing",
                 entry={"key": "order.id"}),
        store={"topics": topics, "surveys": {"min_gap": "30d"}}, templates=ASKING,
    )  # fmt: skip
    house.tell("order.delivered", order=1)
    house.run(DAY)
    house.tell("order.paid", order=2)
    house.run(DAY)
    reasons = {one.campaign: one.reason for one in house.messages()}
    assert reasons["one"] is None
    assert reasons["two"] is not None
    assert reasons["two"].startswith("survey_throttle")


@pytest.mark.parametrize(
    ("words", "score", "comment", "tag"),
    [("9", 9, None, "happy"), ("10!", 10, None, "happy"), ("2 it broke", 2, "it broke", "unhappy")],
)
def test_a_text_that_begins_with_a_score_answers_a_survey_that_waits(
    new_house: NewHouse, words: str, score: int, comment: str | None, tag: str
) -> None:
    house = asked(new_house, "sms")
    assert say(house, words) is None
    (kept,) = answers(house)
    assert (kept["score"], kept["comment"], kept["how"]) == (score, comment, "sms")
    assert kept["message"] == house.message().id
    assert (tags(house), house.journey().status) == ([tag], "completed")
    assert len(house.events("message.replied")) == 1
    say(house, words)  # Twilio tells it twice
    say(house, "3", sid="SM2")  # nothing waits any more
    assert [one["score"] for one in answers(house)] == [score]
    assert len(house.events("survey.answered")) == 1
    assert len(house.events("message.replied")) == 2


@pytest.mark.parametrize("words", ["11", "thanks", "9am", "STOP", "0 stop texting me", "HELP"])
def test_other_texts_answer_nothing(new_house: NewHouse, words: str) -> None:
    house = asked(new_house, "sms")
    say(house, words)
    assert answers(house) == []
    assert house.events("survey.answered") == []
    assert bool(suppressions(house)) == ("stop" in words.lower())


def test_a_text_answers_the_survey_behind_later_news(new_house: NewHouse) -> None:
    ask, _ = routed("sms", "csat")
    house = new_house(
        campaign("care", "order.delivered", [ask], purpose="marketing", entry={"key": "order.id"}),
        campaign("news", "order.shipped", [{"id": "on", "send_sms": {"template": "text"}}]),
        store={"senders": TEXTING}, templates=ASKING,
    )  # fmt: skip
    house.tell("order.delivered", order=1)
    house.run(HOUR)
    house.tell("order.shipped", order=2)
    house.run(HOUR)
    assert [one.campaign for one in house.messages()] == ["care", "news"]
    say(house, "5")
    (kept,) = answers(house)
    assert (kept["campaign"], kept["order"], kept["score"]) == ("care", "shop:1", 5)


def test_an_email_survey_is_not_answered_by_text(new_house: NewHouse) -> None:
    house = asked(new_house, "email")
    say(house, "9")
    assert answers(house) == []
