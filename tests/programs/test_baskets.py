"""What goes with what agrees with counting that is as simple as can be."""

from collections import Counter
from datetime import timedelta
from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from engine.core.customer import Line, Order
from engine.core.instants import microseconds
from engine.programs.baskets import (
    MOST_MATCHES,
    NEXT_ONES,
    most_bought,
    smoothed_lift,
)
from engine.programs.intervals import habits_of
from engine.programs.purchases import LARGEST_BASKET, Product, Purchases, Sale, find
from engine.programs.spend_classes import CLASSES, Spender, scores
from tests.core.shop import DAY, T0
from tests.programs.matches import bought_next, bought_together

Shopping = dict[str, list[tuple[int, frozenset[str]]]]  # customer: (day, products)
shoppings = st.dictionaries(
    st.sampled_from("abcdefghij"),
    st.lists(
        st.tuples(st.integers(0, 60), st.frozensets(st.sampled_from("123456"), min_size=1)),
        max_size=6,
        unique_by=lambda one: one[0],
    ),
)


def purchases_of(shopping: Shopping) -> Purchases:
    found = Purchases(T0 - DAY)
    for customer, visits in shopping.items():
        found.add(
            customer,
            [
                Order(
                    id=f"{customer}{day}", known=True, placed_at=T0 + day * DAY,
                    lines={p: Line(id=p, product_id=p, title=p) for p in sorted(products)},
                )
                for day, products in visits
            ],
        )  # fmt: skip
    return found


def named(purchases: Purchases, product: int) -> str:
    return purchases.products[product].key


@given(shoppings, st.integers(2, 4))
def test_bought_together_is_what_a_table_of_all_pairs_says(shopping: Shopping, least: int) -> None:
    baskets = [products for visits in shopping.values() for _, products in visits]
    singles = Counter(product for products in baskets for product in products)
    pairs = Counter(pair for products in baskets for pair in combinations(sorted(products), 2))
    expected = {}
    for (one, other), cases in pairs.items():
        lift = smoothed_lift(cases, singles[one] * singles[other] / len(baskets))
        if cases >= least and lift > 1:
            expected[one, other] = expected[other, one] = (cases, round(lift, 9))
    purchases = purchases_of(shopping)
    found = {
        (named(purchases, product), named(purchases, match.product)): (
            match.cases,
            round(match.lift, 9),
        )
        for product, matches in bought_together(purchases, least).items()
        for match in matches
    }
    assert found == expected


@given(shoppings, st.integers(2, 3), st.integers(1, 40))
def test_bought_next_is_what_each_customers_own_story_says(
    shopping: Shopping, least: int, days: int
) -> None:
    cases: Counter[tuple[str, str]] = Counter()
    starts: Counter[str] = Counter()
    for visits in shopping.values():
        first: dict[str, int] = {}
        for day, products in sorted(visits, key=lambda one: one[0]):
            for product in products:
                first.setdefault(product, day)
        starts.update(first.keys())
        cases.update(
            (one, other)
            for one, begun in first.items()
            for other, then in first.items()
            if begun < then <= begun + days
        )
    followed: Counter[str] = Counter()
    for (_, other), count in cases.items():
        followed[other] += count
    expected = {}
    for (one, other), count in cases.items():
        lift = smoothed_lift(count, starts[one] * followed[other] / starts.total())
        if count >= least and lift > 1:
            expected[one, other] = (count, round(lift, 9))
    purchases = purchases_of(shopping)
    found = {
        (named(purchases, product), named(purchases, match.product)): (
            match.cases,
            round(match.lift, 9),
        )
        for product, matches in bought_next(purchases, least, timedelta(days=days)).items()
        for match in matches
    }
    assert found == expected


def test_the_best_come_first_and_a_warehouse_tells_nothing() -> None:
    everything = frozenset(str(number) for number in range(LARGEST_BASKET + 1))
    many = [(day, frozenset({"a", "b", *(f"x{n}" for n in range(20))})) for day in range(5)]
    once = [(day, frozenset({"a", f"y{day}"})) for day in range(10, 15)]
    alone = [(day, frozenset({f"z{day}"})) for day in range(20, 60)]
    purchases = purchases_of({"c": many, "d": once, "e": alone, "f": [(1, everything)] * 9})
    found = bought_together(purchases, 5)
    number = purchases.numbers["a"]
    assert len(found[number]) == MOST_MATCHES
    lifts = [match.lift for match in found[number]]
    assert lifts == sorted(lifts, reverse=True)
    assert purchases.numbers["0"] not in found


def test_only_so_many_products_count_as_next() -> None:
    shopping: Shopping = {
        f"c{number}": [
            (0, frozenset({"start"})),
            *((day + 1, frozenset({f"p{day:02}"})) for day in range(NEXT_ONES + 5)),
        ]
        for number in range(5)
    }
    shopping |= {f"o{number}": [(0, frozenset({"other"}))] for number in range(40)}
    purchases = purchases_of(shopping)
    found = bought_next(purchases, 5, timedelta(days=90))
    after = {named(purchases, one.product) for one in found[purchases.numbers["start"]]}
    assert after <= {f"p{day:02}" for day in range(NEXT_ONES)}
    assert after


def test_most_bought_counts_buyers() -> None:
    purchases = purchases_of({
        "a": [(day, frozenset("1")) for day in range(9)],
        "b": [(1, frozenset("2"))], "c": [(1, frozenset("23"))],
    })  # fmt: skip
    buyers = dict(enumerate(habits_of(purchases)[0].buyers))
    assert [named(purchases, one) for one in most_bought(purchases, buyers, 1, 2)] == ["2", "3"]
    assert [named(purchases, one) for one in most_bought(purchases, buyers, 2, 9)] == ["2"]


def test_a_product_is_known_as_it_was_last_sold() -> None:
    found = Purchases(T0)
    for at, title in ((T0 + 2 * DAY, "New"), (T0 + DAY, "Old"), (T0 - DAY, "Before")):
        line = Line(id="1", sku="s-1", title=title)
        found.add(title, [Order(id=title, known=True, placed_at=at, lines={"1": line})])
    assert [(one.key, one.title) for one in found.products] == [("s-1", "New")]
    assert set(found.customers) == {"New", "Old"}
    assert found.customers["Old"][0].at == microseconds(T0 + DAY)


sales = st.lists(
    st.tuples(
        st.integers(0, 9),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["", "Old", "New"]),
        st.sampled_from([None, "u"]),
    ),
    min_size=1,
    max_size=8,
)


@given(sales, st.randoms(), st.sets(st.integers(0, 7)))
def test_how_a_product_is_shown_does_not_depend_on_the_order_of_customers(
    told: list[tuple[int, str, str, str | None]], chance: Random, gone: set[int]
) -> None:
    made = [
        (customer, Sale(at, f"o{n}", (Product(key="p", title=title, url=url),), (1,)))
        for n, (at, customer, title, url) in enumerate(told)
    ]
    shuffled = [*made]
    chance.shuffle(shuffled)
    found, plain = Purchases(), Purchases()
    for customer, sale in shuffled:
        found.put(customer, sale)
    for number, (customer, sale) in enumerate(made):
        if number in gone:
            basket = find(found.customers[customer], sale.order_id)
            assert basket is not None
            found.drop(customer, basket)
        else:
            plain.put(customer, sale)
    left = [sale for number, (_, sale) in enumerate(made) if number not in gone]
    assert bool(found.holding[0]) == bool(left)
    if left:
        newest = max(left, key=lambda one: (one.at, one.order_id)).products[0]
        assert found.products[0] == plain.products[0]
        assert found.products[0].url == newest.url
        assert found.products[0].title == newest.title or not newest.title
    assert {one.place for one in found.baskets()} == {one.place for one in plain.baskets()}


@given(st.dictionaries(st.text(max_size=3), st.tuples(*[st.integers(0, 40)] * 3), min_size=1))
def test_scores_follow_the_order_of_customers(people: dict[str, tuple[int, int, int]]) -> None:
    spenders = {
        who: Spender(last_order_at=at, orders=orders, spent=spent)
        for who, (at, orders, spent) in people.items()
    }
    found = scores(spenders)
    for which in range(3):
        for who, values in people.items():
            assert 1 <= found[who][which] <= CLASSES
            for other, others in people.items():
                if values[which] == others[which]:
                    assert found[who][which] == found[other][which]
                elif values[which] > others[which]:
                    assert found[who][which] >= found[other][which]


def test_fifths_are_fifths_where_all_differ() -> None:
    spenders = {
        str(n): Spender(last_order_at=n, orders=n, spent=-n) for n in range(100)
    }  # fmt: skip
    found = scores(spenders)
    assert Counter(one[0] for one in found.values()) == dict.fromkeys(range(1, 6), 20)
    assert found["99"] == (5, 5, 1)
