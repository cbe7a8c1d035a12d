"""The words of the public pages, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from engine.core.message import Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Sentences to fill in ``{brand}``, ``{address}``, ``{way}``, ``{support}`` and others."""

    way: Mapping[Channel, str]
    channel: Mapping[Channel, str]
    ask_heading: str
    ask: str
    kept: str
    ask_button: str
    done_heading: str
    done: str
    undo: str
    undo_button: str
    back_heading: str
    back: str
    choose_heading: str
    topics_legend: str
    channels_heading: str
    channels_legend: str
    save_button: str
    saved: str
    pause_heading: str
    pause: str
    pause_button: str
    paused_heading: str
    paused: str
    paused_notice: str
    resume_button: str
    resumed: str
    fixed: str  # an undo that is not possible
    broken_heading: str
    broken: str
    busy_heading: str
    busy: str


ENGLISH: Final = Wording(
    way={"email": "by email", "sms": "by text message", "voice": "by phone"},
    channel={"email": "Email", "sms": "Text messages", "voice": "Phone calls"},
    ask_heading="Unsubscribe?",
    ask="Offers, surveys and news from {brand} will no longer reach {address} {way}.",
    kept="You still get messages about your orders, such as delivery news.",
    ask_button="Unsubscribe",
    done_heading="You are unsubscribed",
    done="Offers, surveys and news from {brand} no longer reach {address} {way}.",
    undo="Was that a mistake? You can take it back.",
    undo_button="Subscribe again",
    back_heading="You are subscribed again",
    back="{brand} may send offers, surveys and news to {address} {way}. You can unsubscribe at any"
    " time.",
    choose_heading="Or choose what you like",
    topics_legend="What {brand} may send to {address} {way}:",
    channels_heading="Your other channels",
    channels_legend="Other ways in which {brand} reaches you:",
    save_button="Save choices",
    saved="Your choices are saved.",
    pause_heading="Or take a break",
    pause="Hear nothing but news of your orders {way} for a while.",
    pause_button="{days} days",
    paused_heading="You are taking a break",
    paused="Until {date} only news of your orders reaches {address} {way}.",
    paused_notice="Paused until {date}.",
    resume_button="End the break",
    resumed="The break is over.",
    fixed="This page can only take back what was unsubscribed on it. To subscribe, please use the"
    " shop’s own form.",
    broken_heading="This link does not work",
    broken="It may have been cut off, or it belongs to a message that is no longer on record."
    " Please open the link in the message once more, or write to {support}: we will take you off"
    " the list.",
    busy_heading="That did not work just now",
    busy="Please try once more in a minute. If it fails again, write to {support}: we will take"
    " you off the list.",
)

GERMAN: Final = Wording(
    way={"email": "per E-Mail", "sms": "per SMS", "voice": "per Telefon"},
    channel={"email": "E-Mail", "sms": "SMS", "voice": "Anrufe"},
    ask_heading="Abmelden?",
    ask="Angebote, Umfragen und Neuigkeiten von {brand} gehen dann nicht mehr {way} an {address}.",
    kept="Was Ihre Bestellungen betrifft, etwa Nachrichten zur Lieferung, erhalten Sie weiterhin.",
    ask_button="Abmelden",
    done_heading="Sie sind abgemeldet",
    done="Angebote, Umfragen und Neuigkeiten von {brand} gehen nicht mehr {way} an {address}.",
    undo="War das ein Versehen? Sie können es rückgängig machen.",
    undo_button="Wieder anmelden",
    back_heading="Sie sind wieder angemeldet",
    back="{brand} darf {address} wieder {way} Angebote, Umfragen und Neuigkeiten senden. Sie können"
    " sich jederzeit abmelden.",
    choose_heading="Oder wählen Sie aus",
    topics_legend="Was {brand} {way} an {address} senden darf:",
    channels_heading="Ihre anderen Kanäle",
    channels_legend="Wie {brand} Sie sonst noch erreicht:",
    save_button="Auswahl speichern",
    saved="Ihre Auswahl ist gespeichert.",
    pause_heading="Oder machen Sie Pause",
    pause="Eine Zeit lang {way} nur noch Nachrichten zu Ihren Bestellungen.",
    pause_button="{days} Tage",
    paused_heading="Sie machen Pause",
    paused="Bis {date} gehen {way} nur Nachrichten zu Ihren Bestellungen an {address}.",
    paused_notice="Pause bis {date}.",
    resume_button="Pause beenden",
    resumed="Die Pause ist beendet.",
    fixed="Auf dieser Seite lässt sich nur zurücknehmen, was hier abgemeldet wurde. Zum Anmelden"
    " nutzen Sie bitte das Formular des Shops.",
    broken_heading="Dieser Link funktioniert nicht",
    broken="Vielleicht wurde er abgeschnitten, oder er gehört zu einer Nachricht, die nicht mehr"
    " gespeichert ist. Öffnen Sie den Link in der Nachricht bitte noch einmal, oder schreiben Sie"
    " an {support}: Wir nehmen Sie von der Liste.",
    busy_heading="Das hat gerade nicht geklappt",
    busy="Bitte versuchen Sie es in einer Minute noch einmal. Klappt es wieder nicht, schreiben Sie"
    " an {support}: Wir nehmen Sie von der Liste.",
)

LANGUAGES: Final[Mapping[str, Wording]] = {"en": ENGLISH, "de": GERMAN}


def choose(accepted: str | None, *locales: str | None) -> str:
    """The language for a reader: what the browser asks for, else the first locale we have.

    ``accepted`` is an Accept-Language header (RFC 9110, 12.5.4). English when nothing fits.
    """
    for wish in (*_by_preference(accepted or ""), *locales):
        language = (wish or "").replace("_", "-").partition("-")[0].lower()
        if language in LANGUAGES:
            return language
    return "en"


def _by_preference(header: str) -> list[str]:
    wishes: list[tuple[float, str]] = []
    for part in header[:500].split(","):
        tag, _, parameter = part.partition(";")
        name, _, weight = parameter.strip().partition("=")
        try:
            quality = float(weight) if name == "q" else 1.0
        except ValueError:
            continue
        if quality > 0:
            wishes.append((quality, tag.strip()))
    wishes.sort(key=lambda wish: -wish[0])
    return [tag for _, tag in wishes]
