"""Fast-forward is the daemon's own work, only sooner: the same rows come of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from engine.fast_forward import fast_forward
from tests.services.conftest import NewHouse
from tests.services.house import DAY, HOUR, START, House, campaign, email

CAMPAIGNS = (
    campaign("thanks", "order.placed", [
        email("thank", "news"), {"id": "pause", "delay": {"for": "2d", "until": "10:00"}},
        {"id": "back", "wait_for": {"event": "order.delivered", "timeout": "3d"}},
        {"id": "tell", "call_webhook": "http://127.0.0.1:1/hook"}, email("ask"),
    ], goal={"event": "order.delivered", "within": "9d"}),
    campaign("weekly", {"schedule": {"cron": "0 9 * * 3", "timezone": "customer"},
                        "segment": "customer.orders_count >= 1"}, [email()], purpose="marketing"),
    campaign("offer", "order.delivered", [{"id": "p", "delay": "30m"}, email()],
             purpose="marketing", exit_on=["order.refunded"]),
)  # fmt: skip
STORE = {"quiet_hours": {"email": {"from": "20:00", "until": "08:00"}, "sms": "none"},
         "caps": [{"channel": "any", "count": 2, "per": "7d"}]}  # fmt: skip
ROWS = (
    """SELECT id, campaign, entry_key, status, step, waiting, due_at, clock, entered_at, ended_at,
    reason, goal_at FROM journeys ORDER BY id""",
    """SELECT id, status, reason, send_at, sent_at, created_at, recipient, subject, attempts
    FROM messages ORDER BY id""",
    """SELECT "at", customer_id, campaign, journey_id, entries FROM decisions
    ORDER BY "at", journey_id, entries""",
    "SELECT id, status FROM webhook_calls ORDER BY id",
)


def told(house: House) -> list[dict[str, Any]]:
    happened = []
    zones = ["Asia/Tokyo", "America/Chicago", "Europe/Vienna", None]
    for number in range(8):
        key, start = f"c{number}", START + number * 7 * HOUR
        customer = {"timezone": zones[number % 4]} if zones[number % 4] else {}
        for kind, at in (("order.placed", start), ("order.delivered", start + number * DAY / 2)):
            happened.append(house.event(
                kind, key, order=number, time=at.isoformat(), id=f"{kind}{number}",
                customer=customer,
            ))  # fmt: skip
    return sorted(happened, key=lambda one: str(one["time"]))


def test_it_comes_to_what_the_daemon_comes_to(new_house: NewHouse) -> None:
    until = START + 12 * DAY
    quick, slow = (new_house(*CAMPAIGNS, store=STORE) for _ in range(2))
    events = [quick.incoming(one, at=until).event for one in told(quick)]
    fast_forward(quick.app, quick.clock, events, until)

    waiting = told(slow)
    while slow.clock.now() <= until:
        now = slow.clock.now()
        slow.app.worker.sweep.run(now)
        arrived = [one for one in waiting if str(one["time"]) <= now.isoformat()]
        waiting = waiting[len(arrived) :]
        slow.app.storage.accept([slow.incoming(one) for one in arrived])
        slow.app.worker.quiesce()
        slow.clock.advance_to(now + timedelta(minutes=30))

    for sql in ROWS:
        assert quick.rows(sql) == slow.rows(sql)
    sent = {one.campaign for one in quick.messages() if one.status == "sent"}
    assert sent == {"thanks", "weekly", "offer"}
    assert {one.reason for one in quick.messages()} >= {None, "cap"}
