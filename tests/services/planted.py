"""A shop in which every reason for silence has been planted, one customer a reason."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from engine.cli.lookup import question
from engine.core import ids
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.links import Purpose
from engine.providers.simulated import REFUSE, SILENCE, Reply, Script
from engine.services.case import Case, Question
from engine.services.history import case_of
from engine.services.unsubscribe import Choice, Unsubscribe
from tests.services.house import DAY, HOUR, MINUTE, TEMPLATES, TEXTING, House, campaign, email

STORE: dict[str, Any] = {
    "senders": TEXTING,
    "topics": {name: {"name": name} for name in ("reviews", "offers", "surveys")},
    "quiet_hours": {"email": {"from": "21:00", "until": "08:00"}, "sms": "none"},
    "caps": [{"channel": "any", "count": 2, "per": "7d"}],
    "min_gap": "20h",
    "surveys": {"min_gap": "30d"},
    "offers": {"thanks": {"value": "10 % off", "kind": "pool", "pool": "summer", "expires": "30d"}},
}
EVENTS = ("ask.now", "ask.low", "ask.high", "ask.survey", "ask.again", "club.join", "club.back",
          "gift.due", "wait.for", "late.due", "much.sent", "halt.file", "halt.hand", "draft.due",
          "broken.due", "text.due", "moved.due", "branch.due", "held.out", "doubt.due",
          "leave.later", "stop.late", "stop.slow", "stop.file", "stop.gone")  # fmt: skip
FILES = {
    **TEMPLATES,
    "gift/subject.txt": "A thank-you",
    "gift/body.txt": "{{ gift.code }}\n{{ links.unsubscribe }}\n",
    "gift/body.html": "<html><body>{{ gift.code }} {{ links.unsubscribe }}</body></html>",
    "nps/subject.txt": "One question",
    "nps/body.txt": "{% for each in survey.scores %}{{ each.url }}\n{% endfor %}"
    "{{ links.unsubscribe }}",
    "nps/body.html": "<html><body>{% for each in survey.scores %}"
    '<a href="{{ each.url }}">{{ each.score }}</a>{% endfor %}'
    '<a href="{{ links.unsubscribe }}">No more</a></body></html>',
    "broken/subject.txt": "Broken",
    "broken/body.txt": "{{ 100 // (customer.orders_count - 1) }}\n{{ links.unsubscribe }}\n",
    "broken/body.html": "<html><body>{{ links.unsubscribe }}</body></html>",
}
_MARKETING: dict[str, Any] = {"purpose": "marketing", "entry": {"key": "customer.id",
                              "re_entry": "always"}}  # fmt: skip
_ORDERS: dict[str, Any] = {"purpose": "marketing", "entry": {"key": "order.id"}}
_PAUSE = {"id": "pause", "delay": "3d"}
_HOUR = {"id": "hour", "delay": "1h"}


def _offer(name: str, trigger: Any, *steps: Any, **more: Any) -> dict[str, Any]:
    return campaign(name, trigger, steps or [email()], **{**_MARKETING, **more})


CAMPAIGNS = (
    campaign(
        "review", {"event": "order.delivered", "filter": "order.total >= 20 && !order.is_gift",
                   "max_age": "3d"},
        [_PAUSE, email()], topic="reviews", profile_filter="customer.open_tickets == 0",
        hold_while="order.has_open_return",
        exit_on=["order.refunded", "order.cancelled", "order.returned",
                 {"event": "ticket.opened", "match": "customer"}], **_ORDERS,
    ),
    _offer("now", "ask.now"),
    _offer("low", "ask.low", priority=10),
    _offer("high", "ask.high", priority=90),
    _offer("survey", "ask.survey",
           {"id": "nps", "ask_survey": {"kind": "nps", "template": "nps", "channel": "email",
                                        "timeout": "5d"}}, email("after", template="note")),
    _offer("survey-too", "ask.again",
           {"id": "nps", "ask_survey": {"kind": "nps", "template": "nps", "channel": "email",
                                        "timeout": "5d"}}),
    _offer("club", "club.join", entry={"key": "customer.id", "re_entry": "never"}),
    _offer("club-back", "club.back", entry={"key": "customer.id", "re_entry": {"after": "90d"}}),
    _offer("gift", "gift.due", {"id": "gift", "issue_coupon": "thanks"},
           email(template="gift", coupon="gift")),
    _offer("wait", "wait.for",
           {"id": "until", "wait_for": {"event": "review.submitted", "timeout": "10d"}}, email()),
    _offer("late", "late.due", _HOUR, email(max_lateness="1d")),
    _offer("stop-late", "stop.late", _HOUR, email(max_lateness="1d")),
    _offer("stop-slow", "stop.slow", _HOUR, email(max_lateness="7d")),
    _offer("stop-file", "stop.file", _HOUR, email(max_lateness="1d")),
    _offer("stop-gone", "stop.gone", _HOUR, email(max_lateness="1d")),
    _offer("much", "much.sent", volume_limit="1/d"),
    _offer("halt-file", "halt.file", status="paused"),
    _offer("halt-hand", "halt.hand", _PAUSE, email()),
    _offer("draft", "draft.due", status="draft"),
    _offer("broken", "broken.due", email(template="broken")),
    _offer("text", "text.due", {"id": "sms", "send_sms": {"template": "text"}}),
    _offer("moved", "moved.due", {"id": "long", "delay": "20d"}, email(), in_flight="migrate"),
    _offer("branch", "branch.due", {"id": "fork", "branch": [
        {"if": "customer.orders_count >= 5", "steps": [email("best")]},
        {"else": None, "steps": []},
    ]}),
    _offer("trial", "held.out", holdout="100%"),
    _offer("doubt", "doubt.due", _PAUSE, email()),
    _offer("leaver", "leave.later", _PAUSE, email(),
           profile_filter="customer.open_tickets == 0", exit_on=[]),
    _offer("win-back", {"schedule": {"cron": "0 9 * * *", "timezone": "customer"},
                        "segment": "customer.days_since_order >= 20"}),
    _offer("stop-look", {"schedule": {"cron": "0 9 * * *", "timezone": "customer"},
                         "segment": "customer.orders_count >= 99"}),
    _offer("birthday", {"date": "customer.birthday", "offset": "-7d", "at": "10:00"},
           entry={"key": "customer.id", "re_entry": "always"}),
)  # fmt: skip


class Planted:
    """The shop after its twelve days."""

    def __init__(self, workspace: Path, database: str) -> None:
        self._answers: dict[str, list[Reply]] = {}
        listed = "".join(f"  {name}: {{object: customer}}\n" for name in EVENTS)
        (workspace / "config").mkdir()
        (workspace / "config/events.yaml").write_text(f"version: 1\nevents:\n{listed}")
        self.house = House(
            workspace, database, *CAMPAIGNS, store=STORE, templates=FILES,
            script=Script(by_message=self._answers),
        )  # fmt: skip
        self.former = ""  # the id of who was merged
        self._while_nobody_runs()
        self._over_days()
        self._on_the_last_day()

    def case(self, customer: str) -> Case:
        """What is on record of the shop's customer ``customer``, or of one of our ids."""
        app = self.house.app
        found = self.house.id_of(customer) if len(customer) < 20 else customer
        now, rules = app.clock.now(), self.asked().rules
        return case_of(app.history, app.storage, found, now, rules.look_back)

    def asked(self) -> Question:
        return question(self.house.app)

    def _while_nobody_runs(self) -> None:
        """First, because it makes all late."""
        house = self.house
        house.tell("late.due", "late")
        house.clock.advance_to(house.clock.now() + 3 * DAY)
        house.app.worker.quiesce()

    def _over_days(self) -> None:
        house = self.house
        for key in ("sent", "refund", "cancel", "return", "ticket", "hold", "pausing", "declining",
                    "again"):  # fmt: skip
            house.tell("order.delivered", key, order=f"{key}-1")
        house.tell("order.delivered", "never", order="never-1", customer={"consent": {}})
        house.tell("order.delivered", "withdrawn", order="withdrawn-1")
        no_mail = {"email": None, "email_verified": False}
        house.tell("order.delivered", "nowhere", order="nowhere-1", customer=no_mail)
        self._order("small", total="12.00")
        self._order("gift", is_gift=True)
        self._order("trying", is_test=True)
        house.tell("order.shipped", "wrong", order="wrong-1")
        house.tell("ticket.opened", "other", ticket={"id": "t-other"})
        long_ago = (house.clock.now() - 5 * DAY).isoformat()
        house.tell("order.delivered", "old", order="old-1", time=long_ago)
        house.tell("ticket.opened", "filtered", ticket={"id": "t-1"})
        house.tell("order.delivered", "filtered", order="filtered-1")
        for key in ("bounced", "complained"):
            house.tell("ask.now", key)
        self._receipt("bounced", ReceiptKind.BOUNCED, Verdict.DEAD)
        self._receipt("complained", ReceiptKind.COMPLAINED, Verdict.REPORTED)
        house.tell("text.due", "stopped")
        self._receipt("stopped", ReceiptKind.FAILED, Verdict.STOPPED)
        house.tell("ask.now", "pausing")
        house.tell("ask.now", "declining")
        for key in ("doubtful", "refused"):
            house.tell("doubt.due", key)
        self._answer("doubtful", SILENCE)
        self._answer("refused", REFUSE)
        house.tell("ask.now", "capped")
        house.tell("ask.survey", "asked")
        house.tell("club.join", "member")
        house.tell("club.back", "member")
        house.tell("moved.due", "mover")
        house.tell("leave.later", "dropout")
        house.tell("gift.due", "giftless")
        house.tell("held.out", "control")
        house.tell("branch.due", "branched")
        house.tell("much.sent", "first")
        house.tell("much.sent", "braked")
        house.tell("order.placed", "reader", order="reader-1")
        house.tell("broken.due", "reader")
        house.tell("order.placed", "work", order="work-1",
                   customer={"email": "job@example.com", "phone": None})  # fmt: skip
        house.tell("order.placed", "work", order="work-2", source="other",
                   customer={"phone": None})  # fmt: skip
        self._stop()
        house.run(DAY)
        house.tell("customer.unsubscribed", "withdrawn",
                   customer={"consent": {"email": {"status": "unsubscribed"}}})  # fmt: skip
        house.tell("order.refunded", "refund", order="refund-1")
        house.tell("order.cancelled", "cancel", order="cancel-1")
        house.tell("order.returned", "return", order="return-1")
        house.tell("ticket.opened", "ticket", ticket={"id": "t-2"})
        house.tell("ticket.opened", "dropout", ticket={"id": "t-3"})
        self._order("hold", kind="order.updated", has_open_return=True)
        house.tell("ask.low", "capped")
        visit = Unsubscribe(house.app.storage, house.app.ingest, house.app.links, house.clock)
        visit.pause(self._link("pausing"), 30)
        visit.choose(self._link("declining"), Choice(topics={"reviews": False, "offers": True}))
        house.run(DAY)
        self._go_on()
        house.tell("ask.high", "capped")
        house.tell("ask.again", "asked")
        house.tell("order.delivered", "again", order="again-1", id="told-again")
        for key in ("bounced", "complained"):
            house.tell("order.delivered", key, order=f"{key}-1")
        house.tell("text.due", "stopped")
        self.former = self._merge()
        house.run(4 * DAY)

    def _stop(self) -> None:
        """Three campaigns by hand, one by its file, one without it, most with somebody in them."""
        house = self.house
        for name in ("late", "slow", "file", "gone"):
            house.tell(f"stop.{name}", f"stop-{name}")
        for name in ("late", "slow", "look"):
            house.app.storage.hold(f"stop-{name}", "paused", house.clock.now())
        house.put(_offer("stop-file", "stop.file", _HOUR, email(max_lateness="1d"),
                         status="paused"))  # fmt: skip
        house.remove("stop-gone")
        house.reload()

    def _go_on(self) -> None:
        house = self.house
        for name in ("late", "slow", "look"):
            house.app.storage.resume(f"stop-{name}", house.clock.now())
        for name in ("file", "gone"):
            house.put(_offer(f"stop-{name}", f"stop.{name}", _HOUR, email(max_lateness="1d")))
        house.reload()
        house.app.worker.quiesce()

    def _on_the_last_day(self) -> None:
        house = self.house
        house.tell("club.join", "member")
        house.tell("club.back", "member")
        house.tell("order.delivered", "waiting", order="waiting-1")
        house.tell("wait.for", "patient")
        house.tell("halt.hand", "halted")
        house.app.storage.hold("halt-hand", "paused", house.clock.now())
        house.tell("halt.file", "halted")
        house.tell("draft.due", "halted")
        house.tell("ask.now", "night", customer={"timezone": "Asia/Tokyo"})
        house.tell("ask.now", "ranked")
        house.clock.advance_to(house.clock.now() + 5 * MINUTE)
        house.tell("ask.low", "ranked")
        house.clock.advance_to(house.clock.now() + 5 * MINUTE)
        house.tell("ask.high", "ranked")
        house.tell("ask.now", "gap")
        house.clock.advance_to(house.clock.now() + 5 * MINUTE)
        house.tell("ask.low", "gap")
        house.put(_offer("moved", "moved.due", {"id": "long", "delay": "20d"},
                         email(), email("more"), in_flight="migrate"))  # fmt: skip
        house.reload()
        house.tell("order.placed", "gone", order="gone-1")
        house.app.privacy.erase(house.id_of("gone"))
        house.clock.advance_to(house.clock.now() + HOUR - timedelta(seconds=1))

    def _order(self, key: str, kind: str = "order.delivered", **facts: Any) -> None:
        told = self.house.event(kind, key, order=f"{key}-1")
        told["order"] |= facts
        self.house.tell_all([told])

    def _message(self, key: str) -> str:
        found = [one for one in self.house.messages() if one.customer_id == self.house.id_of(key)]
        return found[-1].id

    def _receipt(self, key: str, kind: ReceiptKind, verdict: Verdict) -> None:
        receipt = Receipt(
            provider="simulated", id=f"{kind}-{key}", kind=kind, verdict=verdict,
            message_id=self._message(key), at=self.house.clock.now(),
        )  # fmt: skip
        self.house.app.receive.take([receipt])
        self.house.app.worker.quiesce()

    def _answer(self, key: str, reply: Reply) -> None:
        (journey,) = [one for one in self.house.journeys(key) if one.campaign == "doubt"]
        self._answers[ids.message_id(journey.id, "ask")] = [reply]

    def _link(self, key: str) -> str:
        return self.house.app.links.token(Purpose.UNSUBSCRIBE, self._message(key))

    def _merge(self) -> str:
        """Two who turn out to be one: the younger becomes an alias of the older."""
        before = {row[0] for row in self.house.rows("SELECT id FROM customers")}
        self.house.tell("customer.updated", "work", customer={"phone": None})
        after = {row[0] for row in self.house.rows("SELECT id FROM customers")}
        (gone,) = before - after
        return str(gone)
