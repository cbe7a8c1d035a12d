"""Answers to surveys: by the page behind a link, by SMS, by keypad.

An answer is an event of our own, stored and processed in one transaction: when the caller is told,
the journey that asked knows. It takes the place of an earlier one to the same question, which the
book keeps.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from engine.core.answers import ANSWERS
from engine.core.book import Record
from engine.core.message import Message
from engine.core.survey import ANSWERED, SurveyKind, comment_of, is_on_scale
from engine.core.world import World
from engine.links import BadToken, Links, Purpose, Question
from engine.ports.clock import Clock
from engine.ports.decisions import Decisions
from engine.ports.storage import UnitOfWork
from engine.programs.surveys import MOST_ANSWERS, answers_of, product_ids
from engine.services.batch import OWN_SOURCE, order_reference, ticket_reference
from engine.services.unsubscribe import Ingest, UnknownMessage, take_at_once
from triggers.event import CustomerFacts, Event

How = Literal["page", "sms", "voice"]
About = Literal["order", "ticket", "shop"]

_INSTANT: Final = timedelta(microseconds=1)


class OffScale(ValueError):
    """A score that this kind of survey does not offer."""


class TooManyAnswers(Exception):
    """The answer has been changed so often that it stays what it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyView:
    """What a survey's page shows.

    ``score`` is to be chosen already: the link's own, else that of the answer on record, which is
    ``answered``. ``about`` is what the question is about.
    """

    kind: SurveyKind
    score: int | None
    answered: int | None
    comment: str | None
    about: About
    locale: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The message that asked, the answer on record, and the products that it is about."""

    message: Message
    held: Record | None
    products: list[str]


class Surveys:
    """The use case behind ``/s/`` links; calls and texts use ``answer`` and ``answer_event``."""

    def __init__(self, storage: Decisions, ingest: Ingest, links: Links, clock: Clock) -> None:
        self._storage = storage
        self._ingest = ingest
        self._links = links
        self._clock = clock

    def read(self, token: str) -> SurveyView:
        """What the link asks; changes nothing. Raises BadToken or UnknownMessage."""
        message_id, question = self._open(token)
        return _view(self._find(message_id), question)

    def submit(self, token: str, score: int, comment: str | None) -> SurveyView:
        """Answer by the page behind a link; done when this returns.

        Raises BadToken, and what ``answer`` raises.
        """
        message_id, question = self._open(token)
        told = self.answer(message_id, question.kind, score, comment=comment, how="page")
        return _view(told, Question(question.kind))

    def answer(
        self,
        message_id: str,
        kind: SurveyKind,
        score: int,
        *,
        comment: str | None = None,
        how: How,
    ) -> Asked:
        """Record the answer to what a message asked; done when this returns.

        The same answer again changes nothing. Raises OffScale, TooManyAnswers, UnknownMessage or
        Contended.
        """
        if not is_on_scale(kind, score):
            raise OffScale(f"{kind} has no score {score}")
        asked, comment = self._find(message_id), comment_of(comment)
        held = asked.held
        if held is not None:
            if (held.data["score"], held.data["comment"]) == (score, comment):
                return asked
            if len(answers_of(held)) >= MOST_ANSWERS:
                raise TooManyAnswers("this answer was changed too often")
        now = self._clock.now()
        take_at_once(self._ingest, [answer_event(asked, kind, score, comment, how, now)], now)
        told = self._find(message_id)
        if told.held is None:
            raise RuntimeError("the answer was not recorded")
        return told

    def _open(self, token: str) -> tuple[str, Question]:
        found = self._links.read(Purpose.SURVEY, token, now=self._clock.now())
        if found.question is None:
            raise BadToken("this link is not valid")
        return found.message_id, found.question

    def _find(self, message_id: str) -> Asked:
        now = self._clock.now()
        with self._storage.deciding(urgent=True) as unit:
            message = unit.messages([message_id]).get(message_id)
            if message is None or message.recipient is None:
                raise UnknownMessage("the message is not on record any more")
            world = _load(unit, message, now)
        if world is None:
            raise UnknownMessage("the customer is not on record any more")
        return asked_of(message, world)


def asked_of(message: Message, world: World) -> Asked:
    """What is on record of a message's question, in its customer's world with the answers."""
    return Asked(
        message=message,
        held=world.books.get((ANSWERS, message.id)),
        products=product_ids(world, message.order_id),
    )


def answer_event(
    asked: Asked, kind: SurveyKind, score: int, comment: str | None, how: How, now: datetime
) -> Event:
    """The answer as campaigns hear of it, later than the one that it replaces.

    Its id names that one, so that a form sent twice is one answer.
    """
    message, held = asked.message, asked.held
    at = now if held is None else max(now, held.at + _INSTANT)
    replaces = "none" if held is None else held.at.strftime("%Y%m%dT%H%M%S.%fZ")
    said = f"{kind}:{score}:{comment or ''}"
    digest = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
    return Event(
        id=f"answer:{message.id}:{replaces}:{digest}",
        source=OWN_SOURCE,
        type=ANSWERED,
        time=at,
        customer=CustomerFacts(id=message.customer_id),
        order=order_reference(message.order_id),
        ticket=ticket_reference(message.ticket_id),
        data={
            "kind": kind,
            "score": score,
            "comment": comment,
            "message_id": message.id,
            "campaign": message.campaign,
            "journey": message.journey_id,
            "step": message.step,
            "product_ids": asked.products,
            "how": how,
            "changed": held is not None,
        },
    )


def _load(unit: UnitOfWork, message: Message, now: datetime) -> World | None:
    unit.open_books({ANSWERS})
    orders = {message.order_id} if message.order_id else set()
    customer = message.customer_id
    return unit.load([customer], now=now, order_ids=orders).get(customer)


def _view(asked: Asked, question: Question) -> SurveyView:
    held, message = asked.held, asked.message
    answered = None if held is None else int(held.data["score"])
    about: About = "shop"
    if message.ticket_id is not None:
        about = "ticket"
    elif message.order_id is not None:
        about = "order"
    return SurveyView(
        kind=question.kind,
        score=answered if question.score is None else question.score,
        answered=answered,
        comment=None if held is None else held.data["comment"],
        about=about,
        locale=message.locale,
    )
