"""``lagniappe init``: a shop's own workspace from the starter library."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

import engine
from engine.cli.copying import LEFT_OUT
from engine.cli.failure import Failure
from engine.cli.output import say

# The starter library stands beside the packages, in a checkout and in the wheel alike.
STARTER = Path(engine.__file__).resolve().parents[1]
_FOLDERS = ("campaigns", "message_templates")
_FILES = (
    "config/store.yaml",
    "config/events.yaml",
    "config/campaign.schema.json",
    "config/campaign-tests.schema.json",
)

GITIGNORE = """\
# Secrets and the running installation's own files stay out of version control.
.env
.lagniappe/
lagniappe.db
lagniappe.db-*
lagniappe.db.lock
"""

ENV_EXAMPLE = """\
# Settings of this installation. Copy to .env and take away the # of what you need; the
# environment wins over the file. A secret can also stand in a file of its own, named by the same
# variable with _FILE at its end. Where several values are allowed (for rotation), commas part them
# and the first one signs.

# --- Where things are -------------------------------------------------------------------------
# SQLite in the workspace unless set; PostgreSQL for more than one machine.
#LAGNIAPPE_DATABASE_URL=postgresql+psycopg://lagniappe:password@localhost/lagniappe
#LAGNIAPPE_BIND=127.0.0.1:8025
# The address that customers' links lead to. With it (or a BIND beyond this machine) the two keys
# below must be set.
#LAGNIAPPE_PUBLIC_URL=https://mail.example.com

# --- Keys of our own: 32 characters or more, for instance from `openssl rand -base64 36` ---------
# Signs links in messages. Keep old ones after the comma, or links already sent stop working.
#LAGNIAPPE_SECRET_KEY=
# Opens POST /v1/events.
#LAGNIAPPE_API_TOKEN=

# --- Providers: preview keeps every message and sends nothing ------------------------------------
#LAGNIAPPE_EMAIL_PROVIDER=preview
#LAGNIAPPE_SMS_PROVIDER=preview
#LAGNIAPPE_VOICE_PROVIDER=preview
# email: sendgrid
#LAGNIAPPE_SENDGRID_API_KEY=
#LAGNIAPPE_SENDGRID_WEBHOOK_PUBLIC_KEY=
#LAGNIAPPE_SENDGRID_BASE_URL=https://api.sendgrid.com
# email: smtp
#LAGNIAPPE_SMTP_URL=smtp://USER:PASSWORD@HOST:587
# sms and voice: twilio
#LAGNIAPPE_TWILIO_ACCOUNT_SID=
#LAGNIAPPE_TWILIO_AUTH_TOKEN=
#LAGNIAPPE_TWILIO_BASE_URL=https://api.twilio.com
# Messages in a provider's hands at once: after a crash at most so many are in doubt.
#LAGNIAPPE_MAX_IN_FLIGHT=300
# Where providers are called: in a process beside the daemon (process) or in it (thread).
#LAGNIAPPE_SENDER=process

# --- Webhooks: a platform whose secret is not set is refused --------------------------------------
#LAGNIAPPE_SHOPIFY_SECRET=
#LAGNIAPPE_WOOCOMMERCE_SECRET=
#LAGNIAPPE_STRIPE_SECRET=
#LAGNIAPPE_ZENDESK_SECRET=
# The key of a Stripe payment's metadata that names the shop's order, and the source of the events
# that tell of those orders; without a source, orders are Stripe's own.
#LAGNIAPPE_STRIPE_ORDER_KEY=order_id
#LAGNIAPPE_STRIPE_ORDER_SOURCE=
# A secret of your own making, shared with whoever tells of parcels, and the source of the events
# that tell of their orders.
#LAGNIAPPE_JUDGEME_SECRET=
#LAGNIAPPE_CARRIER_SECRET=
#LAGNIAPPE_CARRIER_ORDER_SOURCE=

# --- The daemon's log -------------------------------------------------------------------------
#LAGNIAPPE_LOG_FORMAT=text
#LAGNIAPPE_LOG_LEVEL=info
"""


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The new workspace.")],
) -> None:
    """Make a workspace with the starter campaigns, templates and settings.

    Never overwrites a file.
    """
    target = directory.absolute()
    taken = [path for path in _made(target) if path.exists()]
    if taken or (target.exists() and not target.is_dir()):
        named = ", ".join(str(path.relative_to(target)) for path in taken) or "it is a file"
        raise Failure(f"{directory} is not free ({named}); nothing was changed")
    copy_starter(STARTER, target)
    _tell(directory, target)


def copy_starter(starter: Path, target: Path) -> None:
    """Copy the starter library to ``target`` and add what a workspace needs beside it."""
    target.mkdir(parents=True, exist_ok=True)
    for name in _FOLDERS:
        shutil.copytree(starter / name, target / name, ignore=LEFT_OUT)
    for name in _FILES:
        if (starter / name).is_file():
            (target / name).parent.mkdir(exist_ok=True)
            shutil.copyfile(starter / name, target / name)
    example = target / ".env.example"
    example.write_text(ENV_EXAMPLE, encoding="utf-8")
    example.chmod(0o600)  # what is copied from it holds secrets
    (target / ".gitignore").write_text(GITIGNORE, encoding="utf-8")


def _made(target: Path) -> list[Path]:
    names = [*_FOLDERS, ".env.example", ".gitignore"]
    names += [name for name in _FILES if (STARTER / name).is_file()]
    return [target / name for name in names]


def _tell(directory: Path, target: Path) -> None:
    files = list((target / "campaigns").rglob("*.yaml"))
    tests = sum(path.name.endswith(".test.yaml") for path in files)
    campaigns = len(files) - tests
    templates = sum(
        1 for path in (target / "message_templates").iterdir()
        if path.is_dir() and not path.name.startswith("_")
    )  # fmt: skip
    say(f"Made {directory}: {campaigns} campaigns, {templates} message templates.")
    say("Next:")
    say("  edit config/store.yaml           your brand, senders, quiet hours and caps")
    say("  cp .env.example .env             keys and providers; without them nothing is sent")
    say(f"  lagniappe --workspace {directory} check")
    if tests:
        say(f"  lagniappe --workspace {directory} test")
    say(f"  lagniappe --workspace {directory} run")
