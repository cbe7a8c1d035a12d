"""The program and the providers' fakes as processes of their own, to be run, asked and killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "token-of-the-tests-0123456789abcdef"
_PATIENCE = 60.0  # seconds; only a broken program makes anybody wait so long


def environment(database_url: str | None = None, **settings: str) -> dict[str, str]:
    """All that the program sees: a path, and these settings (``bind`` is ``LAGNIAPPE_BIND``)."""
    given = {f"LAGNIAPPE_{name.upper()}": value for name, value in settings.items()}
    if database_url is not None:
        given["LAGNIAPPE_DATABASE_URL"] = database_url
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(ROOT),
        "PYTHONWARNINGS": "error,default::ResourceWarning",
        **given,
    }


def lagniappe(
    *arguments: str, workspace: Path, environ: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        _command(workspace, *arguments),
        env=dict(environ),
        cwd=workspace,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE * 5,
        check=False,
    )


def start(
    *arguments: str, workspace: Path, environ: Mapping[str, str], log: Path | None = None
) -> subprocess.Popen[bytes]:
    """Begin one command; what it says goes to ``log``."""
    with (log or Path(os.devnull)).open("ab") as output:
        return subprocess.Popen(
            _command(workspace, *arguments),
            env=dict(environ),
            cwd=workspace,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def _command(workspace: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "engine.cli.main", "--workspace", str(workspace), *arguments]


def children(parent: int) -> list[int]:
    """The processes that it has begun."""
    found = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = file.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append(int(file.parent.name))
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(what: str, holds: Any, *, patience: float = _PATIENCE) -> None:
    """Look until ``holds()``; fails, saying ``what``, when it never does."""
    end = time.monotonic() + patience
    while not holds():
        if time.monotonic() > end:
            raise AssertionError(f"never came about: {what}")
        time.sleep(0.01)


@dataclass(kw_only=True)
class Daemon:
    """``lagniappe run`` in a process of its own; in ``with``, where it is killed at the end."""

    workspace: Path
    environ: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """What it has said so far, one JSON object a line."""
        return self.workspace / f"daemon-{self.port}.log"

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, ready: bool = True) -> Self:
        """Start; ``ready``: return when it serves or works."""
        bound = {"LAGNIAPPE_BIND": f"127.0.0.1:{self.port}", "LAGNIAPPE_LOG_FORMAT": "json"}
        said = len(self.told("started"))
        self.process = start(
            "run", *self.arguments, workspace=self.workspace,
            environ={**self.environ, **bound}, log=self.log,
        )  # fmt: skip
        if ready:
            wait_until(
                f"a daemon at work:\n{self.log.read_text()}",
                lambda: len(self.told("started")) > said or self._fail_if_gone(),
            )
        return self

    def _fail_if_gone(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        return False

    def told(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one kind."""
        if not self.log.exists():
            return []
        lines = (line for line in self.log.read_text().splitlines() if line.startswith("{"))
        return [told for line in lines if (told := json.loads(line)).get("event") == event]

    def kill(self) -> None:
        """``kill -9``."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.signal(signal.SIGTERM)
        assert self.process is not None
        return self.process.wait(_PATIENCE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def post(self, path: str, **content: Any) -> httpx.Response:
        """One request as our own client would make it."""
        headers = {"Authorization": f"Bearer {TOKEN}", **content.pop("headers", {})}
        return httpx.post(f"{self.url}{path}", headers=headers, timeout=_PATIENCE, **content)


@dataclass(frozen=True, kw_only=True)
class Fakes:
    """SendGrid and Twilio in one process of their own."""

    record: Path
    sendgrid: str
    twilio: str

    def settings(self) -> dict[str, str]:
        """What points the program at them."""
        return {
            "email_provider": "sendgrid",
            "sms_provider": "twilio",
            "sendgrid_api_key": "SG.fake",
            "sendgrid_base_url": self.sendgrid,
            "twilio_account_sid": "ACfake",
            "twilio_auth_token": "fake",
            "twilio_base_url": self.twilio,
        }

    def received(self) -> list[dict[str, Any]]:
        """Every request so far, in the order in which they came."""
        whole = self.record.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]


@contextmanager
def fakes(record: Path, *, delay: float = 0.0) -> Iterator[Fakes]:
    """Run the fakes; ``delay`` in seconds before each answer."""
    record.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes", "--record", str(record), "--delay", str(delay)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        urls = json.loads(process.stdout.readline())
        yield Fakes(record=record, **urls)
    finally:
        process.terminate()
        process.communicate()
