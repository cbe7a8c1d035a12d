"""What the engine asks of those who carry its messages: providers, and the hand-over to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.core.message import Channel, Outgoing, SendResult
from engine.core.receipt import Receipt
from engine.core.texts import InboundText
from triggers.event import Rejected


class Provider(Protocol):
    """One way to a customer: takes a rendered message and says what became of it."""

    @property
    def name(self) -> str:
        """The provider's name in the message log: ``preview``, ``sendgrid``, ``twilio``."""

    @property
    def channel(self) -> Channel:
        """The channel it serves; one object serves one."""

    async def open(self) -> None:
        """Make ready inside the running event loop. Opening twice is opening once."""

    async def close(self) -> None:
        """Let connections go. A closed provider may be opened again."""

    async def send(self, outgoing: Outgoing) -> SendResult:
        """Hand one message over, once.

        Trouble with the provider is never raised: every failure is classed as an
        ``Outcome``. Only cancellation leaves by exception, and then the message is in doubt.
        """


class ReceiptRefused(Exception):
    """A request that is not proven to come from the provider. ``reason`` is safe to show."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptReading:
    """What a proven request holds. ``foreign`` counts reports of messages that are not ours.

    ``rejected`` is a body that could not be understood, to be kept.
    """

    receipts: Sequence[Receipt] = ()
    foreign: int = 0
    rejected: Rejected | None = None


class ReceiptReader(Protocol):
    """Turns one provider's requests into receipts. It does no I/O and keeps no state."""

    @property
    def name(self) -> str:
        """The provider's name, as in the message log and in ``/receipts/{name}``."""

    def read(
        self, headers: Mapping[str, str], body: bytes, *, target: str, now: datetime
    ) -> ReceiptReading:
        """The receipts of one request; ``target`` is its path with the query, as it was sent.

        Raises ReceiptRefused unless the provider's signature proves every byte.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class TextReading:
    """What a proven request holds: a customer's text, or a body that could not be understood."""

    text: InboundText | None = None
    rejected: Rejected | None = None


class TextReader(Protocol):
    """Turns one provider's requests into texts, and answers into its format. Keeps no state."""

    @property
    def name(self) -> str:
        """The provider's name, as in ``/webhooks/{name}``."""

    def read(
        self, headers: Mapping[str, str], body: bytes, *, target: str, now: datetime
    ) -> TextReading:
        """The text of one request; ``target`` is its path with the query, as it was sent.

        Raises ReceiptRefused unless the provider's signature proves every byte.
        """

    def answer(self, text: str | None) -> tuple[str, bytes]:
        """The media type and body that have ``text`` sent back; None sends nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """A message in doubt, as its provider would know it. ``since`` is when it was made ready."""

    message_id: str
    to: str
    subject: str | None
    text: str | None  # None: what was sent is not kept
    since: datetime
    until: datetime  # it was handed over before then
    known: frozenset[str] = frozenset()  # the provider's ids that belong to other messages
    sender: str | None = None  # of a call: the number that it came from


class LookUpUnavailable(Exception):
    """The provider cannot be asked, now or with this account. ``reason`` is safe to log."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


class LookUp(Protocol):
    """Asks a provider what became of a message whose hand-over had no clear answer."""

    @property
    def name(self) -> str:
        """The provider's name in the message log."""

    async def find(self, sought: Sequence[Sought]) -> Sequence[Receipt]:
        """A receipt for each message that the provider certainly has.

        None for the others: that a provider lists no such message does not prove that it has none.
        Raises LookUpUnavailable.
        """


class Handover(Protocol):
    """Hands messages over beside the caller's own work and keeps count of those in doubt.

    Every method may be called from any thread. A message takes a slot when it is submitted
    and frees it when its result has been collected, not sooner: until the result is recorded
    a crash leaves the message in doubt, and doubt must never exceed the number of slots.
    """

    def start(self) -> None:
        """Open the providers. Raises what they raise."""

    def submit(self, outgoings: Sequence[Outgoing]) -> None:
        """Take messages to hand over; returns at once.

        Raises ``ValueError``, and takes none of them, when they are more than ``free()`` or
        one of them is in doubt already; ``RuntimeError`` when not started or stopped.
        """

    def collect(self) -> list[SendResult]:
        """The results since the last call, in the order in which they came."""

    def free(self) -> int:
        """Slots free: all of them less those submitted and not yet collected."""

    def room(self, channel: Channel, sender: str) -> int:
        """How many of this sender's messages would leave within a second; at most ``free()``.

        Submitting more than that is allowed, but they would hold slots while they wait for
        the rate limit, and other senders could not use those.
        """

    def is_ready(self) -> bool:
        """Whether messages can be handed over; not while what calls the providers is made anew."""

    def wait(self, timeout: float) -> None:
        """Return when a result is ready, or after ``timeout`` seconds."""

    def drain(self, timeout: float) -> list[SendResult]:
        """Wait up to ``timeout`` seconds for all that was submitted; the results."""

    def stop(self) -> None:
        """Stop at once and close the providers; stopping twice is stopping once.

        Messages not yet given to a provider come out of ``collect`` as ``RETRY``, those under
        way as ``UNKNOWN``.
        """
