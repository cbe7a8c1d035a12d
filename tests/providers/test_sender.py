"""The hand-over: every message gets one result, and doubt never exceeds the slots."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine.core.message import Channel, Outcome, Outgoing, SendResult
from engine.ports.providers import Handover, Provider
from engine.providers.immediate import ImmediateSender
from engine.providers.pacing import Rate
from engine.providers.preview import Preview
from engine.providers.sender import Sender
from engine.providers.simulated import REFUSE, SILENCE, UNAVAILABLE, Reply, Script, Simulated
from tests.providers.apart import Broken, apart
from tests.providers.messages import NOW, clock, email, sms

Make = Callable[..., Handover]
MAKES: list[Make] = [Sender, ImmediateSender]
both = pytest.mark.parametrize("make", MAKES)
each = pytest.mark.parametrize("make", [*MAKES, apart])


class Held:
    """A provider that answers nobody until it is let go."""

    name = "held"
    channel: Channel = "email"

    def __init__(self) -> None:
        self.under_way: list[str] = []
        self.most = 0
        self.gate = asyncio.Event()
        self.loop: asyncio.AbstractEventLoop | None = None
        self.arrived = threading.Semaphore(0)
        self.closed = False

    async def open(self) -> None:
        self.loop = asyncio.get_running_loop()

    async def close(self) -> None:
        self.closed = True

    async def send(self, outgoing: Outgoing) -> SendResult:
        self.under_way.append(outgoing.message_id)
        self.most = max(self.most, len(self.under_way))
        self.arrived.release()
        await self.gate.wait()
        self.under_way.remove(outgoing.message_id)
        return SendResult(message_id=outgoing.message_id, outcome=Outcome.ACCEPTED, at=NOW)

    def wait_for(self, count: int) -> None:
        """Until so many messages have arrived."""
        for _ in range(count):
            assert self.arrived.acquire(timeout=5)

    def let_go(self) -> None:
        assert self.loop is not None
        self.loop.call_soon_threadsafe(self.gate.set)


def emails(count: int, *, start: int = 0) -> list[Outgoing]:
    return [email(f"m-{number}") for number in range(start, start + count)]


def run(sender: Handover, outgoings: Sequence[Outgoing], *, batch: int = 7) -> list[SendResult]:
    """Start, hand everything over as slots allow, stop; the results."""
    sender.start()
    results: list[SendResult] = []
    left = list(outgoings)
    try:
        while left:
            count = min(sender.free(), batch)
            sender.submit(left[:count])
            left = left[count:]
            sender.wait(5)
            came = sender.collect()
            assert count or came, "no slot came free"
            results += came
        return results + sender.drain(5)
    finally:
        sender.stop()


@each
def test_every_message_gets_the_result_that_its_provider_gave(make: Make) -> None:
    script = Script(shares=[(0.2, UNAVAILABLE), (0.2, REFUSE), (0.2, SILENCE)], seed="s")
    providers = {
        "email": Simulated("email", clock=clock, script=script),
        "sms": Preview("sms", clock=clock),
    }
    outgoings = [email(f"e-{n}") if n % 3 else sms(f"s-{n}") for n in range(300)]
    results = run(make(providers, max_in_flight=20, clock=clock), outgoings)
    assert Counter(r.message_id for r in results) == Counter(o.message_id for o in outgoings)
    for result in results:
        wanted = script.reply(result.message_id, call=0, attempt=0).outcome
        assert result.outcome is (wanted if result.message_id.startswith("e") else Outcome.ACCEPTED)


@given(st.integers(1, 12), st.lists(st.integers(1, 5) | st.none(), max_size=40))
def test_doubt_never_exceeds_the_slots(slots: int, moves: list[int | None]) -> None:
    provider = Simulated("email", clock=clock)
    sender = ImmediateSender({"email": provider}, max_in_flight=slots, clock=clock)
    sender.start()
    submitted = collected = 0
    for count in moves:
        if count is None:
            collected += len(sender.collect())
        elif count <= sender.free():
            sender.submit(emails(count, start=submitted))
            submitted += count
        else:
            with pytest.raises(ValueError, match="free slots"):
                sender.submit(emails(count, start=submitted))
        assert sender.free() == slots - (submitted - collected) >= 0
    sender.stop()


def test_a_slot_is_free_only_once_its_result_is_collected() -> None:
    provider = Simulated("email", clock=clock)
    sender = Sender({"email": provider}, max_in_flight=1, clock=clock)
    sender.start()
    sender.submit(emails(1))
    sender.wait(5)
    assert len(provider.received) == 1
    assert sender.free() == 0
    with pytest.raises(ValueError, match="1 messages for 0 free slots"):
        sender.submit([email("other")])
    assert len(sender.collect()) == 1
    assert sender.free() == 1
    started = time.monotonic()
    sender.wait(0.02)
    assert time.monotonic() - started >= 0.015  # nothing to collect, so it waits
    sender.stop()


@each
def test_a_message_in_doubt_is_not_taken_again(make: Make) -> None:
    sender = make({"email": Preview("email", clock=clock)}, max_in_flight=9, clock=clock)
    sender.start()
    sender.submit(emails(2))
    with pytest.raises(ValueError, match="twice"):
        sender.submit(emails(1))
    with pytest.raises(ValueError, match="twice"):
        sender.submit([email("x"), email("x")])
    assert len(sender.drain(5)) == 2
    sender.submit(emails(1))
    assert len(sender.drain(5)) == 1
    sender.stop()


def test_calls_that_wait_run_beside_each_other() -> None:
    held = Held()
    sender = Sender({"email": held}, max_in_flight=50, clock=clock)
    sender.start()
    sender.submit(emails(30))
    sender.submit(emails(20, start=30))
    held.wait_for(50)
    assert held.most == 50
    assert sender.collect() == []
    held.let_go()
    assert len(sender.drain(5)) == 50
    sender.stop()


def test_a_call_that_waits_holds_up_no_other_channel() -> None:
    held = Held()
    providers: dict[Channel, Provider] = {"email": held, "sms": Preview("sms", clock=clock)}
    sender = Sender(providers, max_in_flight=10, clock=clock)
    sender.start()
    sender.submit([email("e-1"), sms("s-1"), email("e-2"), sms("s-2")])
    held.wait_for(2)
    results: list[SendResult] = []
    while len(results) < 2:
        sender.wait(5)
        results += sender.collect()
    assert {result.message_id for result in results} == {"s-1", "s-2"}
    held.let_go()
    assert len(sender.drain(5)) == 2
    sender.stop()


def test_stopping_tells_what_is_in_doubt_and_what_is_not() -> None:
    held = Held()
    limits: dict[Channel, Rate] = {"email": Rate(per_second=0.001, burst=3)}
    sender = Sender({"email": held}, max_in_flight=10, clock=clock, limits=limits)
    sender.start()
    sender.submit(emails(8))
    held.wait_for(3)
    sender.stop()
    sender.stop()
    outcomes = {result.message_id: result.outcome for result in sender.collect()}
    assert outcomes == {f"m-{n}": Outcome.UNKNOWN if n < 3 else Outcome.RETRY for n in range(8)}
    assert held.closed
    assert sender.free() == 10
    with pytest.raises(RuntimeError, match="not running"):
        sender.submit(emails(1))


def test_draining_gives_up_in_time() -> None:
    held = Held()
    sender = Sender({"email": held}, max_in_flight=5, clock=clock)
    sender.start()
    sender.submit(emails(2))
    assert sender.drain(0.02) == []
    assert sender.free() == 3
    sender.stop()


@each
def test_a_provider_that_cannot_be_opened_stops_the_start(make: Make) -> None:
    sender = make({"email": Broken(opens=False)}, max_in_flight=5, clock=clock)
    with pytest.raises(OSError, match="no such file"):
        sender.start()
    sender.stop()


@both
def test_every_provider_is_closed_though_one_fails_to(make: Make) -> None:
    held, broken = Held(), Broken(opens=True, closes=False)
    sender = make({"email": held, "sms": broken}, max_in_flight=5, clock=clock)
    sender.start()
    with structlog.testing.capture_logs() as logs:
        sender.stop()
    assert held.closed
    assert [entry["error"] for entry in logs] == ["OSError"]


@both
def test_a_defect_of_a_provider_is_doubt_and_tells_no_secret(make: Make) -> None:
    with structlog.testing.capture_logs() as logs:
        providers = {"email": Broken(opens=True)}
        (result,) = run(make(providers, max_in_flight=5, clock=clock), [email()])
    assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "defect")
    assert [entry["error"] for entry in logs] == ["KeyError"]
    assert email().to not in repr(logs) + repr(result)


@each
def test_a_channel_without_a_provider_is_refused(make: Make) -> None:
    (result,) = run(make({}, max_in_flight=5, clock=clock), [sms()])
    assert (result.outcome, result.error_code) == (Outcome.REJECTED, "no_provider")


def test_each_sender_has_a_limit_of_its_own() -> None:
    provider = Simulated("sms", clock=clock)
    limits: dict[Channel, Rate] = {"sms": Rate(per_second=50, burst=2)}
    sender = Sender({"sms": provider}, max_in_flight=20, clock=clock, limits=limits)
    sender.start()
    started = time.monotonic()
    numbers = ["+15005550001", "+15005550002"]
    sender.submit([sms(f"{n}-{number}", sender=number) for number in numbers for n in range(5)])
    results = sender.drain(5)
    lasted = time.monotonic() - started
    sender.stop()
    assert len(results) == 10
    assert lasted >= 3 / 50  # two of five go at once, the others a fiftieth of a second apart
    for number in numbers:
        sent = [out.message_id for out in provider.received if out.sender == number]
        assert sent == [f"{n}-{number}" for n in range(5)]


def test_limits_are_kept_by_the_virtual_clock() -> None:
    moment = [NOW]
    provider = Simulated("sms", clock=lambda: moment[0])
    limits: dict[Channel, Rate] = {"sms": Rate(per_second=2, burst=4)}
    sender = ImmediateSender(
        {"sms": provider, "email": Preview("email", clock=clock)},
        max_in_flight=20,
        clock=lambda: moment[0],
        limits=limits,
    )
    sender.start()
    assert sender.room("sms", "+15005550001") == 6
    assert sender.room("email", "hi@shop.test") == 20
    sender.submit([sms(f"m-{n}") for n in range(10)])
    assert sender.room("sms", "+15005550001") == 0
    assert sender.room("sms", "+15005550002") == 6
    assert len(sender.collect()) == 4
    assert sender.collect() == []
    moment[0] += timedelta(seconds=1)
    assert len(sender.collect()) == 2
    moment[0] += timedelta(hours=1)
    assert len(sender.collect()) == 4
    assert [out.message_id for out in provider.received] == [f"m-{n}" for n in range(10)]
    sender.stop()


def test_draining_under_a_virtual_clock_waits_for_no_limit() -> None:
    limits: dict[Channel, Rate] = {"sms": Rate(per_second=1)}
    providers: dict[Channel, Provider] = {"sms": Preview("sms", clock=clock)}
    sender = ImmediateSender(providers, max_in_flight=20, clock=clock, limits=limits)
    sender.start()
    sender.submit([sms(f"m-{n}") for n in range(10)])
    assert len(sender.drain(0)) == 10
    sender.submit([sms(f"n-{n}") for n in range(3)])
    sender.stop()
    assert {result.outcome for result in sender.collect()} == {Outcome.RETRY}


def test_room_is_what_the_limit_lets_through_soon() -> None:
    limits: dict[Channel, Rate] = {"sms": Rate(per_second=0.001, burst=4)}
    providers: dict[Channel, Provider] = {"sms": Preview("sms", clock=clock)}
    sender = Sender(providers, max_in_flight=6, clock=clock, limits=limits)
    sender.start()
    assert sender.room("sms", "+15005550001") == 4
    assert sender.room("email", "hi@shop.test") == 6
    sender.submit([sms(f"m-{n}") for n in range(3)])
    results: list[SendResult] = []
    while len(results) < 3:
        sender.wait(5)
        results += sender.collect()
    assert sender.room("sms", "+15005550001") == 1
    sender.stop()


def test_messages_can_be_submitted_from_many_threads() -> None:
    provider = Simulated("email", clock=clock, script=Script(default=Reply(latency=0.0001)))
    sender = Sender({"email": provider}, max_in_flight=400, clock=clock)
    sender.start()
    threads = [
        threading.Thread(target=lambda n=n: sender.submit(emails(50, start=n * 50)))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results = sender.drain(5)
    sender.stop()
    assert len({result.message_id for result in results}) == len(results) == 400
    assert len(provider.received) == 400
