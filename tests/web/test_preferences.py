"""The preference page: what it shows, what its forms do, and that looking at it does nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.policy import Policy
from engine.core.customer import Consent
from engine.storage import tables
from tests.web.forms import form_with, forms_of
from tests.web.mailing import ANN, Mailing
from tests.web.site import NOW, POLICY, Site
from tests.web.test_public import ONE_CLICK, PAGE, visit
from triggers.event import ConsentFact, CustomerFacts

PHONE = "+15045550123"
TOKEN = PAGE.removeprefix("/u/")
TOPICS = {
    "offers": {"name": {"en": "Offers & gifts", "de": "Angebote"}, "about": "Now and then"},
    "reviews": {"name": "Review requests"},
}
WITH_TOPICS = Policy.model_validate(
    {
        **POLICY.model_dump(mode="json", exclude_unset=True, by_alias=True),
        "topics": TOPICS,
    }
)


def shop(mailing: Mailing) -> Site:
    """Ann agreed to email and to texts; the link is in an email to her."""
    mailing.add_customer()
    world = mailing.world(NOW)
    world.customer.phone = PHONE
    world.changes.customer = True
    world.changes.consents += (
        Consent(channel="sms", address=PHONE, status="subscribed", at=NOW, source="shop"),
    )
    with mailing.storage.deciding() as unit:
        unit.save(world)
        unit.commit()
    site = mailing.site()
    return Site(decisions=site.decisions, ingest=site.ingest, policy=lambda: WITH_TOPICS)


def press(site: Site, action: str, **switched: bool) -> str:
    """Load the page, move switches, press a button; the page that answers."""
    form = form_with(visit(site).text, action)
    for value, is_on in switched.items():
        (key,) = (each for each in form.switches if each[1] == value)
        form.switches[key] = is_on
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = visit(site, "POST", content=form.sent(action).encode(), headers=headers)
    assert answer.status_code == 200
    return answer.text


def switches(html: str) -> dict[str, bool]:
    return {key[1]: is_on for form in forms_of(html) for key, is_on in form.switches.items()}


def wishes(mailing: Mailing) -> tuple[tuple[str, ...], Any]:
    held = mailing.world(NOW).preferences.get(("email", ANN))
    return ((), None) if held is None else (held.declined, held.paused_until)


def test_topics_and_channels_are_switched_by_one_form(mailing: Mailing) -> None:
    site = shop(mailing)
    page = visit(site).text
    assert switches(page) == {"offers": True, "reviews": True, "sms": True}
    assert "Offers &amp; gifts" in page
    assert "Now and then" in page
    assert PHONE not in page
    assert ANN not in page
    assert "•••23" in page
    told = press(site, "save", offers=False, sms=False)
    assert "Your choices are saved." in told
    assert switches(told) == {"offers": False, "reviews": True, "sms": False}
    assert wishes(mailing)[0] == ("offers",)
    assert mailing.world(NOW).consents["sms", PHONE].status == "unsubscribed"
    assert mailing.may_mail(NOW)
    assert len(mailing.taken) == 2
    assert press(site, "save") != ""
    assert len(mailing.taken) == 2, "nothing new was asked for"
    site.clock.advance_to(NOW + timedelta(hours=1))
    assert all(switches(press(site, "save", offers=True, sms=True)).values())
    assert wishes(mailing)[0] == ()
    assert mailing.world(NOW).consents["sms", PHONE].status == "subscribed"


def test_a_channel_is_never_switched_on_beyond_undoing(mailing: Mailing) -> None:
    site = shop(mailing)
    no = CustomerFacts(phone=PHONE, consent={"sms": ConsentFact(status="unsubscribed")})
    mailing.tell("customer.updated", NOW + timedelta(hours=1), no)
    assert "sms" not in switches(visit(site).text)
    body = b"action=save&shown_channel=sms&channel=sms&shown_channel=voice&channel=voice"
    assert visit(site, "POST", content=body).status_code == 200
    assert mailing.world(NOW).consents["sms", PHONE].status == "unsubscribed"
    assert ("voice", PHONE) not in mailing.world(NOW).consents


def test_only_what_the_page_showed_is_touched(mailing: Mailing) -> None:
    site = shop(mailing)
    press(site, "save", offers=False)
    # A page from before the topic "offers" was there, and one that names a topic that is not.
    for body in (
        b"action=save&shown_topic=reviews&topic=reviews",
        b"action=save&shown_topic=nonsense",
        b"action=save&topic=offers",
        b"action=save",
    ):
        assert visit(site, "POST", content=body).status_code == 200
        assert wishes(mailing)[0] == ("offers",)
    assert mailing.may_mail(NOW)


@pytest.mark.parametrize("days", [30, 60, 90])
def test_a_break_begins_and_ends(mailing: Mailing, days: int) -> None:
    site = shop(mailing)
    told = press(site, f"pause-{days}")
    until = NOW + timedelta(days=days)
    assert wishes(mailing)[1] == until
    assert f"Paused until {until:%B} {until.day}, {until.year}." in told
    assert [form.actions for form in forms_of(told)][-1] == ["resume"]
    assert "The break is over." in press(site, "resume")
    assert wishes(mailing) == ((), None)
    press(site, f"pause-{days}")
    site.clock.advance_to(until)
    assert "pause-30" in forms_of(visit(site).text)[-1].actions
    assert mailing.may_mail(NOW), "a break is no opt-out"


@pytest.mark.parametrize("action", ["pause-31", "pause-", "pause-99999999999", "saved"])
def test_what_is_not_offered_means_to_unsubscribe(mailing: Mailing, action: str) -> None:
    site = shop(mailing)
    assert visit(site, "POST", content=f"action={action}".encode()).status_code == 200
    assert not mailing.may_mail(NOW)


def test_who_is_unsubscribed_is_offered_other_channels_only(mailing: Mailing) -> None:
    site = shop(mailing)
    assert visit(site, "POST", data=ONE_CLICK).status_code == 200
    page = visit(site).text
    assert switches(page) == {"sms": True}
    assert [form.actions for form in forms_of(page)] == [["subscribe"], ["save"]]


def test_the_page_speaks_german(mailing: Mailing) -> None:
    site = shop(mailing)
    site.unsubscribe.pause(TOKEN, 60)
    page = visit(site, headers={"Accept-Language": "de-AT"}).text
    for words in ("Angebote", "Review requests", "SMS", "Auswahl speichern", "Bis 1. Mai 2026"):
        assert words in page


def everything(mailing: Mailing) -> list[tuple[str, list[Any]]]:
    """Every row of every table."""
    with mailing.storage.database.reading() as connection:
        return [
            (name, sorted(map(repr, connection.execute(table.select()).all())))
            for name, table in tables.metadata.tables.items()
        ]


_ACTIONS = st.sampled_from(
    ["unsubscribe", "subscribe", "pause-30", "resume", "save",
     "save&shown_topic=offers", "save&shown_topic=offers&topic=offers",
     "save&shown_channel=sms", "save&shown_channel=sms&channel=sms"]
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[
    HealthCheck.function_scoped_fixture
])  # fmt: skip
@given(
    actions=st.lists(_ACTIONS, max_size=4),
    method=st.sampled_from(["GET", "HEAD"]),
    query=st.sampled_from(["", "?action=unsubscribe", "?List-Unsubscribe=One-Click&action=save"]),
    hours=st.integers(0, 2000),
)
def test_looking_changes_nothing(
    mailing: Mailing, actions: list[str], method: str, query: str, hours: int
) -> None:
    with mailing.storage.database.writing() as connection:
        for table in tables.metadata.sorted_tables:
            connection.execute(table.delete())
    site = shop(mailing)
    for turn, action in enumerate(actions):
        site.clock.advance_to(NOW + timedelta(minutes=turn))
        visit(site, "POST", content=f"action={action}".encode())
    site.clock.advance_to(NOW + timedelta(hours=max(1, hours)))
    world, rows, taken = mailing.world(NOW), everything(mailing), len(mailing.taken)
    answer = visit(site, method, path=f"/u/{TOKEN}{query}")
    assert answer.status_code == 200
    assert mailing.world(NOW) == world
    assert everything(mailing) == rows
    assert len(mailing.taken) == taken
