"""What an order is worth in points, and what part of it was given back.

The goods count, without shipping and tax: the order's subtotal, else its lines less the discount,
else its total.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Final

from config.loyalty import Loyalty, OrderRate, ProductRule
from engine.core.customer import ZERO, Line, Order, Refund
from engine.core.order_state import fact_time
from engine.core.value import value_class

_ONE: Final = Decimal(1)
_NO_POINTS: Final = OrderRate.model_construct(points=ZERO, per=_ONE)
_POINTS: Final = Decimal("0.000001")
_SHARE: Final = Decimal("0.000000000001")
_LOST: Final = ("cancelled", "returned")


@value_class
class Worth:
    """An order in points, exact to a millionth, and in money; ``lines`` are parts of ``points``."""

    points: Decimal
    goods: Decimal
    lines: dict[str, Decimal]


@value_class
class Back:
    """What a refund gave back: so many points, such a share (0 to 1) of the money."""

    points: Decimal
    share: Decimal


def goods_of(order: Order, full: Decimal | None = None) -> Decimal:
    """What the goods cost, after discounts; ``full`` is what they cost before, where known."""
    if order.subtotal is not None:
        return max(ZERO, order.subtotal)
    if order.lines:
        full = _sum_of_lines(order) if full is None else full
        return max(ZERO, full - (order.discount or ZERO))
    return max(ZERO, order.total or ZERO)


def worth_of(order: Order, loyalty: Loyalty, times: Decimal) -> Worth:
    """The points of an order for a customer who gets ``times`` as many."""
    rate = loyalty.orders or _NO_POINTS
    lines = {line.id: line.price * line.quantity for line in order.lines.values()}
    points = full = sum(lines.values(), ZERO)
    goods = goods_of(order, full)
    is_point_for_money = rate.points == rate.per == times == _ONE and not loyalty.products
    if goods != full or not is_point_for_money:
        for line in order.lines.values():
            part = lines[line.id]
            if goods != full:
                part = part * goods / full if full else ZERO
            if not is_point_for_money:
                rule = _rule_for(line, loyalty)
                product = rule.times if rule is not None else _ONE
                bonus = rule.bonus * line.quantity if rule is not None else 0
                part = part * rate.points / rate.per * product * times + bonus
            lines[line.id] = part
        points = sum(lines.values(), ZERO)
    if not full:
        points += goods * rate.points / rate.per * times
    return Worth(points=points.quantize(_POINTS), goods=goods, lines=lines)


def written(amount: Decimal) -> str:
    """An amount as ledgers have it: the same for 20.00, as it was told, and 20, as it is stored."""
    return f"{amount.normalize():f}"


def signature(order: Order, goods: Decimal | None = None) -> str:
    """Changes when what an order is worth may have changed; ``goods`` cost that, where known.

    Amounts count by their value: equal ones have equal hashes, and the same in every process, as
    Python's reference has it of numbers.
    """
    lines = [
        (line.id, line.product_id, line.sku, line.quantity, hash(line.price))
        for line in order.lines.values()
    ]
    if len(lines) > 1:
        lines.sort()
    goods = goods_of(order) if goods is None else goods
    return blake2b(repr((hash(goods), lines)).encode(), digest_size=6).hexdigest()


def refund_signature(order: Order, refund: Refund) -> str:
    """Changes when the part that a refund gave back may have changed."""
    amount = None if refund.amount is None else hash(refund.amount)
    total = None if order.total is None else hash(order.total)
    told = (signature(order), total, amount, sorted(refund.lines.items()))
    return blake2b(repr(told).encode(), digest_size=6).hexdigest()


def back_of(order: Order, refund: Refund, worth: Worth) -> Back:
    """The part that one refund gave back: of its lines, else its amount; all when it tells neither.

    An amount is compared with what the customer paid, shipping and all.
    """
    full = _sum_of_lines(order)
    back = [
        (order.lines[line], Decimal(min(count, order.lines[line].quantity)))
        for line, count in refund.lines.items()
        if line in order.lines and order.lines[line].quantity
    ]
    if back and full:
        money = sum((line.price * count for line, count in back), ZERO)
        points = sum((worth.lines[line.id] * count / line.quantity for line, count in back), ZERO)
        return _back(points, money / full)
    paid = order.total if order.total else goods_of(order)
    if refund.amount is None or not paid:
        return _back(worth.points, _ONE)
    amount = min(refund.amount, paid)
    return _back(worth.points * amount / paid, amount / paid)


def losses(order: Order) -> Sequence[tuple[str, datetime]]:
    """Why nothing of the order counts, each with its time; full refunds add up by themselves."""
    facts, found = order.facts, list[tuple[str, datetime]]()
    for reason in _LOST:
        if reason in facts:
            found.append((reason, facts[reason]))
    disputed = fact_time(order, "disputed")
    if disputed is not None:
        found.append(("disputed", disputed))
    if order.is_test:
        found.append(("test", order.placed_at or min(facts.values())))
    return found


def _back(points: Decimal, share: Decimal) -> Back:
    return Back(points=points.quantize(_POINTS), share=share.quantize(_SHARE))


def _sum_of_lines(order: Order) -> Decimal:
    return sum([line.price * line.quantity for line in order.lines.values()], ZERO)


def _rule_for(line: Line, loyalty: Loyalty) -> ProductRule | None:
    for rule in loyalty.products:
        if rule.product is not None:
            if rule.product in (line.product_id, line.variant_id):
                return rule
        elif rule.sku == line.sku:
            return rule
    return None
