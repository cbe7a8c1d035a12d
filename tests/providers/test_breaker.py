"""The breaker and the gate: trouble is left alone, bad luck is not, and no attempt is burnt."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from engine.core.message import Channel, Outcome, SendResult
from engine.providers.breaker import (
    FIRST,
    LONGEST,
    THRESHOLD,
    Breaker,
    BreakerState,
    is_trouble,
)
from engine.providers.gate import Gate
from engine.providers.immediate import ImmediateSender
from engine.providers.sender import Sender
from engine.providers.simulated import REFUSE, UNAVAILABLE, Reply, Script, Simulated
from tests.providers.messages import NOW, email


class BreakerLife(RuleBasedStateMachine):
    """Messages come and go at a provider that has good and bad times."""

    @initialize()
    def begin(self) -> None:
        self.breaker = Breaker()
        self.now = 1_000.0
        self.under_way = 0
        self.in_a_row = 0
        self.passed_while_open = 0

    @rule(seconds=st.floats(0, 2 * LONGEST))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.passed_while_open = 0

    @rule()
    def ask(self) -> None:
        state, room = self.breaker.state(self.now), self.breaker.room(self.now, 7)
        wait = self.breaker.admit(self.now)
        assert (wait is None) is (room > 0)
        assert wait is None or 0 < wait <= LONGEST
        if wait is None:
            self.under_way += 1
            if state is not BreakerState.CLOSED:
                self.passed_while_open += 1
        assert self.passed_while_open <= 1  # one probe, and no second beside it

    @rule(trouble=st.booleans())
    def answer(self, trouble: bool) -> None:
        if not self.under_way:
            return
        self.under_way -= 1
        before = self.breaker.state(self.now)
        changed = self.breaker.note(trouble, self.now)
        self.in_a_row = self.in_a_row + 1 if trouble else 0
        self.passed_while_open = 0
        after = self.breaker.state(self.now)
        if not trouble:
            assert after is BreakerState.CLOSED
            assert changed is (None if before is BreakerState.CLOSED else BreakerState.CLOSED)
        elif before is BreakerState.CLOSED:
            assert after is (
                BreakerState.OPEN if self.in_a_row >= THRESHOLD else BreakerState.CLOSED
            )
        else:
            assert after is not BreakerState.CLOSED

    @invariant()
    def it_always_ends(self) -> None:
        if hasattr(self, "breaker"):
            assert self.breaker.waits(self.now) <= LONGEST
            later = self.now + LONGEST + 1_000
            assert self.breaker.room(later, 3) >= 1


TestBreakerLife = BreakerLife.TestCase


def test_each_probe_that_fails_doubles_the_pause() -> None:
    breaker, now, pauses = Breaker(), 0.0, []
    for _ in range(THRESHOLD):
        assert breaker.admit(now) is None
        breaker.note(True, now)
    for _ in range(9):
        pauses.append(breaker.waits(now))
        now += pauses[-1]
        assert breaker.state(now) is BreakerState.HALF_OPEN
        assert breaker.room(now, 50) == 1
        assert breaker.admit(now) is None
        assert breaker.room(now, 50) == 0
        breaker.note(True, now)
    assert pauses == [min(LONGEST, FIRST * 2**step) for step in range(9)]


def result(outcome: Outcome, code: str) -> SendResult:
    return SendResult(message_id="m", outcome=outcome, at=NOW, error_code=code)


@pytest.mark.parametrize(
    ("outcome", "code", "expected"),
    [
        (Outcome.RETRY, "connect", True),
        (Outcome.RETRY, "http_429", True),
        (Outcome.RETRY, "http_503", True),
        (Outcome.UNKNOWN, "http_500", True),
        (Outcome.UNKNOWN, "timeout", True),
        (Outcome.UNKNOWN, "defect", False),
        (Outcome.RETRY, "4.3.2", True),
        (Outcome.RETRY, "4.2.0", False),  # one mailbox, greylisted or full
        (Outcome.RETRY, "smtp_450", False),
        (Outcome.REJECTED, "http_400", False),
        (Outcome.REJECTED, "http_401", True),
        (Outcome.REJECTED, "20003", True),
        (Outcome.REJECTED, "5.7.8", True),
        (Outcome.REJECTED, "5.1.1", False),
        (Outcome.ACCEPTED, "", False),
    ],
)
def test_what_is_the_provider_and_what_the_message(
    outcome: Outcome, code: str, expected: bool
) -> None:
    assert is_trouble(result(outcome, code)) is expected


class Watch:
    """A clock that is set, in both its shapes."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def time(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds)


def gated(script: Script) -> tuple[ImmediateSender, Simulated, Watch, Gate]:
    watch = Watch()
    provider = Simulated("email", clock=watch.now, script=script)
    gate = Gate({"email": "simulated"}, watch.time)
    sender = ImmediateSender({"email": provider}, max_in_flight=50, clock=watch.now, gate=gate)
    sender.start()
    return sender, provider, watch, gate


def test_an_outage_costs_few_messages_and_ends_by_itself() -> None:
    sender, provider, watch, gate = gated(Script(calls=[UNAVAILABLE] * (THRESHOLD + 1)))
    told: list[tuple[str, bool]] = []
    gate.watch(lambda name, paused: told.append((name, paused)))
    sender.submit([email(f"m-{number}") for number in range(40)])
    with structlog.testing.capture_logs() as logs:
        results = sender.collect()
    assert len(provider.received) == THRESHOLD
    assert [each.handed_over for each in results] == [True] * THRESHOLD + [False] * 30
    assert {each.outcome for each in results} == {Outcome.RETRY}
    assert {each.retry_after for each in results[THRESHOLD:]} == {FIRST}
    assert [line["event"] for line in logs] == ["provider_paused"]
    assert sender.room("email", "hi@shop.test") == 0
    assert sender.room("sms", "+15005550001") == 50
    watch.seconds += FIRST  # the first probe meets the last 503
    assert sender.room("email", "hi@shop.test") == 1
    sender.submit([email("p-1")])
    assert sender.collect()[0].handed_over
    assert sender.room("email", "hi@shop.test") == 0
    watch.seconds += 2 * FIRST
    sender.submit([email("p-2")])
    assert sender.collect()[0].outcome is Outcome.ACCEPTED
    assert sender.room("email", "hi@shop.test") == 50
    assert [paused for _, paused in told] == [False, True, True, False]
    sender.stop()


@given(st.lists(st.sampled_from([REFUSE, Reply()]), max_size=40))
def test_refused_messages_never_stop_the_others(replies: list[Reply]) -> None:
    sender, provider, _, _ = gated(Script(calls=replies))
    sender.submit([email(f"m-{number}") for number in range(40)])
    assert all(each.handed_over for each in sender.collect())
    assert len(provider.received) == 40
    sender.stop()


@given(st.floats(0.5, 800), st.sampled_from(["http_429", "20429"]))
def test_too_many_requests_pause_that_sender_and_no_other(seconds: float, code: str) -> None:
    too_many = Reply(outcome=Outcome.RETRY, error_code=code, retry_after=seconds)
    sender, provider, watch, _ = gated(Script(calls=[too_many]))
    sender.submit([email(f"m-{number}") for number in range(8)])
    sender.submit([email("other", sender="other@shop.test")])
    results = {each.message_id: each for each in sender.collect()}
    assert [each.message_id for each in provider.received] == ["m-0", "other"]
    assert {each.retry_after for each in results.values()} == {seconds, None}
    assert sender.room("email", "hi@shop.test") == 0
    assert sender.room("email", "other@shop.test") == 50
    watch.seconds += seconds * 0.99
    assert sender.room("email", "hi@shop.test") == 0
    watch.seconds += seconds * 0.02
    assert sender.room("email", "hi@shop.test") == 50
    sender.stop()


def test_the_live_sender_keeps_to_the_gate_too() -> None:
    watch = Watch()
    provider = Simulated("email", clock=watch.now, script=Script(default=UNAVAILABLE))
    providers: dict[Channel, Simulated] = {"email": provider}
    gate = Gate({"email": "simulated"}, watch.time)
    sender = Sender(providers, max_in_flight=50, clock=watch.now, gate=gate)
    sender.start()
    try:
        sender.submit([email(f"m-{number}") for number in range(50)])
        results = sender.drain(5)
        assert sum(each.handed_over for each in results) == len(provider.received) == THRESHOLD
        assert len(results) == 50
        assert sender.room("email", "hi@shop.test") == 0
    finally:
        sender.stop()
