"""The sending process ends with its daemon; whatever ends it, each message is accounted for."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from engine.core.message import Outcome, SendResult
from engine.ports.providers import Handover
from engine.providers import process_sender
from engine.providers.build import build_providers
from engine.providers.pacing import Rate
from engine.providers.preview import Preview
from engine.providers.process_sender import ProcessSender
from engine.providers.sending_link import (
    Beginning,
    Frames,
    Kind,
    frame,
    heard,
    packed,
    told,
    unpacked,
)
from engine.providers.simulated import REFUSE, SILENCE, UNAVAILABLE, Reply, Script, Simulated
from tests.providers.apart import Broken, apart
from tests.providers.messages import NOW, clock, email, sms, voice

HELD = Reply(latency=3600.0)
PATIENCE = 60.0  # seconds; only a broken program makes anybody wait so long
NUMBER = "+15005550001"


def until(holds: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "never came about"
        time.sleep(0.01)


def is_gone(pid: int) -> bool:
    """Whether a process has ended; who has to bury it may not have done so yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def came(sender: Handover, count: int) -> list[SendResult]:
    """So many results."""
    results: list[SendResult] = []
    while len(results) < count:
        sender.wait(PATIENCE)
        fresh = sender.collect()
        assert fresh, "no result came"
        results += fresh
    assert len(results) == count
    return results


@pytest.fixture
def holding() -> Iterator[tuple[ProcessSender, list[bool]]]:
    """Calls for messages called ``held…`` are never answered; texts go three, then one an hour."""
    script = Script(by_message={f"held-{n}": [HELD] for n in range(9)})
    watched: list[bool] = []
    sender = apart(
        {
            "email": Simulated("email", clock=clock, script=script),
            "sms": Preview("sms", clock=clock),
        },
        limits={"sms": Rate(per_second=1 / 3600, burst=3)},
        watch=watched.append,
    )
    sender.start()
    yield sender, watched
    pid = sender.pid
    sender.stop()
    assert pid is None or not Path(f"/proc/{pid}").exists()  # ended, and buried


def test_what_a_killed_process_had_is_in_doubt_and_nothing_else(
    holding: tuple[ProcessSender, list[bool]],
) -> None:
    sender, watched = holding
    sender.submit([email(f"held-{n}") for n in range(9)] + [sms(f"text-{n}") for n in range(5)])
    assert {each.message_id for each in came(sender, 3)} == {"text-0", "text-1", "text-2"}
    assert sender.free() == 20 - 9 - 2
    assert sender.pid is not None
    os.kill(sender.pid, signal.SIGKILL)
    lost = came(sender, 9)
    assert {each.message_id for each in lost} == {f"held-{n}" for n in range(9)}
    assert {(each.outcome, each.error_code) for each in lost} == {(Outcome.UNKNOWN, "interrupted")}
    until(lambda: watched == [True, False, True])  # another one is there
    sender.submit([email("after")])
    assert [each.outcome for each in came(sender, 1)] == [Outcome.ACCEPTED]
    sender.stop()  # the texts had waited for their rate all the while
    assert {(each.message_id, each.outcome) for each in sender.collect()} == {
        ("text-3", Outcome.RETRY),
        ("text-4", Outcome.RETRY),
    }
    assert sender.free() == 20


def test_while_there_is_no_process_there_is_no_room_and_nothing_is_lost(
    holding: tuple[ProcessSender, list[bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sender, watched = holding
    monkeypatch.setattr(process_sender, "_MODULE", "engine.no_such_program")
    assert sender.pid is not None
    os.kill(sender.pid, signal.SIGKILL)
    until(lambda: watched[-2:] == [False, False])  # nor did another begin
    assert not sender.is_ready()
    assert sender.room("email", "hi@shop.test") == 0
    assert sender.free() == 20
    sender.submit([email("early")])
    monkeypatch.undo()
    assert [each.outcome for each in came(sender, 1)] == [Outcome.ACCEPTED]
    assert sender.room("email", "hi@shop.test") == 20


def test_stopping_tells_what_is_in_doubt_and_what_is_not(
    holding: tuple[ProcessSender, list[bool]],
) -> None:
    sender, _ = holding
    sender.submit([email(f"held-{n}") for n in range(4)] + [sms(f"text-{n}") for n in range(5)])
    came(sender, 3)
    sender.stop()
    sender.stop()
    outcomes = {each.message_id: (each.outcome, each.handed_over) for each in sender.collect()}
    assert outcomes == {
        **{f"held-{n}": (Outcome.UNKNOWN, True) for n in range(4)},
        **{f"text-{n}": (Outcome.RETRY, False) for n in (3, 4)},
    }
    with pytest.raises(RuntimeError, match="not running"):
        sender.submit([email("late")])


def test_only_the_daemon_ends_it(holding: tuple[ProcessSender, list[bool]]) -> None:
    sender, watched = holding
    assert sender.pid is not None
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(sender.pid, number)
    assert os.getpgid(sender.pid) != os.getpgid(0)  # a terminal's Ctrl-C does not reach it
    sender.submit([email("one")])
    assert [each.outcome for each in came(sender, 1)] == [Outcome.ACCEPTED]
    assert watched == [True]


def test_a_killed_daemon_takes_it_along() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", "from tests.providers.apart import stand_by; stand_by()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as daemon:
        assert daemon.stdout is not None
        pid = int(daemon.stdout.readline())
        assert not is_gone(pid)
        daemon.kill()
        until(lambda: is_gone(pid))


@pytest.mark.parametrize("is_parent", [True, False])
def test_a_daemon_that_is_gone_before_it_could_be_followed_is_noticed(is_parent: bool) -> None:
    parent = os.getpid() if is_parent else 2**22 + 1
    ours, theirs = socket.socketpair()
    with theirs:
        child = subprocess.Popen(
            [sys.executable, "-m", "engine.sending_process", str(theirs.fileno()), str(parent)],
            pass_fds=[theirs.fileno()],
        )
    if is_parent:
        ours.close()
    assert child.wait(PATIENCE) == 0
    ours.close()


def test_no_secret_stands_in_its_arguments_or_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAGNIAPPE_SENDGRID_API_KEY", "SG.hush-hush")
    recipe = partial(build_providers, email_provider="sendgrid", sendgrid_api_key="SG.hush-hush")
    beginning = Beginning(recipe=recipe, log_format="json", log_level="info")
    sender = ProcessSender(beginning, max_in_flight=5, clock=clock)
    sender.start()
    sender.submit([sms("one")])
    assert [each.provider_message_id for each in came(sender, 1)] == ["preview-one"]
    try:
        for file in ("cmdline", "environ"):
            shown = Path(f"/proc/{sender.pid}/{file}").read_bytes()
            assert b"python" in shown.lower()
            assert b"hush" not in shown
    finally:
        sender.stop()


def test_its_log_is_the_daemons(capfd: pytest.CaptureFixture[str]) -> None:
    sender = apart({"email": Broken(opens=True, closes=False)})
    sender.start()
    sender.submit([email("m-1")])
    (result,) = came(sender, 1)
    sender.stop()
    assert (result.outcome, result.error_code) == (Outcome.UNKNOWN, "defect")
    said = capfd.readouterr().err
    lines = [json.loads(line) for line in said.splitlines()]
    assert [(line["event"], line["error"]) for line in lines] == [
        ("provider raised", "KeyError"),
        ("provider not closed", "OSError"),
    ]
    assert email().to not in said + repr(result)


def test_everything_of_a_message_and_of_its_result_arrives() -> None:
    sent = [email("e"), sms("s"), voice("v", survey="nps", transfer=True, on_machine="speak")]
    frames = Frames()
    whole = packed(sent) + frame(Kind.STOP)
    pieces = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    (send, rows), stop = [each for piece in pieces for each in frames.feed(piece)]
    assert (send, stop) == (Kind.SEND, (Kind.STOP, None))
    assert list(unpacked(rows)) == sent
    replies = [Reply(), Reply(cost=None), REFUSE, SILENCE, UNAVAILABLE]
    results = [
        SendResult(
            message_id=str(number),
            outcome=reply.outcome,
            at=NOW,
            provider_message_id="p",
            error_code=reply.error_code,
            reason=reply.reason,
            retry_after=reply.retry_after,
            cost=reply.cost,
            handed_over=number != 4,
        )
        for number, reply in enumerate(replies)
    ]
    ((_, rows),) = frames.feed(told(results))
    assert list(heard(rows, NOW)) == results
