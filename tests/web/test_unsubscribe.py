"""Opting out: committed when told, for the address that the message went to, as often as asked."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from engine.links import BadToken, Purpose
from engine.ports.storage import Contended
from engine.ports.stored import Incoming
from engine.services.opt_outs import mask
from engine.services.unsubscribe import NotUndoable, UnknownMessage, Unsubscribe
from tests.web.mailing import ANN, CUSTOMER, LATER_MESSAGE, MESSAGE, Mailing
from tests.web.site import LINKS, NOW
from triggers.event import ConsentFact, CustomerFacts
from triggers.sources.native import deserialize, serialize

TOKEN = LINKS.token(Purpose.UNSUBSCRIBE, MESSAGE)
LATER_TOKEN = LINKS.token(Purpose.UNSUBSCRIBE, LATER_MESSAGE)
HOUR = timedelta(hours=1)
SUBSCRIBED = CustomerFacts(consent={"email": ConsentFact(status="subscribed")})


def test_reading_tells_little_and_changes_nothing(mailing: Mailing) -> None:
    mailing.add_customer()
    view = mailing.site().unsubscribe.read(TOKEN)
    assert (view.channel, view.address, view.status) == ("email", "a•••@example.com", "subscribed")
    assert not view.can_undo
    assert view.locale == "de-AT"
    assert not mailing.taken
    assert mailing.may_mail(NOW)


def test_the_opt_out_holds_when_it_is_told(mailing: Mailing) -> None:
    mailing.add_customer()
    site = mailing.site()
    site.clock.advance_to(NOW + HOUR)
    view = site.unsubscribe.unsubscribe(TOKEN, "one-click")
    assert view.status == "unsubscribed"
    assert not mailing.may_mail(NOW + HOUR)
    consent = mailing.world(NOW).consents["email", ANN]
    assert consent.at == NOW + HOUR
    assert consent.source == "lagniappe"
    assert MESSAGE in (consent.proof or "")
    assert "RFC 8058" in (consent.proof or "")
    (event,) = mailing.taken
    assert deserialize(serialize(event)) == event


def test_repeats_are_one(mailing: Mailing) -> None:
    mailing.add_customer()
    unsubscribe = mailing.site().unsubscribe
    for _ in range(3):
        assert unsubscribe.unsubscribe(TOKEN, "page").status == "unsubscribed"
    assert unsubscribe.unsubscribe(LATER_TOKEN, "one-click").status == "unsubscribed"
    assert len(mailing.taken) == 1


def test_many_clicks_at_once_are_one(mailing: Mailing) -> None:
    mailing.add_customer()
    unsubscribe = mailing.site().unsubscribe
    with ThreadPoolExecutor(8) as pool:
        clicks = [pool.submit(unsubscribe.unsubscribe, TOKEN, "one-click") for _ in range(24)]
        assert {click.result(timeout=20).status for click in clicks} == {"unsubscribed"}
    assert len(mailing.taken) == 1
    assert not mailing.may_mail(NOW)


def test_an_old_link_works_again_after_a_later_subscription(mailing: Mailing) -> None:
    mailing.add_customer()
    site = mailing.site()
    for round_ in range(1, 4):
        site.clock.advance_to(NOW + 2 * round_ * HOUR)
        site.unsubscribe.unsubscribe(TOKEN, "page")
        assert not mailing.may_mail(NOW)
        mailing.tell("customer.updated", NOW + (2 * round_ + 1) * HOUR, SUBSCRIBED)
        assert mailing.may_mail(NOW)
    assert len(mailing.taken) == 6


def test_a_permission_dated_in_the_future_is_still_withdrawn(mailing: Mailing) -> None:
    mailing.add_customer()
    mailing.tell("customer.updated", NOW + 20 * HOUR, SUBSCRIBED)
    assert mailing.site().unsubscribe.unsubscribe(TOKEN, "page").status == "unsubscribed"
    assert not mailing.may_mail(NOW)


@pytest.mark.parametrize("consent", [None, "pending"])
def test_whoever_never_agreed_can_still_say_no(mailing: Mailing, consent: str | None) -> None:
    mailing.add_customer(consent=consent)
    view = mailing.site().unsubscribe.unsubscribe(TOKEN, "page")
    assert view.status == "unsubscribed"
    assert not view.can_undo
    assert mailing.world(NOW).consents["email", ANN].status == "unsubscribed"


def test_a_former_address_is_unsubscribed_and_does_not_come_back(mailing: Mailing) -> None:
    mailing.add_customer()
    new = CustomerFacts(email="ann@new.example", consent=SUBSCRIBED.consent)
    mailing.tell("customer.updated", NOW + HOUR, new)
    site = mailing.site()
    site.clock.advance_to(NOW + 2 * HOUR)
    for attempt in range(2):
        site.clock.advance_to(NOW + (2 + attempt) * HOUR)
        view = site.unsubscribe.unsubscribe(TOKEN, "page")
        assert (view.address, view.status) == ("a•••@example.com", "unsubscribed")
    world = mailing.world(NOW)
    assert world.customer.email == "ann@new.example"
    assert world.consents["email", "ann@new.example"].status == "subscribed"
    mailing.tell("customer.updated", NOW + 4 * HOUR, CustomerFacts(email=ANN))
    assert not mailing.may_mail(NOW)


def test_an_sms_is_unsubscribed_for_its_number_alone(mailing: Mailing) -> None:
    mailing.add_customer(phone="+15045550123")
    view = mailing.site().unsubscribe.unsubscribe(TOKEN, "page")
    assert (view.channel, view.address) == ("sms", "•••23")
    world = mailing.world(NOW)
    assert world.consents["sms", "+15045550123"].status == "unsubscribed"
    assert mailing.may_mail(NOW)


def test_an_opt_out_can_be_taken_back_by_the_same_link_only(mailing: Mailing) -> None:
    mailing.add_customer()
    site = mailing.site()
    site.clock.advance_to(NOW + HOUR)
    assert site.unsubscribe.unsubscribe(TOKEN, "one-click").can_undo
    assert not site.unsubscribe.read(LATER_TOKEN).can_undo
    with pytest.raises(NotUndoable):
        site.unsubscribe.resubscribe(LATER_TOKEN)
    site.clock.advance_to(NOW + 2 * HOUR)
    view = site.unsubscribe.resubscribe(TOKEN)
    assert (view.status, view.can_undo) == ("subscribed", False)
    assert mailing.may_mail(NOW)
    assert MESSAGE in (mailing.world(NOW).consents["email", ANN].proof or "")
    site.clock.advance_to(NOW + 3 * HOUR)
    assert site.unsubscribe.unsubscribe(TOKEN, "page").status == "unsubscribed"
    assert not mailing.may_mail(NOW)


@pytest.mark.parametrize("consent", [None, "pending", "subscribed", "unsubscribed"])
def test_nothing_is_granted_that_this_link_did_not_end(
    mailing: Mailing, consent: str | None
) -> None:
    mailing.add_customer(consent=consent)
    unsubscribe = mailing.site().unsubscribe
    with pytest.raises(NotUndoable):
        unsubscribe.resubscribe(TOKEN)
    if consent != "subscribed":
        unsubscribe.unsubscribe(TOKEN, "page")
        with pytest.raises(NotUndoable):
            unsubscribe.resubscribe(TOKEN)
        assert not mailing.may_mail(NOW)


def test_another_writer_is_waited_out_but_not_for_ever(mailing: Mailing) -> None:
    mailing.add_customer()
    mailing.contended = 5
    assert mailing.site().unsubscribe.unsubscribe(TOKEN, "page").status == "unsubscribed"
    mailing.contended = 1000
    with pytest.raises(Contended):
        mailing.site().unsubscribe.resubscribe(TOKEN)


def test_an_opt_out_that_was_not_recorded_is_never_confirmed(mailing: Mailing) -> None:
    class Forgetful:
        def take(self, incoming: Sequence[Incoming]) -> int:
            return 0

    mailing.add_customer()
    site = mailing.site()
    forgetful = Unsubscribe(mailing.storage, Forgetful(), LINKS, site.clock)
    with pytest.raises(RuntimeError, match="not recorded"):
        forgetful.unsubscribe(TOKEN, "page")


def test_links_that_lead_nowhere(mailing: Mailing) -> None:
    unsubscribe = mailing.site().unsubscribe
    with pytest.raises(BadToken):
        unsubscribe.read("nonsense")
    with pytest.raises(UnknownMessage):
        unsubscribe.read(TOKEN)
    with pytest.raises(UnknownMessage):
        unsubscribe.unsubscribe(LINKS.token(Purpose.UNSUBSCRIBE, CUSTOMER), "page")


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("ann@example.com", "a•••@example.com"),
        ('"a@b"@example.com', '"•••@example.com'),
        ("+15045550123", "•••23"),
        ("@", "•••@"),
        ("", "•••"),
    ],
)
def test_an_address_is_masked(address: str, masked: str) -> None:
    assert mask(address) == masked
