"""What is said back in a call: to a customer whom we called, or who calls us."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from engine.core.message import VoiceCall
from engine.core.survey import SurveyKind

PATH: Final = "/webhooks/twilio/voice"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTurn:
    """Somebody's turn in a call. ``query`` is of the address that the provider was given.

    ``caller`` and ``called`` are the call's two numbers; ``seconds`` how long a forwarded call
    took, when it has ended, and ``answered`` whether anybody took it. ``machine``: an answering
    machine has taken the call that we made.
    """

    call_id: str
    caller: str
    called: str
    digits: str
    query: Mapping[str, str]
    seconds: int | None = None
    answered: bool = False
    machine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What somebody hears first who takes a call of ours."""

    text: str
    language: str | None
    call: VoiceCall


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReply:
    """What to do next in a call: say one of our phrases, ask for a score, offer or make a transfer.

    ``tells_end``: the end of the forwarded call is to be reported. ``is_talk``: it ends politely.
    """

    message_id: str | None = None
    opens: Opening | None = None
    locale: str | None = None
    say: Literal["thanks", "again", "closed", "goodbye"] | None = None
    ask: SurveyKind | None = None
    attempt: int = 1
    transfer: bool = False  # the call was made with the offer to be put through
    offer_transfer: bool = False
    dial: str | None = None
    tells_end: bool = False
    is_talk: bool = True


class CallReader(Protocol):
    """One provider's form of a turn, and of what is done then."""

    def read(self, headers: Mapping[str, str], body: bytes, *, target: str) -> CallTurn:
        """A proven turn. Raises ReceiptRefused."""
        ...

    def answer(self, reply: CallReply) -> tuple[str, bytes]:
        """The answer's media type and body."""
        ...
