"""Shopify's money: always the shop's currency, never what the customer saw at checkout."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final

from triggers.sources.payload import JsonObject, amount, child, children, text

_CENT: Final = Decimal("0.01")


def shop_money(container: JsonObject, name: str) -> Decimal | None:
    """``<name>_set.shop_money.amount``, else ``<name>``, which is in shop currency too."""
    found = amount(child(child(container, f"{name}_set"), "shop_money").get("amount"))
    return found if found is not None else amount(container.get(name))


def refund_amount(refund: JsonObject) -> Decimal | None:
    """What a refund gave back, in the shop's currency; None when the payload cannot tell.

    The successful refund transactions say how much, but in their own currency, which may be the
    customer's. Then the rate is that between the two sides of the refund's own money sets. A refund
    without transactions (an item removed, or restocked) gave nothing back.
    """
    if not isinstance(refund.get("transactions"), list):
        return None
    paid_back = [
        transaction
        for transaction in children(refund, "transactions")
        if transaction.get("kind") == "refund"
        and transaction.get("status") in ("success", "pending", None)
    ]
    total = Decimal(0)
    for transaction in paid_back:
        given = amount(child(child(transaction, "amount_set"), "shop_money").get("amount"))
        if given is None:
            given = _in_shop_currency(transaction, refund)
        if given is None:
            return None
        total += abs(given)
    return total


def _in_shop_currency(transaction: JsonObject, refund: JsonObject) -> Decimal | None:
    given, currency = amount(transaction.get("amount")), text(transaction.get("currency"))
    if given is None:
        return None
    shop = presentment = Decimal(0)
    for money in _sets(refund):
        shop_side, customer_side = child(money, "shop_money"), child(money, "presentment_money")
        if currency in (None, text(shop_side.get("currency_code"))):
            return given
        if text(customer_side.get("currency_code")) == currency:
            shop += abs(amount(shop_side.get("amount")) or Decimal(0))
            presentment += abs(amount(customer_side.get("amount")) or Decimal(0))
    if presentment == 0:
        # Nothing says that the currencies differ; old payloads have no sets at all.
        return given if not any(_sets(refund)) else None
    return (given * shop / presentment).quantize(_CENT)


def _sets(refund: JsonObject) -> Iterable[JsonObject]:
    for line in children(refund, "refund_line_items"):
        yield from (child(line, name) for name in ("subtotal_set", "total_tax_set") if name in line)
        price = child(child(line, "line_item"), "price_set")
        if price:
            yield price
    for adjustment in children(refund, "order_adjustments"):
        if "amount_set" in adjustment:
            yield child(adjustment, "amount_set")
