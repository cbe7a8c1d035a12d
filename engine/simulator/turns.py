"""Turns in a simulation of several processes: the side of one part of the customers.

Schedules enrol many customers at one moment, and "until 10:00" has many take a step at one. Where
their campaigns have volume limits, the one message too many brakes a campaign for everybody, for
good. So that all parts find that one together, they meet at such a **spot**: a fire of a schedule,
or all that is due at a moment.

1. A part comes to a spot with many customers, and finds that it may need more than its small share
   of what a limit allows. It **stands** still, tells who wants what, and waits.
2. The others are told to **watch** for that spot. Who has not come there yet stands still there as
   well, or, having nothing to do there, before anything that comes after it. Who is beyond is
   **late**, says so, and lives on.
3. When everybody has answered and there is enough for all, or somebody was late, all **go**: what
   was needed in vain is found by the sums (``engine.simulator.shards``).
4. Else they go by turns, in the order that one process has. As many customers as the limits surely
   have room for are a **portion**: every part looks at its own among them, tells what it has used
   up (it **looked**), and waits. When there is no room left, who has the next customer looks alone,
   as far as the others' next one, knowing what the others have used: the first message too many
   brakes its campaign, and the part has **stopped** it.
5. When nobody is left, all **finish**. A fire is gone through in pages of ``PAGE`` customers of all
   parts, as in one process, and they meet again for the next one; who has no customers any more
   waits before its next fire until all **go**.

A brake is told with every answer: the campaign stands still for the others too, from that customer
on. Only who stopped it notes it, so it is told once.

Nobody waits for ever: of those who stand, take the one at the earliest spot. Whoever is not there
runs, and comes there or hears the word to watch; or waits at a later spot, for a night or for the
end, and hears it there. Whoever waits, for whatever, also answers the word to pause.
"""

from __future__ import annotations

import sys
from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import datetime
from typing import Protocol

from engine.core.campaign import Plan
from engine.core.context import VOLUME_LIMIT
from engine.ports.stored import Occurrence
from engine.services.sweep import PAGE
from engine.services.turns import Alone
from engine.simulator.memory import Memory
from engine.simulator.spots import (
    FEW,
    FIRES,
    Braked,
    Finish,
    Go,
    Key,
    Late,
    Limits,
    Looked,
    Portion,
    Spot,
    Stands,
    Stopped,
    Want,
)


class Post(Protocol):
    """By what a part and the one who began it talk."""

    def send(self, word: object) -> None:
        """Say something."""
        ...

    def hear(self) -> object:
        """Wait for the next word that only who waits for it understands."""
        ...

    def listen(self) -> None:
        """Take in what was said meanwhile."""
        ...


class PartTurns(Alone):
    """``engine.services.turns.Turns`` of one part.

    ``parts`` is how many there are, ``watched`` the spots at which everybody stands still from the
    beginning.
    """

    def __init__(
        self,
        memory: Memory,
        limits: Limits,
        post: Post,
        *,
        start: datetime,
        parts: int,
        watched: Iterable[Spot],
    ) -> None:
        self._memory = memory
        self._limits = limits
        self._post = post
        self._parts = parts
        self._watched = sorted(watched)
        self._here = Spot(start, -1, "")  # the last spot to which this part has come
        self._is_deciding = False  # whether to stand still there
        self._standing: Spot | None = None  # where this part waits
        self._freely: Spot | None = None  # the last fire that was not gone through by turns
        self._by_turns: Spot | None = None  # the one that is
        self._portion: Portion | None = None
        self._has_ended = False
        self._stopped: set[str] = set()  # campaigns of whose brake everybody knows

    def come(self, plan: Plan, occurrence: Occurrence, now: datetime) -> None:
        """End what is still open of another fire, and stand where others meet before this one."""
        here = Spot(now, self._limits.ranks[plan.id], occurrence.zone or "")
        if here != self._here:
            self._come(here)

    def meet(
        self, plan: Plan, page: Sequence[str], more: Callable[[str], Sequence[str]]
    ) -> Sequence[str]:
        """All of them, unless it may get tight; those of the next page of all parts then."""
        here, name, is_first = self._here, plan.id, self._here != self._by_turns
        if here == self._freely:
            return page
        is_limited = name in self._limits.limits
        if is_first and page and is_limited:
            self._listen()
        if is_first and len(page) <= self._limits.few and here not in self._watched:
            self._freely = here
            return page
        due, own = self._wants()[0], (name,) if is_limited else ()
        wants = [((each,), own + (due[each][1] if each in due else ())) for each in page]
        wanted = Counter(one for _, names in wants for one in names)
        if is_limited and is_first and len(page) >= PAGE:
            wanted[name] += _count(page, more) - len(page)
        if is_first and not self._must_stand(wanted):
            self._freely = here
            return page
        answer = self._stand(here, wants, wanted)
        if isinstance(answer, Go):
            return () if name in answer.held else page
        self._by_turns, self._portion = here, answer
        return [each for each in page if (each,) <= answer.end]

    def in_turn(
        self, plan: Plan, customers: Sequence[str], braked: MutableMapping[str, str]
    ) -> Iterator[str]:
        """They, portion by portion."""
        portion = self._portion
        if self._by_turns != self._here or portion is None:
            yield from super().in_turn(plan, customers, braked)
            return
        keys: dict[str, Key] = {each: (each,) for each in customers}
        yield from self._portions(portion, customers, keys, braked)
        self._portion = None
        if plan.id in braked:
            self._by_turns = None

    def over(self, now: datetime) -> None:
        """End what is still open, and stand where others meet before anything else happens."""
        self._come(Spot(now, FIRES, ""))

    def come_to_steps(self, now: datetime, has_any: bool) -> None:
        """Stand where others meet before these, and with them where there are none here."""
        at, rank, _ = self._here
        here = Spot(now, max(rank, FIRES) + 1 if at == now else FIRES + 1, "")
        self._come(here)
        if not has_any and here in self._watched:
            self._stand(here, (), {})

    def steps_in_turn(
        self, customers: Sequence[str], braked: MutableMapping[str, str]
    ) -> Iterator[str]:
        """At once, unless it may get tight; portion by portion then."""
        here = self._here
        if len(customers) > self._limits.few or here in self._watched:
            self._listen()
            wants, wanted = self._wants()
            if self._must_stand(wanted):
                answer = self._stand(here, list(wants.values()), wanted)
                if isinstance(answer, Portion):
                    keys = {customer: key for customer, (key, _) in wants.items()}
                    return self._portions(answer, customers, keys, braked)
                braked.update(dict.fromkeys(answer.held, VOLUME_LIMIT))
        return iter(customers)

    def pass_on(self, moment: datetime) -> None:
        """The clock is about to be moved to this moment."""
        if self._watched:
            self._stand_before(Spot(moment, -1, ""))

    def watch(self, spot: Spot) -> None:
        """Others meet at a spot."""
        if spot == self._standing:
            return
        place = self._standing or self._here
        is_beyond = spot < place or (spot == place and not self._is_deciding)
        if self._has_ended or is_beyond:
            self._post.send(Late(spot, self._used(spot)))
        elif spot not in self._watched:
            insort(self._watched, spot)

    def end(self) -> None:
        """This part has come to its end."""
        self._has_ended = True
        for spot in self._watched:
            self._post.send(Late(spot, self._used(spot)))
        self._watched.clear()

    def tell_braked(self) -> None:
        """Say which campaigns have stopped themselves without anybody else knowing: that ends it
        all."""
        for name in self._memory.holds.keys() - self._stopped:
            self._post.send(Braked(name))
            self._post.hear()  # nothing will come

    def _come(self, here: Spot) -> None:
        if self._by_turns is not None:  # until the others have done what this part is through with
            self._stand(self._by_turns, (), {})
        if self._watched:
            self._stand_before(here)
        self._here = here

    def _stand_before(self, place: Spot) -> None:
        while self._watched and self._watched[0] < place:
            self._stand(self._watched[0], (), {})

    def _listen(self) -> None:
        self._is_deciding = True
        self._post.listen()
        self._is_deciding = False

    def _must_stand(self, wanted: Mapping[str, int]) -> bool:
        """Whether somebody waits here, or what is wanted may be more than this part's share."""
        here = self._here
        if here in self._watched:
            return True
        volumes, key = self._memory.volumes, self._limits.key
        for name, count in wanted.items():
            limit = self._limits.limits[name].count
            used = volumes.get(key(name, here.at), 0)
            if count > limit // FEW and used + count > limit // (2 * self._parts):
                return True
        return False

    def _wants(self) -> tuple[dict[str, Want], Counter[str]]:
        """Customers with due journeys of campaigns that have limits, in order, and how many each
        of those has."""
        memory, limits, now = self._memory, self._limits.limits, self._here.at
        due_at = memory.steps.since()
        first: dict[str, Key] = {}
        named: dict[str, list[str]] = {}
        for journey_id in memory.steps.due(now, sys.maxsize):
            journey = memory.live[journey_id]
            customer = journey.customer_id
            if customer not in first:
                first[customer] = (due_at[journey_id], journey_id)
            if journey.campaign in limits and journey.campaign not in memory.holds:
                named.setdefault(customer, []).append(journey.campaign)
        found = [(first[each], each, tuple(names)) for each, names in named.items()]
        wants = {each: (key, names) for key, each, names in sorted(found)}
        return wants, Counter(name for names in named.values() for name in names)

    def _stand(self, spot: Spot, wants: Sequence[Want], wanted: Mapping[str, int]) -> Go | Portion:
        self.tell_braked()  # before anybody says that it is
        self._standing = spot
        if spot in self._watched:
            self._watched.remove(spot)
        self._post.send(Stands(spot, wants, dict(wanted), self._used(spot)))
        answer = self._post.hear()
        self._standing = None
        if isinstance(answer, Portion):
            return answer
        assert isinstance(answer, Go)
        self._by_turns, self._freely = None, spot
        self._hold(answer.held)
        return answer

    def _portions(
        self,
        portion: Portion,
        customers: Iterable[str],
        keys: Mapping[str, Key],
        braked: MutableMapping[str, str],
    ) -> Iterator[str]:
        """Customers, those with ``keys`` when it is their turn; the end is everybody's."""
        spot, elsewhere = self._here, self._memory.elsewhere
        answer: object = portion
        self._learn(portion.held, braked)
        for each in customers:
            key = keys.get(each)
            while key is not None and isinstance(answer, Portion) and key > answer.upto:
                answer = self._look_up(spot, braked)
            if isinstance(answer, Portion):
                for name, count in (answer.elsewhere or {}).items():
                    elsewhere[self._limits.key(name, spot.at)] = count
            if self._limits.campaign(spot) in braked:
                return
            known = len(braked)
            yield each
            if len(braked) > known:
                self._stop(spot, braked, answer)
                if self._limits.campaign(spot) in braked:
                    self._memory.elsewhere.clear()
                    return
        while isinstance(answer, Portion):
            answer = self._look_up(spot, braked)

    def _look_up(self, spot: Spot, braked: MutableMapping[str, str]) -> Portion | Finish:
        self._memory.elsewhere.clear()
        self._post.send(Looked(spot, self._used(spot)))
        answer = self._post.hear()
        assert isinstance(answer, Portion | Finish)
        self._learn(answer.held, braked)
        return answer

    def _learn(self, held: Iterable[str], braked: MutableMapping[str, str]) -> None:
        self._hold(held)
        braked.update(dict.fromkeys(held, VOLUME_LIMIT))

    def _stop(self, spot: Spot, braked: Mapping[str, str], turn: object) -> None:
        known = turn.elsewhere if isinstance(turn, Portion) else None
        for name in braked.keys() - self._stopped:
            if known is None or name not in known:
                self._post.send(Braked(name))
                self._post.hear()  # nothing will come
            self._stopped.add(name)
            self._post.send(Stopped(spot, name))

    def _hold(self, campaigns: Iterable[str]) -> None:
        for name in campaigns:
            if name not in self._stopped:
                self._stopped.add(name)
                self._memory.holds[name] = VOLUME_LIMIT

    def _used(self, spot: Spot) -> dict[str, int]:
        return self._limits.used(self._memory, spot.at)


def _count(page: Sequence[str], more: Callable[[str], Sequence[str]]) -> int:
    """How many customers there are from a full page on."""
    count = len(page)
    while len(page) >= PAGE:
        page = more(page[-1])
        count += len(page)
    return count
