"""An email as bytes: MIME by the standard library, the same bytes for the same message.

Nothing of a message can add a header, a part or a command: names and subjects lose their line
breaks, addresses must be plain ones, and the boundary follows from the content. Headers are
encoded before they are set, since the newer interface (``EmailMessage``) takes ten times as long.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from datetime import datetime
from email.header import Header
from email.message import Message
from email.policy import compat32
from email.utils import format_datetime
from typing import Final

from engine.core.message import Outgoing
from engine.providers.header_text import header_line

# RFC 5322, section 3.2.3: the dot-atom, which is all that shops and customers really use.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_ID = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")
_LINK = re.compile(r"https?://[!-;=?-~]+")  # printable ASCII without < and >
_NAME_LIMIT: Final = 200  # characters of a display name; more is not a name
_SUBJECT_LIMIT: Final = 900
_LINE_LIMIT: Final = 998  # octets, RFC 5322, section 2.1.1
# Headers are folded when they are set; the generator must not fold links.
_POLICY: Final = compat32.clone(linesep="\r\n", max_line_length=0)


def plain_address(address: str) -> str:
    """The address as SMTP takes it everywhere, its domain in ASCII (RFC 5890).

    Raises ``ValueError`` for one that is not a dot-atom at a domain.
    """
    local, at, domain = address.rpartition("@")
    if not domain.isascii():
        domain = domain.encode("idna").decode("ascii")  # UnicodeError is a ValueError
    if not at or _LOCAL.fullmatch(local) is None or _DOMAIN.fullmatch(domain) is None:
        raise ValueError("not an address that can be mailed")
    if len(local) > 64 or len(domain) > 253:  # RFC 5321, section 4.5.3.1
        raise ValueError("an address that is too long")
    return f"{local}@{domain}"


def message_id(outgoing: Outgoing) -> str:
    """The ``Message-ID`` without its angle brackets: our id at the sender's domain.

    Raises ``ValueError`` for an id that does not fit into one.
    """
    if _ID.fullmatch(outgoing.message_id) is None or len(outgoing.message_id) > _NAME_LIMIT:
        raise ValueError("the id does not fit into a Message-ID")
    return f"{outgoing.message_id}@{plain_address(outgoing.sender).rpartition('@')[2]}"


def mime(outgoing: Outgoing, now: datetime) -> bytes:
    """The whole message in ASCII, with CRLF at the end of each line; ``now`` is its ``Date``.

    Text and HTML are alternatives in UTF-8. ``List-Unsubscribe`` and ``List-Unsubscribe-Post`` as
    RFC 8058 wants them. Raises ``ValueError`` for what cannot be expressed: a lone surrogate, an
    address that is none, a link with a line break.
    """
    content = outgoing.content
    text = _part("plain", content.text)
    if content.html:
        mail = Message(policy=_POLICY)
        mail["Content-Type"] = f'multipart/alternative; boundary="{_boundary(outgoing)}"'
        mail.attach(text)
        mail.attach(_part("html", content.html))
    else:
        mail = text
    mail["MIME-Version"] = "1.0"
    mail["Message-ID"] = f"<{message_id(outgoing)}>"
    mail["Date"] = format_datetime(now)
    mail["From"] = _mailbox("From", outgoing.sender, outgoing.sender_name)
    mail["To"] = _mailbox("To", outgoing.to, outgoing.to_name)
    if outgoing.reply_to is not None:
        mail["Reply-To"] = plain_address(outgoing.reply_to)
    mail["Subject"] = _words("Subject", header_line(content.subject or "")[:_SUBJECT_LIMIT])
    if outgoing.unsubscribe_url is not None:
        link = outgoing.unsubscribe_url
        if _LINK.fullmatch(link) is None or len(link) > _LINE_LIMIT - 30:
            raise ValueError("not a link that a header can hold")
        mail["List-Unsubscribe"] = f"<{link}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return mail.as_bytes()


def _part(subtype: str, text: str) -> Message:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")
    part = Message(policy=_POLICY)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(binascii.b2a_qp(lines).decode("ascii"))
    return part


def _mailbox(header: str, address: str, name: str | None) -> str:
    mailbox = plain_address(address)
    shown = header_line(name or "")[:_NAME_LIMIT]
    if not shown:
        return mailbox
    if shown.isascii() and "=?" not in shown:
        escaped = re.sub(r'(["\\])', r"\\\1", shown)
        return f'"{escaped}" <{mailbox}>'
    return f"{_words(header, shown)} <{mailbox}>"


def _words(header: str, text: str) -> str:
    """Folded, and encoded where it is not ASCII or would be taken for encoded (RFC 2047)."""
    charset = "us-ascii" if text.isascii() and "=?" not in text else "utf-8"
    return Header(text, charset, header_name=header).encode(linesep="\r\n")


def _boundary(outgoing: Outgoing) -> str:
    # Of the content's own hash, so that no content can hold its boundary.
    content = outgoing.content
    parts = (outgoing.message_id, content.text, content.html or "")
    digest = hashlib.blake2b("\x00".join(parts).encode("utf-8"), digest_size=18)
    return f"=_{digest.hexdigest()}"
