"""The words of the review page, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewWording:
    """Sentences to fill in ``{brand}``, ``{support}`` and ``{product}``.

    ``stars`` are the labels of 1 to 5 stars.
    """

    heading: str
    ask: str
    stars_legend: str
    stars: tuple[str, str, str, str, str]
    text_label: str
    send: str
    thanks_heading: str
    thanks: str
    change: str
    nothing_heading: str
    nothing: str
    no_stars: str
    broken_heading: str
    broken: str
    busy_heading: str
    busy: str


_ENGLISH: Final = ReviewWording(
    heading="How do you like it?",
    ask="Good or bad: an honest review helps others choose. {brand} gets it as you write it.",
    stars_legend="Stars",
    stars=("1, bad", "2, poor", "3, fair", "4, good", "5, very good"),
    text_label="In your words, if you like",
    send="Send review",
    thanks_heading="Thank you",
    thanks="{brand} has your review.",
    change="You can change it here at any time; the newest counts.",
    nothing_heading="Nothing to review here",
    nothing="There is nothing of this order left to review. If that surprises you, write to"
    " {support}.",
    no_stars="Please choose at least one star for what you want to review.",
    broken_heading="This link does not work",
    broken="It may have been cut off, or it is too old. Please open the link in the message once"
    " more, or write to {support}.",
    busy_heading="That did not work just now",
    busy="Please try once more in a minute. If it fails again, write to {support}.",
)
_GERMAN: Final = ReviewWording(
    heading="Wie gefällt es Ihnen?",
    ask="Gut oder schlecht: Eine ehrliche Bewertung hilft anderen bei der Wahl. {brand} erhält sie"
    " so, wie Sie sie schreiben.",
    stars_legend="Sterne",
    stars=("1, schlecht", "2, mäßig", "3, mittel", "4, gut", "5, sehr gut"),
    text_label="In Ihren Worten, wenn Sie mögen",
    send="Bewertung senden",
    thanks_heading="Vielen Dank",
    thanks="Ihre Bewertung ist bei {brand} angekommen.",
    change="Sie können sie hier jederzeit ändern; die neueste zählt.",
    nothing_heading="Hier gibt es nichts zu bewerten",
    nothing="Von dieser Bestellung ist nichts mehr zu bewerten. Falls Sie das überrascht, schreiben"
    " Sie an {support}.",
    no_stars="Bitte wählen Sie mindestens einen Stern für das, was Sie bewerten möchten.",
    broken_heading="Dieser Link funktioniert nicht",
    broken="Vielleicht wurde er abgeschnitten, oder er ist zu alt. Öffnen Sie den Link in der"
    " Nachricht bitte noch einmal, oder schreiben Sie an {support}.",
    busy_heading="Das hat gerade nicht geklappt",
    busy="Bitte versuchen Sie es in einer Minute noch einmal. Klappt es wieder nicht, schreiben Sie"
    " an {support}.",
)

REVIEW_LANGUAGES: Final[Mapping[str, ReviewWording]] = {"en": _ENGLISH, "de": _GERMAN}
