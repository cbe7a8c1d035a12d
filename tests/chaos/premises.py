"""The shop's workspace and settings, and the provider beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.books import CAMPAIGN
from tests.chaos.plan import Plan
from tests.e2e.processes import ROOT, TOKEN, environment
from tests.e2e.shop import campaign, make_workspace, write

PUBLIC_URL = "https://mail.example.com"
JOURNAL, CALLS = "journal.jsonl", "calls.txt"
_POLICY = """\
retry: {attempts: 20, first: 1s, most: 5s}
on_unknown: {after: 5m, do: abandon}
webhooks: {allow: [127.0.0.1]}
"""
_NOTES = campaign(CAMPAIGN, "  - {id: mail, send_email: note}\n  - {id: text, send_sms: note}")
_LARGE = "{event: order.placed, filter: order.total >= 200}"


@contextmanager
def provider(folder: Path, plan: Plan, report_to: str) -> Iterator[dict[str, str]]:
    """Run it; its addresses, and the key that verifies its receipts."""
    command = [sys.executable, "-m", "tests.chaos.provider", "--report-to", report_to,
               "--public-url", PUBLIC_URL, "--journal", str(folder / JOURNAL),
               "--calls", str(folder / CALLS), "--seed", str(plan.seed),
               "--slow", str(plan.slow), "--silence", str(plan.silence),
               "--stretch", str(plan.stretch)]  # fmt: skip
    with (folder / "provider.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, text=True)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.communicate()


def furnish(folder: Path, hook: str) -> Path:
    """Write the workspace; ``hook`` is called for large orders."""
    hooks = campaign("hooks", f"  - {{id: hook, call_webhook: {hook}}}", trigger=_LARGE)
    workspace = make_workspace(folder / "shop", [_NOTES, hooks, _moving(0)])
    store = (workspace / "config/store.yaml").read_text()
    write(workspace, "config/store.yaml", store + _POLICY)
    return workspace


def edit(workspace: Path, number: int) -> None:
    """Change a campaign whose journeys move to each new revision."""
    write(workspace, "campaigns/moving.yaml", _moving(number))


def _moving(number: int) -> str:
    steps = f"  - {{id: wait, delay: {30 + number}d}}"
    return campaign("moving", steps, trigger=_LARGE, more="in_flight: migrate")


def settings(url: str, port: int, plan: Plan, addresses: Mapping[str, str]) -> dict[str, str]:
    """The environment of every process."""
    return environment(
        url,
        bind=f"127.0.0.1:{port}",
        max_in_flight=str(plan.in_flight),
        public_url=PUBLIC_URL,
        secret_key="key-of-the-tests-0123456789abcdef",
        api_token=TOKEN,
        log_format="json",
        email_provider="sendgrid",
        sms_provider="twilio",
        sendgrid_api_key="SG.fake",
        sendgrid_base_url=addresses["sendgrid"],
        sendgrid_webhook_public_key=addresses["public_key"],
        twilio_account_sid="ACfake",
        twilio_auth_token="fake",
        twilio_base_url=addresses["twilio"],
    )
