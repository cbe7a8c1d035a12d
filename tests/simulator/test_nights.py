"""What the shop's nights compute is the same in a simulation as in the daemon."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from engine.ports.stored import Incoming
from tests.databases import NewDatabase
from tests.services.house import STORE, TEMPLATES, campaign, email, person
from tests.simulator.both import by_daemon, by_simulation, differences
from triggers.event import Event
from triggers.event_types import BUILT_IN
from triggers.sources.native import parse_line, serialize

START = datetime(2026, 3, 2, 15, tzinfo=UTC)
DAY = timedelta(days=1)
IDEAS = {
    "ideas/subject.txt": "Ideas",
    "ideas/body.txt": "{% for one in recommendations.next %}{{ one.title }} {% endfor %}"
    "{% for one in replenishment.products %}{{ one.title }}{% endfor %}",
    "ideas/body.html": "<html><body>Ideas</body></html>",
}
CAMPAIGNS = (
    campaign("low", "product.replenish_due", [email("remind", "ideas")],
             purpose="marketing",
             entry={"key": "trigger.data.product_id", "re_entry": "always"}),
    campaign("best", "order.placed", [{"id": "w", "delay": "2d"}, email("ask", "ideas")],
             purpose="marketing", profile_filter="customer.frequency_score >= 1"),
)  # fmt: skip


def files_of(workspace: Path, store: dict[str, Any]) -> None:
    """A shop whose campaigns use what nights compute."""
    files = {f"message_templates/{name}": text for name, text in {**TEMPLATES, **IDEAS}.items()}
    files["config/store.yaml"] = json.dumps(store)
    files |= {f"campaigns/{each['id']}.yaml": json.dumps(each) for each in CAMPAIGNS}
    for name, content in files.items():
        (workspace / name).parent.mkdir(parents=True, exist_ok=True)
        (workspace / name).write_text(content, encoding="utf-8")


def arrivals() -> list[Incoming]:
    found = []
    for month in range(4):
        for number in range(8):
            at = START + month * 10 * DAY + number * timedelta(hours=1)
            products = ["coffee", "pot"] if month == 0 else ["coffee", "cup"]
            lines = [
                {"id": one, "product_id": one, "title": one, "quantity": 1, "price": "9"}
                for one in products
            ]
            told: dict[str, Any] = {
                "id": f"{month}-{number}", "source": "shop", "type": "order.placed",
                "time": at.isoformat(), "customer": person(f"c{number}"),
                "order": {"id": f"{month}-{number}", "total": "18", "lines": lines},
            }  # fmt: skip
            event = parse_line(json.dumps(told).encode(), received_at=at, catalog=BUILT_IN)
            assert isinstance(event, Event), event
            found.append(Incoming(event=event, body=serialize(event), received_at=at))
    return found


def test_daemon_and_simulation_tell_and_suggest_the_same(
    tmp_path: Path, new_sqlite: NewDatabase
) -> None:
    files_of(tmp_path, STORE)
    until = START + 42 * DAY
    lived = by_daemon(tmp_path, new_sqlite(), START, arrivals(), until)
    simulated = by_simulation(tmp_path, START, arrivals(), until)
    assert differences(lived, simulated) == []
    sent = [one.content.text for one in lived["given"].values()]
    assert any("cup" in text for text in sent)
    assert any(text.strip() == "coffee" for text in sent)
