"""What the shop sold, kept from night to night: only what has changed is taken in.

The numbers are those that ``engine.services.stocktaking`` computes from nothing every night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engine.programs.intervals import Market, Rhythm
from engine.programs.purchases import Basket, Purchases, Sale, find
from engine.programs.spend_classes import Spender, Standing
from engine.simulator.dates import Dates
from engine.simulator.marks import Marks
from engine.simulator.shares import Heard, Telling

Swap = Callable[[bytes], Sequence[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bought:
    """What has changed of one customer's purchases since the night before.

    ``spender`` is how they stand now; None: nothing that counts. ``sales`` are the orders that were
    touched, by id, as they are now; None: nothing of it is theirs, or kept. Whoever was merged into
    another is told with None for everything.
    """

    customer_id: str
    spender: Spender | None
    sales: Mapping[str, Sale | None] = field(default_factory=dict)


class Rhythms:
    """The rhythms of all products, each made on the first question since the last night."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._made: dict[int, Rhythm | None] = {}

    def get(self, product: int) -> Rhythm | None:
        """How a product is bought again, if it ever was."""
        if product not in self._made:
            self._made[product] = self._market.rhythm(product)
        return self._made[product]

    def forget(self) -> None:
        """Products are bought in another way now."""
        self._made.clear()


class Sold:
    """Purchases, habits and customers' standing, as of the last night.

    In a simulation of several parts ``spenders`` and ``dates`` are of this one's customers;
    ``market`` and ``standing`` are of the whole shop, and ``purchases`` after ``open``.
    """

    def __init__(self) -> None:
        self.purchases = Purchases()
        self.market = Market()
        self.standing = Standing()
        self.spenders: dict[str, Spender] = {}
        self.dates = Dates()
        self.rhythms = Rhythms(self.market)
        self._orders = Marks()  # of orders of which there is a basket, or was
        self._oldest = 1 << 62  # no basket was placed before
        self._telling: Telling | None = None
        self._heard: list[Heard] = []
        self._varied = False  # whether any product was shown in several ways

    def trade(self, swap: Swap) -> None:
        """As ``settle``, of a shop in parts: ``swap`` tells the others, and returns their shares.

        It was done so every night since the first.
        """
        assert self._telling is not None
        for place, told in enumerate(swap(self._telling.share(self.market.turn))):
            if place == len(self._heard):
                self._heard.append(Heard(self.purchases))
            heard = self._heard[place].hear(told)
            for one in heard.left:
                self.standing.leave(one)
            for one in heard.entered:
                self.standing.enter(one)
            self.market.count(heard.turn)
            self._varied = self._varied or heard.varied
        self.settle()
        if self._varied:
            self.open()

    def tell(self) -> None:
        """From now on take note of what others are to be told."""
        self._telling = Telling(self.purchases)

    def open(self) -> None:
        """Take in the baskets of which others have told so far."""
        for each in self._heard:
            each.open()

    def take(self, bought: Bought) -> None:
        """Take in what one customer did."""
        former, present = self.spenders.get(bought.customer_id), bought.spender
        if present != former:
            if former is not None:
                self.standing.leave(former)
                del self.spenders[bought.customer_id]
            if present is not None:
                self.standing.enter(present)
                self.spenders[bought.customer_id] = present
            if self._telling is not None:
                self._telling.stands(former, present)
        self._take_sales(bought.customer_id, bought.sales)

    def late(self, since: int) -> list[str]:
        """Count nothing placed before ``since`` from now on; who bought something before."""
        self.purchases.since = since
        if since <= self._oldest:
            return []
        baskets = self.purchases.customers
        first = {who: baskets[who][0].at for who in self.dates.customers()}
        self._oldest = min((at for at in first.values() if at >= since), default=since)
        return [who for who, at in first.items() if at < since]

    def expire(self, who: str) -> None:
        """Leave out what one customer bought too long ago."""
        since = self.purchases.since
        gone = [one for one in self.purchases.customers.get(who, ()) if one.at < since]
        if gone:
            self._rewrite(who, gone, ())
        for left in self.purchases.customers.get(who, ())[:1]:
            self._oldest = min(self._oldest, left.at)

    def settle(self) -> None:
        """That was all of this night."""
        self.market.settle()
        self.rhythms.forget()

    def _take_sales(self, who: str, sales: Mapping[str, Sale | None]) -> None:
        held: Sequence[Basket] = self.purchases.customers.get(who, ())
        gone: list[Basket] = []
        come: list[Sale] = []
        for order_id, sale in sales.items():
            if sale is not None and sale.at < self.purchases.since:
                sale = None
            former = find(held, order_id) if hash(order_id) in self._orders else None
            if former is not None:
                if sale is not None and self.purchases.says(former, sale):
                    continue
                gone.append(former)
            if sale is not None:
                come.append(sale)
        if not gone and not come:
            return
        come.sort(key=lambda one: (one.at, one.order_id))
        if gone or (held and (come[0].at, come[0].order_id) < held[-1].place):
            self._rewrite(who, gone, come)
            return
        added = [basket for one in come if (basket := self.purchases.put(who, one))]
        self._oldest = min(self._oldest, come[0].at)
        for basket in added:
            self._note(who, basket)
        self._follow(who, added)

    def _rewrite(self, who: str, gone: Iterable[Basket], come: Iterable[Sale]) -> None:
        """What does not come last changes what came after it."""
        baskets = self.purchases.customers.get(who, [])
        self.market.forget(baskets)
        for basket in gone:
            self.purchases.drop(who, basket)
            if self._telling is not None:
                self._telling.dropped(who, basket)
        for sale in come:
            self._note(who, self.purchases.put(who, sale))
            self._oldest = min(self._oldest, sale.at)
        told = self.dates.erase(who)
        left = self.purchases.customers.get(who)
        if left:
            self._follow(who, left)
            self.dates.tell(who, told)

    def _follow(self, who: str, baskets: Sequence[Basket]) -> None:
        products = {product for basket in baskets for product in basket.products}
        rows = self.dates.rows(who, products)
        habits = self.dates.habits(rows)
        self.market.follow(habits, baskets)
        self.dates.write(who, rows, habits)

    def _note(self, who: str, basket: Basket | None) -> None:
        if basket is None:
            return
        self._orders.add(hash(basket.order_id))
        if self._telling is not None:
            self._telling.sold(who, basket)
            self._varied = self._varied or bool(basket.sold)
