"""A receipt: what a provider reports of a message it took, in words that all providers share."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from engine.core.value import value_class


class ReceiptKind(StrEnum):
    """What happened to a message, as its provider tells it.

    SendGrid's and Twilio's own words fall together where they say the same. Whatever they say,
    a receipt that carries our id proves that the provider had the message.
    """

    QUEUED = "queued"  # taken, not yet on its way; SendGrid: processed
    DEFERRED = "deferred"  # the receiving side asked to wait; the provider tries again
    SENT = "sent"  # on its way to the carrier
    DROPPED = "dropped"  # the provider itself did not send it
    FAILED = "failed"  # it could not be sent
    DELIVERED = "delivered"
    BOUNCED = "bounced"  # the receiving side did not take it; Twilio: undelivered
    OPENED = "opened"
    CLICKED = "clicked"
    UNSUBSCRIBED = "unsubscribed"
    COMPLAINED = "complained"  # reported as spam
    OTHER = "other"  # kept, and changes nothing but doubt


class Verdict(StrEnum):
    """What a receipt says of the address itself, beside the one message."""

    NOTHING = "nothing"
    DEAD = "dead"  # a hard bounce: of no use any more, for any purpose
    STOPPED = "stopped"  # the carrier lets nothing through since the person said STOP
    REPORTED = "reported"  # as spam: no more marketing
    UNWANTED = "unwanted"  # unsubscribed: no more marketing until it is permitted again


@value_class
class Receipt:
    """One report about one message of ours.

    ``id`` is unique within ``provider``, so a report that comes twice is one. ``at`` is when it
    happened, as the provider says. ``machine``: a scanner or a privacy proxy did it, not a person.
    ``raw`` is the provider's own JSON, as it came.
    """

    provider: str
    id: str
    kind: ReceiptKind
    message_id: str
    at: datetime
    provider_message_id: str | None = None
    error_code: str | None = None
    reason: str | None = None  # plain words, no personal data
    url: str | None = None
    user_agent: str | None = None
    machine: bool = False
    verdict: Verdict = Verdict.NOTHING
    looked_up: bool = False  # told on our asking
    raw: str = "{}"
