"""Words that, as a whole text message, ask for no more texts, for texts again, or for help. Pure.

Twilio's own list is in ``STOP``, ``START`` and ``HELP``; it acts on these words by itself and
then tells us, so they cannot be taken away here. Sources:

- https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out and Twilio's help article
  223134027, "Twilio support for opt-out keywords": STOP, UNSUBSCRIBE, END, QUIT, STOPALL, REVOKE,
  OPTOUT, CANCEL; START, YES, UNSTOP; HELP, INFO.
- 47 CFR 64.1200(a)(10), since 11 April 2025: "stop", "quit", "end", "revoke", "opt out", "cancel"
  and "unsubscribe" in reply to a text revoke consent by themselves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

STOP: Final = (
    "STOP",
    "STOPALL",
    "STOP ALL",
    "UNSUBSCRIBE",
    "CANCEL",
    "END",
    "QUIT",
    "REVOKE",
    "OPTOUT",
    "OPT OUT",
)
START: Final = ("START", "UNSTOP", "YES")
HELP: Final = ("HELP", "INFO")

# Unless the shop says otherwise. ARRET and AIDE: mandatory in Canada (CWTA, "Canadian Common Short
# Code Application Guidelines"); ARRETE: Twilio's list of words for Proxy. The German and Spanish
# ones are the plain words of the language for it; no authority prescribes any.
MORE_STOP: Final = ("ARRET", "ARRETE", "STOPP", "ABMELDEN", "BAJA", "ALTO")
MORE_HELP: Final = ("AIDE", "HILFE", "AYUDA")

# Letters of other alphabets that look like Latin ones; a keyboard left in another language, or a
# copied text, has them.
_LOOKALIKES: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0442\u0443\u0445\u043a\u043c"
    "\u043d\u0432\u0456\u0455\u0458\u0501\u0261\u03bf\u03b1\u03b5"
    "\u03c1\u03c4\u03c5\u03c7\u03b9\u03ba\u0475",
    "aeopctyxkmhbisjdgoaeptyxikv",
)
_APOSTROPHES: Final = dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u00b4`\u2032\uff07"), "'")
# "don't" is one word; "n'arretez" and "s'il" are two.
_ELISION: Final = re.compile(r"(?<=[a-z])'(?=(?:t|s|re|ve|ll|m|d)\b)")
_WORD: Final = re.compile(r"[^\W_]+")
_LATIN: Final = re.compile(r"[a-z]")


def fold(text: str) -> str:
    """The words of a text in one plain form, with single spaces between.

    Compatibility forms (full width, ligatures) become plain letters (Unicode NFKC), case and
    accents go, and so do punctuation, quotes, emoji and invisible characters. Two texts that a
    person would read as the same word fold to the same.
    """
    text = unicodedata.normalize("NFKC", text.translate(_APOSTROPHES)).casefold()
    text = "".join(
        one
        for one in unicodedata.normalize("NFKD", text)
        if unicodedata.category(one) not in ("Mn", "Me", "Cf")
    )
    text = _ELISION.sub("", unicodedata.normalize("NFKC", text))
    return " ".join(_latin(word) for word in _WORD.findall(text))


def _latin(word: str) -> str:
    """A word that can be read as Latin letters, as these; any other as it is."""
    read = word.translate(_LOOKALIKES)
    return read if read.isascii() and _LATIN.search(read) else word


def folded(words: Iterable[str]) -> frozenset[str]:
    """Each word as ``fold`` makes it."""
    return frozenset(fold(word) for word in words)
