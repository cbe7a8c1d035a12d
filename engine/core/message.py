"""A message: one intent to contact a customer, sent or not, and its row in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final, Literal

from engine.core.receipt import Verdict
from engine.core.survey import SurveyKind
from engine.core.value import value_class

Channel = Literal["email", "sms", "voice"]
Purpose = Literal["marketing", "transactional"]


class MessageStatus(StrEnum):
    """Where a message stands. ``unknown`` is doubt: handed over, answer never seen."""

    SCHEDULED = "scheduled"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"
    CANCELLED = "cancelled"


# Statuses that hold a slot of the frequency cap: sent, perhaps sent, or about to be.
COUNTED = frozenset(
    {
        MessageStatus.SCHEDULED,
        MessageStatus.SENDING,
        MessageStatus.SENT,
        MessageStatus.DELIVERED,
        MessageStatus.UNKNOWN,
    }
)

OTHERS_FIRST: Final = "first_asks_first"
FROZEN: Final = "frozen"

# Reasons for which a message waits without a slot: it must not stand in the way of those that may
# go before it, or of other campaigns for as long as its own is paused.
SLOTLESS: Final = frozenset({OTHERS_FIRST, FROZEN})


@dataclass(slots=True, kw_only=True)
class Message:
    """One row of the message log.

    ``id`` derives from (journey, step), so a step can never make two. ``attempts`` counts
    hand-overs to the provider. ``cost`` is in the shop's currency where the provider tells it.
    """

    id: str
    campaign: str
    revision: str
    journey_id: str
    step: str
    purpose: Purpose
    channel: Channel
    customer_id: str
    entry_key: str
    template: str
    status: MessageStatus
    created_at: datetime
    send_at: datetime
    due_at: datetime  # when the step fell due; lateness counts from here
    expires_at: datetime  # due_at + max_lateness: later than this it is skipped
    recipient: str | None = None
    order_id: str | None = None
    ticket_id: str | None = None
    variant: str | None = None
    locale: str | None = None
    provider: str | None = None
    sender: str | None = None
    subject: str | None = None
    reason: str | None = None
    error_code: str | None = None
    attempts: int = 0
    cost: Decimal | None = None
    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    opened_at: datetime | None = None
    clicked_at: datetime | None = None
    provider_message_id: str | None = None
    topic: str | None = None  # of its campaign, as it was when the message was made
    owner: str | None = None  # the worker whose hand-over is under way, while ``sending``

    @property
    def counts_at(self) -> datetime:
        """When it counts against the caps.

        A provider may tell of it by a clock that is behind ours: it was not handed over before it
        was due.
        """
        sent, due = self.sent_at, self.send_at
        return due if sent is None or sent < due else sent


@value_class
class Content:
    """What was really sent: the rendered parts. SMS has only ``text``."""

    subject: str | None = None
    html: str | None = None
    text: str
    segments: int | None = None  # SMS segments
    language: str | None = None  # of what is spoken in a call; not kept


OnMachine = Literal["speak", "hang_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceCall:
    """What a call does besides saying its words.

    ``recording`` (an https address) is played in their place; ``survey`` is asked by keypad;
    ``transfer`` offers to put the customer through to the shop's support line. ``on_machine``: it
    is found out whether an answering machine takes the call, which is then spoken to after its
    signal or hung up on; None does not look, and speaks to whoever answers.
    """

    recording: str | None = None
    survey: SurveyKind | None = None
    transfer: bool = False
    on_machine: OnMachine | None = None


@value_class
class Outgoing:
    """A message as a provider gets it: rendered, addressed, with the headers that it needs."""

    message_id: str
    channel: Channel
    purpose: Purpose
    campaign: str
    to: str
    to_name: str | None
    sender: str  # email: address; SMS: E.164 number or messaging-service id
    sender_name: str | None
    reply_to: str | None
    content: Content
    unsubscribe_url: str | None = None  # RFC 8058: List-Unsubscribe and List-Unsubscribe-Post
    provider_clicks: bool = False  # the provider is to track clicks
    call: VoiceCall | None = None


class Outcome(StrEnum):
    """What became of one hand-over (DESIGN: failures classed by what the provider can know)."""

    ACCEPTED = "accepted"  # the provider has it
    RETRY = "retry"  # surely not accepted: not connected, 429, 503
    REJECTED = "rejected"  # permanent: other 4xx
    UNKNOWN = "unknown"  # the request was written and no clear answer came


@value_class
class SendResult:
    """A provider's answer, normalised."""

    message_id: str
    outcome: Outcome
    at: datetime
    provider_message_id: str | None = None
    error_code: str | None = None  # the provider's own code, or http_<status>, connect, timeout
    reason: str | None = None  # plain words, no personal data
    retry_after: float | None = None  # seconds, when the provider said so
    cost: Decimal | None = None
    verdict: Verdict = Verdict.NOTHING  # what the answer says of the address itself
    handed_over: bool = True  # False: the provider was never asked, so no attempt was made
