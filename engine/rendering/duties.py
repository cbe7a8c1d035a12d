"""What messages must hold, looked for in a template's rendering for the sample customer.

An unsubscribe link and a postal address in email: 15 U.S.C. 7704(a)(5) (CAN-SPAM). A way to opt out
in texts: CTIA, Messaging Principles and Best Practices, "Opt-Out". Who can be asked, and when, in
every email: Directive 2000/31/EC, Article 5(1)(c), and because an answer is what support is for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Final, Literal

from config import keywords
from engine.core.message import Content
from engine.ports.rendering import Lack
from engine.rendering.sample import SAMPLE_CONTEXT

Part = Literal["html", "text", "sms"]

_SPACE: Final = re.compile(r"\s+")
# Not all of them: END and CANCEL stand in many a text that nobody can answer.
_WORDS: Final = ("STOP", "UNSUBSCRIBE", "OPTOUT")
_STOP: Final = re.compile(rf"\b(?:{'|'.join(map(re.escape, (*_WORDS, *keywords.MORE_STOP)))})\b")
_STEERS: Final = re.compile(
    r"\b(?:positive|good|great|glowing|(?:5|five)[- ]star)\s+reviews?\b"
    r"|\b(?:positive|gute|tolle|(?:5|fünf)-Sterne)[- ]Bewertung"
    r"|\b(?:give|leave|geben|schenken)\b[^.!?\n]{0,30}\b(?:5|five|fünf)[- ](?:stars|Sterne)\b",
    re.IGNORECASE,
)


def lacks_of(
    channel: str,
    locale: str,
    content: Content,
    shop: Mapping[str, object],
    file_of: Callable[[Part], str],
) -> Iterator[Lack]:
    """What the sample's rendering on one channel in one language does not have.

    ``file_of`` tells the file that frames a part.
    """
    if channel not in ("email", "sms"):
        return
    links = [link for link in SAMPLE_CONTEXT["links"].values() if link]
    text: Part = "sms" if channel == "sms" else "text"
    parts: dict[Part, str] = {text: content.text}
    if content.html is not None:
        parts["html"] = content.html
    for part, said in parts.items():
        lack = partial(Lack, part=part, locale=locale, file=file_of(part))
        if _STEERS.search(said):
            yield lack(what="neutrality")
        is_linked = any(link in said for link in links)
        if part == "sms":
            if not (is_linked or _STOP.search(said)):
                yield lack(what="opt_out")
            continue
        if not is_linked:
            yield lack(what="unsubscribe")
        if not _shows(said, shop["postal_address"]):
            yield lack(what="postal_address")
        if not (_shows(said, shop["support_email"]) or _shows(said, shop["support_phone"])):
            yield lack(what="support")
        elif shop["support_hours"] and not _shows(said, shop["support_hours"]):
            yield lack(what="support_hours")


def _shows(said: str, wanted: object) -> bool:
    return isinstance(wanted, str) and _plain(wanted) in _plain(said)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", text.replace("&amp;", "&").replace("&#39;", "'")).strip()
