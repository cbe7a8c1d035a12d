"""Enrolling customers by hand whose trigger lies in the past, spread over some time.

First ``survey`` judges everybody, and writes nothing; then ``carry_out`` judges them again, a page
to a transaction, and lets them enter. Who has entered since their trigger, by hand or by
themselves, for this order or another, does not enter again: so both may be repeated at will, and a
run that was cut short is finished by the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from config.diagnostics import nearest
from engine.core import ids
from engine.core.campaign import CampaignStatus, EventTrigger, Plan
from engine.core.context import Context
from engine.core.decision import EntryVerdict, VerdictCode
from engine.core.journey import ByHand, enrol_by_hand, last_entry
from engine.core.transition import Transition
from engine.core.world import World
from engine.ports.decisions import Decisions
from engine.ports.past import Past
from engine.ports.storage import Contended
from engine.services.batch import Batch
from engine.services.configuration import Configuration
from engine.services.handover import HandOver
from engine.services.past_triggers import events_of, later_than, triggers_of
from engine.services.revisions import Revisions
from triggers.event import Event

_PAGE: Final = 500
_TRIES: Final = 20
_DAY: Final = timedelta(days=1)
LIMIT: Final = "limit"  # why somebody is left for another time
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_ENTERS: Final = (VerdictCode.ENTERED, VerdictCode.HELD_OUT)


class NotEnrollable(Exception):
    """The campaign takes nobody by hand; the message says why, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """Who is meant, and how they are spread.

    Triggers in [``since``, ``until``) count. ``limit``: only the customers with the newest ones.
    Entries are spread evenly ``over`` a time that begins at ``start``, unless ``per_day`` says how
    many there may be in any 24 hours.
    """

    campaign: str
    since: datetime
    until: datetime
    start: datetime
    over: timedelta = timedelta(days=7)
    per_day: int | None = None
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """A customer to be entered: by which trigger, and when the first step is to be taken."""

    customer_id: str
    trigger: Transition
    starts_at: datetime
    held_out: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A customer who does not enter, and why: by the newest of their triggers."""

    customer_id: str
    code: str
    verdict: EntryVerdict | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Who would enter, in the order in which they start, and who would not."""

    plan: Plan
    picks: Sequence[Pick]
    refused: Sequence[Refused]


@dataclass(slots=True, kw_only=True)
class Enrolled:
    """What was done. ``refused`` are those who did not enter after all, by reason."""

    entered: int = 0
    held_out: int = 0
    refused: Counter[str] = field(default_factory=Counter)


class Enrolment:
    """Lets customers of the past in."""

    def __init__(
        self, storage: Decisions, revisions: Revisions, handover: HandOver, past: Past
    ) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover
        self._past = past

    def survey(self, terms: Terms) -> Survey:
        """Judge everybody who may be meant; nothing is written. Raises ``NotEnrollable``."""
        with self._storage.deciding() as unit:
            plan = enrollable(self._revisions.configuration(unit), terms.campaign)
        chosen: list[tuple[Pick, bool]] = []
        refused: list[Refused] = []
        for page in _pages(self._past.customers(terms.since)):
            events = events_of(plan, self._past, page, terms.since)
            with self._storage.deciding() as unit:
                configuration = self._revisions.configuration(unit)
                worlds = unit.load(page, now=terms.start, complete=page, past=True)
                context = Batch(unit, configuration, self._handover).context(terms.start)
                for customer_id in page:
                    if customer_id not in worlds:
                        continue
                    judged = _judge(plan, worlds[customer_id], events.get(customer_id, ()),
                                    terms, configuration, context)  # fmt: skip
                    if isinstance(judged, Refused):
                        refused.append(judged)
                    elif judged is not None:
                        chosen.append(judged)
        chosen.sort(key=lambda one: (one[0].trigger.time, one[0].customer_id), reverse=True)
        beyond = [] if terms.limit is None else chosen[terms.limit :]
        kept = chosen[: len(chosen) - len(beyond)]
        refused += [Refused(customer_id=one.customer_id, code=LIMIT) for one, _ in beyond]
        refused += [Refused(customer_id=one.customer_id, code=VerdictCode.ALREADY_IN.value)
                    for one, is_in in kept if is_in]  # fmt: skip
        return Survey(plan=plan, picks=_spread(kept, terms), refused=refused)

    def carry_out(
        self,
        terms: Terms,
        picks: Sequence[Pick],
        now: Callable[[], datetime],
        progress: Callable[[int], None] = lambda done: None,
    ) -> Enrolled:
        """Let these customers in, a page to a transaction; ``progress`` is told how many are done.

        Everybody is judged again, as they are by then. Raises ``NotEnrollable`` when the campaign
        stands still meanwhile, and ``Contended`` when others keep writing the same customers; what
        was done until then stays.
        """
        done = Enrolled()
        by_id = {one.customer_id: one for one in picks}
        count = 0
        for page in _pages(sorted(by_id)):
            chosen = [by_id[each] for each in page]
            for attempt in range(_TRIES):
                try:
                    codes = self._page(terms, chosen, now())
                    break
                except Contended:
                    if attempt == _TRIES - 1:
                        raise
            done.entered += codes.pop(VerdictCode.ENTERED.value, 0)
            done.held_out += codes.pop(VerdictCode.HELD_OUT.value, 0)
            done.refused.update(codes)
            count += len(page)
            progress(count)
        return done

    def _page(self, terms: Terms, picks: Sequence[Pick], now: datetime) -> Counter[str]:
        customers = [one.customer_id for one in picks]
        with self._storage.deciding() as unit:
            configuration = self._revisions.configuration(unit)
            plan = enrollable(configuration, terms.campaign)
            unit.lock(customers)
            worlds = unit.load(customers, now=now, complete=customers, past=True)
            events = events_of(plan, self._past, customers, terms.since)
            batch = Batch(unit, configuration, self._handover)
            context = batch.context(now)
            codes: Counter[str] = Counter()
            for pick in picks:
                world = worlds.get(pick.customer_id)
                code = "gone"  # erased, or merged into another customer
                if world is not None:
                    own = events.get(pick.customer_id, ())
                    code = _enter(plan, world, own, pick, configuration, context)
                codes[code] += 1
            batch.keep(worlds.values(), now)
        return codes


def enrollable(configuration: Configuration, campaign: str) -> Plan:
    """The campaign's plan, if customers can be entered by hand. Raises ``NotEnrollable``."""
    plans = configuration.plans
    plan = plans.current.get(campaign)
    if plan is None:
        near = nearest(campaign, plans.current)
        hint = f"; did you mean {near}?" if near else ""
        raise NotEnrollable(f"there is no campaign {campaign}{hint}")
    if not isinstance(plan.trigger, EventTrigger):
        raise NotEnrollable(
            f"{campaign} starts by a schedule or a date, not by an event that could lie in the "
            "past: whoever is in its segment enters at its next look"
        )
    if plan.status is not CampaignStatus.LIVE:
        raise NotEnrollable(
            f"{campaign} says status: {plan.status.value}, so nothing would go out; "
            "write status: live in its file first"
        )
    if campaign in plans.held:
        raise NotEnrollable(
            f"{campaign} stands still ({plans.held[campaign]}); first: "
            f"lagniappe campaigns resume {campaign}"
        )
    return plan


def _judge(
    plan: Plan,
    world: World,
    events: Sequence[Event],
    terms: Terms,
    configuration: Configuration,
    context: Context,
) -> tuple[Pick, bool] | Refused | None:
    """The customer with the newest trigger that lets them in; True: they have entered since.

    None: nothing has happened to them that the campaign starts on.
    """
    first: EntryVerdict | None = None
    every = triggers_of(plan, world, events, _EVER, terms.start)
    entered = last_entry(world, plan, every, configuration.plans, context)
    for trigger in (each for each in every if terms.since <= each.time < terms.until):
        pick = Pick(customer_id=world.customer.id, trigger=trigger, starts_at=terms.start)
        if entered is not None and entered >= trigger.time:
            return pick, True
        by_hand = ByHand(
            starts_at=terms.start, later=tuple(later_than(trigger, plan, world, events))
        )
        verdict = enrol_by_hand(world, plan, trigger, by_hand, configuration.plans, context)
        if verdict.code in _ENTERS:
            return replace(pick, held_out=verdict.code is VerdictCode.HELD_OUT), False
        if verdict.code is VerdictCode.ALREADY_IN:
            return pick, True
        first = first or verdict
    if first is None:
        return None
    return Refused(customer_id=world.customer.id, code=first.code.value, verdict=first)


def _enter(
    plan: Plan,
    world: World,
    events: Sequence[Event],
    pick: Pick,
    configuration: Configuration,
    context: Context,
) -> str:
    at = pick.trigger.time
    found = [
        one
        for one in triggers_of(plan, world, events, at, at + timedelta.resolution)
        if one.id == pick.trigger.id
    ]
    if not found:
        return "gone"
    trigger = found[0]
    by_hand = ByHand(
        starts_at=max(pick.starts_at, context.now),
        later=tuple(later_than(trigger, plan, world, events)),
    )
    verdict = enrol_by_hand(world, plan, trigger, by_hand, configuration.plans, context)
    return verdict.code.value


def _spread(chosen: Sequence[tuple[Pick, bool]], terms: Terms) -> list[Pick]:
    """When each starts: by a hash of campaign and customer, so that it does not hang on the others.

    With ``per_day`` by their place in the order of these hashes, in which those who are in already
    keep theirs: a second run goes on where the first was cut short.
    """
    placed = sorted(
        ((ids.share(terms.campaign, "enrol", pick.customer_id), pick, is_in)
         for pick, is_in in chosen),
        key=lambda one: (one[0], one[1].customer_id),
    )  # fmt: skip
    picks = []
    for rank, (share, pick, is_in) in enumerate(placed):
        if terms.per_day is None:
            ahead = terms.over * (share / 100)
        else:
            ahead = _DAY * (rank / terms.per_day)
        if not is_in:
            picks.append(replace(pick, starts_at=terms.start + ahead))
    return picks


def _pages(customers: Iterable[str]) -> Iterable[list[str]]:
    every = list(customers)
    return [every[start : start + _PAGE] for start in range(0, len(every), _PAGE)]
