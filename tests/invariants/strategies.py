"""Random campaigns, stores, customers and events, as authors and platforms would write them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from tests.services.house import STORE, TEXTING

ZONES = (
    "America/Chicago", "America/New_York", "America/St_Johns", "America/Sao_Paulo",
    "Europe/London", "Europe/Vienna", "Asia/Kolkata", "Asia/Kathmandu",
    "Australia/Sydney", "Australia/Lord_Howe", "Pacific/Kiritimati", "Pacific/Pago_Pago",
)  # fmt: skip
# Half a day before a change of clocks: of North America, Europe, Australia (Lord Howe's is of
# half an hour), to summer time and back.
STARTS = tuple(
    datetime(*day, tzinfo=UTC)
    for day in (
        (2026, 3, 7, 18), (2026, 10, 31, 18), (2026, 3, 28, 15), (2026, 10, 24, 15),
        (2026, 4, 4, 3), (2026, 10, 3, 3), (2026, 6, 10, 9), (2026, 12, 30, 20),
    )
)  # fmt: skip
CAMPAIGNS = ("alpha", "beta", "gamma", "delta")
PEOPLE = tuple(range(5))
NIGHTS = (
    "none",
    {"from": "21:00", "until": "08:00", "then": "defer"},
    {"from": "20:00", "until": "09:00", "then": "drop"},
    {"from": "00:30", "until": "03:30", "then": "defer"},
)

stores = st.fixed_dictionaries(
    {
        "quiet_hours": st.fixed_dictionaries(
            {"email": st.sampled_from(NIGHTS), "sms": st.sampled_from(NIGHTS)}
        ),
        "caps": st.lists(
            st.fixed_dictionaries(
                {
                    "channel": st.sampled_from(["any", "email", "sms"]),
                    "purpose": st.just("marketing"),
                    "count": st.sampled_from([2, 1, 3, 4]),
                    "per": st.sampled_from(["12h", "1d", "7d"]),
                }
            ),
            max_size=2,
        ),
        "min_gap": st.sampled_from(["0s", "0s", "2h", "20h"]),
        "on_unknown": st.sampled_from(
            [{"after": "1h", "do": do} for do in ("hold", "hold", "resend", "abandon")]
        ),
        "retry": st.sampled_from(
            [
                {"attempts": 3, "first": "30s", "most": "10m"},
                {"attempts": 6, "first": "1m", "most": "1h"},
            ]
        ),
    }
).map(lambda chosen: {**STORE, "senders": TEXTING, **chosen})

SELDOM = st.sampled_from([False, False, False, False, True])
DELAYS = st.sampled_from(["10m", "1h", "7h", "1d", "2d"])
TIMEOUTS = st.sampled_from(["30m", "5h", "1d", "3d"])
AWAITED = ("order.delivered", "order.paid", "survey.answered", "ticket.solved", "message.opened",
           "message.clicked", "customer.unsubscribed", "shop.pinged")  # fmt: skip
STATES = ("customer.orders_count > 1", "customer.email_consent", "customer.open_tickets == 0",
          "customer.total_spent >= 100")  # fmt: skip
ORDER_STATES = ("order.total >= 50", "!order.is_gift", "order.total < 200", "!order.cancelled")
STARTING = ("order.placed", "order.placed", "order.placed", "order.delivered", "order.paid",
            "order.cancelled", "customer.subscribed", "ticket.opened", "survey.answered",
            "shop.pinged")  # fmt: skip
EXITS = ("order.cancelled", "order.refunded", "ticket.opened", "survey.answered", "order.placed")


class _Steps:
    """Draws steps, each with an id of its own: ``in_flight: migrate`` asks for that."""

    def __init__(self, draw: st.DrawFn, *, pings: bool) -> None:
        self._draw = draw
        self._pings = pings  # a campaign that starts on it must not send it round for ever
        self._number = 0

    def some(self, *, least: int, most: int, depth: int) -> list[dict[str, Any]]:
        count = self._draw(st.integers(least, most))
        return [self._one(depth) for _ in range(count)]

    def _one(self, depth: int) -> dict[str, Any]:
        draw = self._draw
        self._number += 1
        name = f"s{self._number}"
        verbs = ["mail", "mail", "mail", "text", "delay", "delay", "wait", "state", "tag"]
        if self._pings:
            verbs.append("ping")
        if depth:
            verbs += ["branch", "split"]
        verb = draw(st.sampled_from(verbs))
        match verb:
            case "mail":
                return {"id": name, "send_email": self._message("note")}
            case "text":
                return {"id": name, "send_sms": self._message("text")}
            case "delay":
                return {"id": name, "delay": self._delay()}
            case "wait":
                event = draw(st.sampled_from(AWAITED))
                wait = {"event": event, "timeout": draw(TIMEOUTS)}
                return {"id": name, "wait_for": wait | self._since()}
            case "state":
                state = draw(st.sampled_from(STATES))
                return {"id": name, "wait_for": {"until": state, "timeout": draw(TIMEOUTS)}}
            case "tag":
                return {"id": name, "update_customer": {"add_tags": [f"tag-{name}"]}}
            case "ping":
                return {"id": name, "emit_event": {"type": "shop.pinged"}}
            case "branch":
                arm = {"if": draw(st.sampled_from(STATES)), "steps": self._few()}
                return {"id": name, "branch": [arm, {"else": {"steps": self._few()}}]}
            case _:
                arms = {name: {"weight": 50, "steps": self._few()} for name in ("one", "two")}
                return {"id": name, "split": arms}

    def _few(self) -> list[dict[str, Any]]:
        return self.some(least=0, most=2, depth=0)

    def _message(self, template: str) -> dict[str, Any]:
        lateness = self._draw(st.sampled_from(["3d", None, "3d", "2h", "30m"]))
        return {"template": template} | ({"max_lateness": lateness} if lateness else {})

    def _delay(self) -> dict[str, Any]:
        delay: dict[str, Any] = {"for": self._draw(DELAYS)}
        until = self._draw(st.sampled_from([None, None, "10:00", "02:30", "00:00"]))
        if until:
            delay["until"] = until
            days = self._draw(st.sampled_from([None, "weekdays", ["sun"]]))
            delay |= {"days": days} if days else {}
        return delay

    def _since(self) -> dict[str, Any]:
        return {"since": "now"} if self._draw(st.booleans()) else {}


@st.composite
def campaigns(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A live campaign that ``check`` has nothing against."""
    trigger, key, about_order = draw(_triggers())
    steps = _Steps(draw, pings=trigger.get("event") != "shop.pinged")
    written: dict[str, Any] = {
        "version": 1, "id": name, "stage": "retention", "status": "live",
        "purpose": draw(st.sampled_from(["marketing", "marketing", "transactional"])),
        "priority": draw(st.sampled_from([10, 50, 50, 90])),
        "trigger": trigger,
        "steps": steps.some(least=1, most=4, depth=1),
    }  # fmt: skip
    filters = (*STATES, *ORDER_STATES) if about_order else STATES
    if draw(SELDOM):
        written["trigger"]["filter"] = draw(st.sampled_from(filters))
    if draw(SELDOM):
        written["profile_filter"] = draw(st.sampled_from(STATES))
    if draw(SELDOM):
        written["hold_while"] = "customer.open_tickets > 0"
    if key is not None:
        again = draw(st.sampled_from(["always", "always", "never", {"after": "1d"}]))
        written["entry"] = {"key": key, "re_entry": again}
    if draw(SELDOM):
        written["exit_on"] = [draw(st.sampled_from(EXITS))]
    if draw(SELDOM):
        written["goal"] = {"event": "survey.answered", "within": "5d"}
    if draw(SELDOM):
        written["volume_limit"] = f"{draw(st.integers(1, 6))}/d"
    if draw(SELDOM):
        written["holdout"] = draw(st.sampled_from(["20%", "50%"]))
    written["in_flight"] = draw(st.sampled_from(["finish", "migrate"]))
    return written


@st.composite
def _triggers(draw: st.DrawFn) -> tuple[dict[str, Any], str | None, bool]:
    """A trigger, the entry key that goes with it, and whether it is about an order."""
    kind = draw(st.sampled_from(["event"] * 6 + ["schedule", "date"]))
    if kind == "schedule":
        zone = draw(st.sampled_from(["customer", "Europe/Vienna"]))
        cron = draw(st.sampled_from(["0 9 * * *", "30 2 * * *", "15 */6 * * *"]))
        segment = draw(st.sampled_from(["true", *STATES]))
        return {"schedule": {"cron": cron, "timezone": zone}, "segment": segment}, None, False
    if kind == "date":
        at = draw(st.sampled_from(["10:00", "02:30"]))
        return {"date": "customer.birthday", "offset": "0d", "at": at}, None, False
    event = draw(st.sampled_from(STARTING))
    trigger: dict[str, Any] = {"event": event}
    if draw(SELDOM):
        trigger["max_age"] = "1d"
    if event.startswith("order."):
        return trigger, draw(st.sampled_from(["order.id", "order.id", "customer.id"])), True
    return trigger, "customer.id", False
