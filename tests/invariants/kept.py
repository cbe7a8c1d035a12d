"""What must hold of the database at any moment, whatever has happened, promise by promise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from engine.core.decision import DecisionKind
from engine.core.reasons import ENDS, GUARDS, is_event, withheld
from tests.invariants.outside import TOOK, Outside
from tests.invariants.shop import Row, Shop
from tests.invariants.truth import Truth

_DAY = timedelta(days=1) // timedelta(microseconds=1)
_GONE_OUT = frozenset({"sent", "delivered", "bounced"})
_UNDER_WAY = frozenset({"scheduled", "sending", "unknown"})


class Kept:
    """Looks at the whole database after each step; remembers what may only grow."""

    def __init__(self, shop: Shop, truth: Truth) -> None:
        self._shop, self._truth = shop, truth
        self._facts: dict[str, dict[str, int]] = {}
        self._ended: dict[str, tuple[str, str]] = {}
        self._limits: dict[str, int] = {}

    def limit(self, campaign: str, written: dict[str, Any]) -> None:
        """A file allows so many messages a day; the most that a campaign ever allowed counts."""
        allowed = int(written.get("volume_limit", "1000000/d").removesuffix("/d"))
        self._limits[campaign] = max(allowed, self._limits.get(campaign, 0))

    def look(self) -> None:
        """Check everything; raises AssertionError with what is wrong."""
        assert not self._truth.wrong, "\n".join(self._truth.wrong)
        messages = self._shop.rows("SELECT * FROM messages")
        journeys = self._shop.rows("SELECT * FROM journeys")
        checks: list[Callable[[], Iterator[str]]] = [
            self.accepted_is_kept,
            lambda: self.at_most_one(messages),
            lambda: self.accounted_for(messages, self._shop.outside),
            self.permissions,
            lambda: self.orders_go_forward(),
            lambda: self.nothing_is_stuck(journeys, messages),
            lambda: self.nothing_bursts(messages),
            lambda: self.held_out(journeys, messages),
            lambda: self.explained(messages),
        ]
        wrong = [what for check in checks for what in check()]
        assert not wrong, "\n".join(wrong)

    def accepted_is_kept(self) -> Iterator[str]:
        """Promise 1: every accepted event once, none lost, none set aside."""
        rows = self._shop.rows("SELECT source, id, state, reason FROM events")
        for row in rows:
            if row["state"] == 2:
                yield f"event {row['id']} was rejected: {row['reason']}"
        stored = Counter((r["source"], r["id"]) for r in rows if r["source"] != "lagniappe")
        if stored != Counter(dict.fromkeys(self._truth.events, 1)):
            yield f"accepted {len(self._truth.events)} events, stored {sum(stored.values())}"

    def at_most_one(self, messages: list[Row]) -> Iterator[str]:
        """Promise 2: one message for each journey and step."""
        made = Counter((row["journey_id"], row["step"]) for row in messages)
        yield from (f"{count} messages of {key}" for key, count in made.items() if count > 1)

    def accounted_for(self, messages: list[Row], outside: Outside) -> Iterator[str]:
        """Promise 2: what the world got is what the log says, or holds for possible."""
        truth = self._truth
        took = {each.outgoing.message_id for each in outside.took()}
        for row in messages:
            one, status = row["id"], row["status"]
            if one not in took and status in _GONE_OUT and one not in truth.sworn:
                yield f"{one} is {status}, and nobody has it"
            excused = truth.given_up | truth.resent.keys() | truth.failed
            not_out = status in ("skipped", "cancelled", "failed", "scheduled")
            if one in took and not_out and one not in excused and row["reason"] != "abandoned":
                yield f"{one} is {status} ({row['reason']}), and the customer has it"

    def permissions(self) -> Iterator[str]:
        """Promise 3: what is kept of consent is what was said last, address by address."""
        held = {
            (row["channel"], row["address"]): row["status"]
            for row in self._shop.rows("SELECT channel, address, status FROM consents")
        }
        done = self._shop.processed()
        said = {(each.channel, each.address) for each in self._truth.statements}
        for channel, address in sorted(said | held.keys()):
            wanted = self._truth.consent(channel, address, done)
            status = None if wanted is None else wanted.status
            if held.get((channel, address)) != status:
                found = held.get((channel, address))
                yield f"consent of {address} for {channel} is {found}, said was {wanted}"

    def orders_go_forward(self) -> Iterator[str]:
        """Promise 5: facts are only ever added, and counters are what the orders add up to."""
        counted: Counter[str] = Counter()
        for row in self._shop.rows("SELECT id, customer_id, known, is_test, facts FROM orders"):
            facts = json.loads(row["facts"])
            lost = self._facts.get(row["id"], {}).keys() - facts.keys()
            if lost:
                yield f"order {row['id']} forgot {lost}"
            self._facts[row["id"]] = facts
            if row["known"] and not row["is_test"] and "cancelled" not in facts:
                counted[row["customer_id"]] += 1
        for row in self._shop.rows("SELECT id, orders_count FROM customers"):
            if row["orders_count"] != counted[row["id"]]:
                yield f"{row['id']} has {counted[row['id']]} orders, counted {row['orders_count']}"

    def nothing_is_stuck(self, journeys: list[Row], messages: list[Row]) -> Iterator[str]:
        """Promise 6: each live journey has a moment, a time-out or a message to go on by."""
        by_id = {row["id"]: row for row in messages}
        for row in journeys:
            end = (row["status"], row["reason"])
            has_ended = row["status"] in ("exited", "holdout")
            if has_ended and self._ended.setdefault(row["id"], end) != end:
                yield f"journey {row['id']} ended as {self._ended[row['id']]}, now {end}"
            if row["status"] != "live":
                continue
            if row["waiting"] == "message":
                message = by_id.get(row["awaiting"])
                if message is None or message["status"] not in _UNDER_WAY:
                    yield f"journey {row['id']} waits for {message and message['status']}"
            elif row["due_at"] is None:
                yield f"journey {row['id']} stands at {row['step']} for ever"

    def nothing_is_left(self) -> Iterator[str]:
        """Promise 6, when the worker says that nothing is due: nothing is."""
        now = self._shop.scalar("SELECT count(*) FROM events WHERE state = 0")
        if now:
            yield f"{now} events wait"
        at = self._shop.clock.now().timestamp() * 1_000_000
        rows = self._shop.rows(
            "SELECT id, campaign FROM journeys"
            " WHERE status = 'live' AND NOT parked AND due_at IS NOT NULL AND due_at <= :at",
            at=round(at),
        )
        yield from (f"journey {row['id']} is due and not taken" for row in rows)

    def nothing_bursts(self, messages: list[Row]) -> Iterator[str]:
        """Promise 6: no day has more messages of a campaign than its limit."""
        made = Counter(
            (row["campaign"], row["created_at"] // _DAY)
            for row in messages
            if row["status"] != "skipped"
        )
        for (campaign, _day), count in made.items():
            limit = self._limits[campaign]
            if count > limit:
                yield f"{count} messages of {campaign} on a day that allows {limit}"

    def held_out(self, journeys: list[Row], messages: list[Row]) -> Iterator[str]:
        """A customer who is held out is counted, and left alone."""
        quiet = {row["id"] for row in journeys if row["status"] == "holdout"}
        yield from (f"{m['id']} of a holdout" for m in messages if m["journey_id"] in quiet)

    def explained(self, messages: list[Row]) -> Iterator[str]:
        """Promise 8: what was withheld has a named reason, what was decided a known kind."""
        codes: dict[str, Any] = {}
        for row in self._shop.rows("SELECT entries FROM decisions ORDER BY seq"):
            for _at, kind, _step, code, message, trace in json.loads(row["entries"]):
                DecisionKind(kind)
                if kind in ("dropped", "deferred") and message:
                    codes[message] = (code, trace)
                    if code not in GUARDS and code not in ENDS:
                        yield f"a message was {kind} because of {code!r}, which nobody can explain"
                    elif not withheld(code, trace):
                        yield f"no words for {code}"
        for row in messages:
            if row["status"] == "skipped" and codes.get(row["id"], ("", None))[0] != row["reason"]:
                yield f"{row['id']} was skipped as {row['reason']}, no decision says so"
            if row["status"] == "cancelled":
                reason = row["reason"] or ""
                if not (reason in ENDS or is_event(reason)):
                    yield f"{row['id']} was cancelled as {reason!r}"


def got(outside: Outside) -> Counter[str]:
    """How often the world got each message."""
    return Counter(e.outgoing.message_id for e in outside.given if e.answer in TOOK)
