"""A customer's turns in a call: the keys that they press, and calls that they make to us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog

from config.calling import Calls as CallPolicy
from config.policy import Policy
from engine.core.message import Content, Message, VoiceCall
from engine.core.survey import SurveyKind, answer_of, is_kind
from engine.ports.calling import CallReply, CallTurn, Opening
from engine.ports.clock import Clock
from engine.ports.storage import Storage
from engine.ports.stored import Incoming
from engine.programs.calls import line_team
from engine.services.surveys import Surveys, TooManyAnswers
from engine.services.unsubscribe import UnknownMessage
from triggers.addresses import normalise_phone
from triggers.event import CustomerFacts, Event
from triggers.sources.native import serialize

log = structlog.get_logger(__name__)

INBOUND: Final = "call.inbound"
ENDED: Final = "call.ended"
_SOURCE: Final = "twilio"
_ATTEMPTS: Final = 2
_TRANSFER: Final = "1"


class CallTurns:
    """The use case behind ``/webhooks/twilio/voice``. An answer counts when this returns."""

    def __init__(
        self,
        storage: Storage,
        surveys: Surveys,
        policy: Callable[[], Policy],
        clock: Clock,
        on_taken: Callable[[], None],
        words: Callable[[str], Content | None],
    ) -> None:
        self._storage = storage
        self._surveys = surveys
        self._policy = policy
        self._clock = clock
        self._on_taken = on_taken
        self._words = words

    def take(self, turn: CallTurn) -> CallReply:
        """What to do next. Raises ``Contended`` when the answer could not be stored."""
        message_id = turn.query.get("message_id")
        if message_id is None:
            return self._inbound(turn)
        message = self._message(message_id)
        if message is None:
            return CallReply(say="goodbye")
        if turn.query.get("opening") == "1":
            return self._opened(turn, message)
        kind = turn.query.get("kind")
        if is_kind(kind):
            return self._answered(turn, message, kind)
        return self._transferred(turn, message)

    def _opened(self, turn: CallTurn, message: Message) -> CallReply:
        """Somebody has taken a call that hangs up on machines: say what is to be said."""
        if turn.machine:
            return CallReply(is_talk=False)
        words, recording = self._words(message.id), turn.query.get("recording")
        if words is None and recording is None:
            log.warning("words_not_kept", message=message.id)
            return CallReply(locale=message.locale, say="goodbye")
        kind = turn.query.get("kind")
        call = VoiceCall(
            recording=recording,
            survey=kind if is_kind(kind) else None,
            transfer=turn.query.get("transfer") == "1",
        )
        text, language = "" if words is None else words.text, turn.query.get("language")
        opens = Opening(text=text, language=language, call=call)
        return CallReply(message_id=message.id, locale=message.locale, opens=opens)

    def _answered(self, turn: CallTurn, message: Message, kind: SurveyKind) -> CallReply:
        transfer = turn.query.get("transfer") == "1"
        score = answer_of(kind, turn.digits)
        if score is None:
            tried = turn.query.get("attempt", "1")
            attempt = int(tried) if tried.isdecimal() and len(tried) < 3 else _ATTEMPTS
            if attempt >= _ATTEMPTS:
                return CallReply(locale=message.locale, say="goodbye")
            return CallReply(
                message_id=message.id,
                locale=message.locale,
                say="again",
                ask=kind,
                attempt=attempt + 1,
                transfer=transfer,
            )
        try:
            self._surveys.answer(message.id, kind, score, how="voice")
        except (TooManyAnswers, UnknownMessage) as error:
            log.info("spoken_answer_not_kept", error=type(error).__name__)
        self._on_taken()
        return CallReply(
            message_id=message.id,
            locale=message.locale,
            say="thanks",
            transfer=transfer,
            offer_transfer=transfer and self._line() is not None,
        )

    def _transferred(self, turn: CallTurn, message: Message) -> CallReply:
        if turn.digits != _TRANSFER:
            return CallReply(locale=message.locale, say="goodbye")
        number = self._line()
        if number is None:
            return CallReply(locale=message.locale, say="closed")
        return CallReply(locale=message.locale, dial=number)

    def _line(self) -> str | None:
        """The support line, while somebody is there."""
        policy = self._policy()
        line = policy.calls.support_line
        if line is None or not line_team(line, policy.zone).is_at_work(self._clock.now()):
            return None
        return line.number

    def _message(self, message_id: str) -> Message | None:
        with self._storage.deciding(urgent=True) as unit:
            return unit.messages([message_id]).get(message_id)

    def _inbound(self, turn: CallTurn) -> CallReply:
        """Log a call to a tracking number, once, and put it through."""
        policy = self._policy()
        tracked = _tracked(policy.calls, turn.called)
        if tracked is None or not turn.call_id:
            return CallReply(say="goodbye")
        campaign, forward_to = tracked
        data: dict[str, object] = {
            "call_id": turn.call_id,
            "campaign": campaign,
            "number": turn.called,
        }
        has_ended = turn.query.get("ended") == "1"
        if has_ended:
            data |= {"seconds": turn.seconds or 0, "answered": turn.answered}
        now = self._clock.now()
        event = Event(
            id=f"{turn.call_id}:ended" if has_ended else turn.call_id,
            source=_SOURCE,
            type=ENDED if has_ended else INBOUND,
            time=now,
            customer=self._caller(turn.caller, policy),
            data=data,
        )
        body = serialize(event)
        self._storage.accept([Incoming(event=event, body=body, received_at=now)])
        self._on_taken()
        if has_ended:
            return CallReply(is_talk=False)
        return CallReply(dial=forward_to, tells_end=True)

    def _caller(self, number: str, policy: Policy) -> CustomerFacts | None:
        """Who calls, if we know the number as somebody's; a stranger becomes no customer."""
        plain = normalise_phone(number, policy.country)
        if plain is None:
            return None
        with self._storage.deciding(urgent=True) as unit:
            known = {key.kind for key in unit.holders(plain)}
        return CustomerFacts(phone=plain, phone_verified=True) if "phone" in known else None


def _tracked(policy: CallPolicy, number: str) -> tuple[str, str] | None:
    line = policy.tracking_numbers.get(number)
    return None if line is None else (line.campaign, line.forward_to)
