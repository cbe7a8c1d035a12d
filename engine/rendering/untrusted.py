"""Values that strangers can write, made harmless where escaping is not enough."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_SPACES = re.compile(r"\s+")
# Bidirectional overrides and isolates can make a harmless text look like another.
_UNSEEN = r"\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
_INVISIBLE = re.compile(rf"[{_UNSEEN}]+")
# In an address one of them is the mark of the filter ``untracked``, which is taken out later.
_INVISIBLE_IN_ADDRESS = re.compile(rf"(?!\u2063)[{_UNSEEN}]")
# What browsers take for a dot, colon, slash or at-sign: the full stops of IDNA (UTS #46, section
# 2.3) and all that compatibility normalisation (UAX #15, NFKC) turns into one of them.
_DOTS = r".\u2024\u3002\ufe52\uff0e\uff61"
_COLONS = r":\u2236\ufe13\ufe55\uff1a"
_SLASHES = r"/\\\u2044\u2215\u29f5\u29f8\ufe68\uff0f\uff3c"
_ATS = r"@\ufe6b\uff20"
_SUSPECT = re.compile(rf"[{_DOTS}{_COLONS}{_SLASHES}{_ATS}{_UNSEEN}\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SCHEME = re.compile(rf"\b[a-z][a-z0-9+.-]*\s*[{_COLONS}][{_SLASHES}]+", re.IGNORECASE)
_WWW = re.compile(rf"\bwww\d*[{_DOTS}]", re.IGNORECASE)
# A dot of a host name or an IPv4 address; initials such as "J.R." keep theirs.
_DOT = re.compile(rf"(?<=[^\W_])[{_DOTS}]+(?=[^\W_]{{2}}|\d|xn--)", re.IGNORECASE)
_JOINERS = re.compile(rf"[{_COLONS}{_SLASHES}{_ATS}]+")
_NAME_LENGTH = 100

# RFC 3986 section 3.1; everything up to the first of ":/?#" decides whether there is a scheme.
_HAS_SCHEME = re.compile(r"[^:/?#]*:")
_ALLOWED = re.compile(r"(?:https?://|mailto:|tel:)", re.IGNORECASE)
_USUAL = re.compile(r"https?://[!-~]*")  # nothing to take out, nothing to ask


def one_line(text: str) -> str:
    """``text`` for a header: line breaks and control characters collapsed to one space.

    A line break in a subject would begin another header (RFC 5322 section 2.2).
    """
    # Of what is printable only the space is one.
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACES.sub(" ", _CONTROL.sub(" ", text)).strip()


def defuse_name(name: str) -> str:
    """A person's name or a ticket's subject without anything that a mail program makes a link of.

    Someone who signs up as "Click http://evil.example now" with a stranger's address would else
    have the shop mail that stranger a link. Schemes, dots inside host names, slashes, colons and
    at-signs give way to spaces; ordinary names ("J.R. O'Neill-Smith jr.") stay as they are.
    """
    if len(name) <= _NAME_LENGTH and not _SUSPECT.search(name):
        return name
    text = _INVISIBLE.sub("", one_line(name))
    text = _WWW.sub(" ", _SCHEME.sub(" ", text))
    text = _JOINERS.sub(" ", _DOT.sub(" ", text))
    return _SPACES.sub(" ", text).strip()[:_NAME_LENGTH].rstrip()


def safe_url(value: object) -> str:
    """``value`` as the beginning of a link or image address; empty when it must not be one.

    Only ``http``, ``https``, ``mailto`` and ``tel`` may be named (no ``javascript:``, ``data:``);
    an address without a scheme stays. Control characters and spaces, which browsers skip or trim
    (WHATWG URL standard, basic URL parser), are taken out first.
    """
    if value is None:
        return ""
    if type(value) is str and _USUAL.fullmatch(value):
        return value
    text = _SPACES.sub("", _CONTROL.sub("", _INVISIBLE_IN_ADDRESS.sub("", str(value))))
    if _HAS_SCHEME.match(text) and not _ALLOWED.match(text):
        return ""
    return text
