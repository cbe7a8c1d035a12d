"""Erasing a customer: nothing of theirs is left, nobody else's is touched, nothing comes back."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from engine.core.message import MessageStatus
from engine.core.world import JourneyStatus
from engine.ports.storage import Contended
from engine.services.fingerprints import Fingerprints
from engine.services.privacy import BeingSent, NoSuchCustomer
from engine.storage import tables
from engine.storage.erasure import SqlErasingUnit
from tests.services.conftest import NewHouse
from tests.services.house import HOUR, TEXTING, House, campaign, email

NEWS = campaign(
    "news",
    {"event": "order.placed"},
    [email("first"), {"id": "rest", "delay": "3d"}, email("second")],
    entry={"key": "order.id", "re_entry": "never"},
)
CLUB = campaign(
    "club", {"event": "review.submitted"}, [email("hello")],
    purpose="marketing", entry={"key": "customer.id", "re_entry": "always"},
)  # fmt: skip
# What is Ada's alone. The shop's own ids of her orders and events stay, that they may not return.
HERS = (
    "ada.lovelace@", "+15045550199", "Ada Augusta", "Lovelace", "1815-12-10", "engraved for ada",
    "secret-attribute", "track-ada", "#A-ada", "my parcel is lost", "countess",
)  # fmt: skip
ADA: dict[str, Any] = {
    "email": "ada.lovelace@example.com", "phone": "+15045550199", "phone_verified": True,
    "first_name": "Ada Augusta", "last_name": "Lovelace", "birthday": "1815-12-10",
    "tags": ["countess"], "attributes": {"note": "secret-attribute"},
}  # fmt: skip


def house(new_house: NewHouse) -> House:
    return new_house(NEWS, CLUB, store={"senders": TEXTING})


def tell_order(shop: House, number: str, key: str = "ada", **facts: Any) -> dict[str, Any]:
    told = shop.event("order.placed", key, id=f"placed-{number}", **facts)
    told["order"] = {
        "id": number, "number": f"#A-{key}", "total": "80.00", "currency": "USD",
        "attributes": {"gift_note": f"engraved for {key}"},
        "lines": [{"id": "1", "title": f"Mug engraved for {key}", "price": "80.00",
                   "product_id": "mug"}],
        "fulfilments": [{"id": "f1", "status": "shipped", "tracking_number": f"track-{key}"}],
    }  # fmt: skip
    shop.tell_all([told])
    return told


def live(shop: House) -> dict[str, Any]:
    """Ada has a past and a present, and so has Bob; the event of Ada's order."""
    told = tell_order(shop, "1001", customer=ADA)
    shop.tell("ticket.opened", customer=ADA, id="t-1",
              ticket={"id": "9", "subject": "my parcel is lost"})  # fmt: skip
    shop.tell("review.submitted", customer=ADA, id="r-1")
    tell_order(shop, "2001", "bob")
    shop.tell("review.submitted", "bob", id="r-2")
    wishes: dict[str, Any] = {"channel": "email", "declined": ["offers"], "proof": "the page"}
    for key, address in (("ada", ADA["email"]), ("bob", "bob@example.com")):
        shop.tell_all([
            {"id": f"p-{key}", "source": "lagniappe", "type": "preferences.changed",
             "time": shop.clock.now().isoformat(), "customer": {"id": shop.id_of(key)},
             "data": {**wishes, "address": address.lower()}}
        ])  # fmt: skip
    shop.run(HOUR)
    return told


def everything(shop: House) -> str:
    """Every row of every table, as text."""
    return "\n".join(
        repr(row) for table in tables.metadata.tables for row in shop.rows(f"SELECT * FROM {table}")
    ).casefold()


def found_in(dump: str) -> list[str]:
    return [one for one in HERS if one.casefold() in dump]


def rows_of(shop: House, customer_id: str) -> list[tuple[str, tuple[Any, ...]]]:
    """Every row of a customer; what is theirs by an order, a message or an address as well."""
    found = []
    with shop.app.storage.database.engine.connect() as connection:
        for name, table in tables.metadata.tables.items():
            column = "id" if name == "customers" else "customer_id"
            mine = f"SELECT id FROM {{}} WHERE customer_id = '{customer_id}'"
            if column in table.columns:
                where = f"{column} = '{customer_id}'"
            elif "message_id" in table.columns:
                where = f"message_id IN ({mine.format('messages')})"
            elif name == "order_lines":
                where = f"order_id IN ({mine.format('orders')})"
            elif "address" in table.columns:
                where = f"address IN (SELECT email FROM customers WHERE id = '{customer_id}')"
            else:
                continue
            rows = connection.execute(text(f"SELECT * FROM {name} WHERE {where}")).all()
            found += [(name, tuple(row)) for row in rows]
    return sorted(found, key=repr)


def counts(shop: House) -> dict[str, Any]:
    return {
        name: (one.live + one.completed + sum(one.exited.values()), one.goals,
               sum(one.messages.values()))
        for name, one in shop.app.history.campaign_counts().items()
    }  # fmt: skip


def test_nothing_of_the_person_is_left_in_any_table(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    assert found_in(everything(shop)) == list(HERS)
    ada = shop.id_of("ada")
    erased = shop.app.privacy.erase(ada)
    assert (erased.orders, erased.tickets, erased.addresses) == (1, 1, 2)
    assert erased.live_journeys == 1
    left = everything(shop)
    assert found_in(left) == []
    assert ada not in left
    assert shop.app.history.find_customers("shop:ada") == []
    with pytest.raises(NoSuchCustomer):
        shop.app.privacy.erase(ada)


def test_nothing_is_left_in_the_file_after_a_vacuum(new_sqlite: Any, tmp_path: Path) -> None:
    url = new_sqlite()
    (tmp_path / "shop").mkdir()
    shop = House(tmp_path / "shop", url, NEWS, CLUB, store={"senders": TEXTING})
    live(shop)
    shop.app.privacy.erase(shop.id_of("ada"))
    with shop.app.storage.database.engine.connect() as connection:
        connection.exec_driver_sql("VACUUM")
    shop.close()
    file = Path(url.removeprefix("sqlite:///"))
    held = b"".join(one.read_bytes() for one in sorted(file.parent.glob(f"{file.name}*")))
    assert b"placed-1001" in held
    assert [one for one in HERS if one.encode().lower() in held.lower()] == []


def test_nobody_else_is_touched_and_the_figures_stay(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    bob, figures = rows_of(shop, shop.id_of("bob")), counts(shop)
    assert {name for name, _ in bob} >= {
        "customers", "identities", "orders", "order_lines", "events", "journeys", "messages",
        "contents", "decisions", "consents", "consent_history", "preferences",
    }  # fmt: skip
    shop.app.privacy.erase(shop.id_of("ada"))
    assert rows_of(shop, shop.id_of("bob")) == bob
    assert counts(shop) == figures
    totals = shop.rows("SELECT total, count(DISTINCT customer_id) FROM orders GROUP BY 1")
    assert totals == [(800000, 2)]


def test_what_was_scheduled_is_withdrawn_and_never_sent(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    sent = len(shop.received)
    shop.app.privacy.erase(shop.id_of("ada"))
    shop.run(HOUR * 24 * 10)
    to_bob = shop.received[sent:]
    assert {one.to for one in to_bob} == {"bob@example.com"}
    ended = shop.rows("SELECT status, count(*) FROM journeys WHERE reason = 'erased' GROUP BY 1")
    assert ended == [(JourneyStatus.EXITED.value, 1)]


def test_a_redelivered_event_does_not_bring_the_person_back(new_house: NewHouse) -> None:
    shop = house(new_house)
    told = live(shop)
    shop.app.privacy.erase(shop.id_of("ada"))
    before = everything(shop)
    shop.tell_all([told])
    assert shop.app.ingest.take([shop.incoming(told)]) == 0
    assert everything(shop) == before


@pytest.mark.parametrize("at_once", [True, False])
def test_a_late_report_of_an_erased_order_leaves_nothing(
    new_house: NewHouse, at_once: bool
) -> None:
    shop = house(new_house)
    told = live(shop)
    shop.app.privacy.erase(shop.id_of("ada"))
    orders = shop.rows("SELECT * FROM orders ORDER BY id")
    late = {**told, "type": "order.updated", "id": "late-1"}
    if at_once:
        assert shop.app.ingest.take([shop.incoming(late)]) == 1
    else:
        shop.tell_all([late])
    assert found_in(everything(shop)) == []
    assert shop.rows("SELECT * FROM orders ORDER BY id") == orders
    assert shop.events("order.updated")[0].state == "processed"
    assert shop.app.history.find_customers("shop:ada") == []


def test_a_new_order_makes_a_new_customer_who_is_not_written_to(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    shop.app.privacy.erase(shop.id_of("ada"))
    sent = len(shop.received)
    shop.clock.advance_to(shop.clock.now() + HOUR)
    tell_order(shop, "1002", customer=ADA)
    shop.tell("review.submitted", customer=ADA, id="r-9")
    shop.run(HOUR * 24 * 10)
    assert all(one.to == "bob@example.com" for one in shop.received[sent:])
    anew = [one for one in shop.messages() if one.recipient or one.status is MessageStatus.SKIPPED]
    hers = [one for one in anew if one.customer_id == shop.id_of("ada")]
    assert {(one.status, one.reason) for one in hers} == {(MessageStatus.SKIPPED, "suppressed")}
    assert {one.campaign for one in hers} == {"news", "club"}
    with shop.app.storage.deciding() as unit:
        (world,) = unit.load([shop.id_of("ada")], now=shop.clock.now()).values()
    assert world.customer.orders_count == 1
    assert {(s.channel, s.scope) for s in world.suppressions.values()} == {
        ("email", "all"), ("sms", "all"), ("voice", "all")
    }  # fmt: skip


def test_events_that_wait_or_were_rejected_go_as_well(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    waiting = shop.event("order.updated", customer=ADA, id="waiting-1", order="1001")
    shop.app.storage.accept([shop.incoming(waiting)])
    erased = shop.app.privacy.erase(shop.id_of("ada"))
    assert erased.pending == 1
    assert found_in(everything(shop)) == []
    shop.app.worker.quiesce()
    assert shop.app.history.find_customers("shop:ada") == []


def test_a_message_under_way_is_waited_for(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    ada = shop.id_of("ada")
    set_status = "UPDATE messages SET status = '{}' WHERE customer_id = '{}' AND status = '{}'"
    with shop.app.storage.database.writing() as connection:
        connection.exec_driver_sql(set_status.format("sending", ada, "sent"))
    before = everything(shop)
    with pytest.raises(BeingSent):
        shop.app.privacy.erase(ada)
    assert everything(shop) == before


def test_a_survey_tells_and_changes_nothing(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    before = everything(shop)
    told = shop.app.privacy.survey(shop.id_of("ada"))
    assert everything(shop) == before
    assert shop.app.privacy.erase(shop.id_of("ada")) == told


def test_a_shared_address_keeps_its_consent_and_gets_no_marketing(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    shop.tell("customer.updated", "bob", id="b-1", customer={"email": ADA["email"]})
    bob = shop.id_of("bob")
    erased = shop.app.privacy.erase(shop.id_of("ada"))
    assert erased.shared == ((ADA["email"], (bob,)),)
    with shop.app.storage.deciding() as unit:
        (world,) = unit.load([bob], now=shop.clock.now()).values()
    key = ("email", ADA["email"])
    assert world.consents[key].status == "subscribed"
    assert world.suppressions[key].scope == "marketing"


def test_a_merged_record_goes_with_its_aliases(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    help_desk = shop.event("ticket.opened", id="z-1", ticket={"id": "77", "subject": "hello"})
    help_desk |= {"source": "desk", "customer": {"id": "d-ada", "email": "ada.l@example.net"}}
    shop.tell_all([help_desk])
    (other,) = shop.app.history.find_customers("desk:d-ada")
    joined = shop.event("customer.updated", id="z-2") | {"source": "desk"}
    joined["customer"] = {"id": "d-ada", "email": ADA["email"], "email_verified": True}
    shop.tell_all([joined])
    ada = shop.id_of("ada")
    assert shop.app.history.find_customers(other.id)[0].id == ada
    shop.app.privacy.erase(ada)
    left = everything(shop)
    assert found_in(left) == []
    assert "ada.l@example.net" not in left
    assert other.id not in left
    assert shop.rows("SELECT * FROM aliases") == []


def test_an_event_of_our_own_about_somebody_erased_leaves_nothing(new_house: NewHouse) -> None:
    shop = house(new_house)
    live(shop)
    ada = shop.id_of("ada")
    shop.app.privacy.erase(ada)
    told = shop.event("customer.unsubscribed", customer=None, id="own-1")
    told |= {"source": "lagniappe", "customer": {"id": ada}}
    told["data"] = {"channel": "email", "address": ADA["email"]}
    told["order"] = {"id": "3001", "source": "shop", "partial": True}
    shop.tell_all([told])
    assert found_in(everything(shop)) == []
    assert shop.events("customer.unsubscribed")[0].state == "processed"
    assert shop.rows("SELECT count(*) FROM orders") == [(2,)]


def test_an_event_that_waits_for_the_erasure_is_told_anew(
    new_postgresql: Any, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    shop = House(tmp_path / "shop", new_postgresql(), NEWS, CLUB, store={"senders": TEXTING})
    live(shop)
    ada = shop.id_of("ada")
    late = shop.incoming(shop.event("customer.updated", customer=ADA, id="late-1"))
    unit_of_work = SqlErasingUnit.commit
    raised: list[BaseException] = []
    waiting: list[threading.Thread] = []

    def take() -> None:
        try:
            shop.app.ingest.take([late])
        except BaseException as error:
            raised.append(error)

    def commit(unit: SqlErasingUnit) -> None:
        thread = threading.Thread(target=take)
        thread.start()
        waiting.append(thread)
        while not shop.rows("SELECT 1 FROM pg_locks WHERE NOT granted"):
            assert thread.is_alive()
        unit_of_work(unit)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqlErasingUnit, "commit", commit)
        shop.app.privacy.erase(ada)
    waiting[0].join(30)
    assert [type(error) for error in raised] == [Contended]
    assert found_in(everything(shop)) == []
    assert shop.app.ingest.take([late]) == 1
    with shop.app.storage.deciding() as unit:
        (world,) = unit.load([shop.id_of("ada")], now=shop.clock.now()).values()
    assert {one.scope for one in world.suppressions.values()} == {"all"}
    shop.close()


@given(st.emails() | st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True))
def test_a_fingerprint_tells_nothing_and_survives_a_rotation(address: str) -> None:
    old, new = Fingerprints(["old-key"]), Fingerprints(["new-key", "old-key"])
    mark = old.of(address)
    assert address not in mark
    assert mark in new.every(address)
    assert mark != new.of(address)
    assert mark not in Fingerprints(["other"]).every(address)
