"""Two customers with one address: what the one's report blocks reaches the other no more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.links import Purpose
from engine.services.unsubscribe import Unsubscribe
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, MINUTE, House, campaign, email

SHARED = {"email": "family@example.com", "email_verified": False}
FIRST = campaign("first", "customer.created", [email("hello")], purpose="marketing", exit_on=[])
LATER = [{"id": "wait", "delay": "1d"}, email("late")]
ORDER = campaign("order", "order.placed", LATER)
OFFER = campaign("offer", "order.placed", LATER, purpose="marketing", exit_on=[])


def family(new_house: NewHouse) -> House:
    """Ada and Bob have one address. Ada has been written to; Bob will be, in a day."""
    house = new_house(FIRST, ORDER, OFFER)
    house.tell("customer.created", "ada", customer=SHARED)
    house.tell("order.placed", "bob", customer=SHARED, order=1)
    assert house.id_of("ada") != house.id_of("bob")
    house.run(DAY - MINUTE)
    return house


def report(house: House, verdict: Verdict, kind: str) -> Callable[[], Any]:
    """A provider's report of the message to Ada."""
    ada = house.id_of("ada")
    (hello,) = (one for one in house.messages("first") if one.customer_id == ada)
    told = Receipt(provider="sendgrid", id=f"r-{kind}", kind=ReceiptKind(kind),
                   message_id=hello.id, at=house.clock.now(), raw="{}",
                   verdict=verdict)  # fmt: skip
    return lambda: house.app.receive.take([told])


def opt_out(house: House) -> Callable[[], Any]:
    """A click on the link of the message to Ada."""
    ada = house.id_of("ada")
    (hello,) = (one for one in house.messages("first") if one.customer_id == ada)
    app = house.app
    visit = Unsubscribe(app.storage, app.ingest, app.links, house.clock)
    token = app.links.token(Purpose.UNSUBSCRIBE, hello.id)
    return lambda: visit.unsubscribe(token, "one-click")


def to_bob(house: House) -> dict[str, str]:
    bob = house.id_of("bob")
    return {
        one.campaign: str(one.status)
        for one in house.messages()
        if one.customer_id == bob and one.step == "late"
    }


BLOCKS = [
    pytest.param(lambda house: report(house, Verdict.DEAD, "bounced"), True, id="hard bounce"),
    pytest.param(lambda house: report(house, Verdict.STOPPED, "failed"), True, id="stop"),
    pytest.param(lambda house: report(house, Verdict.REPORTED, "complained"), False, id="spam"),
    pytest.param(opt_out, False, id="link"),
]


@pytest.mark.parametrize(("block", "everything"), BLOCKS)
def test_what_is_on_record_before_the_hand_over_prevents_it(
    new_house: NewHouse, block: Callable[[House], Callable[[], Any]], everything: bool
) -> None:
    house = family(new_house)
    block(house)()
    house.run(HOUR)
    assert to_bob(house) == {"offer": "skipped", "order": "skipped" if everything else "sent"}


@pytest.mark.parametrize(("block", "everything"), BLOCKS)
def test_nobody_is_told_done_while_a_message_relies_on_the_permission(
    new_house: NewHouse,
    monkeypatch: pytest.MonkeyPatch,
    block: Callable[[House], Callable[[], Any]],
    everything: bool,
) -> None:
    house = family(new_house)
    act = block(house)
    told: list[dict[str, str]] = []

    def act_and_look() -> None:
        act()
        told.append(to_bob(house))  # what stood in the log when it was answered

    acting = threading.Thread(target=act_and_look)
    held: list[bool] = []
    pack = house.app.templates.pack

    def pack_slowly(*given: Any) -> Any:
        packed = pack(*given)
        if not acting.ident:
            acting.start()
            acting.join(0.3)
            held.append(acting.is_alive())
        return packed

    monkeypatch.setattr(house.app.templates, "pack", pack_slowly)
    house.clock.advance_to(house.clock.now() + MINUTE)
    house.app.worker.quiesce()
    acting.join(20)
    house.app.worker.quiesce()
    assert held == [True], "it was answered while the message was being decided"
    (before,) = told
    assert {"sending", "sent"} & set(before.values()), "the hand-over's commit came first"
    # Whatever was not under way at the answer never went out after it.
    for name, status in to_bob(house).items():
        if before.get(name) not in ("sending", "sent"):
            assert status != "sent" or (name == "order" and not everything)


def test_a_new_customer_with_a_blocked_address_is_not_written_to(new_house: NewHouse) -> None:
    house = family(new_house)
    report(house, Verdict.DEAD, "bounced")()
    house.tell("customer.created", "cleo", customer=SHARED)
    cleo = house.id_of("cleo")
    assert [one.reason for one in house.messages() if one.customer_id == cleo] == ["suppressed"]
