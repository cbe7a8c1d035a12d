"""Steps that ask: the question goes out, the journey waits, the answer is kept for conditions."""

from dataclasses import replace
from typing import Any

import pytest

from config.durations import Duration, parse
from engine.core.campaign import Plans
from engine.core.journey import on_failed, on_retry
from engine.core.message import MessageStatus
from engine.core.step_results import step_fields
from engine.core.verbs import AskSurvey, Delay, SendEmail
from engine.core.world import JourneyStatus, Waiting
from tests.core.shop import DAY, HOUR, T0, Shop, plan

ASK = {"kind": AskSurvey, "id": "nps", "template": "t", "channel": "email", "timeout": parse("5d")}
AFTER = {"kind": SendEmail, "id": "after", "template": "t2"}


def _survey(of: Any) -> dict[str, Any]:
    """The step's parts, with the survey's own ``kind`` beside the verb's."""
    return {**ASK, "kind": lambda **given: AskSurvey(**{**given, "kind": of})}


def asked(*then: dict[str, Any], **given: Any) -> Shop:
    shop = Shop.of(plan(_survey("nps"), *then, **given))
    shop.tell("order.delivered")
    shop.step()
    shop.send()
    return shop


def answer(shop: Shop, **data: Any) -> None:
    mine = {"journey": shop.journey.id, "step": "nps", "kind": "nps", "score": 9}
    shop.tell("survey.answered", **{**mine, **data})
    shop.step()


def test_the_journey_waits_for_the_answer_from_when_the_question_was_sent() -> None:
    shop = asked(AFTER)
    assert (shop.journey.waiting, shop.journey.step) == (Waiting.EVENT, "nps")
    assert shop.journey.due_at == T0 + 5 * DAY
    shop.now = T0 + HOUR
    answer(shop, comment="Lovely")
    assert shop.journey.results["nps"] == {
        "sent": True, "answered": True, "score": 9, "comment": "Lovely",
    }  # fmt: skip
    assert shop.journey.step == "after"


def test_without_an_answer_it_goes_on_at_the_time_out_and_a_late_answer_is_still_kept() -> None:
    shop = asked({"kind": Delay, "id": "rest", "for_": Duration(days=9)})
    shop.run_to(T0 + 6 * DAY)
    assert shop.journey.results["nps"]["timed_out"]
    assert shop.journey.step == "rest"
    answer(shop)
    assert (shop.journey.step, shop.journey.results["nps"]["score"]) == ("rest", 9)


def test_a_later_answer_replaces_the_former() -> None:
    shop = asked({"kind": Delay, "id": "rest", "for_": Duration(days=9)})
    answer(shop, score=3)
    answer(shop, score=8)
    assert shop.journey.results["nps"]["score"] == 8


@pytest.mark.parametrize(
    ("data", "counts"),
    [
        ({"journey": "another"}, False),
        ({"step": "another"}, False),
        ({"journey": None}, True),
        ({"journey": None, "kind": "csat"}, False),
    ],
)
def test_only_an_answer_to_this_question_counts(data: dict[str, Any], counts: bool) -> None:
    shop = asked(AFTER)
    answer(shop, **data)
    assert shop.journey.results["nps"].get("answered", False) is counts


def test_a_question_that_is_withheld_is_not_waited_for() -> None:
    shop = Shop.of(plan(_survey("nps"), AFTER, purpose="marketing"))
    shop.tell("order.delivered")
    shop.step()
    assert shop.journey.status is JourneyStatus.COMPLETED
    assert {m.status for m in shop.world.messages.values()} == {MessageStatus.SKIPPED}


def test_a_refused_question_is_not_waited_for() -> None:
    shop = asked(AFTER)
    on_failed(shop.world, next(iter(shop.world.messages.values())), shop.context)
    shop.step()
    assert shop.journey.step == "after"


def test_a_question_sent_again_is_waited_for_from_then() -> None:
    shop = asked(AFTER)
    message = next(iter(shop.world.messages.values()))
    on_retry(shop.world, message, T0 + HOUR, shop.plans, shop.context)
    assert shop.journey.waiting is Waiting.MESSAGE
    shop.now = T0 + HOUR
    shop.send()
    assert shop.journey.due_at == T0 + HOUR + 5 * DAY


def test_a_campaign_frozen_at_the_hand_over_waits_for_the_answer_when_it_goes_on() -> None:
    shop = Shop.of(plan(_survey("nps"), AFTER))
    shop.tell("order.delivered")
    shop.step()
    one = shop.plans
    message = next(iter(shop.world.messages.values()))
    shop.braked["review"] = "volume_limit"
    shop.send(message)
    assert shop.journey.parked
    shop.braked.clear()
    shop.plans = Plans.of(one.current.values())
    shop.journey.parked = False
    shop.step()
    assert shop.journey.waiting is Waiting.EVENT
    assert len(shop.world.messages) == 1


def test_what_conditions_may_ask() -> None:
    step = plan(_survey("ces")).steps[0]
    assert {"nps.answered", "nps.score", "nps.comment", "nps.clicked"} <= set(step_fields(step))
    assert replace(step, index=0) == step
