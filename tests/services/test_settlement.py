"""Doubt ends: by a look-up, by the policy, by a person's word."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from engine.core.receipt import Receipt, ReceiptKind
from engine.core.settling import Ending
from engine.ports.providers import LookUpUnavailable, Sought
from engine.providers.simulated import ACCEPT, REFUSE, SILENCE, Script
from engine.services.settlement import NotInDoubt
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, MINUTE, House, campaign, email

NEWS = email(template="news")
FAILED = {
    "branch": [
        {"if": "ask.failed", "steps": [{"update_customer": {"add_tags": ["unheard"]}}]},
    ]
}


class Asked:
    """A provider that knows the messages it is told to know."""

    name = "simulated"

    def __init__(self, *known: ReceiptKind, error: LookUpUnavailable | None = None) -> None:
        self.known, self.error = list(known), error
        self.questions: list[Sought] = []

    async def find(self, sought: Sequence[Sought]) -> Sequence[Receipt]:
        self.questions += sought
        if self.error is not None:
            raise self.error
        return [
            Receipt(
                provider="simulated",
                id=f"look-up:{one.message_id}",
                kind=kind,
                message_id=one.message_id,
                at=one.since,
                looked_up=True,
            )
            for one, kind in zip(sought, self.known, strict=False)
        ]


def doubtful(
    new_house: NewHouse, do: str = "hold", *steps: Any, look_up: Asked | None = None, **more: Any
) -> House:
    more.setdefault("script", Script(calls=[SILENCE]))
    house = new_house(
        campaign("news", "order.placed", [NEWS, *steps]),
        store={
            "on_unknown": {"after": "1h", "do": do},
            "retry": {"attempts": 3, "first": "10s", "most": "1m"},
        },
        **more,
    )
    if look_up is not None:
        house.app.settlement.look_ups = {"simulated": look_up}
    house.tell("order.placed", order=1)
    assert house.message().status == "unknown"
    return house


def settle_until(house: House, end: timedelta) -> None:
    """The daemon looks every 30 seconds; twenty looks and one more will do here."""
    last = house.clock.now() + end
    while house.clock.now() < last:
        house.run(end / 20)
        house.app.settlement.run()
        house.app.worker.quiesce()


def endings(house: House) -> list[tuple[str, Any]]:
    detail = house.app.history.message(house.message().id)
    assert detail is not None
    return [
        (each.code, (each.trace or {}).get("by"))
        for each in detail.decisions
        if each.kind == "settled"
    ]


def test_held_stays_in_doubt(new_house: NewHouse) -> None:
    house = doubtful(new_house)
    settle_until(house, 2 * HOUR)
    assert house.message().status == "unknown"
    assert len(house.received) == 1
    assert endings(house) == []


def test_policy_sends_again_after_its_time_and_counts_the_attempt(new_house: NewHouse) -> None:
    house = doubtful(new_house, "resend")
    house.run(59 * MINUTE)
    house.app.settlement.run()
    assert len(house.received) == 1
    house.run(MINUTE)
    house.app.settlement.run()
    house.app.worker.quiesce()
    one = house.message()
    assert (one.status, one.attempts, len(house.received)) == ("sent", 2, 2)
    assert endings(house) == [("resend", "on_unknown")]


def test_policy_sends_again_no_oftener_than_attempts_allow(new_house: NewHouse) -> None:
    house = doubtful(new_house, "resend", script=Script(default=SILENCE))
    settle_until(house, 8 * HOUR)
    one = house.message()
    assert (one.status, one.attempts, len(house.received)) == ("unknown", 3, 3)


def test_policy_abandons(new_house: NewHouse) -> None:
    house = doubtful(new_house, "abandon")
    settle_until(house, 62 * MINUTE)
    one = house.message()
    assert (one.status, one.reason, len(house.received)) == ("cancelled", "abandoned", 1)
    assert endings(house) == [("abandoned", "on_unknown")]


def test_a_late_receipt_corrects_what_was_given_up(new_house: NewHouse) -> None:
    house = doubtful(new_house, "abandon")
    settle_until(house, 62 * MINUTE)
    told = Receipt(
        provider="simulated",
        id="late",
        kind=ReceiptKind.DELIVERED,
        message_id=house.message().id,
        at=house.clock.now(),
    )
    house.app.receive.take([told])
    one = house.message()
    assert (one.status, one.reason) == ("delivered", None)
    assert endings(house) == [("abandoned", "on_unknown"), ("sent", "receipt")]


def test_a_look_up_settles_before_the_policy(new_house: NewHouse) -> None:
    look_up = Asked(ReceiptKind.DELIVERED)
    house = doubtful(new_house, "resend", look_up=look_up)
    settle_until(house, 2 * HOUR)
    assert (house.message().status, len(house.received)) == ("delivered", 1)
    assert endings(house) == [("sent", "look_up")]
    (question,) = look_up.questions
    assert question.to == "ada@example.com"
    assert question.subject == "News of #1"
    assert question.text is not None
    assert "on its way" in question.text


def test_a_provider_that_knows_nothing_is_asked_ever_more_seldom(new_house: NewHouse) -> None:
    look_up = Asked()
    house = doubtful(new_house, look_up=look_up)
    settle_until(house, 4 * HOUR)
    assert 5 <= len(look_up.questions) <= 9
    house.app.settlement.look_ups = {}


def test_one_that_may_not_be_asked_is_not_asked_again(new_house: NewHouse) -> None:
    look_up = Asked(error=LookUpUnavailable("answered 403", permanent=True))
    house = doubtful(new_house, "resend", look_up=look_up)
    settle_until(house, 62 * MINUTE)
    assert len(look_up.questions) == 1
    assert len(house.received) == 2  # the policy goes on without it


def test_while_the_provider_cannot_be_asked_the_policy_waits(new_house: NewHouse) -> None:
    look_up = Asked(error=LookUpUnavailable("answered 500", permanent=False))
    house = doubtful(new_house, "resend", look_up=look_up)
    settle_until(house, 90 * MINUTE)
    assert len(house.received) == 1
    look_up.error = None
    settle_until(house, 20 * MINUTE)
    assert len(house.received) == 2


@pytest.mark.parametrize(
    ("ending", "status", "sends"),
    [("sent", "sent", 1), ("resend", "sent", 2), ("abandon", "cancelled", 1)],
)
def test_a_person_decides(new_house: NewHouse, ending: Ending, status: str, sends: int) -> None:
    house = doubtful(new_house, "hold", {"delay": "1d"}, FAILED)
    house.app.settlement.resolve(house.message().id, ending)
    house.app.worker.quiesce()
    assert (house.message().status, len(house.received)) == (status, sends)
    code = "abandoned" if ending == "abandon" else ending
    assert endings(house) == [(code, "person")]
    with pytest.raises(NotInDoubt):
        house.app.settlement.resolve(house.message().id, ending)
    house.run(2 * DAY)
    assert house.journey().reason == "completed"
    ((tags,),) = house.rows("SELECT tags FROM customers")
    assert tags == ('["unheard"]' if ending == "abandon" else "[]")


def test_nobody_can_resolve_what_is_not_there(new_house: NewHouse) -> None:
    house = doubtful(new_house)
    with pytest.raises(KeyError):
        house.app.settlement.resolve("no such message", "sent")


def test_sent_again_the_guards_have_their_say(new_house: NewHouse) -> None:
    house = doubtful(new_house, "hold", script=Script(calls=[SILENCE, ACCEPT]))
    house.run(3 * DAY)  # beyond what a mail may be late
    house.app.settlement.resolve(house.message().id, "resend")
    house.app.worker.quiesce()
    one = house.message()
    assert (one.status, one.reason, len(house.received)) == ("skipped", "too_late", 1)


def test_sent_again_it_may_be_refused(new_house: NewHouse) -> None:
    house = doubtful(new_house, "resend", script=Script(calls=[SILENCE, REFUSE]))
    settle_until(house, 62 * MINUTE)
    assert (house.message().status, house.message().attempts) == ("failed", 2)
