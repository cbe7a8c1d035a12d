"""Whether two people look like one: addresses, telephone numbers and names in a common form.

Sources: Gmail ignores dots in the part before the @ and knows ``googlemail.com`` as itself
(support.google.com/mail/answer/7436150); what follows a ``+`` is a tag of the mailbox's owner
(RFC 5233, "Sieve Email Filtering: Subaddress Extension"). The distance of names is V. Levenshtein's
(Soviet Physics Doklady 10, 1966), divided by the length of the longer one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})
# Where a dash sets off the tag instead (help.yahoo.com, "disposable addresses").
_DASHED: Final = frozenset({"yahoo.com", "ymail.com", "rocketmail.com"})
# Their owners give the same mailbox several domains.
_SAME_HOUSE: Final = {
    "googlemail.com": "gmail.com",
    "me.com": "icloud.com",
    "mac.com": "icloud.com",
    "pm.me": "proton.me",
    "protonmail.com": "proton.me",
}
_NOT_LETTERS: Final = re.compile(r"[^0-9a-z]+")
# How streets are abbreviated; both forms become the short one.
_STREETS: Final = {
    "street": "st", "avenue": "ave", "road": "rd", "boulevard": "blvd", "drive": "dr",
    "lane": "ln", "court": "ct", "place": "pl", "square": "sq", "apartment": "apt",
    "strasse": "str", "platz": "pl", "north": "n", "south": "s", "east": "e", "west": "w",
}  # fmt: skip
_JOINED: Final = re.compile(r"(?<=[a-z])str(?:asse)?\b")

# Services that lend an address for minutes; a shop adds its own (``disposable_domains``).
DISPOSABLE: Final = frozenset({
    "10minutemail.com", "10minutemail.net", "20minutemail.com", "33mail.com", "burnermail.io",
    "discard.email", "dispostable.com", "emailondeck.com", "fakeinbox.com", "getairmail.com",
    "getnada.com", "grr.la", "guerrillamail.biz", "guerrillamail.com", "guerrillamail.de",
    "guerrillamail.info", "guerrillamail.net", "guerrillamail.org", "inboxkitten.com",
    "mailcatch.com", "maildrop.cc", "mailinator.com", "mailinator.net", "mailnesia.com",
    "minuteinbox.com", "mintemail.com", "moakt.com", "mohmal.com", "mytemp.email", "nada.email",
    "sharklasers.com", "spam4.me", "spamgourmet.com", "temp-mail.io", "temp-mail.org",
    "tempail.com", "tempmail.com", "tempmail.net", "tempmailo.com", "tempr.email",
    "throwawaymail.com", "trash-mail.com", "trashmail.com", "trashmail.de", "trashmail.net",
    "wegwerfmail.de", "yopmail.com", "yopmail.fr", "yopmail.net",
})  # fmt: skip


def mailbox(email: str) -> str:
    """The mailbox that an address leads to, however it is spelled."""
    local, _, domain = email.strip().lower().rpartition("@")
    domain = _SAME_HOUSE.get(domain, domain)
    local = local.partition("+")[0] or local
    if domain in _GMAIL:
        local = local.replace(".", "")
    elif domain in _DASHED:
        local = local.partition("-")[0] or local
    return f"{local}@{domain}"


def is_disposable(email: str, more: Iterable[str] = ()) -> bool:
    """Whether the address is of a service that lends them for minutes, or of a host below one."""
    parts = email.strip().lower().rpartition("@")[2].split(".")
    known = DISPOSABLE.union(more)
    return any(".".join(parts[at:]) in known for at in range(len(parts) - 1))


def plain(text: str | None) -> str:
    """Letters and digits alone, without accents, in lower case, words apart by one space."""
    lowered = (text or "").casefold().replace("ß", "ss")
    bare = "".join(
        c for c in unicodedata.normalize("NFKD", lowered) if not unicodedata.combining(c)
    )
    return _NOT_LETTERS.sub(" ", bare).strip()


def street_line(text: str | None) -> str:
    """A street and house number with the usual words in their short form."""
    words = _JOINED.sub(" str", plain(text)).split()
    return " ".join(_STREETS.get(word, word) for word in words)


def similarity(one: str, other: str) -> float:
    """1 for the same text, 0 for texts that share nothing."""
    if not one or not other:
        return 0.0
    return 1.0 - _distance(one, other) / max(len(one), len(other))


def _distance(one: str, other: str) -> int:
    one, other = one[:100], other[:100]
    before = list(range(len(other) + 1))
    for row, left in enumerate(one, 1):
        line = [row]
        for column, right in enumerate(other, 1):
            line.append(min(before[column] + 1, line[-1] + 1, before[column - 1] + (left != right)))
        before = line
    return before[-1]
