"""Public tokens: short, signed, good for one purpose.

A token names a message; what it allows is decided when it is used. It may hold the target of a
link, a survey's question and score, and an instant after which it is not good any more, all inside
the signature. Unsubscribe tokens do not expire, because an old email must still be able to stop the
next one.

The text is base64url of the message's 16 bytes, and of whatever follows, a dot, and the signature:
HMAC-SHA256 cut to 128 bits, the least that RFC 2104, section 5, recommends, since the tokens stand
in text messages. The key of each purpose is derived from the secret key and the purpose's letter.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import SigningAlgorithm

from engine.core.survey import SurveyKind, is_on_scale

if TYPE_CHECKING:
    from hashlib import _Hash

LONGEST_TARGET: Final = 2000  # characters; longer links are left as they are
_SIGNATURE_BYTES: Final = 16
_PADS: Final = (0x36, 0x5C)  # RFC 2104, section 2: ipad and opad
_EXPIRES: Final = 1  # flags in the byte after the message's id: five bytes of seconds follow
_HTTPS: Final = 2  # the rest is a target, of which the scheme is cut off
_HTTP: Final = 4
_ASKS: Final = 8  # a byte follows: the survey's kind in its upper half, the score in its lower
_KINDS: Final[tuple[SurveyKind, ...]] = ("csat", "nps", "ces")  # their places are for ever
_NO_SCORE: Final = 15
_SCHEMES: Final = {_HTTPS: "https://", _HTTP: "http://"}
# RFC 3986: what an address may hold, with a host that is neither empty nor behind a user's name.
_TARGET: Final = re.compile(
    r"https?://(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?"
    r"(?:[/?#][A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%|-]*)?"
)


class Purpose(StrEnum):
    """What a token is good for; each has its own key, so none passes for another."""

    UNSUBSCRIBE = "u"
    CLICK = "c"
    SURVEY = "s"
    REVIEW = "v"


class BadToken(Exception):
    """Not one of our tokens, or one for another purpose, or one whose time is over."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a survey's link asks, and the score that it stands for; None: no score yet."""

    kind: SurveyKind
    score: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What a token says."""

    message_id: str
    target: str | None = None
    expires: datetime | None = None
    question: Question | None = None


class _Short(SigningAlgorithm):
    """HMAC-SHA256, cut. The hash's two states after the key (RFC 2104, section 4) are kept.

    ``hmac.digest`` takes five times as long for something as short as a token.
    """

    def __init__(self) -> None:
        self._begun: dict[bytes, tuple[_Hash, _Hash]] = {}

    def get_signature(self, key: bytes, value: bytes) -> bytes:
        begun = self._begun.get(key) or self._begin(key)
        inner, outer = begun[0].copy(), begun[1].copy()
        inner.update(value)
        outer.update(inner.digest())
        return outer.digest()[:_SIGNATURE_BYTES]

    def _begin(self, key: bytes) -> tuple[_Hash, _Hash]:
        block = hashlib.sha256().block_size
        padded = (key if len(key) <= block else hashlib.sha256(key).digest()).ljust(block, b"\0")
        inner, outer = (hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in _PADS)
        return self._begun.setdefault(key, (inner, outer))


class _Signer(Signer):
    """Derives each key once: a message has a token for every link in it."""

    def __init__(self, keys: Sequence[str], purpose: Purpose) -> None:
        self._derived: dict[str | bytes | None, bytes] = {}
        super().__init__(
            list(reversed(keys)),  # itsdangerous tries the last key first and signs with it
            salt=f"lagniappe.{purpose.value}",
            sep=".",
            key_derivation="hmac",
            algorithm=_Short(),
        )
        self._present = self.derive_key()

    def sign(self, value: str | bytes) -> bytes:
        """As the base class does, which goes through its keys, and reads its names, each time."""
        text = value.encode() if isinstance(value, str) else value
        signature = self.algorithm.get_signature(self._present, text)
        return b"%b.%b" % (text, base64.urlsafe_b64encode(signature).rstrip(b"="))

    def derive_key(self, secret_key: str | bytes | None = None) -> bytes:
        if secret_key not in self._derived:
            self._derived[secret_key] = super().derive_key(secret_key)
        return self._derived[secret_key]


class Links:
    """Signs and verifies. The first key signs; every key verifies, so keys can be rotated."""

    def __init__(self, keys: Sequence[str], base_url: str) -> None:
        if not keys:
            raise ValueError("at least one secret key is needed to sign links")
        self._base_url = base_url.rstrip("/")
        self._pages = {each: f"{self._base_url}/{each.value}/" for each in Purpose}
        self._own = re.compile(re.escape(self._base_url) + r"/[a-z]/", re.IGNORECASE)
        self.change_keys(keys)

    def change_keys(self, keys: Sequence[str]) -> None:
        """Sign with the first of these from now on, and verify by every one of them."""
        self._signers = {purpose: _Signer(keys, purpose) for purpose in Purpose}

    def token(
        self,
        purpose: Purpose,
        message_id: str,
        *,
        target: str | None = None,
        expires: datetime | None = None,
        question: Question | None = None,
    ) -> str:
        """A token for one message.

        Raises ValueError for a target that ``is_target`` refuses and for a score off the scale.
        """
        payload = _id_bytes(message_id)
        if not (target is None and expires is None and question is None):
            payload += _extra(target, expires, question)
        raw = base64.urlsafe_b64encode(payload).rstrip(b"=")
        return self._signers[purpose].sign(raw).decode()

    def read(self, purpose: Purpose, token: str, *, now: datetime | None = None) -> Token:
        """What a token says; raises ``BadToken``.

        ``now`` is needed for the tokens that expire, and these alone.
        """
        try:
            raw = self._signers[purpose].unsign(token.encode())
            _must_be_plain(token.encode().rpartition(b".")[2])
            found = _token_of(base64.urlsafe_b64decode(raw + b"=" * (-len(raw) % 4)))
        except (
            BadSignature,
            ValueError,
            OverflowError,
        ):  # binascii's and Unicode's are ValueErrors
            raise BadToken("this link is not valid") from None
        if found.expires is not None and (now is None or now >= found.expires):
            raise BadToken("this link has expired")
        return found

    def address(self, purpose: Purpose, token: str) -> str:
        """Where a token leads to."""
        return self._pages[purpose] + token

    def unsubscribe(self, message_id: str) -> str:
        """The address of a message's unsubscribe page, which also takes RFC 8058's POST."""
        return self.address(Purpose.UNSUBSCRIBE, self.token(Purpose.UNSUBSCRIBE, message_id))

    def survey(self, message_id: str, question: Question, expires: datetime) -> str:
        """The address of the page on which a survey is answered."""
        token = self.token(Purpose.SURVEY, message_id, expires=expires, question=question)
        return self.address(Purpose.SURVEY, token)

    def referral(self, code: str) -> str:
        """The address of the page behind a customer's referral code."""
        return f"{self._base_url}/r/{code}"

    def review(self, message_id: str, expires: datetime) -> str:
        """The address of the page on which what a message asks about is reviewed."""
        token = self.token(Purpose.REVIEW, message_id, expires=expires)
        return self.address(Purpose.REVIEW, token)

    def is_own(self, target: str) -> bool:
        """Whether it leads to one of our own pages."""
        return self._own.match(target) is not None

    def click(self, message_id: str, target: str) -> str:
        """The address that leads to ``target`` and tells us so.

        Our own pages, and what cannot be a target, stay as they are.
        """
        if self.is_own(target) or not is_target(target):
            return target
        return self.address(Purpose.CLICK, self.token(Purpose.CLICK, message_id, target=target))


def is_target(target: str) -> bool:
    """Whether a link may lead to ``target``: http or https, plain ASCII, no longer than can be."""
    return len(target) <= LONGEST_TARGET and _TARGET.fullmatch(target) is not None


def _id_bytes(message_id: str) -> bytes:
    value = bytes.fromhex(message_id.replace("-", ""))
    if len(value) != 16:
        raise ValueError("a message's id is a UUID")
    return value


def _extra(target: str | None, expires: datetime | None, question: Question | None) -> bytes:
    flags, parts = 0, [b""]
    if expires is not None:
        flags |= _EXPIRES
        parts.append(int(expires.timestamp()).to_bytes(5, "big"))
    if question is not None:
        flags |= _ASKS
        parts.append(bytes([_byte_of(question)]))
    if target is not None:
        if not is_target(target):
            raise ValueError("a link must lead to a plain http or https address")
        flag = _HTTPS if target.startswith(_SCHEMES[_HTTPS]) else _HTTP
        flags |= flag
        parts.append(target.removeprefix(_SCHEMES[flag]).encode("ascii"))
    parts[0] = bytes([flags]) if flags else b""
    return b"".join(parts)


def _token_of(payload: bytes) -> Token:
    message_id, rest = str(UUID(bytes=payload[:16])), payload[16:]
    flags, rest = (rest[0], rest[1:]) if rest else (0, rest)
    expires = target = question = None
    if flags & _EXPIRES:
        expires = datetime.fromtimestamp(int.from_bytes(rest[:5], "big"), UTC)
        rest = rest[5:]
    if flags & _ASKS:
        question, rest = _question_of(rest[:1]), rest[1:]
    if scheme := _SCHEMES.get(flags & ~(_EXPIRES | _ASKS)):
        target = scheme + rest.decode("ascii")
        if not is_target(target):
            raise ValueError("not a target")
    return Token(message_id=message_id, target=target, expires=expires, question=question)


def _byte_of(question: Question) -> int:
    score = _NO_SCORE if question.score is None else question.score
    if question.score is not None and not is_on_scale(question.kind, question.score):
        raise ValueError(f"{question.kind} has no score {question.score}")
    return _KINDS.index(question.kind) << 4 | score


def _question_of(raw: bytes) -> Question:
    (byte,) = raw
    place, score = byte >> 4, byte & 15
    if place >= len(_KINDS) or not (score == _NO_SCORE or is_on_scale(_KINDS[place], score)):
        raise ValueError("not a question")
    return Question(_KINDS[place], None if score == _NO_SCORE else score)


def _must_be_plain(signature: bytes) -> None:
    """base64 has several spellings of one value; only the one that we write is ours."""
    value = base64.urlsafe_b64decode(signature + b"==")
    if base64.urlsafe_b64encode(value).rstrip(b"=") != signature:
        raise ValueError("not as we write it")
