"""The words of a survey's page, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.core.survey import SurveyKind
from engine.services.surveys import About


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyWording:
    """Sentences to fill in ``{brand}``, ``{score}``, ``{highest}`` and ``{support}``."""

    heading: str
    questions: Mapping[SurveyKind, Mapping[About, str]]
    comment: str
    comment_hint: str
    send: str
    missing: str
    thanks_heading: str
    thanks: str
    change_heading: str
    change: str
    change_button: str
    answered: str
    fixed_heading: str
    fixed: str
    over_heading: str
    over: str
    busy_heading: str
    busy: str


ENGLISH: Final = SurveyWording(
    heading="What do you think?",
    questions={
        "csat": {
            "order": "How satisfied are you with your order?",
            "ticket": "How satisfied are you with the help that you got?",
            "shop": "How satisfied are you with {brand}?",
        },
        "nps": dict.fromkeys(
            ("order", "ticket", "shop"),
            "How likely are you to recommend {brand} to a friend or colleague?",
        ),
        "ces": {
            "order": "“{brand} made it easy to order.” How much do you agree?",
            "ticket": "“{brand} made it easy to get help.” How much do you agree?",
            "shop": "“{brand} made it easy for me.” How much do you agree?",
        },
    },
    comment="Why is that? (optional)",
    comment_hint="A word or two helps us to do better.",
    send="Send answer",
    missing="Please choose a number first.",
    thanks_heading="Thank you!",
    thanks="Your answer, {score} of {highest}, has reached {brand}.",
    change_heading="Changed your mind?",
    change="Your newest answer is the one that counts.",
    change_button="Change answer",
    answered="Your answer so far: {score} of {highest}. You can still change it.",
    fixed_heading="Your answer is on record",
    fixed="It has been changed many times and now stays as it is. To tell us more, write to"
    " {support}.",
    over_heading="This link does not work any more",
    over="It may have been cut off, or the survey is over. Your opinion is welcome all the same:"
    " write to {support}.",
    busy_heading="That did not work just now",
    busy="Your answer was not saved. Please try once more in a minute, or write to {support}.",
)

GERMAN: Final = SurveyWording(
    heading="Was meinen Sie?",
    questions={
        "csat": {
            "order": "Wie zufrieden sind Sie mit Ihrer Bestellung?",
            "ticket": "Wie zufrieden sind Sie mit der Hilfe, die Sie bekommen haben?",
            "shop": "Wie zufrieden sind Sie mit {brand}?",
        },
        "nps": dict.fromkeys(
            ("order", "ticket", "shop"),
            "Wie wahrscheinlich ist es, dass Sie {brand} im Freundes- oder Kollegenkreis"
            " weiterempfehlen?",
        ),
        "ces": {
            "order": "„{brand} hat mir das Bestellen leicht gemacht.“ Stimmen Sie zu?",
            "ticket": "„{brand} hat es mir leicht gemacht, Hilfe zu bekommen.“ Stimmen Sie zu?",
            "shop": "„{brand} hat es mir leicht gemacht.“ Stimmen Sie zu?",
        },
    },
    comment="Warum? (freiwillig)",
    comment_hint="Ein, zwei Worte helfen uns, besser zu werden.",
    send="Antwort senden",
    missing="Bitte wählen Sie zuerst eine Zahl.",
    thanks_heading="Vielen Dank!",
    thanks="Ihre Antwort, {score} von {highest}, ist bei {brand} angekommen.",
    change_heading="Doch anders?",
    change="Es zählt immer Ihre neueste Antwort.",
    change_button="Antwort ändern",
    answered="Ihre Antwort bisher: {score} von {highest}. Sie können sie noch ändern.",
    fixed_heading="Ihre Antwort ist gespeichert",
    fixed="Sie wurde oft geändert und bleibt nun, wie sie ist. Möchten Sie uns mehr sagen?"
    " Schreiben Sie an {support}.",
    over_heading="Dieser Link funktioniert nicht mehr",
    over="Vielleicht wurde er abgeschnitten, oder die Umfrage ist vorbei. Ihre Meinung ist uns"
    " trotzdem willkommen: Schreiben Sie an {support}.",
    busy_heading="Das hat gerade nicht geklappt",
    busy="Ihre Antwort wurde nicht gespeichert. Bitte versuchen Sie es in einer Minute noch"
    " einmal, oder schreiben Sie an {support}.",
)

SURVEY_LANGUAGES: Final = {"en": ENGLISH, "de": GERMAN}
