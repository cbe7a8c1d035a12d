"""Small workspaces, and events to feed them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

_STORE = """\
version: 1
brand:
  name: Bellerive
  url: https://shop.example.com
  postal_address: Bellerive, 1 Rampart Street, New Orleans
  support: {{email: help@example.com}}
currency: USD
timezone: America/Chicago
senders:
  email: {{from_name: Bellerive, from_email: hello@example.com}}
  sms: {{from: "+15045550123"}}
quiet_hours: {{email: none, sms: none}}
caps: {caps}
rate_limits: {{email: {rate}, sms: {rate}}}
max_lateness: {{email: 30d, sms: 30d}}
"""
_TEMPLATES = {
    "note/subject.txt": "About your order, {{ customer.first_name }}\n",
    "note/body.txt": "Order {{ order.number }}.\n{% if links.unsubscribe %}"
    "{{ links.unsubscribe }}\n{% endif %}",
    "note/body.html": "<html><body><p>Order {{ order.number }}</p>"
    '{% if links.unsubscribe %}<a href="{{ links.unsubscribe }}">Unsubscribe</a>{% endif %}'
    "</body></html>\n",
    "note/sms.txt": "Bellerive: order {{ order.number }}. Reply STOP to opt out.\n",
}


def make_workspace(
    folder: Path, campaigns: Iterable[str], *, caps: str = "[]", rate: str = "5000/s"
) -> Path:
    """Write a workspace: the store, one template ``note``, and these campaigns."""
    write(folder, "config/store.yaml", _STORE.format(caps=caps, rate=rate))
    for name, text in _TEMPLATES.items():
        write(folder, f"message_templates/{name}", text)
    (folder / "campaigns").mkdir()
    for source in campaigns:
        name = source.split("id: ", 1)[1].split("\n", 1)[0]
        write(folder, f"campaigns/{name}.yaml", source)
    return folder


def write(folder: Path, name: str, text: str) -> None:
    """Write one file, as a whole or not at all, as editors and deployments do."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def campaign(
    name: str,
    steps: str,
    *,
    trigger: str = "{event: order.placed}",
    purpose: str = "transactional",
    more: str = "",
) -> str:
    """A campaign's YAML; ``steps`` are the lines of the list, ``more`` further keys."""
    return f"""\
version: 1
id: {name}
name: {name}
stage: onboarding
status: live
purpose: {purpose}
trigger: {trigger}
entry: {{key: order.id, re_entry: never}}
{more}
steps:
{steps}
"""


def order_placed(number: int, at: datetime, **more: Any) -> dict[str, Any]:
    """One customer's one order; the customer can be reached and permits everything."""
    return {
        "id": f"placed-{number}",
        "source": "shop",
        "type": "order.placed",
        "time": at.isoformat(),
        "customer": {
            "id": f"c{number}",
            "email": f"c{number}@example.com",
            "email_verified": True,
            "phone": f"+1504556{number:04}",
            "first_name": f"Name{number}",
            "consent": {"email": {"status": "subscribed"}, "sms": {"status": "subscribed"}},
        },
        "order": {"id": str(number), "number": f"#{number}", "total": "59.90", "currency": "USD"},
        **more,
    }


def write_events(path: Path, events: Iterable[dict[str, Any]]) -> Path:
    """Write events as JSON, one a line."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(event) + "\n" for event in events)
    return path
