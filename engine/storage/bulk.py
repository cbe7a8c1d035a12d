"""Many rows in one statement, for both databases, from the schema itself.

SQLite takes ``executemany`` over tuples; PostgreSQL takes one array a column through ``unnest``
with binary parameters (text arrays cost several times as much to parse). The statements are built
once per table, at import.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Integer,
    LargeBinary,
    SmallInteger,
    String,
    Table,
    Text,
)

Row = tuple[Any, ...]

_ARRAY_TYPES: tuple[tuple[type, str], ...] = (
    (Boolean, "boolean"),
    (SmallInteger, "smallint"),
    (BigInteger, "bigint"),
    (Integer, "integer"),
    (LargeBinary, "bytea"),
    (Text, "text"),
    (String, "text"),
)


def is_postgresql(connection: Connection) -> bool:
    """Whether this connection speaks to PostgreSQL; the only other database is SQLite."""
    return connection.dialect.name == "postgresql"


def _array_type(column: Any) -> str:
    for kind, name in _ARRAY_TYPES:
        if isinstance(column.type, kind):
            return name
    raise TypeError(f"no array type for {column}")  # pragma: no cover - a schema mistake


@dataclass(frozen=True, slots=True)
class BulkTable:
    """The bulk statements of one table; ``columns`` is the order of every row tuple."""

    columns: tuple[str, ...]
    _sqlite: dict[str, str]
    _postgresql: dict[str, str]
    _key_positions: tuple[int, ...]

    @classmethod
    def of(cls, table: Table, *, conflict: Sequence[str] | None = None) -> BulkTable:
        """Build the statements. A counter column (``seq``) is left to the database."""
        counted = {c.name for c in table.columns if c.primary_key and c.autoincrement is True}
        columns = tuple(c for c in table.columns if c.name not in counted)
        names = tuple(c.name for c in columns)
        key = tuple(conflict or (c.name for c in table.primary_key.columns))
        into = f"INSERT INTO {table.name} ({', '.join(map(_quote, names))})"
        values = f"VALUES ({', '.join('?' * len(names))})"
        arrays = ", ".join(f"%b::{_array_type(c)}[]" for c in columns)
        unnest = f"SELECT * FROM unnest({arrays})"
        on = f"ON CONFLICT ({', '.join(map(_quote, key))})"
        changes = ", ".join(f"{_quote(n)} = excluded.{_quote(n)}" for n in names if n not in key)
        tails = {"insert": "", "keep": f"{on} DO NOTHING", "upsert": f"{on} DO UPDATE SET {changes}"}
        return cls(
            columns=names,
            _sqlite={verb: f"{into} {values} {tail}" for verb, tail in tails.items()},
            _postgresql={verb: f"{into} {unnest} {tail}" for verb, tail in tails.items()},
            _key_positions=tuple(names.index(k) for k in key if k in names),
        )

    def insert(self, connection: Connection, rows: list[Row]) -> None:
        """Add rows whose keys are new; a known key raises ``IntegrityError``."""
        self._run(connection, "insert", rows)

    def keep(self, connection: Connection, rows: list[Row]) -> None:
        """Add rows, leaving those whose key is known as they are."""
        self._run(connection, "keep", rows)

    def upsert(self, connection: Connection, rows: list[Row]) -> None:
        """Add rows, replacing those whose key is known. Of equal keys in ``rows`` the last wins."""
        last = {tuple(row[i] for i in self._key_positions): row for row in rows}
        self._run(connection, "upsert", list(last.values()))

    def _run(self, connection: Connection, verb: str, rows: list[Row]) -> None:
        if not rows:
            return
        if is_postgresql(connection):
            arrays = tuple(list(column) for column in zip(*rows, strict=True))
            connection.exec_driver_sql(self._postgresql[verb], arrays)
        else:
            connection.exec_driver_sql(self._sqlite[verb], rows)


def update_many(
    connection: Connection, table: Table, set_columns: Sequence[str], rows: list[Row]
) -> None:
    """``UPDATE`` by single-column primary key: rows are (key, values of ``set_columns`` …)."""
    if not rows:
        return
    key = next(iter(table.primary_key.columns))
    if is_postgresql(connection):
        columns = [key, *(table.columns[name] for name in set_columns)]
        arrays = ", ".join(f"%b::{_array_type(c)}[]" for c in columns)
        names = ", ".join(f"c{i}" for i in range(len(columns)))
        changes = ", ".join(f"{_quote(n)} = u.c{i}" for i, n in enumerate(set_columns, 1))
        connection.exec_driver_sql(
            f"UPDATE {table.name} SET {changes} FROM unnest({arrays}) AS u({names}) "
            f"WHERE {table.name}.{_quote(key.name)} = u.c0",
            tuple(list(column) for column in zip(*rows, strict=True)),
        )
    else:
        changes = ", ".join(f"{_quote(n)} = ?" for n in set_columns)
        connection.exec_driver_sql(
            f"UPDATE {table.name} SET {changes} WHERE {_quote(key.name)} = ?",
            [(*row[1:], row[0]) for row in rows],
        )


def fetch_any(
    connection: Connection, sql: str, values: Iterable[str], *more: Any
) -> Sequence[Sequence[Any]]:
    """Run a SELECT whose ``{any}`` stands for "is one of ``values``", with one parameter for all.

    ``more`` fills the ``{p}`` placeholders that follow it.
    """
    if is_postgresql(connection):
        statement = sql.format(any="= ANY(%b::text[])", p="%s")
        return connection.exec_driver_sql(statement, (list(values), *more)).fetchall()
    statement = sql.format(any="IN (SELECT value FROM json_each(?))", p="?")
    return connection.exec_driver_sql(statement, (_json_list(values), *more)).fetchall()


def _json_list(values: Iterable[str]) -> str:
    return orjson.dumps(list(values)).decode()


def _quote(name: str) -> str:
    return f'"{name}"'
