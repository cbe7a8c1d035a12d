"""From a due message to the provider: the last look, what is kept of it, and what holds it up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.core.message import Content, MessageStatus, Outgoing
from engine.ports.history import MessageFilter
from engine.rendering.archive import unpack
from tests.services.conftest import NewHouse
from tests.services.house import (
    DAY,
    HOUR,
    MINUTE,
    START,
    TEMPLATES,
    TEXTING,
    House,
    campaign,
    email,
)

SMS = {"id": "text", "send_sms": {"template": "text", "max_lateness": "2d"}}


def news(**more: Any) -> dict[str, Any]:
    return campaign("news", "order.placed", [email(template="news")], **more)


def offer(steps: list[Any], name: str = "offer", **more: Any) -> dict[str, Any]:
    return campaign(name, "order.placed", steps, purpose="marketing", exit_on=[], **more)


def kept(house: House, message_id: str) -> Content:
    detail = house.app.history.message(message_id)
    assert detail is not None
    assert detail.packed is not None
    assert detail.sample is not None
    return unpack(detail.packed, detail.sample)


def statuses(house: House, name: str | None = None) -> dict[str, tuple[str, str | None]]:
    return {one.recipient or "": (one.status.value, one.reason) for one in house.messages(name)}


def test_the_log_tells_what_the_provider_got(new_house: NewHouse) -> None:
    house = new_house(
        news(), offer([email(), SMS], "offer"), store={"senders": TEXTING},
        templates=TEMPLATES | {"news/subject.de.txt": "Neues von {{ order.number }}",
                               "news/body.de.txt": "Sie ist unterwegs, {{ customer.first_name }}.",
                               "news/body.de.html": "<html><body>Unterwegs.</body></html>"},
    )  # fmt: skip
    house.tell("order.placed", order=1, customer={"locale": "de-AT"})
    house.tell("order.placed", "ben", order=2)
    logged = {one.id: one for one in house.messages()}
    assert len(house.received) == len(logged) == 6
    for outgoing in house.received:
        one = logged[outgoing.message_id]
        assert kept(house, one.id) == outgoing.content
        assert (one.recipient, one.sender, one.channel, one.purpose, one.campaign) == (
            outgoing.to, outgoing.sender, outgoing.channel, outgoing.purpose, outgoing.campaign
        )  # fmt: skip
        assert one.subject == outgoing.content.subject
        assert (one.status, one.attempts, one.provider) == (MessageStatus.SENT, 1, "simulated")
        assert one.sent_at == START
        assert one.provider_message_id == f"simulated-{one.id}"
        is_marketing = one.purpose == "marketing"
        assert (outgoing.unsubscribe_url is not None) == (is_marketing and one.channel == "email")
    (german,) = house.app.history.messages(_of("ada@example.com", "news"))
    assert (german.locale, german.subject) == ("de-AT", "Neues von #1")
    assert [out.sender for out in house.sms.received] == ["+15045550100"] * 2
    assert all(out.content.segments for out in house.sms.received)


def _of(customer: str, name: str) -> Any:
    return MessageFilter(customer=customer, campaign=name)


def test_without_a_sender_a_text_is_skipped_and_the_journey_goes_on(new_house: NewHouse) -> None:
    house = new_house(offer([SMS, email()]))
    house.tell("order.placed", order=1)
    assert {one.step: (one.status, one.reason) for one in house.messages()} == {
        "text": ("skipped", "no_sender"), "ask": ("sent", None)
    }  # fmt: skip
    assert house.journey().reason == "completed"


def test_a_render_error_pauses_the_campaign_until_it_is_mended(new_house: NewHouse) -> None:
    templates = TEMPLATES | {"sum/subject.txt": "{{ 1 // (order.items_count or 0) }}",
                             "sum/body.txt": "x",
                             "sum/body.html": "<html><body>x</body></html>"}  # fmt: skip
    bad = campaign("sum", "order.placed", [email("sum", "sum")])
    house = new_house(bad, news(), templates=templates)
    house.tell("order.placed", order=1)
    reason = house.holds()["sum"]
    assert reason.startswith("render_error: ")
    assert "sum/subject.txt" in reason
    (stuck,) = house.messages("sum")
    assert (stuck.status, stuck.attempts) == ("scheduled", 0)
    assert [one.campaign for one in house.received] == ["news"]
    house.run(2 * HOUR)
    house.write("message_templates/sum/subject.txt", "Mended")
    house.reload()
    assert house.messages("sum")[0].status is MessageStatus.SCHEDULED  # no file lifts a hold
    house.app.storage.resume("sum", house.clock.now())
    house.app.worker.quiesce()
    (mended,) = house.messages("sum")
    assert (mended.status, mended.subject, mended.attempts) == ("sent", "Mended", 1)
    assert mended.reason is None


def test_the_volume_limit_lets_exactly_so_many_go(new_house: NewHouse) -> None:
    two = [{"id": "p", "delay": "1h"}, email(template="news", max_lateness="9d")]
    house = new_house(campaign("news", "order.placed", two, volume_limit="3/d"))
    house.tell_all([house.event("order.placed", f"c{n}", order=n) for n in range(8)])
    house.run(2 * HOUR)
    assert len(house.received) == 3
    assert house.holds() == {"news": "volume_limit"}
    assert sum(house.journey(f"c{n}").parked for n in range(8)) == 5
    assert house.app.history.campaign_counts()["news"].parked == 5
    house.run(4 * HOUR)
    assert len(house.received) == 3
    house.app.storage.resume("news", house.clock.now())
    house.run(HOUR)
    assert len(house.received) == 3  # the same day has no more to give
    for day, expected in ((3, 6), (4, 8)):
        house.run(datetime(2026, 3, day, tzinfo=UTC))  # windows are days of UTC
        house.app.storage.resume("news", house.clock.now())
        house.run(12 * HOUR)
        assert len(house.received) == expected
    assert len({one.message_id for one in house.received}) == 8


def test_quiet_hours_put_it_off_to_their_end_on_the_customers_clock(new_house: NewHouse) -> None:
    quiet = {"email": {"from": "21:00", "until": "08:30"}, "sms": "none"}
    house = new_house(offer([email()]), news(), store={"quiet_hours": quiet})
    house.tell("order.placed", "tyo", order=1, customer={"timezone": "Asia/Tokyo"})
    house.tell("order.placed", "chi", order=2)
    at = {one.recipient: one.send_at for one in house.messages("offer")}
    assert at["chi@example.com"] == START
    assert at["tyo@example.com"] == START + 8 * HOUR + 30 * MINUTE  # midnight there
    assert statuses(house, "offer")["tyo@example.com"] == ("scheduled", "quiet_hours")
    assert statuses(house, "news")["tyo@example.com"] == ("sent", None)  # about the order
    house.run(DAY)
    assert {one.recipient: one.sent_at for one in house.messages("offer")} == at


def test_the_cap_counts_what_is_only_scheduled(new_house: NewHouse) -> None:
    quiet = {"email": {"from": "08:00", "until": "11:00"}, "sms": "none"}
    cap = {"channel": "any", "count": 1, "per": "7d"}
    house = new_house(
        offer([email()], "first", priority=60), offer([email()], "second"),
        store={"quiet_hours": quiet, "caps": [cap]},
    )  # fmt: skip
    house.tell("order.placed", order=1)
    house.run(DAY)
    assert {one.campaign: (one.status, one.reason) for one in house.messages()} == {
        "first": ("sent", None), "second": ("skipped", "cap")
    }  # fmt: skip


def test_the_gap_lies_between_any_two(new_house: NewHouse) -> None:
    offers = [offer([email()], f"o{number}") for number in range(3)]
    house = new_house(*offers, store={"min_gap": "2h"})
    house.tell("order.placed", order=1)
    house.run(DAY)
    at = sorted(one.sent_at for one in house.messages() if one.sent_at)
    assert at == [START, START + 2 * HOUR, START + 4 * HOUR]


def _overnight(new_house: NewHouse, **more: Any) -> House:
    """One who is to be written to in two hours, when quiet hours end."""
    quiet = {"email": {"from": "08:00", "until": "11:00"}, "sms": "none"}
    house = new_house(offer([email()], **more), store={"quiet_hours": quiet})
    house.tell("order.placed", order=1, customer={"tags": ["vip"]})
    assert house.message().status is MessageStatus.SCHEDULED
    house.run(HOUR)
    return house


def test_whoever_no_longer_fits_the_profile_is_not_written_to(new_house: NewHouse) -> None:
    house = _overnight(new_house, profile_filter="'vip' in customer.tags")
    house.tell("customer.updated", customer={"tags": ["former"]})
    house.run(DAY)
    assert (house.message().status, house.message().reason) == ("skipped", "profile_filter")
    assert (house.journey().status, house.journey().reason) == ("exited", "profile_filter")
    assert house.received == []


def test_an_opt_out_in_the_meantime_counts(new_house: NewHouse) -> None:
    house = _overnight(new_house)
    house.tell("customer.unsubscribed", customer={"consent": {}})
    house.run(DAY)
    assert (house.message().status, house.message().reason) == ("skipped", "no_consent")
    assert house.received == []


def test_a_new_address_gets_what_the_old_one_was_promised_only_with_its_own_consent(
    new_house: NewHouse,
) -> None:
    house = _overnight(new_house)
    house.tell("customer.updated", customer={"email": "new@example.com", "consent": {}})
    house.run(DAY)
    assert (house.message().status, house.message().reason) == ("skipped", "no_consent")


def test_one_full_lane_holds_up_no_other(new_house: NewHouse) -> None:
    """A channel without room must neither spin nor keep the customer's other messages."""
    house = new_house(offer([SMS], "text"), offer([email()], "mail"), store={"senders": TEXTING})
    real = house.app.sender.room
    full = True

    def room(channel: Any, sender: str) -> int:
        return 0 if channel == "sms" and full else real(channel, sender)

    house.app.sender.room = room  # type: ignore[method-assign]
    house.tell("order.placed", order=1)
    assert {one.channel: one.status.value for one in house.messages()} == {
        "email": "sent", "sms": "scheduled"
    }  # fmt: skip
    full = False
    house.app.worker.quiesce()
    assert all(one.status is MessageStatus.SENT for one in house.messages())


def test_content_is_not_kept_where_policy_says_so(new_house: NewHouse) -> None:
    house = new_house(news(), store={"privacy": {"store_content": False}})
    house.tell("order.placed", order=1)
    detail = house.app.history.message(house.message().id)
    assert detail is not None
    assert detail.packed is None
    assert isinstance(house.received[0], Outgoing)


def test_what_is_too_late_is_not_sent(new_house: NewHouse) -> None:
    house = new_house(campaign("news", "order.placed", [email(template="news", max_lateness="2h")]))
    told = house.event("order.placed", order=1)
    house.app.storage.accept([house.incoming(told)])
    house.clock.advance_to(START + 2 * HOUR + timedelta(seconds=1))
    house.app.worker.quiesce()
    assert (house.message().status, house.message().reason) == ("skipped", "too_late")
