"""The program of surveys: keeps every answer, with those that it replaced.

Answers of our own name the message that asked; one from outside, a survey tool's for instance,
stands by itself, unless it names journey and step. They may come in any order: the one given last
holds, and the book ends the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from engine.core import ids
from engine.core.answers import ANSWERS
from engine.core.book import Record
from engine.core.context import Context, Taken
from engine.core.survey import ANSWERED, comment_of, score_told
from engine.core.transition import Transition
from engine.core.verbs import ProgramStep
from engine.core.world import Journey, World

MOST_ANSWERS: Final = 20  # to one question: it is answered, not typed at

_ANSWER: Final = ("at", "score", "comment", "how")
_ABOUT: Final = ("campaign", "journey", "step", "survey_id")


@dataclass(frozen=True, slots=True)
class Surveys:
    """``engine.programs.program.Program``; every shop has it, since answers may come from outside.

    A record's ``data``: kind, score, comment and ``how`` (page, sms, voice, or None from outside)
    of the answer that holds; ``history`` of those before it, oldest first; and what was asked about
    (campaign, journey, step, message, order, ticket, products).
    """

    @property
    def books(self) -> frozenset[str]:
        """``answers``."""
        return frozenset({ANSWERS})

    @property
    def follows(self) -> frozenset[str]:
        """Answers."""
        return frozenset({ANSWERED})

    def follow(
        self, world: World, transition: Transition, context: Context, *, backfill: bool
    ) -> None:
        """Keep an answer; one that is on no scale is left to the campaigns that hear of it."""
        told = score_told(transition.data)
        if told is None:
            return
        kind, score = told
        data = transition.data
        message = message_asked(data)
        key = message or transition.id
        held = world.books.get((ANSWERS, key))
        given = {
            "at": transition.time.isoformat(),
            "score": score,
            "comment": comment_of(data.get("comment")),
            "how": data.get("how"),
        }
        answers = _in_order([*([] if held is None else answers_of(held)), given])
        last = answers.pop()
        about: Mapping[str, Any] = held.data if held is not None else {
            **{name: data.get(name) for name in _ABOUT},
            "message": message,
            "order": transition.order_id,
            "ticket": transition.ticket_id,
            "products": data.get("product_ids") or product_ids(world, transition.order_id),
        }  # fmt: skip
        world.write(
            Record(
                book=ANSWERS,
                key=key,
                at=datetime.fromisoformat(last["at"]),
                data={**about, "kind": kind, **_without_time(last), "history": answers},
            )
        )

    def on_due(self, world: World, record: Record, context: Context) -> None:
        """Answers never fall due."""
        raise RuntimeError("an answer has no due time")

    def take(
        self, world: World, journey: Journey, step: ProgramStep, context: Context
    ) -> Taken | None:
        """Asking is a message's affair (``core.asking``), not a program's step."""
        return None


def answers_of(record: Record) -> list[dict[str, Any]]:
    """Every answer that a record holds, oldest first; the last one counts."""
    last = {name: record.data.get(name) for name in _ANSWER}
    return [*record.data.get("history", ()), {**last, "at": record.at.isoformat()}]


def message_asked(data: Mapping[str, Any]) -> str | None:
    """The message that an answer is to; None when the event names none."""
    message, journey, step = (data.get(name) for name in ("message_id", "journey", "step"))
    if message:
        return str(message)
    return ids.message_id(str(journey), str(step)) if journey and step else None


def product_ids(world: World, order_id: str | None) -> list[str]:
    """The products of an order, each once, as its lines stand."""
    order = None if order_id is None else world.orders.get(order_id)
    lines = [] if order is None else order.lines.values()
    return list(dict.fromkeys(line.product_id for line in lines if line.product_id))


def _in_order(answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    told = {(one["at"], one["score"], one["comment"] or "", one["how"] or ""): one
            for one in answers}  # fmt: skip
    return [told[key] for key in sorted(told, key=_moment)][-MOST_ANSWERS:]


def _moment(key: tuple[str, int, str, str]) -> tuple[datetime, int, str, str]:
    return datetime.fromisoformat(key[0]), *key[1:]


def _without_time(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "at"}
