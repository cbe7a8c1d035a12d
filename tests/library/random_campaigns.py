"""Random campaigns that use the shop's programs, over the library's templates and policy."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

_TRIGGERS = ("order.placed", "order.placed", "order.delivered", "order.delivered", "order.refunded",
             "survey.answered", "review.submitted", "coupon.redeemed", "call.completed",
             "tier.reached", "ticket.solved")  # fmt: skip
_FILTERS = ("customer.points > 50", "customer.points_pending > 0", "customer.orders_count > 1",
            "customer.email_consent", "customer.open_tickets == 0")  # fmt: skip
_DELAYS = st.sampled_from(["10m", "7h", "1d", "3d"])
_TIMEOUTS = st.sampled_from(["2h", "1d", "3d"])
_SELDOM = st.sampled_from([False, False, False, True])
Steps = list[dict[str, Any]]


class _Writer:
    """Draws steps; each has an id of its own."""

    def __init__(self, draw: st.DrawFn, *, about_order: bool) -> None:
        self._draw = draw
        self._about_order = about_order
        self._number = 0
        self._has_gift = False

    def steps(self) -> Steps:
        found: Steps = []
        verbs = ["coupon", "points", "referral", "mail", "mail", "delay", "delay"]
        if self._about_order:
            verbs += ["review", "review", "points_for_order", "call", "survey", "wait"]
        for verb in self._draw(st.lists(st.sampled_from(verbs), min_size=1, max_size=5)):
            found += getattr(self, f"_{verb}")()
        return found

    def _name(self) -> str:
        self._number += 1
        return f"s{self._number}"

    def _coupon(self) -> Steps:
        if self._has_gift:  # the template reads the step of this name
            return []
        self._has_gift = True
        offer = {"template": "win_back_offer", "coupon": "gift"}
        return [{"id": "gift", "issue_coupon": "welcome_back"},
                {"id": self._name(), "if": "gift.issued", "send_email": offer}]  # fmt: skip

    def _points(self) -> Steps:
        points = self._draw(st.sampled_from([5, 60, 700]))
        return [{"id": self._name(), "award_points": {"points": points, "reason": "welcome"}}]

    def _points_for_order(self) -> Steps:
        share = {"points": 2, "per": "1.00", "reason": "welcome"}
        return [{"id": self._name(), "award_points": share}]

    def _call(self) -> Steps:
        call, after = self._name(), self._name()
        task = {"queue": "support", "within": "1d", "script": "check_in",
                "timeout": self._draw(_TIMEOUTS)}  # fmt: skip
        return [{"id": call, "assign_call": task},
                {"id": after, "if": f"{call}.no_answer", "send_email": "call_missed"}]  # fmt: skip

    def _survey(self) -> Steps:
        ask, mail = self._name(), self._name()
        kind, template, least = self._draw(
            st.sampled_from([("nps", "nps_ask", 9), ("csat", "satisfaction_ask", 4)])
        )
        asking = {"kind": kind, "template": template, "timeout": self._draw(_TIMEOUTS)}
        return [
            {"id": ask, "ask_survey": asking},
            {"id": mail, "if": f"{ask}.score >= {least}", "send_email": "nps_promoter"},
        ]

    def _review(self) -> Steps:
        ask, again = self._name(), self._name()
        asking = {"template": "review_request", "timeout": self._draw(_TIMEOUTS)}
        channel = self._draw(st.sampled_from(["sms", "email"]))
        reminder = {"template": "review_reminder", "channel": channel}
        return [{"id": ask, "ask_review": asking},
                {"id": again, "if": f"!{ask}.reviewed", "ask_review": reminder}]  # fmt: skip

    def _referral(self) -> Steps:
        asking = {"program": "friends", "template": "referral_invite"}
        return [{"id": self._name(), "ask_referral": asking}]

    def _mail(self) -> Steps:
        return [{"id": self._name(), "send_email": {"template": "win_back", "max_lateness": "3d"}}]

    def _delay(self) -> Steps:
        until = {"until": "10:00"} if self._draw(st.booleans()) else {}
        return [{"id": self._name(), "delay": {"for": self._draw(_DELAYS), **until}}]

    def _wait(self) -> Steps:
        event = self._draw(st.sampled_from(["order.delivered", "review.submitted"]))
        wait = {"event": event, "timeout": self._draw(_TIMEOUTS)}
        return [{"id": self._name(), "wait_for": wait}]


@st.composite
def campaigns(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """A live campaign that ``check`` has nothing against."""
    event = draw(st.sampled_from(_TRIGGERS))
    about_order = event.startswith("order.")
    trigger: dict[str, Any] = {"event": event}
    if draw(_SELDOM):
        trigger["filter"] = draw(st.sampled_from(_FILTERS))
    key = "order.id" if about_order and draw(st.booleans()) else "customer.id"
    again = draw(st.sampled_from(["always", "never", {"after": "3d"}]))
    written: dict[str, Any] = {
        "version": 1, "id": name, "stage": "retention", "status": "live", "purpose": "marketing",
        "priority": draw(st.sampled_from([10, 50, 90])), "trigger": trigger,
        "entry": {"key": key, "re_entry": again},
        "steps": _Writer(draw, about_order=key == "order.id").steps(),
    }  # fmt: skip
    if draw(_SELDOM):
        written["profile_filter"] = draw(st.sampled_from(_FILTERS))
    if draw(_SELDOM):
        written["hold_while"] = "customer.open_tickets > 0"
    if draw(_SELDOM):
        written["exit_on"] = [draw(st.sampled_from(["order.refunded", "review.submitted"]))]
    if draw(_SELDOM):
        written["volume_limit"] = f"{draw(st.integers(1, 6))}/d"
    return written
