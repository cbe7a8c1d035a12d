"""Coupons: codes given to customers, once each, used by orders, given back when they never left.

A generated code follows from the offer, the journey and the step by a keyed hash, so a decision
that is made again gives the same one. A code of a pool is claimed through ``Context.shared``, in
the order in which decisions are made. Either is a line of the customer's book ``coupons``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any, Final

from config.durations import Duration
from config.offers import Offer
from config.topics import in_language
from engine.core.book import Record
from engine.core.campaign import Plans
from engine.core.context import CodeState, Context, Taken
from engine.core.coupon import BOOK, GIVEN, Coupon, CouponStatus, coupons_of, same_code
from engine.core.customer import Order
from engine.core.guards import zone_of
from engine.core.order_state import fact_time
from engine.core.timing import add, resolve_local
from engine.core.transition import Transition
from engine.core.verbs import IssueCoupon, ProgramStep
from engine.core.world import Emitted, Journey, World
from engine.programs.coupon_holders import settle
from engine.programs.program import OF_ORDERS
from engine.programs.referral_records import CONVERTED, is_reward

_AGAIN: Final = timedelta(hours=1)  # until a coupon that is owed is tried again


class Coupons:
    """``engine.programs.program.Program`` over the policy's offers.

    ``keyed`` is a pure function of its argument: 32 bytes that nobody without the key can tell.
    """

    books = frozenset({BOOK})
    # Whatever tells of an order can tell that a code was used.
    follows = frozenset({"points.redeemed", CONVERTED, "coupon.redeemed", OF_ORDERS})

    def __init__(
        self, offers: Mapping[str, Offer], keyed: Callable[[str], bytes], *, locale: str
    ) -> None:
        self._offers = offers
        self._keyed = keyed
        self._locale = locale

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        """Take in that a coupon was used or earned, or an order called off."""
        kind = transition.type
        if kind == "points.redeemed" or (kind == CONVERTED and is_reward(transition)):
            if not backfill:
                self._buy(world, transition, context)
        elif kind == "coupon.redeemed":
            code, named = transition.data.get("code"), transition.data.get("order_id")
            order_id = transition.order_id or (named if isinstance(named, str) else transition.id)
            for one in _of_code(world, [code] if isinstance(code, str) else [], order_id):
                self._redeem(world, one, order_id, transition.time, context)
        elif transition.order_id is not None and world.books.has_any_of(self.books):
            order = world.orders.get(transition.order_id)
            if order is not None and order.discount_codes and not order.is_test:
                self._look_at_order(world, order, transition, context, backfill=backfill)

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """Warn of a coupon that will soon expire, end one that has, try one that is owed."""
        data = record.data
        until = None if data["expires_at"] is None else datetime.fromisoformat(data["expires_at"])
        if data["status"] == "owed":
            self._pay(world, Coupon.of(record), context)
        elif data["status"] != "issued" or until is None:
            world.defer(record, None)
        elif context.now < until:
            if any(data["holders"].values()):
                world.report(_expiring(Coupon.of(record), context.now))
            world.defer(record, until)
        else:
            _expire(world, record, context)

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        """Give the customer a coupon, or take up one that they have not used."""
        if not isinstance(step, IssueCoupon):
            return None
        name, offer = step.offer, self._offers.get(step.offer)
        if offer is None:
            return _nothing("no_offer", {"offer": name})
        holder = f"{journey.id}:{step.id}"
        held = coupons_of(world)
        known = next((one for one in held if holder in one.holders), None)
        if known is None and offer.reuse:
            usable = [one for one in held if one.offer == name and one.is_open(context.now)]
            if usable:
                again = max(usable, key=lambda one: (one.at, one.key)).held_by(holder)
                world.write(again.record)
                return _given("coupon_reused", again)
        if known is None:
            count = _recent(held, name, offer, world, context)
            if offer.per_customer is not None and count >= offer.per_customer.count:
                limit = str(offer.per_customer)
                return _nothing("coupon_limit", {"offer": name, "actual": count, "limit": limit})
            known = self._make(world, name, holder, context, campaign=journey.campaign,
                               step=step.id)  # fmt: skip
            if known is None:
                return _nothing("pool_empty", {"offer": name, "pool": offer.pool})
            world.write(known.record)
        return _given("coupon_issued", known)

    def settle(self, world: World, plans: Plans, context: Context) -> None:
        """Give back what no message carries any more."""
        settle(world, plans, context, self._offers)

    def _make(
        self,
        world: World,
        name: str,
        cause: str,
        context: Context,
        *,
        campaign: str | None = None,
        step: str | None = None,
        left: tuple[str, ...] = (),
    ) -> Coupon | None:
        """A new coupon, held by its cause and written nowhere yet; None when its pool is empty."""
        offer = self._offers[name]
        code: str | None = offer.code
        if offer.kind == "generated":
            code = generated(offer, self._keyed(f"{name}\x1f{cause}"))
        elif offer.pool is not None:
            code = context.shared.take_code(offer.pool, cause)
        if code is None:
            return None
        expires_at = _expiry(offer, world, context)
        return Coupon(
            key=f"{same_code(code)}:{cause}",
            at=context.now,
            offer=name,
            code=code,
            value=self._worth(offer, world),
            status="issued",
            pool=offer.pool,
            expires_at=expires_at,
            due_at=_first_due(offer, expires_at, context.now),
            campaign=campaign,
            step=step,
            cause=cause,
            holders={cause: left},
        )

    def _worth(self, offer: Offer, world: World) -> str:
        """What it is worth, in the customer's language, else in the store's."""
        return in_language(offer.value, world.customer.locale, self._locale)

    def _buy(self, world: World, transition: Transition, context: Context) -> None:
        """Points, or a friend who has bought, earned a coupon; from an empty pool it is owed."""
        name = transition.data.get("offer")
        if not isinstance(name, str) or name not in self._offers:
            return
        cause = transition.id
        if any(one.cause == cause for one in coupons_of(world)):
            return
        made = self._make(world, name, cause, context, left=(GIVEN,))
        if made is None:
            offer = self._offers[name]
            made = Coupon(
                key=f"owed:{cause}",
                at=context.now,
                offer=name,
                code="",
                value=self._worth(offer, world),
                status="owed",
                pool=offer.pool,
                cause=cause,
                due_at=context.now + _AGAIN,
                holders={cause: (GIVEN,)},
            )
        world.write(made.record)

    def _pay(self, world: World, owed: Coupon, context: Context) -> None:
        made = None
        if owed.offer in self._offers:
            made = self._make(world, owed.offer, owed.cause, context, left=(GIVEN,))
        if made is None:
            world.write(replace(owed, due_at=context.now + _AGAIN).record)
            return
        world.write(made.record)
        world.write(replace(owed, status="released", due_at=None, holders={}).record)

    def _look_at_order(
        self,
        world: World,
        order: Order,
        transition: Transition,
        context: Context,
        *,
        backfill: bool,
    ) -> None:
        is_off = fact_time(order, "cancelled") is not None
        for one in _of_code(world, order.discount_codes, order.id):
            offer = self._offers.get(one.offer)
            if is_off and offer is not None and offer.when_cancelled == "give_back":
                self._call_off(world, one, order.id, context)
                continue
            at = order.placed_at or transition.time
            if self._redeem(world, one, order.id, at, context) and not backfill:
                world.report(_redeemed(one, order, transition.time))

    def _redeem(
        self, world: World, one: Coupon, order: str, at: datetime, context: Context
    ) -> bool:
        """Note that an order used it; whether that is news."""
        if order in one.orders:
            return False
        orders = {**one.orders, order: at.isoformat()}
        if one.pool is not None:
            context.shared.settle_code(one.pool, one.code, one.cause, "redeemed")
        world.write(replace(one, status="redeemed", orders=orders, due_at=None).record)
        self._tell_journeys(world, one, redeemed=True)
        return True

    def _call_off(self, world: World, one: Coupon, order: str, context: Context) -> None:
        """The order that used it was cancelled, and the offer gives it back to the customer."""
        if order not in one.orders:
            return
        orders = {key: at for key, at in one.orders.items() if key != order}
        if orders:
            world.write(replace(one, orders=orders).record)
            return
        if one.pool is not None:
            context.shared.settle_code(one.pool, one.code, one.cause, "claimed")
        due = _first_due(self._offers[one.offer], one.expires_at, one.at)
        world.write(replace(one, status="issued", orders=orders, due_at=due).record)
        self._tell_journeys(world, one, redeemed=False)

    def _tell_journeys(self, world: World, one: Coupon, *, redeemed: bool) -> None:
        for holder in one.holders:
            journey_id, _, step = holder.rpartition(":")
            journey = world.journeys.get(journey_id)
            if journey is not None and step in journey.results:
                journey.told(step)["redeemed"] = redeemed
                world.changes.journeys.add(journey.id)


def generated(offer: Offer, seed: bytes) -> str:
    """The code that follows from 32 bytes: the prefix, a dash, and letters of the alphabet."""
    number, letters = int.from_bytes(seed), offer.alphabet
    made: list[str] = []
    for _ in range(offer.length):
        number, place = divmod(number, len(letters))
        made.append(letters[place])
    return (f"{offer.prefix}-" if offer.prefix else "") + "".join(made)


def _expire(world: World, record: Record, context: Context) -> None:
    """End it; the code of one that never left can be another's."""
    data = record.data
    left = any(data["holders"].values())
    if data["pool"] is not None:
        state: CodeState = "expired" if left else "free"
        context.shared.settle_code(data["pool"], data["code"], data["cause"], state)
    status: CouponStatus = "expired" if left else "released"
    told = {**data, "status": status}
    world.write(Record(book=BOOK, key=record.key, at=record.at, data=told))


def _of_code(world: World, codes: Iterable[str], order: str) -> list[Coupon]:
    """The customer's coupons of the codes that an order used, one a code.

    Of several of one code it is the one that the order is known to have used, else the oldest that
    is unused.
    """
    told = {same_code(code) for code in codes}
    if not told:
        return []
    found: dict[str, list[Coupon]] = {}
    for one in coupons_of(world):
        code = same_code(one.code)
        if code in told and one.status not in ("released", "owed"):
            found.setdefault(code, []).append(one)
    return [
        min(
            each, key=lambda one: (order not in one.orders, one.status != "issued", one.at, one.key)
        )
        for each in found.values()
    ]


def _recent(held: list[Coupon], name: str, offer: Offer, world: World, context: Context) -> int:
    limit = offer.per_customer
    if limit is None or not held:
        return 0
    back = Duration(days=-limit.per.days, seconds=-limit.per.seconds)
    since = add(context.now, back, zone_of(world.customer, context.rules))
    return sum(
        one.offer == name and one.status != "released" and one.campaign is not None
        and one.at > since
        for one in held
    )  # fmt: skip


def _expiry(offer: Offer, world: World, context: Context) -> datetime | None:
    """The first instant at which it cannot be used; with ``end_of_day`` the customer's midnight."""
    if offer.expires is None:
        return None
    zone = zone_of(world.customer, context.rules)
    until = add(context.now, offer.expires, zone)
    if not offer.end_of_day:
        return until
    following = until.astimezone(zone).date() + timedelta(days=1)
    return resolve_local(following, time(0), zone)


def _first_due(offer: Offer, expires_at: datetime | None, issued_at: datetime) -> datetime | None:
    """When the program looks at it again: to warn, unless it is shorter than the warning."""
    if expires_at is None:
        return None
    warning = expires_at - timedelta(seconds=offer.expiring_warning.nominal_seconds)
    return warning if warning > issued_at else expires_at


def _given(code: str, one: Coupon) -> Taken:
    expires = None if one.expires_at is None else one.expires_at.isoformat()
    return Taken(
        code=code,
        results={
            "issued": True,
            "code": one.code,
            "value": one.value,
            "expires_at": expires,
            "redeemed": one.status == "redeemed",
        },
        trace={"offer": one.offer, "expires_at": expires},
    )


def _nothing(code: str, trace: Mapping[str, Any]) -> Taken:
    return Taken(code=code, done=False, results={"issued": False}, trace=trace)


def _origin(one: Coupon) -> dict[str, Any]:
    told = {"code": one.code, "offer": one.offer, "pool": one.pool}
    told |= {"campaign": one.campaign, "step": one.step}
    return {name: value for name, value in told.items() if value is not None}


def _redeemed(one: Coupon, order: Order, at: datetime) -> Emitted:
    amount = {} if order.discount is None else {"amount": float(order.discount)}
    return Emitted(
        id=f"coupon.redeemed:{one.key}:{order.id}",
        type="coupon.redeemed",
        time=at,
        data={**_origin(one), "order_id": order.id, **amount},
        causes=(),
        order_id=order.id,
    )


def _expiring(one: Coupon, at: datetime) -> Emitted:
    until = "" if one.expires_at is None else one.expires_at.isoformat()
    return Emitted(
        id=f"coupon.expiring:{one.key}:{until}",
        type="coupon.expiring",
        time=at,
        data={**_origin(one), "expires_at": until},
        causes=(),
    )
