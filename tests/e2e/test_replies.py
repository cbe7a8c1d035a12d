"""A text from a customer, over a socket, to a daemon at work."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.e2e.engine_room import rows
from tests.e2e.processes import TOKEN, Daemon, environment, lagniappe, wait_until
from tests.e2e.shop import campaign, make_workspace
from tests.fakes.receipts import Posted, twilio_text
from tests.services.house import person

AUTH, PUBLIC = "auth-token-of-the-tests", "https://hello.example.com"
STEPS = """\
  - {id: first, send_sms: note}
  - {id: heard, wait_for: {event: message.replied, timeout: 2d}}
  - {id: second, send_sms: note}"""


def text(sid: str, body: str) -> Posted:
    return twilio_text(sid, body, token=AUTH, public_url=PUBLIC, sender=person("ada")["phone"])


def post(daemon: Daemon, posted: Posted) -> int:
    answer = httpx.post(
        daemon.url + posted.target, content=posted.body, headers=dict(posted.headers)
    )
    return answer.status_code


def place(daemon: Daemon, number: int) -> None:
    told = {
        "id": f"placed-{number}", "source": "shop", "type": "order.placed",
        "time": datetime.now(UTC).isoformat(), "customer": person("ada"),
        "order": {"id": str(number), "number": f"#{number}", "total": "9.00", "currency": "USD"},
    }  # fmt: skip
    answer = httpx.post(
        f"{daemon.url}/v1/events", json=told, headers={"Authorization": f"Bearer {TOKEN}"}
    )
    assert answer.status_code == 202, answer.text


def test_a_reply_moves_a_journey_and_a_stop_ends_texts(tmp_path: Path, database_url: str) -> None:
    shop = make_workspace(tmp_path / "shop", [campaign("talk", STEPS)])
    environ = environment(
        database_url, api_token=TOKEN, secret_key="k" * 40, public_url=PUBLIC,
        twilio_auth_token=AUTH,
    )  # fmt: skip

    def messages() -> list[tuple[str, str]]:
        return sorted((row["step"], row["status"]) for row in rows(database_url, "messages"))

    with Daemon(workspace=shop, environ=environ).start() as daemon:
        place(daemon, 1)
        wait_until("the first text", lambda: messages() == [("first", "sent")])
        forged = text("SM01", "Nice!")
        forged = Posted(target=forged.target, headers=forged.headers, body=forged.body + b"!")
        assert post(daemon, forged) == 401
        assert [post(daemon, text("SM01", "Nice!")) for _ in range(2)] == [200, 200]
        both = [("first", "sent"), ("second", "sent")]
        wait_until("the second text", lambda: messages() == both)
        assert post(daemon, text("SM02", "please stop texting me")) == 200
        assert post(daemon, text("SM03", "STOP")) == 200
        place(daemon, 2)
        skipped = [("first", "skipped")]
        wait_until("the skipped one", lambda: skipped[0] in messages())
        assert daemon.told("texts_held")
        said = daemon.log.read_text()
    for private in ("texting me", "Nice!", person("ada")["phone"], AUTH):
        assert private not in said
    assert {row["reason"] for row in rows(database_url, "suppressions")} == {"stop"}
    replies = [row for row in rows(database_url, "events") if row["type"] == "message.replied"]
    assert sorted(row["id"] for row in replies) == ["SM01", "SM02", "SM03"]


def test_a_person_decides_on_the_command_line(tmp_path: Path, database_url: str) -> None:
    shop = make_workspace(tmp_path / "shop", [campaign("talk", "  - {id: a, send_sms: note}")])
    environ = environment(
        database_url, api_token=TOKEN, secret_key="k" * 40, public_url=PUBLIC,
        twilio_auth_token=AUTH,
    )  # fmt: skip
    number = person("ada")["phone"]

    def command(*arguments: str, code: int = 0) -> str:
        done = lagniappe("customers", *arguments, workspace=shop, environ=environ)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    with Daemon(workspace=shop, environ=environ).start() as daemon:
        assert post(daemon, text("SM01", "leave me alone")) == 200
        (held,) = json.loads(command("flagged", "--format", "json"))
        assert (held["number"], held["text"]) == (number, "leave me alone")
        assert "gets texts again" in command("release", number)
        assert "no number waits" in command("flagged")
        assert "not held" in command("release", number, code=1)
        assert "no texts and calls" in command("opt-out", number)
    assert {row["reason"] for row in rows(database_url, "suppressions")} == {"stop"}
