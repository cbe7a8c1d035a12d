"""Due journeys take their steps, a batch of customers at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from engine.core.message import Outgoing, SendResult
from engine.ports.decisions import Decisions
from engine.services.batch import Batch
from engine.services.handover import HandOver
from engine.services.revisions import Revisions
from engine.services.turns import Alone, Turns


@dataclass(frozen=True, slots=True, kw_only=True)
class _UnderWay:
    """A batch whose commit has begun; its unit of work stays open until that has ended."""

    open: ExitStack
    batch: Batch
    customers: Collection[str]
    outgoings: Sequence[Outgoing]


class Advance:
    """The use case that the ticker wakes."""

    def __init__(self, storage: Decisions, revisions: Revisions, handover: HandOver) -> None:
        self._storage = storage
        self._revisions = revisions
        self._handover = handover
        self._under_way: _UnderWay | None = None
        self._turns: Turns = Alone()

    def share_by(self, turns: Turns) -> None:
        """Others decide at the same moments, each for customers of their own: ``turns``."""
        self._turns = turns

    def come(self, now: datetime, has_any: bool) -> None:
        """It is the turn of due journeys; whether there are any."""
        self._turns.come_to_steps(now, has_any)

    def run(self, now: datetime, limit: int, accepted: Sequence[SendResult] = ()) -> int:
        """Move up to ``limit`` customers' due journeys on; how many customers there were.

        ``accepted``: hand-overs that went well; if there was a customer, they are on record.

        Raises ``Contended`` when another writer came first: nothing was written then.
        """
        done = self.begin(now, limit, accepted, self.settle)
        self.settle()
        return done

    def begin(
        self,
        now: datetime,
        limit: int,
        accepted: Sequence[SendResult],
        settle: Callable[[], None],
    ) -> int:
        """As ``run``, but for the end of the commit, for which ``settle`` waits.

        The batch before need not be settled yet: while its commit is under way, the customers of
        this one are claimed and looked at. Then ``settle`` is called: nothing is decided before
        the senders have what was decided earlier, nor is a lock waited for, whose holder might
        wait for that commit.
        """
        with ExitStack() as stack:
            unit = stack.enter_context(self._storage.deciding())
            before = () if self._under_way is None else self._under_way.customers
            customers = unit.due_customers(now, limit, before)
            if not customers:
                return 0
            unit.record_sent(accepted)
            batch = Batch(unit, self._revisions.configuration(unit), self._handover)
            worlds = unit.load(customers, now=now, sends=True, before_waiting=settle)
            context = batch.context(now)
            one_step = {
                customer_id
                for customer_id in self._turns.steps_in_turn(customers, batch.braked)
                if customer_id in worlds and batch.take_due_steps(worlds[customer_id], context) == 1
            }
            outgoings = batch.begin(worlds.values(), now, one_step=one_step)
            self._under_way = _UnderWay(
                open=stack.pop_all(),
                batch=batch,
                customers=frozenset(customers),
                outgoings=outgoings,
            )
        if not batch.is_committing:
            self.settle()
        return len(customers)

    @property
    def is_under_way(self) -> bool:
        """Whether there is something to settle."""
        return self._under_way is not None

    def outgoing(self) -> int:
        """How many messages the senders will have once it is settled."""
        return 0 if self._under_way is None else len(self._under_way.outgoings)

    def settle(self) -> None:
        """Wait for the commit under way, if there is one, and hand its messages over.

        Raises what ``run`` does.
        """
        before, self._under_way = self._under_way, None
        if before is None:
            return
        with before.open:
            before.batch.settle(before.outgoings)
        self._handover.give(before.outgoings)
