"""Who is matched with whom, and who never is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.core import ids
from engine.core.customer import Customer
from engine.core.identity import (
    Clash,
    IdentityKey,
    Keys,
    Match,
    Nobody,
    One,
    Two,
    keys_of,
    match,
    new_customer_id,
    survivor,
    unclaimed,
)
from triggers.event import CustomerFacts

MAIL = "ada@example.com"
PHONE = "+436601234567"


def facts(
    external_id: str | None = None,
    email: str | None = None,
    phone: str | None = None,
    *,
    verified: bool = True,
) -> CustomerFacts:
    return CustomerFacts(
        id=external_id,
        email=email,
        phone=phone,
        email_verified=verified and email is not None,
        phone_verified=verified and phone is not None,
    )


class People:
    """What storage knows, kept as a caller of ``match`` keeps it."""

    def __init__(self) -> None:
        self.owners: dict[IdentityKey, str] = {}
        self.clashes: list[Clash] = []

    def of(self, customer: str) -> Collection[IdentityKey]:
        return {key for key, owner in self.owners.items() if owner == customer}

    def tell(self, told: CustomerFacts, source: str = "shopify") -> str | None:
        keys = keys_of(told, source)
        found = match(keys, self.owners, self.of)
        while isinstance(found, Two):
            for key in self.of(found.second):
                self.owners[key] = found.first
            found = match(keys, self.owners, self.of)
        customer = self._whom(found, keys)
        if customer is not None:
            for key in unclaimed(keys, self.owners):
                self.owners[key] = customer
        return customer

    def _whom(self, found: Match, keys: Keys) -> str | None:
        if isinstance(found, Clash):
            self.clashes.append(found)
            return found.customer_id
        return found.customer_id if isinstance(found, One) else new_customer_id(keys)


def _owners(pairs: Iterable[tuple[str, str, str]]) -> Mapping[IdentityKey, str]:
    return {IdentityKey(kind, value): owner for kind, value, owner in pairs}


def test_nobody_is_known_at_first() -> None:
    keys = keys_of(facts("7", MAIL), "shopify")
    assert match(keys, {}, lambda _: ()) == Nobody()
    assert new_customer_id(keys) == ids.customer_id("id:shopify", "7")
    assert match(keys_of(None, "shopify"), {}, lambda _: ()) == Nobody()
    assert new_customer_id(keys_of(None, "shopify")) is None


def test_a_verified_address_joins_two_sources() -> None:
    people = People()
    shop = people.tell(facts("7", MAIL))
    assert people.tell(facts("99", MAIL), "zendesk") == shop
    assert people.tell(facts("99"), "zendesk") == shop


def test_an_unverified_address_joins_nobody_with_an_id() -> None:
    people = People()
    shop = people.tell(facts("7", MAIL))
    assert people.tell(facts("99", MAIL, verified=False), "zendesk") != shop
    assert people.tell(facts(None, MAIL, verified=False), "csv") != shop


def test_a_guest_is_found_again_by_the_same_source() -> None:
    people = People()
    guest = people.tell(facts(None, MAIL, verified=False))
    assert people.tell(facts(None, MAIL, PHONE, verified=False)) == guest
    assert people.tell(facts(None, None, PHONE, verified=False)) == guest
    assert people.tell(facts(None, MAIL, verified=False), "other") != guest
    assert people.tell(facts("7", MAIL)) != guest, "an account is not whoever typed its address"


def test_unverified_addresses_of_two_customers_do_not_merge_them() -> None:
    people = People()
    first = people.tell(facts(None, MAIL, verified=False))
    second = people.tell(facts(None, None, PHONE, verified=False))
    assert first != second
    assert people.tell(facts(None, MAIL, PHONE, verified=False)) == first
    assert people.tell(facts(None, None, PHONE, verified=False)) == second


def test_two_ids_of_one_source_stay_apart_and_are_listed() -> None:
    people = People()
    first = people.tell(facts("7", MAIL))
    second = people.tell(facts("8", MAIL))
    assert first != second
    assert [(clash.customer_id, clash.other_id) for clash in people.clashes] == [(second, first)]
    assert "shopify" in people.clashes[0].reason
    assert people.tell(facts("8")) == second


def test_a_report_that_joins_two_customers_merges_them() -> None:
    people = People()
    shop = people.tell(facts("7", MAIL))
    desk = people.tell(facts("99", None, PHONE), "zendesk")
    assert shop != desk
    assert people.tell(facts("7", MAIL, PHONE)) == shop
    assert people.tell(facts("99"), "zendesk") == shop


def test_a_clash_behind_a_merge_is_still_listed() -> None:
    known = _owners(
        [
            ("id:shopify", "7", "a"),
            ("email", MAIL, "b"),
            ("id:shopify", "8", "b"),
            ("phone", PHONE, "c"),
        ]
    )
    keys = keys_of(facts("7", MAIL, PHONE), "shopify")
    of = {"a": "7", "b": "8"}

    def identities(customer: str) -> Collection[IdentityKey]:
        return {IdentityKey("id:shopify", of[customer])} if customer in of else set()

    assert match(keys, known, identities) == Two("a", "c")
    merged = {key: "a" if owner == "c" else owner for key, owner in known.items()}
    assert isinstance(match(keys, merged, identities), Clash)


def test_our_own_events_name_our_own_customer() -> None:
    keys = keys_of(facts("some-uuid", MAIL), "lagniappe")
    assert (keys.lookup, keys.register) == ((), ())
    assert match(keys, {}, lambda _: ()) == One("some-uuid")


_REPORTS = st.lists(
    st.tuples(
        st.builds(
            facts,
            external_id=st.sampled_from([None, "1", "2"]),
            email=st.sampled_from([None, "a@x.co", "b@x.co"]),
            phone=st.sampled_from([None, "+4366011111", "+4366022222"]),
            verified=st.booleans(),
        ),
        st.sampled_from(["shopify", "zendesk"]),
    ),
    max_size=12,
)


@given(reports=_REPORTS)
@settings(max_examples=500, deadline=None)
def test_no_customer_ever_has_two_ids_of_one_source(
    reports: list[tuple[CustomerFacts, str]],
) -> None:
    people = People()
    for told, source in reports:
        customer = people.tell(told, source)
        if told.id is not None:
            assert people.owners[IdentityKey(f"id:{source}", told.id)] == customer
        for owner in set(people.owners.values()):
            kinds = [key.kind for key in people.of(owner) if key.kind.startswith("id:")]
            assert len(kinds) == len(set(kinds))
        again = people.tell(told, source)
        assert again == customer, "the same report finds the same customer"


def test_the_older_survives_and_the_id_settles_a_draw() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    old = Customer(id="z", created_at=now - timedelta(days=1))
    new, newer = Customer(id="b", created_at=now), Customer(id="a", created_at=now)
    assert survivor(new, old) is survivor(old, new) is old
    assert survivor(new, newer) is survivor(newer, new) is newer
