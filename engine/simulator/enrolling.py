"""What would come of entering past customers by hand: a simulation that begins as things stand.

The customers are taken from the database as they are, with everything that counts against a cap or
waits to happen; the very service that would enter them enters them in memory, and time passes under
a virtual clock. Nobody else happens: no events come, and nobody reacts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from engine.bootstrap import App
from engine.core.decision import DecisionKind
from engine.core.keeping import Keeping
from engine.core.message import Content, Message, Outgoing, SendResult
from engine.core.world import Journey, World
from engine.passage import live
from engine.ports.past import Past
from engine.ports.stored import Processed
from engine.services.coupon_pools import pools_of
from engine.services.enrolment import Enrolled, Enrolment, Pick, Survey, Terms
from engine.simulator.house import house_of
from engine.simulator.premises import Premises, Trial, furnish
from engine.simulator.stock import stock

AHEAD: Final = timedelta(days=90)  # how long after the last entry is looked at
EXAMPLES: Final = 3
_PAGE: Final = 500
_LOOK: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One customer who would enter, and all messages that they would be sent or not sent."""

    pick: Pick
    messages: Sequence[tuple[Message, Content | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What would happen, of this campaign alone, until ``until``.

    ``stopped``: why the campaign would stop itself, if it would.
    """

    enrolled: Enrolled
    messages: Sequence[Message]
    deferred: Mapping[str, int]  # times a message is put off, by reason
    journeys: Sequence[Journey]
    examples: Sequence[Example]
    until: datetime
    stopped: str | None


class _Tally:
    """``engine.simulator.ledger.Ledger``: counts what the journeys ``begun`` by hand put off.

    The same customers may have others in the campaign: older ones, or by a delivery that is assumed
    meanwhile. Those would be without any enrolling too.
    """

    keeping: Final = Keeping(decisions=frozenset({DecisionKind.DEFERRED}), traces=False, news=False)

    def __init__(self) -> None:
        self.begun: frozenset[str] = frozenset()
        self.deferred: Counter[str] = Counter()

    def decided(self, world: World) -> None:
        """Count deferrals."""
        for one in world.changes.decisions:
            if one.journey_id in self.begun:
                self.deferred[one.code] += 1

    def processed(self, source: str, event_id: str, done: Processed) -> None:
        """Only events of our own happen here."""

    def sent(self, message: Message, result: SendResult) -> None:
        """The memory keeps it."""

    def held(self, campaign: str, reason: str, at: datetime) -> None:
        """The memory keeps it."""


class _Over(Exception):
    """Nothing more can happen."""


def foresee(app: App, workspace: Path, past: Past, terms: Terms, survey: Survey) -> Foreseen:
    """Live through what would come of a survey's picks; nothing is sent or kept."""
    picks = survey.picks
    end = max((one.starts_at for one in picks), default=terms.start) + AHEAD
    trial = _Trial(app, workspace, past, terms)
    enrolled, premises, tally, _ = trial.live(picks, end, render=EXAMPLES)
    journeys = _journeys(premises, tally.begun)
    messages = _messages(premises, journeys)
    reached = {one.customer_id for one in messages}
    order = sorted(picks, key=lambda one: (one.starts_at, one.customer_id))
    shown = [one for one in order if one.customer_id in reached][:EXAMPLES]
    examples: list[Example] = []
    if shown:
        _, small, few, words = trial.live(shown, end, render=None)
        for pick in shown:
            own = _journeys(small, few.begun)
            theirs = [one for one in own if one.customer_id == pick.customer_id]
            told = [(one, words.get(one.id)) for one in _messages(small, theirs)]
            examples.append(Example(pick=pick, messages=told))
    return Foreseen(
        enrolled=enrolled,
        messages=messages,
        deferred=dict(tally.deferred),
        journeys=journeys,
        examples=examples,
        until=premises.clock.now(),
        stopped=premises.memory.holds.get(terms.campaign),
    )


def _journeys(premises: Premises, begun: Collection[str]) -> list[Journey]:
    return [one for one in premises.memory.journeys() if one.id in begun]


def _messages(premises: Premises, journeys: Sequence[Journey]) -> list[Message]:
    wanted = {one.id for one in journeys}
    found = [one for one in premises.memory.messages.values() if one.journey_id in wanted]
    return sorted(found, key=lambda one: (one.sent_at or one.send_at, one.id))


@dataclass(frozen=True, slots=True)
class _Trial:
    app: App
    workspace: Path
    past: Past
    terms: Terms

    def live(
        self, picks: Sequence[Pick], until: datetime, *, render: int | None
    ) -> tuple[Enrolled, Premises, _Tally, dict[str, Content]]:
        """Enter these customers in a shop of their own, and let time pass."""
        terms = self.terms
        tally = _Tally()
        words: dict[str, Content] = {}

        def look(outgoing: Outgoing) -> None:
            words[outgoing.message_id] = outgoing.content

        premises = furnish(
            self.workspace,
            self.app.settings,
            tally,
            start=terms.start,
            trial=Trial(render=render),
            look=look if render is None else None,
            former=self.app.storage,
        )
        self._admit(premises, [one.customer_id for one in picks])
        premises.memory.holds.update(self.app.storage.holds())
        codes = dict.fromkeys(pools_of(premises.policy.offers), 0)
        for pool, size in (codes | stock(self.app.storage.database, None)).items():
            premises.memory.pools.limit(pool, size)
        enrolment = Enrolment(premises.storage, premises.revisions, premises.handover, self.past)
        enrolled = enrolment.carry_out(terms, picks, premises.clock.now)
        tally.begun = frozenset(
            one.id
            for one in premises.memory.journeys()
            if one.campaign == terms.campaign and one.entered_at == terms.start
        )
        looked_at = terms.start

        def progress(now: datetime, taken: int) -> None:
            nonlocal looked_at
            if now - looked_at >= _LOOK:
                looked_at = now
                if not any(one.campaign == terms.campaign for one in premises.memory.live.values()):
                    raise _Over

        with suppress(_Over):
            live(house_of(premises), (), until, progress=progress)
        return enrolled, premises, tally, words

    def _admit(self, premises: Premises, customers: Sequence[str]) -> None:
        now = self.terms.start
        for start in range(0, len(customers), _PAGE):
            page = customers[start : start + _PAGE]
            with self.app.storage.deciding() as unit:
                unit.look_back(premises.rules.look_back)
                unit.open_books(None)
                keys = unit.identities_of(page)
                worlds = unit.load(page, now=now, complete=page, past=True)
            for customer_id, world in worlds.items():
                premises.memory.admit(world, keys.get(customer_id, ()))
