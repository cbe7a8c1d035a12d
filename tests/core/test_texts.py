"""What a text asks for: keywords, wishes in whatever words, and all that is neither."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from config.keywords import HELP, MORE_HELP, MORE_STOP, START, STOP, fold, folded
from engine.core.texts import Intent, Keywords, Reading, read_text

KEYWORDS = Keywords(
    stop=folded(STOP + MORE_STOP), start=folded(START), help=folded(HELP + MORE_HELP)
)
STOP_TEXTS = (
    "STOP",
    "stop",
    "Stop.",
    "  stop  ",
    "STOP!!!",
    "'stop'",
    "\u201cStop\u201d",
    "stop 🙏",
    "🛑 STOP 🛑",
    "stop stop STOP",
    "STOPALL",
    "stop all",
    "Stop-All",
    "Unsubscribe",
    "CANCEL",
    "cancel.",
    "end",
    "END",
    "Quit",
    "revoke",
    "OPTOUT",
    "opt out",
    "Opt-Out",
    "opt_out",
    "\uff33\uff34\uff2f\uff30",
    "\uff53\uff54\uff4f\uff50",
    "Stöp",
    "STÓP",
    "\u0405\u0422\u041e\u0420",
    "ARRET",
    "arrêt",
    "Arrêté",
    "STOPP",
    "Stopp!",
    "Abmelden",
    "BAJA",
    "¡Alto!",
    "s\u200btop",
    '"STOP"',
    "(stop)",
    "*STOP*",
)
START_TEXTS = (
    "START",
    "start",
    "Unstop",
    "YES",
    "yes!",
    "Yes.",
    "\uff39\uff25\uff33",
)
HELP_TEXTS = (
    "HELP",
    "help?",
    "info",
    "Info!",
    "AIDE",
    "Hilfe",
    "ayuda",
    "¿Ayuda?",
)
WISH_TEXTS = (
    "stop texting me",
    "Stop texting me!!",
    "please stop",
    "STOP please",
    "stop it",
    "stop this",
    "Stop sending me messages",
    "stop messaging",
    "pls stop",
    "Can you stop?",
    "just stop already",
    "stop. stop texting",
    "unsubscribe me",
    "please unsubscribe",
    "unsubcribe",
    "unsuscribe",
    "unsub",
    "I want to opt out",
    "opt me out",
    "take me off your list",
    "remove me",
    "remove me from your list",
    "remove my number",
    "delete my number please",
    "no more texts",
    "no more",
    "do not text me",
    "don't text me again",
    "Don't contact me",
    "dont message me anymore",
    "do not send me any more messages",
    "I don't want these texts",
    "I no longer wish to receive messages",
    "leave me alone",
    "go away",
    "not interested",
    "wrong number",
    "You have the wrong person",
    "I never signed up for this",
    "this is spam",
    "Spam",
    "quit texting me",
    "quit sending these",
    "end these messages",
    "cancel my subscription",
    "cancel these alerts",
    "please cancel",
    "Cancel it",
    "I revoke my consent",
    "I withdraw my consent",
    "why won't you stop",
    "Why don't you stop texting me",
    "you don't stop texting me",
    "I told you to stop",
    "I asked you to stop texting",
    "can't you stop",
    "fuck off",
    "lose my number",
    "stpo",
    "I will report you",
    "I'm tired of your messages",
    "do not disturb",
    "I'll sue you",
    "🛑",
    "🚫",
    "Don\u2019t text",
    "STOP\n\nSent from my phone",
    "stop at once with these messages",
    "get me off this list",
    "no more please",
    "I'm going to sue",
    "take my number off",
    "it won't stop texting me",
    "Stop! This is the third time",
    "Hör auf",
    "hören Sie bitte auf",
    "Bitte keine SMS mehr",
    "keine Nachrichten mehr",
    "bitte nicht mehr schreiben",
    "schreiben Sie mir nicht mehr",
    "Lasst mich in Ruhe",
    "Ich möchte mich abmelden",
    "bitte abmelden",
    "Abbestellen bitte",
    "Ich will keine Werbung",
    "löschen Sie meine Nummer",
    "Ich widerrufe meine Einwilligung",
    "kein Interesse",
    "Falsche Nummer",
    "stoppen",
    "arrêtez",
    "Arrêtez de m'envoyer des SMS",
    "désabonnez-moi",
    "je veux me désabonner",
    "ne m'écrivez plus",
    "Ne me contactez plus",
    "plus de messages",
    "plus de sms svp",
    "laissez-moi tranquille",
    "je ne veux plus recevoir de messages",
    "supprimez mon numéro",
    "stop pub",
    "pas intéressé",
    "désinscription",
    "darme de baja",
    "quiero darme de baja",
    "no más mensajes",
    "No mas",
    "no me escriban más",
    "dejen de enviarme mensajes",
    "deja de escribirme",
    "no quiero recibir mensajes",
    "paren",
    "bórrame de la lista",
    "no me interesa",
    "ya no quiero mensajes",
    "no me envíen más sms",
    "déjame en paz",
)
REPLY_TEXTS = (
    "please don't stop",
    "please don\u2019t stop",
    "don't stop",
    "Do not stop!",
    "never stop",
    "can't stop loving it",
    "I can't stop using it",
    "I couldn't stop smiling",
    "non-stop",
    "It plays non-stop",
    "Can I stop by tomorrow?",
    "I'll stop by at 5",
    "stop by tomorrow?",
    "it stopped working",
    "The light stopped",
    "stopped working",
    "it stops working after an hour",
    "when does it end",
    "When does the sale end?",
    "at the end of the month",
    "yes please",
    "Yes I love it",
    "yes, 2 of them",
    "no",
    "No thanks",
    "no thank you",
    "cancel my order",
    "I want to cancel my order",
    "please cancel the order",
    "Can you cancel my delivery?",
    "my order was cancelled",
    "how do I cancel order 1001",
    "thanks!",
    "Thank you so much",
    "where is my parcel?",
    "9",
    "10",
    "10/10",
    "great tea",
    "👍",
    "❤️",
    "",
    "   ",
    "how can I get help with my order",
    "more info please",
    "is it in stock?",
    "I quit smoking",
    "the bus stop is closed",
    "the weekend was great",
    "we started it yesterday",
    "when do you start?",
    "I need help",
    "who is this?",
    "what is this?",
    "call me please",
    "I love your messages",
    "Thanks for the text",
    "got your message",
    "don't unsubscribe me",
    "please don't cancel",
    "I don't want to unsubscribe",
    "Bitte nicht aufhören",
    "hört bitte nicht auf",
    "Danke!",
    "Wo ist mein Paket?",
    "Wann endet die Aktion?",
    "Ich möchte meine Bestellung stornieren",
    "Bestellung stornieren bitte",
    "Das Gerät hört auf zu laden",
    "ja gerne",
    "Super Tee",
    "n'arrêtez pas",
    "n\u2019arr\u00eatez pas s\u2019il vous pla\u00eet",
    "je l'utilise sans arrêt",
    "Merci beaucoup",
    "où est mon colis ?",
    "annuler ma commande",
    "quand finit la promo ?",
    "oui merci",
    "un arrêt de bus",
    "no paren",
    "no dejen de escribir",
    "sin parar",
    "gracias",
    "¿dónde está mi pedido?",
    "quiero cancelar mi pedido",
    "¿cuándo termina?",
    "sí, por favor",
    "no puedo parar de usarlo",
    "para mi madre",
    "la calidad es baja",
    "es muy alto",
    "no more questions",
    "Hi, it is Sue",
    "please remove the item from my cart",
    "I never asked for a refund",
    "we stop over in Paris",
    "is there a last stop shop",
    "it wont stop raining here",
    "tell me more",
    "when will you restart",
    "my address is 5 End Road",
    "Endless fun!",
    "Quito",
    "cancellation policy?",
    "I cannot cancel my order myself",
    "the cup arrived broken, please help",
    "where do I find the info",
)
TABLE = [
    (text, intent)
    for intent, texts in (
        (Intent.STOP, STOP_TEXTS),
        (Intent.START, START_TEXTS),
        (Intent.HELP, HELP_TEXTS),
        (Intent.WISH, WISH_TEXTS),
        (Intent.REPLY, REPLY_TEXTS),
    )
    for text in texts
]
EVERY_KEYWORD = sorted(KEYWORDS.stop | KEYWORDS.start | KEYWORDS.help)
AROUND = st.text(
    st.sampled_from(" \t\n.,!?*\"'()[]-_\u201c\u2019\u00a1\U0001f64f\u2764\ufe0f\u200b"), max_size=6
)


def intent_of(text: str) -> Intent:
    return read_text(text, KEYWORDS).intent


@pytest.mark.parametrize(("text", "intent"), TABLE)
def test_what_people_write(text: str, intent: Intent) -> None:
    assert intent_of(text) is intent


def test_the_table_is_large_enough_to_mean_something() -> None:
    assert len(TABLE) == len({text for text, _ in TABLE}) >= 250


@given(st.sampled_from(EVERY_KEYWORD), AROUND, AROUND, st.data())
def test_a_keyword_counts_however_it_is_dressed(
    word: str, before: str, after: str, data: st.DataObject
) -> None:
    """Case, width, accents, punctuation, quotes and emoji around it change nothing."""
    expected = read_text(word, KEYWORDS)
    assert expected == Reading(expected.intent, word.upper())
    changes = st.sampled_from((str.upper, str.lower, full_width, accented))
    dressed = "".join(data.draw(changes)(letter) for letter in word)
    assert read_text(before + dressed + after, KEYWORDS) == expected


@given(st.sampled_from([text for text, _ in TABLE]))
def test_capitals_and_full_width_say_the_same(text: str) -> None:
    assert intent_of(text.upper()) is intent_of(text)
    assert intent_of(full_width(text)) is intent_of(text)
    assert intent_of(unicodedata.normalize("NFD", text)) is intent_of(text)


@given(st.text())
@example("\u00b4t")
def test_folding_is_final(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(max_size=300))
def test_every_text_can_be_read(text: str) -> None:
    assert (read_text(text, KEYWORDS).word is None) is (
        intent_of(text) in (Intent.WISH, Intent.REPLY)
    )


@given(st.sampled_from(WISH_TEXTS), st.sampled_from(("Hello. ", "Thanks, but ", "Hi there! ")))
def test_politeness_does_not_hide_a_wish(text: str, opening: str) -> None:
    if fold(text):  # a sign alone is read as a sign
        assert intent_of(opening + text) is Intent.WISH


def full_width(text: str) -> str:
    return "".join(chr(ord(one) + 0xFEE0) if "!" <= one <= "~" else one for one in text)


def accented(letter: str) -> str:
    return unicodedata.normalize("NFC", letter + "\u0301") if letter.isalpha() else letter
