"""What must be so, told by the plainest code: no rule of the engine is used to judge the engine.

``Truth`` remembers what the shop was told and asked, and judges each hand-over by history alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.invariants.life import address_of, kills
from tests.invariants.outside import Answer, Given

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SPANS = {"1d": timedelta(days=1), "7d": timedelta(days=7), "12h": timedelta(hours=12),
         "2h": timedelta(hours=2), "20h": timedelta(hours=20), "0s": timedelta(0),
         "30m": timedelta(minutes=30), "3d": timedelta(days=3)}  # fmt: skip
LATENESS = {"email": timedelta(hours=24), "sms": timedelta(hours=4)}
_CAUTION = {"subscribed": 0, "unsubscribed": 2}

Key = tuple[str, str]  # an event's (source, id)


def moment(micros: int) -> datetime:
    """An instant as the database keeps it."""
    return EPOCH + timedelta(microseconds=micros)


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One word on the permission to write to an address; ``by`` None: it held at once."""

    channel: str
    address: str
    status: str
    at: datetime
    source: str
    by: Key | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """An address that must not be written to; marketing only unless ``always``."""

    channel: str
    address: str
    always: bool
    at: datetime


@dataclass(slots=True)
class Truth:
    """The memory of one run."""

    store: Mapping[str, Any]
    events: dict[Key, dict[str, Any]] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    failed: set[str] = field(default_factory=set)  # messages that a receipt told to have failed
    # Messages that a person or the policy had sent again, as if they had not arrived: so many of
    # their hand-overs, the first, count no more.
    resent: dict[str, int] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    sworn: set[str] = field(default_factory=set)  # messages that a person said were sent
    outgoing: list[Given] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def hear(self, event: dict[str, Any]) -> None:
        """An event was accepted; the same one again is nothing new."""
        key = (event["source"], event["id"])
        if key in self.events:
            return
        self.events[key] = event
        customer = event.get("customer", {})
        for channel, fact in customer.get("consent", {}).items():
            person = int(customer["id"].removeprefix(event["source"]))
            self.statements.append(
                Statement(
                    channel=channel,
                    address=address_of(person, channel),
                    status=fact["status"],
                    at=datetime.fromisoformat(event["time"]).astimezone(UTC),
                    source=event["source"],
                    by=key,
                )
            )

    def say(self, channel: str, address: str, status: str, at: datetime) -> None:
        """A word that is in force as soon as it is said: a link, a receipt."""
        self.statements.append(
            Statement(channel=channel, address=address, status=status, at=at,
                      source="lagniappe", by=None)
        )  # fmt: skip

    def consent(self, channel: str, address: str, done: set[Key] | None) -> Statement | None:
        """The word that holds: the latest, by its own time, of those processed."""
        said = [
            each
            for each in self.statements
            if (each.channel, each.address) == (channel, address)
            and (done is None or each.by is None or each.by in done)
        ]
        return max(said, key=lambda e: (e.at, _CAUTION[e.status], e.source), default=None)

    def send_again(self, message_id: str) -> None:
        """Its doubt has ended: it did not arrive, and is to be sent again."""
        self.resent[message_id] = sum(
            each.outgoing.message_id == message_id for each in self.outgoing
        )

    def judge(self, given: Given) -> None:
        """Note what is wrong with a hand-over; called at the moment of its commit."""
        self.wrong += [
            f"{given.at:%Y-%m-%d %H:%M} {given.outgoing.message_id}: {what}"
            for what in self._wrongs(given)
        ]
        self.outgoing.append(given)

    def _wrongs(self, given: Given) -> Iterator[str]:
        out, seen = given.outgoing, given.seen
        message, done = seen["message"], seen["done"]
        plan = json.loads(seen["source"])
        yield from self._twice(given)
        if message["status"] != "sending":
            yield f"handed over while {message['status']}"
        for block in self.blocks:
            if (block.channel, block.address) != (out.channel, out.to):
                continue
            if block.always or (out.purpose == "marketing" and not self._later_yes(block)):
                yield "the address is suppressed"
        late = given.at - moment(message["due_at"])
        if late > _lateness(plan, message["step"], out.channel):
            yield f"{late} late"
        # A journey that has moved ends as its new revision says, which may not be about orders.
        ended_by = json.loads(seen["ended_by"])
        yield from set(self._ended(seen, plan, done)).intersection(
            self._ended(seen, ended_by, done)
        )
        if out.purpose == "marketing":
            said = self.consent(out.channel, out.to, done)
            if said is None or said.status != "subscribed":
                yield f"marketing without consent: {said}"
            if self._is_quiet(given):
                yield "marketing in quiet hours"
            yield from self._too_often(given)

    def _twice(self, given: Given) -> Iterator[str]:
        """Only what surely was not taken goes out again, unless somebody wants it otherwise."""
        mine = given.outgoing.message_id
        former = [e for e in self.outgoing if e.outgoing.message_id == mine]
        if not former or former[-1].answer is Answer.LATER:
            return
        # Even of one that was accepted: whoever was to note the answer may have died over it.
        if self.resent.get(mine, 0) < len(former):
            yield f"sent again after {former[-1].answer}"

    def _later_yes(self, block: Block) -> bool:
        return any(
            (each.channel, each.address, each.status)
            == (block.channel, block.address, "subscribed")
            and each.at > block.at
            for each in self.statements
        )

    def _is_quiet(self, given: Given) -> bool:
        hours = self.store["quiet_hours"][given.outgoing.channel]
        if hours == "none":
            return False
        zone = given.seen["customer"]["timezone"] or self.store["timezone"]
        local = given.at.astimezone(ZoneInfo(zone)).time()
        start, end = (time.fromisoformat(hours[name]) for name in ("from", "until"))
        return start <= local < end if start <= end else local >= start or local < end

    def _too_often(self, given: Given) -> Iterator[str]:
        """What this customer got before, as far as it was not refused, failed or given up."""
        mine = given.outgoing.message_id
        before = {
            each.outgoing.message_id: each
            for each in self.outgoing
            if each.outgoing.message_id in given.seen["theirs"] - {mine}
            and each.outgoing.purpose == "marketing"
            and each.answer not in (Answer.REFUSED, Answer.LATER)
            and each.outgoing.message_id not in self.failed | self.given_up
            and each.attempt > self.resent.get(each.outgoing.message_id, 0)
        }
        for cap in self.store["caps"]:
            count = sum(
                each.at > given.at - SPANS[cap["per"]]
                and cap["channel"] in ("any", each.outgoing.channel)
                for each in before.values()
            )
            if count >= cap["count"] and cap["channel"] in ("any", given.outgoing.channel):
                yield f"over the cap: {count} of {cap}"
        gap = SPANS[self.store["min_gap"]]
        if any(each.at > given.at - gap for each in before.values()):
            yield "sooner than min_gap after another"

    def _ended(
        self, seen: Mapping[str, Any], plan: Mapping[str, Any], done: set[Key]
    ) -> Iterator[str]:
        """The order's truth, where it was processed before the commit."""
        trigger = plan["trigger"].get("event", "")
        key = plan.get("entry", {}).get("key", "")
        if not key.startswith("order.") or not trigger.startswith("order."):
            return
        about = [
            event
            for name, event in self.events.items()
            if name in done
            and event["type"] != trigger
            and "order" in event
            and f"shop:{event['order']['id']}" == seen["message"]["order_id"]
        ]
        if "exit_on" not in plan:
            if plan["purpose"] == "marketing" and any(kills(event) for event in about):
                yield "marketing about an order that was refunded, cancelled, returned or disputed"
            return
        (exit_on,) = plan["exit_on"]
        entered = moment(seen["journey"]["entered_at"])
        told = [datetime.fromisoformat(e["time"]) for e in about if e["type"] == exit_on]
        if told and min(told) >= entered:
            yield f"after {exit_on}"


def steps_of(steps: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Every step of a campaign as it is written, those of arms and variants too."""
    for step in steps:
        yield step
        for arm in step.get("branch", []):
            yield from steps_of(arm.get("steps") or arm.get("else", {}).get("steps", []))
        for variant in step.get("split", {}).values():
            yield from steps_of(variant["steps"])


def _lateness(plan: Mapping[str, Any], step: str, channel: str) -> timedelta:
    for each in steps_of(plan["steps"]):
        if each.get("id") == step:
            sends = each.get("send_email") or each["send_sms"]
            limit = sends.get("max_lateness")
            return SPANS[limit] if limit else LATENESS[channel]
    raise AssertionError(f"the revision has no step {step}")
