"""Telling a concurrent writer's precedence, and a database in trouble, from mistakes of our own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, InternalError, OperationalError

from engine.ports.storage import Contended, Unavailable

# A row of ours was made by another, a deadlock, a conflict of serialization.
_CONTENDED_STATES = frozenset({"23505", "40P01", "40001"})
_TOO_MUCH = "54"  # "program limit exceeded": the values are at fault, and stay so
_CONTENDED_NAMES = ("SQLITE_CONSTRAINT_UNIQUE", "SQLITE_CONSTRAINT_PRIMARYKEY", "SQLITE_BUSY")


@contextmanager
def telling_contention() -> Iterator[None]:
    """Raise ``Contended`` for what doing the work again will settle.

    What only the database can mend raises ``Unavailable``: no event or message is at fault.
    """
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None)
        name = getattr(error.orig, "sqlite_errorname", "")
        if state in _CONTENDED_STATES or name.startswith(_CONTENDED_NAMES):
            # From the second line on PostgreSQL quotes values, and this ends in the log.
            raise Contended(str(error.orig).partition("\n")[0]) from error
        is_ours = str(state).startswith(_TOO_MUCH)
        if isinstance(error, OperationalError | InterfaceError | InternalError) and not is_ours:
            raise Unavailable(str(error.orig).partition("\n")[0]) from error
        raise
