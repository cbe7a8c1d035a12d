"""Who is known by what: customers by kind and value of their keys, without an object a key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from engine.core.identity import IdentityKey


class Identities:
    """The owners of all keys, and what each customer's keys say."""

    def __init__(self) -> None:
        self._owners: defaultdict[str, dict[str, str]] = defaultdict(dict)  # by kind and value
        self._values: dict[str, tuple[str, ...]] = {}  # by customer; those given away stay in it

    def __contains__(self, key: IdentityKey) -> bool:
        kind, value = key
        return kind in self._owners and value in self._owners[kind]

    def give(self, key: IdentityKey, customer_id: str) -> None:
        """Let a key be this customer's, whoever had it."""
        kind, value = key
        values = self._values.get(customer_id, ())
        for known in values:
            if known == value:
                value = known  # one object for all kinds
                break
        else:
            self._values[customer_id] = (*values, value)
        self._owners[kind][value] = customer_id

    def join(self, survivor: str, merged: str) -> None:
        """Give all keys of a customer to another one."""
        for key in self.of(merged):
            self.give(key, survivor)
        self._values.pop(merged, None)

    def resolve(self, keys: Iterable[IdentityKey]) -> dict[IdentityKey, str]:
        """The owners of these keys, of those that somebody owns."""
        owners = self._owners
        return {
            key: owners[kind][value]
            for key in keys
            if (kind := key[0]) in owners and (value := key[1]) in owners[kind]
        }

    def of(self, customer_id: str) -> set[IdentityKey]:
        """A customer's keys."""
        return {
            IdentityKey(kind, value)
            for value in self._values.get(customer_id, ())
            for kind, owners in self._owners.items()
            if owners.get(value) == customer_id
        }

    def holders(self, value: str) -> dict[IdentityKey, str]:
        """Customers by their keys of this value."""
        return {
            IdentityKey(kind, value): owners[value]
            for kind, owners in self._owners.items()
            if value in owners
        }
