"""Consents, suppressions and preferences: rows to objects and back, in column order."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from engine.core.customer import Consent, Preferences, Suppression
from engine.storage.bulk import Row
from engine.storage.scalars import dump, micros, micros_or_none, moment, moment_or_none


def consent_row(c: Consent) -> Row:
    """A ``consents`` row."""
    return (c.channel, c.address, c.status, micros(c.at), c.source, c.proof, c.purpose)


def consent_of(row: Any) -> Consent:
    """The consent of a ``consents`` or ``consent_history`` row."""
    return Consent(
        channel=row[0],
        address=row[1],
        status=row[2],
        at=moment(row[3]),
        source=row[4],
        proof=row[5],
        purpose=row[6],
    )


def statement_row(row: Row) -> Row:
    """The ``consent_history`` row of a ``consents`` row."""
    return (*row, statement_id(*row))


def statement_id(
    channel: str, address: str, status: str, at: int, source: str, proof: str | None, purpose: str
) -> str:
    """What a statement says, as a hash: told again it is the same one."""
    told = orjson.dumps([channel, address, status, at, source, proof, purpose])
    return hashlib.blake2b(told, digest_size=12).hexdigest()


def suppression_row(s: Suppression) -> Row:
    """A ``suppressions`` row."""
    return (s.channel, s.address, s.scope, s.reason, micros(s.at))


def suppression_of(row: Any) -> Suppression:
    """The suppression of a ``suppressions`` row."""
    return Suppression(
        channel=row[0], address=row[1], scope=row[2], reason=row[3], at=moment(row[4])
    )


def preferences_row(p: Preferences) -> Row:
    """A ``preferences`` row."""
    until = micros_or_none(p.paused_until)
    return (p.channel, p.address, micros(p.at), dump(list(p.declined)), until, p.proof)


def preferences_of(row: Any) -> Preferences:
    """The preferences of a ``preferences`` row."""
    return Preferences(
        channel=row[0],
        address=row[1],
        at=moment(row[2]),
        declined=tuple(orjson.loads(row[3])),
        paused_until=moment_or_none(row[4]),
        proof=row[5],
    )
