"""Referrals: a customer's code brings a friend; both are rewarded once the friend's order stands.

The friend's order names the code, or the friend left an address on the landing page before. Either
way an event of our own goes to the referrer, and is decided over both customers at once
(``engine.core.beside``). A referral is judged anew from all that is known each time something of it
changes, and a last time when the order can no longer be returned: so neither the order in which
events come nor their coming twice makes a difference to what is paid.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from config.referrals import Referrals as ReferralPrograms
from engine.core import ids
from engine.core.beside import CUSTOMER, ORDER
from engine.core.book import Record
from engine.core.context import Context, Taken
from engine.core.customer import Order
from engine.core.transition import Transition
from engine.core.verbs import AskReferral, ProgramStep
from engine.core.world import Emitted, Journey, World
from engine.programs.likeness import mailbox
from engine.programs.referral_guards import Case, findings
from engine.programs.referral_records import (
    ATTRIBUTED,
    CLAIMED,
    CLAIMS,
    CODES,
    CONVERTED,
    DECIDED,
    REFERRALS,
    REFERRED,
    REVISITED,
    code_from,
    codes_of,
    is_final,
    ordered_at,
)

_NEWS: Final = frozenset({"order.placed", "order.paid", "order.updated"})
_UNDOING: Final = frozenset(
    {"order.refunded", "order.cancelled", "order.returned", "order.disputed"}
)
_AGAIN: Final = timedelta(days=1)
_PATIENT: Final = timedelta(days=7)
MOST_CLAIMS: Final = 200  # addresses that wait for one referrer; more are nobody's friends


class Referrals:
    """``engine.programs.program.Program``.

    ``keyed`` makes codes, ``marks`` the keyed hashes of an address by every key in use.
    """

    def __init__(
        self,
        programs: ReferralPrograms,
        keyed: Callable[[str], bytes],
        marks: Callable[[str], Sequence[str]],
    ) -> None:
        self._programs = programs
        self._keyed = keyed
        self._marks = marks

    @property
    def books(self) -> frozenset[str]:
        """The referrer's codes, claims and referrals, and the friend's."""
        return frozenset({CODES, CLAIMS, REFERRALS, REFERRED})

    @property
    def follows(self) -> frozenset[str]:
        """Orders, and what the program tells itself."""
        return _NEWS | _UNDOING | {ATTRIBUTED, REVISITED, DECIDED, CLAIMED}

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        """Have the customer's code ready for an invitation."""
        if not isinstance(step, AskReferral):
            return None
        if step.program not in self._programs:
            return Taken(code="no_referral_program", done=False, trace={"program": step.program})
        return Taken(code="code_ready", results={"code": self._code(world, step.program, context)})

    def _code(self, world: World, program: str, context: Context) -> str:
        """The customer's code; once made it stays, whatever becomes of the key."""
        for record in world.book(CODES):
            if record.data["program"] == program:
                return record.key
        code = code_from(self._keyed(f"referral:{program}:{world.customer.id}"))
        world.write(Record(book=CODES, key=code, at=context.now, data={"program": program}))
        return code

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        """Follow a friend's orders, and what we tell ourselves of referrals."""
        kind = transition.type
        if kind in _NEWS or kind in _UNDOING:
            if not backfill:
                self._follow_order(world, transition, context)
        elif kind == ATTRIBUTED:
            self._attribute(world, transition, context)
        elif kind == CLAIMED:
            self._note_claim(world, transition)
        else:
            self._revisit(world, transition, context)

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """Have a referral judged whose return window has closed."""
        world.write(replace(record, due_at=context.now + _AGAIN))
        _ask_again(world, record, context.now, cause=f"due:{context.now.isoformat()}")

    def _follow_order(self, world: World, transition: Transition, context: Context) -> None:
        order = world.orders.get(transition.order_id or "")
        if order is None or not order.known:
            return
        for record in world.books.of(REFERRED):
            if record.data["order"] == order.id:
                cause = f"{transition.type}:{transition.id}"
                _ask_again(world, record, context.now, cause=cause, there=True)
        if transition.type in _NEWS:
            self._look_for_referrer(world, order, transition, context)

    def _look_for_referrer(
        self, world: World, order: Order, transition: Transition, context: Context
    ) -> None:
        """Tell whoever's code the order names, or who was told this friend's address."""
        places = [(CODES, code) for code in codes_of(order)]
        email, first = world.customer.email, world.customer.first_order_at
        at = ordered_at(order)
        is_first = first is None or at is None or at <= first
        if email and is_first and transition.type != "order.updated":
            places += [(CLAIMS, mark) for mark in self._marks(mailbox(email))]
        if not places or any(record.data["order"] == order.id and record.data["via"] == CODES
                             for record in world.books.of(REFERRED)):  # fmt: skip
            return
        told = ids.referral_id("|".join(key for _, key in places), order.id)
        world.report(
            Emitted(
                id=f"{ATTRIBUTED}:{told}",
                type=ATTRIBUTED,
                time=context.now,
                data={CUSTOMER: world.customer.id, ORDER: order.id},
                causes=(),
                to=tuple(places),
            )
        )

    def _attribute(self, world: World, transition: Transition, context: Context) -> None:
        """A friend's order is this customer's doing, as far as that can be told now."""
        friend, data = context.beside, transition.data
        via, key = data["via"]
        source = world.books.get((via, key))
        order = None if friend is None else friend.orders.get(data[ORDER])
        at = None if order is None else ordered_at(order)
        if friend is None or source is None or order is None or at is None:
            return
        program, code = source.data["program"], source.data.get("code", key)
        referral = ids.referral_id(code, friend.customer.id)
        told: dict[str, Any] = {
            "program": program,
            "code": code,
            CUSTOMER: friend.customer.id,
            "order": order.id,
            "via": via,
        }
        if via == CLAIMS:
            told["claimed_at"] = source.at.isoformat()
        record = Record(book=REFERRALS, key=referral, at=at, data=told)
        held = world.books.get((REFERRALS, referral))
        if held is None or (not is_final(held.data) and _goes_before(record, held)):
            world.write(record)
            friend.write(_of_friend(record))
        elif held.data["order"] != order.id:
            return  # a further order of the friend's, which says nothing of the one that counts
        self._settle(world, world.books[REFERRALS, referral], friend, context)

    def _revisit(self, world: World, transition: Transition, context: Context) -> None:
        record = world.books.get((REFERRALS, transition.data["referral"]))
        if record is None or is_final(record.data):
            return
        if transition.type == DECIDED:
            decision = {
                "verdict": transition.data["verdict"],
                "reason": transition.data.get("reason"),
                "at": transition.time.isoformat(),
            }
            record = replace(record, data={**record.data, "decision": decision})
        if context.beside is None:
            _end(world, record, "void", [["friend_erased", {}]])
            return
        if transition.data[ORDER] != record.data["order"]:  # an earlier one has taken its place
            world.write(record)
            _ask_again(world, record, context.now, cause=transition.id)
            return
        self._settle(world, record, context.beside, context)

    def _settle(self, world: World, record: Record, friend: World, context: Context) -> None:
        """Judge a referral by all that is known now."""
        if is_final(record.data):
            return
        decision = record.data.get("decision") or {}
        if decision.get("verdict") == "reject":
            _end(world, record, "rejected", record.data.get("reasons", []))
            return
        program = self._programs.get(record.data["program"])
        order = friend.orders.get(record.data["order"])
        if program is None or order is None:
            code = "no_referral_program" if program is None else "order_gone"
            _end(world, record, "void", [[code, {}]])
            return
        record = _at_its_time(world, record, friend, order)
        case = Case(
            record=record,
            referrer=world,
            friend=friend,
            order=order,
            program=program,
            now=context.now,
        )
        found = findings(case)
        reasons = [[one.code, {"action": one.action, **one.values}] for one in found]
        actions = {one.action for one in found}
        approved = decision.get("verdict") == "approve"
        if "block" in actions:
            if case.is_mature:
                _end(world, record, "void", reasons)
            else:
                _leave(world, record, "void", reasons, case.matures_at)
        elif "flag" in actions and not approved:
            _leave(world, record, "flagged", reasons, None if case.is_mature else case.matures_at)
        elif not case.is_mature:
            _leave(world, record, "pending", reasons, case.matures_at)
        elif "wait" in actions:
            _leave(world, record, "pending", reasons, context.now + _PATIENT)
        else:
            _convert(world, record, friend, case, reasons)

    def _note_claim(self, world: World, transition: Transition) -> None:
        data = transition.data
        code = world.books.get((CODES, data["code"]))
        if code is None or len(world.book(CLAIMS)) >= MOST_CLAIMS:
            return
        if (CLAIMS, data["mark"]) not in world.books:
            told = {"program": code.data["program"], "code": code.key, "consent": data["consent"]}
            world.write(Record(book=CLAIMS, key=data["mark"], at=transition.time, data=told))


def _of_friend(record: Record, **more: bool) -> Record:
    """What a referral is in the friend's book."""
    told = {name: record.data[name] for name in ("code", "order", "via", "program")}
    return Record(book=REFERRED, key=record.key, at=record.at, data={**told, **more})


def _at_its_time(world: World, record: Record, friend: World, order: Order) -> Record:
    """The referral at the time of its order, which a late report may have set back."""
    at = ordered_at(order) or record.at
    if at != record.at:
        record = replace(record, at=at)
        world.write(record)
        friend.write(_of_friend(record))
    return record


def _goes_before(new: Record, held: Record) -> bool:
    """Whether a friend's other order is the one that counts: the earlier, named by the code."""
    return (new.at, new.data["via"] != CODES, new.data["order"]) < (
        held.at,
        held.data["via"] != CODES,
        held.data["order"],
    )


def _ask_again(
    world: World, record: Record, now: datetime, *, cause: str, there: bool = False
) -> None:
    """Have a referral judged anew; ``there``: by its referrer, for this is the friend's world."""
    friend = world.customer.id if there else record.data[CUSTOMER]
    told = ids.referral_id(record.key, cause)
    world.report(
        Emitted(
            id=f"{REVISITED}:{told}",
            type=REVISITED,
            time=now,
            data={"referral": record.key, CUSTOMER: friend, ORDER: record.data["order"]},
            causes=(),
            to=((REFERRALS, record.key),) if there else (),
        )
    )


def _leave(
    world: World, record: Record, status: str, reasons: list[Any], due_at: datetime | None
) -> None:
    data = {**record.data, "status": status, "reasons": reasons}
    if data != record.data or due_at != record.due_at:
        world.write(replace(record, data=data, due_at=due_at))


def _end(world: World, record: Record, status: str, reasons: list[Any]) -> None:
    data = {**record.data, "status": status, "reasons": reasons, "final": True}
    world.write(replace(record, data=data, due_at=None))


def _convert(world: World, record: Record, friend: World, case: Case, reasons: list[Any]) -> None:
    """Pay: campaigns hear of it once, and no other referral of this friend counts any more."""
    at = case.now
    data = {**record.data, "converted_at": at.isoformat()}
    _end(world, replace(record, data=data), "converted", reasons)
    friend.write(_of_friend(record, converted=True))
    world.report(
        Emitted(
            id=f"{CONVERTED}:{record.key}",
            type=CONVERTED,
            time=at,
            data=_news(record.data, case),
            causes=(),
        )
    )


def _news(data: Mapping[str, Any], case: Case) -> dict[str, Any]:
    reward = case.program.reward
    told: dict[str, Any] = {
        "program": data["program"],
        "code": data["code"],
        "friend_order_id": data["order"],
    }
    if reward.points is not None:
        told["points"] = reward.points
    if reward.offer is not None:
        told["offer"] = reward.offer
    return told
