"""Nights that take in only what has changed are those that compute everything from nothing."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from engine.passage import live
from engine.ports.stored import Incoming
from engine.simulator.house import house_of
from engine.simulator.sold import Swap
from tests.services.house import STORE, person
from tests.simulator.both import Kept, differences, outcome, shop
from tests.simulator.nightly import Watched, from_nothing, watched
from tests.simulator.test_agreement import incoming
from tests.simulator.test_nights import START, files_of

Scale = Callable[[int, int], int]
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
PRODUCTS = ("coffee", "tea", "cup", "pot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """Something that one of a few customers does; ``order`` counts back from their newest."""

    kind: str
    who: int
    order: int
    products: tuple[tuple[str, int], ...]
    title: str
    age: timedelta
    pause: timedelta


deeds = st.builds(
    Deed,
    kind=st.sampled_from(
        ["placed"] * 8 + ["refunded", "refunded_line", "cancelled", "edited", "gift", "known"]
    ),
    who=st.integers(0, 4),
    order=st.integers(0, 3),
    products=st.lists(
        st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 3)),
        min_size=1,
        max_size=3,
        unique_by=lambda one: one[0],
    ).map(tuple),
    title=st.sampled_from(["", "Old", "New"]),
    age=st.sampled_from([timedelta()] * 4 + [HOUR, 2 * DAY, 9 * DAY, 30 * DAY]),
    pause=st.sampled_from([timedelta(), HOUR, 5 * HOUR, DAY, 3 * DAY, 4 * DAY, 12 * DAY]),
)
rules = st.fixed_dictionaries({
    "look_back": st.sampled_from(["20d", "730d"]),
    "least_orders": st.just(2),
    "next_within": st.sampled_from(["10d", "90d"]),
    "remind_before": st.sampled_from(["0d", "2d", "5d"]),
    "leave_out": st.sampled_from([[], ["cup"]]),
})  # fmt: skip


def told(story: Sequence[Deed]) -> list[Incoming]:
    """What the platforms tell. The till knows a customer by a number of its own, until it hears
    their address; then the two become one."""
    found: list[Incoming] = []
    now, placed = START, dict.fromkeys(range(5), 0)
    at_till = {0, 1}
    for number, deed in enumerate(story):
        now += deed.pause
        key = f"c{deed.who}"
        if deed.kind == "placed":
            placed[deed.who] += 1
        till = deed.who in at_till and placed[deed.who] % 2 == 1
        if deed.kind == "known":
            at_till.discard(deed.who)
        customer: dict[str, Any] = person(key) if not till else {"id": f"till-{key}"}
        if deed.kind == "known":
            customer = {**person(key), "id": f"till-{key}"}
            till = True
        event: dict[str, Any] = {
            "id": f"e{number}", "source": "till" if till else "shop", "type": "order.placed",
            "time": (now - deed.age).isoformat(), "customer": customer,
            "order": order(deed, f"{key}-{max(1, placed[deed.who] - deed.order)}"),
        }  # fmt: skip
        match deed.kind:
            case "placed":
                event["order"]["id"] = f"{key}-{placed[deed.who]}"
            case "refunded" | "refunded_line":
                event["type"] = "order.refunded"
                refund: dict[str, Any] = {"id": f"r{number}"}
                if deed.kind == "refunded_line":
                    refund |= {"amount": "1.00", "lines": [{"line_id": "l0", "quantity": 1}]}
                event["order"] = {"id": event["order"]["id"], "refunds": [refund]}
            case "cancelled":
                event["type"] = "order.cancelled"
            case "edited":
                event["type"] = "order.updated"
            case "gift":
                event["order"]["is_gift"] = True
            case "known":
                event["type"] = "customer.updated"
                del event["order"]
        found.append(incoming(now, event))
    return found


def order(deed: Deed, key: str) -> dict[str, Any]:
    lines = [
        {"id": f"l{place}", "product_id": product, "quantity": pieces, "price": "9",
         **({"title": deed.title} if deed.title else {})}
        for place, (product, pieces) in enumerate(deed.products)
    ]  # fmt: skip
    return {"id": key, "total": f"{9 * len(lines)}.00", "lines": lines}


def test_nights_of_what_has_changed_are_nights_of_everything(tmp_path: Path, scale: Scale) -> None:
    seen = {"pages": 0, "told": 0, "together": 0, "next": 0, "merged": 0, "due": 0}

    @settings(
        max_examples=scale(15, 1000), phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(story=st.lists(deeds, min_size=10, max_size=50), rules=rules)
    def agree(story: list[Deed], rules: dict[str, Any]) -> None:
        files_of(tmp_path, {**STORE, "recommendations": rules})
        arrivals = told(story)
        until = arrivals[-1].received_at + 20 * DAY
        lived = []
        for whole in (True, False):
            kept = Kept()
            premises = shop(tmp_path, START, kept)
            house = from_nothing(premises) if whole else house_of(premises)
            house, eyes = watched(premises, house)
            live(house, arrivals, until)
            lived.append((outcome(premises, kept), eyes))
        (plain, whole_eyes), (quick, eyes) = lived
        same(whole_eyes, eyes)
        assert not differences(plain, quick)
        # Nobody looks on, so that pages are turned only where somebody needs them.
        kept = Kept()
        premises = shop(tmp_path, START, kept)
        live(house_of(premises), arrivals, until)
        assert not differences(plain, outcome(premises, kept))
        for _, pages, shelf, _ in eyes.seen:
            seen["pages"] += len(pages)
            seen["due"] += sum(1 for _, due_at in pages.values() if due_at is not None)
            seen["told"] += sum(
                1 for data, _ in pages.values() for one in data["refills"] if one.get("told")
            )
            seen["together"] += sum(len(one.together) for one in shelf)
            seen["next"] += sum(len(one.next) for one in shelf)
        seen["merged"] += len(premises.memory.aliases)

    agree()
    assert all(seen.values()), seen


def same(whole: Watched, quick: Watched) -> None:
    """Night by night, so that the first difference shows."""
    assert len(whole.seen) == len(quick.seen)
    for (at, pages, shelf, popular), (again, others, products, most) in zip(
        whole.seen, quick.seen, strict=True
    ):
        assert at == again
        assert popular == most, at
        assert shelf == products, at
        nothing: dict[str, list[Any]] = {"products": [], "refills": []}
        pages = {who: one for who, one in pages.items() if one[0] != nothing}
        others = {who: one for who, one in others.items() if one[0] != nothing}
        assert pages == others, at


def test_parts_of_a_shop_that_tell_each_other_are_the_whole(tmp_path: Path, scale: Scale) -> None:
    seen = {"pages": 0, "together": 0}

    @settings(
        max_examples=scale(8, 300), phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(
        story=st.lists(deeds, min_size=10, max_size=50),
        rules=rules,
        every=st.sampled_from([1, 4]),  # what others bought is not asked for every night
    )
    def agree(story: list[Deed], rules: dict[str, Any], every: int) -> None:
        files_of(tmp_path, {**STORE, "recommendations": rules})
        arrivals = told(story)
        until = arrivals[-1].received_at + 20 * DAY
        halves = [
            [one for one, deed in zip(arrivals, story, strict=True) if deed.who % 2 == half]
            for half in (0, 1)
        ]
        # What a part tells depends on its own customers alone, so it can be heard beforehand.
        shares: tuple[list[bytes], list[bytes]] = ([], [])
        for mine, half in zip(shares, halves, strict=True):

            def keep(share: bytes, mine: list[bytes] = mine) -> Sequence[bytes]:
                mine.append(share)
                return ()

            lived_with(tmp_path, half, until, keep, every)
        premises = shop(tmp_path, START, Kept())
        house, whole = watched(premises, house_of(premises), every)
        live(house, arrivals, until)
        for mine, others, half in zip(shares, reversed(shares), halves, strict=True):
            nights = zip(mine, others, strict=True)

            def swap(share: bytes, nights: Iterator[tuple[bytes, bytes]] = nights) -> list[bytes]:
                same, other = next(nights)
                assert said(share) == said(same)
                return [other]

            part = lived_with(tmp_path, half, until, swap, every)
            for one, another in zip(whole.seen, part.seen, strict=True):
                assert one[2:] == another[2:]
                assert all(one[1][who] == page for who, page in another[1].items())
            seen["pages"] += sum(len(pages) for _, pages, *_ in part.seen)
            seen["together"] += sum(
                len(one.together) for *_, shelf, _ in part.seen for one in shelf
            )

    agree()
    assert all(seen.values()), seen


def said(share: bytes) -> tuple[Any, Any]:
    """What a share says; two that say the same need not be the same bytes."""
    found = pickle.loads(share)
    return pickle.loads(found.sold), replace(found, sold=b"")


def lived_with(
    workspace: Path, arrivals: Sequence[Incoming], until: datetime, swap: Swap, every: int
) -> Watched:
    """The nights of a simulation that tells others what changed."""
    premises = shop(workspace, START, Kept())
    premises.stocktaking.share_by(swap)
    house, eyes = watched(premises, house_of(premises), every)
    live(house, arrivals, until)
    return eyes
