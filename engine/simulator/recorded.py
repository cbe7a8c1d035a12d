"""What customers really did with messages, so that it happens again when the messages go out again.

A history tells of it by events of our own that name their message: receipts, answers, reviews,
opt-outs and preferences; and by texts, which name the message that they reply to. What came of a
call that a person was asked for is told likewise, and named by its task.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from engine.core.asking import CALLED, NOT_REACHED
from engine.core.identity import OWN_SOURCE
from engine.core.message import Message
from engine.core.preferences import CHANGED
from engine.core.receipt import Receipt, ReceiptKind, Verdict
from engine.core.reviewing import SUBMITTED
from engine.core.survey import ANSWERED
from engine.core.texts import InboundText
from engine.programs.referral_records import CLAIMED, DECIDED, VIEWED
from engine.providers.twilio_codes import verdict_of
from engine.services.receive import WITHDRAWN
from triggers.event import Event

Part = Literal["told", "reaction", "echo"]
"""What an event is to a simulation: something to be told, a reaction to a message of ours, or
something that the simulation will tell by itself."""

_REPLIED: Final = "message.replied"
_RECEIPTS: Final[Mapping[str, ReceiptKind]] = {
    "message.sent": ReceiptKind.SENT,
    "message.delivered": ReceiptKind.DELIVERED,
    "message.opened": ReceiptKind.OPENED,
    "message.clicked": ReceiptKind.CLICKED,
    "message.bounced": ReceiptKind.BOUNCED,
    "message.failed": ReceiptKind.FAILED,
    "message.complained": ReceiptKind.COMPLAINED,
}
_REACTIONS: Final = frozenset({*_RECEIPTS, ANSWERED, SUBMITTED, CHANGED})
_CONSENTS: Final = frozenset({"customer.subscribed", "customer.unsubscribed"})
_BY_LINK: Final = frozenset({"subscribed", "unsubscribed", "withdrawn"})
_BY_TEXT: Final = frozenset({"start", "stop"})
_CALLS: Final = frozenset({CALLED, NOT_REACHED})
# Told by people through us, whatever was sent.
_BY_THEMSELVES: Final = frozenset({"points.redeem", "points.adjust", CLAIMED, DECIDED, VIEWED})
_ON_ITS_WAY: Final = frozenset({"message.sent", "message.delivered"})
_SOONEST: Final = timedelta(minutes=2)  # when nobody knows how long it took
# What the report calls it.
DEEDS: Final[Mapping[str, str]] = {
    "message.opened": "open",
    "message.clicked": "click",
    "message.complained": "complain",
    "customer.unsubscribed": "unsubscribe",
    _REPLIED: "reply",
    ANSWERED: "answer",
    SUBMITTED: "review",
    CALLED: "call",
    NOT_REACHED: "call",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """Something that was done with a message, or about a call task: the event that told of it, and
    when that came in.

    ``verdict``: what it said of the address, by the receipt of that ``name``.
    """

    at: datetime
    event: Event
    verdict: Verdict = Verdict.NOTHING
    name: tuple[str, str] | None = None  # provider, and its id of the receipt

    @property
    def deed(self) -> str | None:
        """What the report calls it; None for what only a provider or a machine has done."""
        if self.event.data.get("machine") is True:
            return None
        return DEEDS.get(self.event.type)

    @property
    def call(self) -> str | None:
        """The call task that it closed; None for what was done with a message."""
        return _about(self.event) if self.event.type in _CALLS else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recollection:
    """What became of messages that really went out, and of calls that people were asked for.

    ``sent`` is when each was, where that is known, and ``done`` what was done with them, in the
    order in which it came in. ``unasked`` are texts that replied to nothing.
    """

    sent: Mapping[str, datetime] = field(default_factory=dict)
    done: Mapping[str, Sequence[Done]] = field(default_factory=dict)
    unasked: Sequence[Done] = ()

    @property
    def tells(self) -> bool:
        """Whether anything at all was done with messages."""
        return bool(self.done or self.unasked)

    def knows(self, key: str) -> bool:
        """Whether the message really went out, so that silence is known to be silence; or whether
        somebody was really asked for the call."""
        return key in self.sent or key in self.done

    def again(self, key: str, sent: datetime) -> list[tuple[datetime, Done]]:
        """When what was done with a message or a call is done again, now that it is ``sent`` then.

        As long after it as it really was; where nobody knows how long, at the same time as then.
        """
        began = self.sent.get(key)
        return [
            (
                max(one.at, sent + _SOONEST)
                if began is None
                else sent + max(one.at - began, timedelta()),
                one,
            )
            for one in self.done.get(key, ())
        ]


NOTHING: Final = Recollection()


def part_of(event: Event) -> Part:
    """What an event of a history is to a simulation of it."""
    if event.source != OWN_SOURCE:
        return "reaction" if _is_text(event) else "told"
    if event.type in _BY_THEMSELVES:
        return "told"
    if event.type in _CONSENTS:
        if event.id.partition(":")[0] in _BY_TEXT:
            return "echo"  # of the text, which says it again
        return "reaction" if _about(event) and _is_by_link(event) else "told"
    if event.type in _CALLS and _about(event):
        return "reaction"
    if event.type in _REACTIONS and not event.causes and _about(event):
        return "echo" if event.data.get("how") == "sms" else "reaction"
    return "echo"


def divide(
    reactions: Sequence[Done],
    sent: Mapping[str, datetime],
    previewed: Mapping[str, datetime],
    since: datetime,
) -> tuple[list[Done], Recollection]:
    """Reactions to what went out before a moment, which are history, and what became of the rest.

    ``sent`` is when messages went out, and ``previewed`` when those did that nobody got, unless
    somebody followed a link of theirs; of others it is what their reactions tell.
    """
    touched = {_about(one.event) for one in reactions}
    known = {
        **_began(reactions),
        **{key: at for key, at in previewed.items() if key in touched},
        **sent,
    }
    former: list[Done] = []
    present: list[Done] = []
    for one in reactions:
        went = known.get(_about(one.event) or "", one.at)
        (former if went < since else present).append(one)
    return former, _recollect(present, {key: at for key, at in known.items() if at >= since})


def _began(reactions: Iterable[Done]) -> dict[str, datetime]:
    """When messages went out by what was told of them; those of which nothing says so left out."""
    found: dict[str, datetime] = {}
    for one in reactions:
        message = _about(one.event)
        if message and one.event.type in _ON_ITS_WAY:
            at = one.event.time
            found[message] = min(at, found.get(message, at))
    return found


def _recollect(reactions: Iterable[Done], sent: Mapping[str, datetime]) -> Recollection:
    """Reactions by what they are about, in the order of their arrival."""
    done: dict[str, list[Done]] = {}
    withdrawn: dict[str, list[Done]] = {}
    unasked: list[Done] = []
    for one in sorted(reactions, key=lambda one: one.at):
        about = _about(one.event)
        if not about:
            unasked.append(one)
        elif one.event.id.startswith("withdrawn:"):
            withdrawn.setdefault(about, []).append(one)
        else:
            done.setdefault(about, []).append(one)
    for message, told in withdrawn.items():
        _with_verdicts(done.setdefault(message, []), told)
    return Recollection(sent=sent, done=done, unasked=tuple(unasked))


def _with_verdicts(done: list[Done], withdrawn: Iterable[Done]) -> None:
    """A permission that a receipt withdrew goes back to that receipt: one told two things."""
    for one in withdrawn:
        provider, _, key = one.event.id.split(":", 2)[2].partition(":")
        whole = replace(one, verdict=_verdict_told(one.event), name=(provider, key))
        places = [
            place
            for place, other in enumerate(done)
            if (other.at, other.event.time) == (one.at, one.event.time)
            and other.event.type in _RECEIPTS
            and other.event.type not in _ON_ITS_WAY
        ]
        if places:
            done[places[0]] = replace(whole, event=done[places[0]].event)
        else:
            done.append(whole)
    done.sort(key=lambda one: one.at)


def _verdict_told(event: Event) -> Verdict:
    facts = event.customer
    proofs = [each.proof or "" for each in facts.consent.values()] if facts else []
    for verdict, words in WITHDRAWN.items():
        if any(proof.startswith(words) for proof in proofs):
            return verdict
    return Verdict.UNWANTED


def receipt_of(one: Done, message: Message, by: timedelta) -> Receipt | None:
    """The receipt that a reaction was, ``by`` so much later; None for what was none."""
    event = one.event
    kind = _RECEIPTS.get(event.type)
    if kind is None:
        if one.name is None:
            return None
        kind = ReceiptKind.UNSUBSCRIBED
    data, verdict = event.data, one.verdict
    error = data.get("error_code")
    if verdict is Verdict.NOTHING and kind in (ReceiptKind.BOUNCED, ReceiptKind.FAILED):
        verdict = Verdict.DEAD if data.get("permanent") is True else verdict_of(error)
    provider, key = one.name or _name(event)
    return Receipt(
        provider=provider,
        id=key,
        kind=kind,
        message_id=message.id,
        at=event.time + by,
        error_code=error,
        reason=data.get("reason"),
        url=data.get("url"),
        machine=data.get("machine") is True,
        verdict=verdict,
    )


def text_of(one: Done) -> InboundText | None:
    """The text that a reaction was; None for what was none, or from nobody."""
    event = one.event
    if event.type != _REPLIED or event.customer is None or event.customer.phone is None:
        return None
    return InboundText(
        provider=event.source,
        id=event.id,
        sender=event.customer.phone,
        recipient="",
        text=str(event.data.get("text") or ""),
        at=event.time,
        media=int(event.data.get("media") or 0),
    )


def shifted(event: Event, by: timedelta) -> Event:
    """The same, ``by`` so much later."""
    if not by:
        return event
    facts, data = event.customer, event.data
    if facts is not None and facts.consent:
        consent = {
            channel: replace(told, at=told.at + by if told.at else None)
            for channel, told in facts.consent.items()
        }
        facts = replace(facts, consent=consent)
    until = data.get("paused_until")
    if isinstance(until, str):
        data = {**data, "paused_until": (datetime.fromisoformat(until) + by).isoformat()}
    return replace(event, time=event.time + by, customer=facts, data=data)


def _about(event: Event) -> str | None:
    """The id of the message, or of the call task, that an event is about."""
    found = event.data.get("call_id" if event.type in _CALLS else "message_id")
    return found if isinstance(found, str) else None


def _is_text(event: Event) -> bool:
    """Whether it is a text as ``engine.services.replies`` keeps it."""
    return event.type == _REPLIED and "keyword" in event.data and "flagged" in event.data


def _is_by_link(event: Event) -> bool:
    return event.id.partition(":")[0] in _BY_LINK


def _name(event: Event) -> tuple[str, str]:
    """Provider and id of the receipt, which the ids of repeated events end with."""
    parts = event.id.split(":", 3)
    return (parts[2], parts[3]) if len(parts) == 4 else ("recorded", event.id)
