"""While a provider is left alone its messages wait, and waiting costs them no attempt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.core.message import Outgoing
from engine.providers.gate import Gate
from engine.providers.immediate import ImmediateSender
from tests.services.conftest import NewHouse
from tests.services.house import START, House, campaign, email

WAIT = timedelta(seconds=30)


class Shut(Gate):
    """Shuts between the question for room and the hand-over, until ``WAIT`` after the start."""

    def __init__(self, house: House) -> None:
        super().__init__({}, lambda: 0.0)
        self._house = house

    def _left(self) -> float:
        return (START + WAIT - self._house.clock.now()).total_seconds()

    def admit(self, outgoing: Outgoing) -> float | None:
        return max(0.0, self._left()) or None


def test_waiting_costs_no_attempt(new_house: NewHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    house = new_house(
        campaign("news", "order.placed", [email(template="news")]),
        store={"retry": {"attempts": 1, "first": "10s", "most": "1m"}},
    )
    sender = house.app.sender
    assert isinstance(sender, ImmediateSender)
    monkeypatch.setattr(sender, "_gate", Shut(house))
    house.tell("order.placed", order=1)
    one = house.message()
    assert (one.status, one.attempts, len(house.received)) == ("scheduled", 0, 0)
    house.run(WAIT)
    one = house.message()
    assert (one.status, one.attempts, one.sent_at) == ("sent", 1, START + WAIT)
    assert len(house.received) == 1
