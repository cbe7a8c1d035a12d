"""The fakes as a process of their own: ``python -m tests.fakes --record FILE``.

Prints one JSON line with their base URLs when ready, and serves until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
from pathlib import Path

from tests.fakes.http_fake import Behaviour, FakeApi
from tests.fakes.sendgrid import FakeSendGrid
from tests.fakes.twilio import FakeTwilio


def main() -> None:
    """Parse the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.fakes", description=__doc__)
    parser.add_argument("--sendgrid-port", type=int, default=0, help="0: any free one")
    parser.add_argument("--sendgrid-api-key", default="SG.fake")
    parser.add_argument("--twilio-port", type=int, default=0, help="0: any free one")
    parser.add_argument("--twilio-account-sid", default="ACfake")
    parser.add_argument("--twilio-auth-token", default="fake")
    parser.add_argument("--record", type=Path, help="gets one JSON line for each request")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    arguments = parser.parse_args()
    behaviour = Behaviour(delay=arguments.delay)
    fakes: list[FakeApi] = [
        FakeSendGrid(
            api_key=arguments.sendgrid_api_key,
            port=arguments.sendgrid_port,
            record=arguments.record,
            default=behaviour,
        ),
        FakeTwilio(
            account_sid=arguments.twilio_account_sid,
            auth_token=arguments.twilio_auth_token,
            port=arguments.twilio_port,
            record=arguments.record,
            default=behaviour,
        ),
    ]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    with contextlib.ExitStack() as stack:
        for fake in fakes:
            stack.enter_context(fake)
        sys.stdout.write(json.dumps({fake.name: fake.base_url for fake in fakes}) + "\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


main()
